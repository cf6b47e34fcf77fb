"""Install Holdfast's server side. This file is sent to the server and run by its Python.

It imports nothing but the standard library. On standard input: a line of JSON (``root``,
``hash``, ``version``, ``protocol``, ``uv``), then a gzipped tar to the end. On standard
output: a line of JSON, ``{"installed": HASH}``, ``{"needs": "uv", ...}`` or
``{"problem": ..., "hint": ...}``.

::

    ROOT/agent/HASH/               one installation, laid out as a virtual environment
    ROOT/agent/HASH/bin/uv         symbolic link to ../../uv-VERSION/uv
    ROOT/agent/uv-VERSION/uv       uv, which is a program of this machine's kind
    ROOT/agent/current             symbolic link to the HASH used last
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Any

KEPT = 3
"""Installations kept besides those that something still runs from."""

PIP_TIMEOUT = 300


class Problem(Exception):
    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


def main() -> int:
    """Answer with one line; the exit status is 0 if the agent is installed."""
    header = json.loads(sys.stdin.buffer.readline())
    archive = sys.stdin.buffer.read()
    home = Path(header["root"]) / "agent"
    try:
        answer = install(home, header, archive)
    except Problem as problem:
        answer = {"problem": str(problem), "hint": problem.hint}
    except OSError as error:
        answer = refused(error, home)
    print(json.dumps(answer), flush=True)
    return 0 if "installed" in answer else 1


def refused(error: OSError, home: Path) -> dict[str, Any]:
    """What the operating system would not do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = f"make room for it: df -h {home.parent}"
        return {"problem": f"no space is left on the disk of {home}", "hint": hint}
    where = error.filename or home
    hint = "the user who logs in must own Holdfast's directory; HOLDFAST_ROOT chooses another"
    return {"problem": f"{where}: {error.strerror}", "hint": hint}


def install(home: Path, header: dict[str, Any], archive: bytes) -> dict[str, Any]:
    """Unpack beside, make it whole, give it its name; an interrupted one leaves a scrap."""
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w", opener=for_us_alone) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refuse_older(home, header)
        for scrap in home.glob(".new-*"):
            shutil.rmtree(scrap, ignore_errors=True)
        if not (home / header["hash"] / "bin" / "python").exists():
            beside = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
            try:
                if lacking := fill(beside, home, header, archive):
                    return lacking
                os.sync()  # a power cut must not leave empty files under the final name
                shutil.rmtree(home / header["hash"], ignore_errors=True)
                beside.chmod(0o755)
                beside.rename(home / header["hash"])
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        point(home / "current", header["hash"])
        prune(home, header["hash"])
    return {"installed": header["hash"]}


def for_us_alone(path: str, flags: int) -> int:
    """Open a file that others cannot read: whoever can read one can hold its lock, for ever."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def refuse_older(home: Path, header: dict[str, Any]) -> None:
    """An older command must not work on what a newer one has written."""
    try:
        there = json.loads((home / "current" / "holdfast.json").read_text())
    except (OSError, ValueError):
        return
    if numbers(there["version"]) > numbers(header["version"]):
        raise Problem(
            f"the server has Holdfast {there['version']}, newer than {header['version']} here",
            "upgrade the one here: uv tool upgrade holdfast, pipx upgrade holdfast"
            " or pip install --upgrade holdfast",
        )


def numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version.split("+", maxsplit=1)[0])]


def fill(beside: Path, home: Path, header: dict[str, Any], archive: bytes) -> dict[str, Any] | None:
    """Everything an installation has; what is lacking if uv cannot be had here."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = beside / "lib" / here / "site-packages"
    packages.mkdir(parents=True)
    (beside / "bin").mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        tar.extractall(packages)  # noqa: S202 - made by the command that may run anything here
    uv = home / f"uv-{header['uv']}" / "uv"
    sent = packages / "uv-program"
    if not uv.exists() and (why := provide_uv(uv, sent, header["uv"])):
        return {"needs": "uv", "platform": kind(), "why": why}
    sent.unlink(missing_ok=True)
    # What the venv module writes (PEP 405). The link names the very version, so that a new
    # Python of the distribution breaks it, which is seen, and mended by the next command.
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (beside / "pyvenv.cfg").write_text(
        f"home = {python.parent}\ninclude-system-site-packages = false\n"
    )
    (beside / "bin" / "python").symlink_to(python)
    (beside / "bin" / "uv").symlink_to(Path("..") / ".." / uv.parent.name / "uv")
    facts = {"version": header["version"], "protocol": header["protocol"]}
    (beside / "holdfast.json").write_text(json.dumps(facts) + "\n")
    return None


def kind() -> str:
    """Machines of one kind run each other's programs; uv is built for glibc 2.17 and later."""
    return f"{platform.system()} {platform.machine()} {platform.libc_ver()[0]}"


def provide_uv(uv: Path, sent: Path, version: str) -> str:
    """The program that was sent, or the package index's; says why if there is neither."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=uv.parent.parent) as scratch:
        if sent.exists():
            found = sent
        else:
            if why := fetch_uv(Path(scratch), version):
                return why
            found = Path(scratch) / "target" / "bin" / "uv"
        found.chmod(0o755)
        uv.parent.mkdir(exist_ok=True)
        found.replace(uv)
    return ""


def fetch_uv(scratch: Path, version: str) -> str:
    """By this machine's pip, or the one that its virtual environments get."""
    pip = [sys.executable, "-m", "pip"]
    if not runs([*pip, "--version"]):
        wheel = pip_wheel()
        if wheel is None:
            return "neither python3-pip nor python3-venv is installed"
        # It runs as it is; to install it into an environment first takes seconds.
        pip = [sys.executable, f"{wheel}/pip"]
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    target = ["--target", str(scratch / "target")]
    try:
        done = subprocess.run(
            [*pip, "install", *options, *target, f"uv=={version}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PIP_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"pip install took longer than {PIP_TIMEOUT} s"
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stdout.decode(errors="replace").splitlines() if "ERROR" in line]
    # An index's address may hold a password.
    said = re.sub(r"//[^/@\s]+@", "//***@", errors[-1]) if errors else str(done.returncode)
    return f"pip install uv=={version}: {said}"


def pip_wheel() -> Path | None:
    """What ``ensurepip`` installs: Debian has it beside (python3-pip-whl, which python3-venv
    brings), others in the module."""
    places = [Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels")]
    if spec := importlib.util.find_spec("ensurepip"):
        places.append(Path(spec.origin or "").parent / "_bundled")
    return next((wheel for place in places for wheel in sorted(place.glob("pip-*.whl"))), None)


def runs(argv: list[str]) -> bool:
    done = subprocess.run(argv, capture_output=True, timeout=PIP_TIMEOUT, check=False)
    return done.returncode == 0


def point(link: Path, target: str) -> None:
    beside = link.with_name(".current")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


def prune(home: Path, current: str) -> None:
    """Remove old installations that nothing runs from, and versions of uv that none has."""
    found = sorted(
        (path for path in home.iterdir() if (path / "pyvenv.cfg").exists() and path.is_dir()),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    real = [path for path in found if not path.is_symlink() and path.name != current]
    used = in_use(home) if len(real) >= KEPT else ""
    for path in real[KEPT - 1 :]:
        if f"{path}/" not in used:
            shutil.rmtree(path, ignore_errors=True)
    linked = {(path / "bin" / "uv").resolve().parent for path in home.iterdir()}
    for path in home.glob("uv-*"):
        if path.resolve() not in linked:
            shutil.rmtree(path, ignore_errors=True)


def in_use(home: Path) -> str:
    """What runs on this machine, and what a supervisor would start again."""
    texts = []
    processes = Path("/proc").glob("[0-9]*/cmdline")
    for path in [*processes, *home.parent.glob("apps/*/run/engine.sh")]:
        try:
            texts.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)

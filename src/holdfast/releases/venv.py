"""Virtual environments: one for each set of dependencies, shared by the releases that have it.

An environment is made where it is going to stay (its scripts have absolute paths) and is
whole when ``holdfast.json`` is in it, written last. One without it was left by a build
that was killed, and is made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from holdfast.account import Account
from holdfast.app import Dependencies
from holdfast.command import Command
from holdfast.errors import BuildError, CommandFailed
from holdfast.execute import run
from holdfast.files import write_json
from holdfast.layout import AppLayout
from holdfast.releases import bytecode, uv
from holdfast.releases.failures import explained, of_system, stopped
from holdfast.releases.pythons import Pythons
from holdfast.runtimes.base import machine_environment

MARKER = "holdfast.json"
FORMAT = "1"
"""Part of every key: a change in how environments are made gives new ones."""

_LOCAL_REQUIREMENT = re.compile(
    r"^\s*(?:-e\b|--editable\b|\.{1,2}(?:/|\s|$)|file:|[\w.-]+\s*@\s*(?:file:|\.))", re.MULTILINE
)
_LOCAL_LOCKED = re.compile(r"(?:editable|directory|path) = \"(?!\.\")")
_LOCAL_SOURCE = re.compile(r"^\s*[\w\"'.-]+\s*=\s*\{[^}\n]*\bpath\s*=", re.MULTILINE)


class Environments:
    """Makes and finds the virtual environments of one app."""

    def __init__(
        self,
        home: AppLayout,
        cache: Path,
        line: Callable[[str], None],
        should_stop: Callable[[], bool],
        note: Callable[[str], None],
        account: Account | None = None,
    ) -> None:
        self._note = note
        self._account = account
        self._home = home
        self._pythons = Pythons(cache.with_name("pythons.json"))
        self._env = uv.environment(cache)
        self._line = line
        self._should_stop = should_stop

    def provide(
        self, dependencies: Dependencies, source: Path, release: Path, commit: str | None
    ) -> Path:
        """The environment for ``dependencies``: one that is there, or a new one.

        Args:
            release: where one goes that belongs to this release alone, because it holds
                the project itself or other parts of its source.

        Returns:
            its path.

        Raises:
            BuildError: no such Python, or something cannot be installed.
        """
        python, other = self._python(dependencies)
        if dependencies.install_project or _has_local_parts(dependencies, source):
            path = release / "env"
            self._make(path, dependencies, source, python, commit, other)
            return path
        path = self._home.envs / key(dependencies, source, python)
        if not (path / MARKER).exists():
            with self._locked(path):
                if not (path / MARKER).exists():
                    self._make(path, dependencies, source, python, commit, other)
        return path

    def _python(self, dependencies: Dependencies) -> tuple[str, bool]:
        """The interpreter, and whether it is another than the project asks for.

        One that the machine lacks is fetched by uv. Where that can't be done, the
        machine's own serves: most projects ask for what their author had, not for what
        they need. What ``holdfast.toml`` asks for is not replaced.
        """
        request = dependencies.python
        known = self._pythons.get(request) or self._found(request)
        if known is None and self._fetched(request):
            known = self._found(request)
        if known is not None:
            return known, False
        other = None if dependencies.exact else self._pythons.get(None) or self._found(None)
        if other is None:
            raise self._missing(request)
        self._note(
            f"Python {request} is not on this machine and could not be fetched: {other} is used; "
            "install that version, or set UV_PYTHON_DOWNLOADS, if the app needs it"
        )
        return other, True

    def _found(self, request: str | None) -> str | None:
        try:
            found = run(
                self._as_user(uv.find_python(request, self._home.home, self._env)),
                should_stop=self._should_stop,
            )
        except CommandFailed:
            stopped(self._should_stop)
            return None
        path = found.output.strip().splitlines()[-1]
        self._pythons.set(request, path)
        return path

    def _fetched(self, request: str | None) -> bool:
        """Have uv fetch a Python, if ``UV_PYTHON_DOWNLOADS`` does not forbid it; not too often."""
        if request is None or not uv.may_fetch() or not self._pythons.worth_fetching(request):
            return False
        try:
            run(
                self._as_user(uv.fetch_python(request, self._home.home, self._env)),
                on_line=self._line,
                should_stop=self._should_stop,
            )
        except CommandFailed:
            stopped(self._should_stop)
            return False
        return True

    def _missing(self, request: str | None) -> BuildError:
        wanted = f"Python {request}" if request else "a Python"
        return BuildError(
            f"{wanted} is not on this machine",
            hint="install it with the system's packages (apt-get install python3), "
            "or ask for another in [app] python; with UV_PYTHON_DOWNLOADS=automatic "
            "uv fetches it",
        )

    def _as_user(self, command: Command) -> Command:
        """What builds packages runs their code: it does so as the app's user."""
        if self._account is None:
            return command
        who = {"USER": self._account.name, "LOGNAME": self._account.name}
        ours = {**machine_environment(), "HOME": str(self._account.home), **who}
        env = {**ours, **command.env}
        return replace(command, user=self._account, env=env, clean_env=True)

    def _make(
        self,
        path: Path,
        dependencies: Dependencies,
        source: Path,
        python: str,
        commit: str | None,
        other: bool,
    ) -> None:
        shutil.rmtree(path, ignore_errors=True)
        began = time.monotonic()
        # A source without .git cannot say its version; without one nothing can be built.
        version = {"SETUPTOOLS_SCM_PRETEND_VERSION": f"0.0.0+g{(commit or 'unknown')[:12]}"}
        env = {**self._env, **({} if "SETUPTOOLS_SCM_PRETEND_VERSION" in os.environ else version)}
        for command in commands(path, dependencies, source, python, env, other=other):
            self._run(command)
        if (earlier := self._newest(python)) is not None:
            bytecode.carry(earlier, path)
        try:
            write_json(path / MARKER, {"python": python, "files": list(dependencies.files)})
        except OSError as error:
            raise of_system("install the dependencies", error, self._home.home) from None
        self._line(f"environment made in {time.monotonic() - began:.1f} s")

    def _newest(self, python: str) -> Path | None:
        """The last environment made with the same interpreter."""
        made = sorted(
            self._home.envs.glob(f"*/{MARKER}"), key=lambda file: file.stat().st_mtime, reverse=True
        )
        for file in made:
            with suppress(OSError, ValueError):
                if json.loads(file.read_text())["python"] == python:
                    return file.parent
        return None

    def _run(self, command: Command) -> None:
        try:
            run(self._as_user(command), on_line=self._line, should_stop=self._should_stop)
        except CommandFailed as error:
            stopped(self._should_stop)
            raise explained("install the dependencies", error, self._home.home) from None

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Alone with one environment; the lock dies with its holder."""
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    stopped(self._should_stop)
                    time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)


def commands(
    path: Path,
    dependencies: Dependencies,
    source: Path,
    python: str,
    env: dict[str, str],
    *,
    other: bool = False,
) -> list[Command]:
    """What fills a new environment, in order; everything is resolved in one go where uv can.

    Args:
        other: the interpreter is not what the project asks for. ``uv sync`` would refuse it,
            the same versions as a list install.
    """
    first = dependencies.files[0] if dependencies.files else "."
    project = source / PurePosixPath(first).parent
    made = [uv.make_venv(path, python, source, env)]
    wanted = list(dependencies.extra)
    if dependencies.source == "uv.lock" and other:
        listed = path.with_name(f"{path.name}.txt")
        made.append(uv.export(listed, project, env))
        wanted = ["-r", str(listed), *wanted]
    elif dependencies.source == "uv.lock":
        made.append(uv.sync(path, python, project, env, project=dependencies.install_project))
    else:
        if dependencies.install_project:
            wanted = ["-e", str(project), *wanted]
        if dependencies.source == "requirements" or (
            dependencies.source == "pyproject" and not dependencies.install_project
        ):
            wanted = ["-r", first, *wanted]
    if wanted:
        made.append(uv.install(path, wanted, source, env))
    return made


def key(dependencies: Dependencies, source: Path, python: str) -> str:
    """What an environment depends on, as 20 hexadecimal digits.

    The content of all dependency files counts, not their names in a release's directory;
    an upgrade of the interpreter behind the same path (3.12.1 to 3.12.2) does not need a
    new environment, one of its real path (3.12 to 3.13) does.
    """
    digest = hashlib.sha256()
    said = (FORMAT, os.path.realpath(python), platform.machine(), dependencies.source)
    for part in (*said, *dependencies.extra):
        digest.update(part.encode() + b"\0")
    for name in dependencies.files:
        digest.update(name.encode() + b"\0")
        try:
            digest.update((source / name).read_bytes() + b"\0")
        except OSError as error:
            raise BuildError(f"{name}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()[:20]


def _has_local_parts(dependencies: Dependencies, source: Path) -> bool:
    """Whether dependencies lie in the source itself, so that each release has its own."""
    patterns = {"uv.lock": _LOCAL_LOCKED, "requirements": _LOCAL_REQUIREMENT}
    pattern = patterns.get(dependencies.source, _LOCAL_SOURCE)
    for name in dependencies.files:
        chosen = _LOCAL_SOURCE if name.endswith("pyproject.toml") else pattern
        try:
            text = (source / name).read_text(errors="replace")
        except OSError:
            continue
        if chosen.search(text):
            return True
    return any(_LOCAL_REQUIREMENT.match(item) for item in dependencies.extra)

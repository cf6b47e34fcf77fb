"""Our own code on a test server: the checkout's source and tests, and pytest from our own .venv."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.machines.host import CHECKOUT
from tests.machines.machine import Machine

THERE = "/opt/holdfast"
_PURE = (
    "pytest",
    "_pytest",
    "py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "pytest_timeout",
)
_OURS = ("click", "dotenv", "rich", "supervisor", "markdown_it", "mdurl")
"""Packages without compiled parts: they run under any Python."""


def send(machine: Machine) -> None:
    """Put source, tests and what they import into :data:`THERE`."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name in ("src", "tests", "examples", "pyproject.toml"):
                tar.add(CHECKOUT / name, name, filter=_source)
            for name in (*_PURE, *_OURS):
                place = _place(name)
                tar.add(place, f"site/{place.name}", filter=_source)
        file.flush()
        machine.ssh("mkdir", "-p", THERE)
        machine.put(Path(file.name), f"{THERE}/sent.tar")
    machine.ssh("tar", "-C", THERE, "-xf", f"{THERE}/sent.tar")


def _place(module: str) -> Path:
    """The directory of a package, or a module's file."""
    spec = find_spec(module)
    assert spec, f"{module} is not in our environment"
    assert spec.origin
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _source(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if "__pycache__" in info.name or info.name.endswith(".so"):
        return None
    info.uid = info.gid = 0
    return info


def run_tests(
    machine: Machine, *arguments: str, env: dict[str, str] | None = None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run pytest on the server with our tests.

    Args:
        timeout: seconds.
    """
    variables = {
        "PYTHONPATH": f"{THERE}/site:{THERE}/src:{THERE}",
        "CI": "true",
        **(env or {}),
    }
    words = [f"{name}={value}" for name, value in variables.items()]
    pytest = ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout")
    script = 'cd "$0" && exec "$@"'
    return machine.ssh(
        "sh", "-c", script, THERE, "env", *words, *pytest, *arguments, check=False, timeout=timeout
    )

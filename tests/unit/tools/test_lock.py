"""The lock files: versions and hashes for everything, addresses for nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(ROOT.glob("requirements*.txt"))


def locked(path: Path) -> dict[str, str]:
    """Each package and what stands with it, up to the next one."""
    found: dict[str, str] = {}
    name = ""
    for line in path.read_text().splitlines():
        if start := re.match(r"([a-z0-9.-]+)==\S+", line):
            name = start[1]
        if name and not line.lstrip().startswith("#"):
            found[name] = found.get(name, "") + line
    return found


def wanted(*tables: str) -> set[str]:
    """The packages that pyproject.toml asks for."""
    value = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for table in tables:
        value = value[table]
    return {re.split(r"[^a-z0-9-]", item)[0] for item in value}


def test_there_are_lock_files() -> None:
    """What the product, the tests, the set-up, the benchmarks and the audit install."""
    assert {path.stem for path in FILES} == {
        "requirements",
        "requirements-audit",
        "requirements-bench",
        "requirements-dev",
        "requirements-uv",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_address_and_no_local_path(path: Path) -> None:
    """Where packages come from is the business of whoever installs them."""
    assert not re.search(r"://|index-url|find-links| @ |^-[ef]", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_package_has_hashes(path: Path) -> None:
    """pip and uv refuse what is not the file that was locked."""
    packages = locked(path)
    assert packages
    assert [name for name, text in packages.items() if "--hash=sha256:" not in text] == []


def test_what_pyproject_asks_for_is_locked() -> None:
    """A dependency that was added without bin/lock is found here, not by a user."""
    runtime, dev = locked(ROOT / "requirements.txt"), locked(ROOT / "requirements-dev.txt")
    assert wanted("project", "dependencies") <= set(runtime)
    assert wanted("dependency-groups", "dev") <= set(dev)
    assert wanted("build-system", "requires") <= set(dev)


def test_all_files_lock_the_same_versions() -> None:
    """What is tested is what is installed."""
    dev = locked(ROOT / "requirements-dev.txt")
    for path in (ROOT / "requirements.txt", ROOT / "requirements-uv.txt"):
        assert {name: text.split()[0] for name, text in locked(path).items()} == {
            name: dev[name].split()[0] for name in locked(path)
        }

"""Another Python than the machine's own, where the dependencies or the code can have no other."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.command import Command
from holdfast.errors import BuildError, DetectionError
from holdfast.execute import Completed
from holdfast.execute import run as execute
from holdfast.releases import uv
from holdfast.releases.interpreters import Interpreters
from holdfast.releases.pythons import Pythons
from tests.server.releases.conftest import BARE, COMMAND, Shop

OWN = sys.version_info[1]
COLLECTIONS = "from collections import Mapping\nfrom flask import Flask\napp = Flask(__name__)\n"


def here(shop: Shop, request: str) -> str | None:
    """A Python of this machine that fits; it may well have one alone."""
    env = uv.environment(shop.layout.uv_cache)
    shop.layout.root.mkdir(exist_ok=True)
    known = Pythons(shop.layout.root / "test-pythons.json")

    def run(command: Command, line: Callable[[str], None] | None) -> Completed:
        return execute(command, on_line=line)

    return Interpreters(shop.layout.root, known, env, run, print, print).found(request)


def minor(env: Path) -> int:
    code = "import sys; print(sys.version_info[1])"
    return int(execute(Command((str(env / "bin" / "python"), "-c", code), timeout=60)).output)


def wheel(directory: Path, requires: str, name: str = "picky", version: str = "1.0") -> None:
    """A package that supports the Pythons ``requires``."""
    directory.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    said = f"Name: {name}\nVersion: {version}\nRequires-Python: {requires}\n"
    head = f"Metadata-Version: 2.1\n{said}"
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}.py", "")
        made.writestr(f"{info}/METADATA", head)
        made.writestr(f"{info}/WHEEL", kind)
        made.writestr(f"{info}/RECORD", "")


def listed(directory: Path) -> str:
    return f"--no-index\n--find-links {directory}\npicky\n"


def test_a_requirement_asks_for_a_newer_python(shop: Shop, tmp_path: Path) -> None:
    """One of this machine's is used, said and known to the next build; else one error says so."""
    wheel(tmp_path / "wheels", f">=3.{OWN + 1}")
    files = {"app.py": BARE, "requirements.txt": listed(tmp_path / "wheels")}
    newer = f"3.{OWN + 1}"
    if here(shop, newer) is None:
        with pytest.raises(BuildError) as caught:
            shop.build(files, COMMAND)
        assert f"picky==1.0 needs Python>={newer}, and this one is 3.{OWN}" in caught.value.message
        assert f"with Python {newer}, which is not on this machine" in caught.value.message
        assert f"install Python {newer}" in (caught.value.hint or "")
        return
    made = shop.build(files, COMMAND)
    assert minor(made.env_path) == OWN + 1
    (note,) = shop.notes()
    assert note.startswith(f"picky==1.0 needs Python>={newer}: Python {newer} is used")
    again = shop.build(files, COMMAND)
    assert again.env_path == made.env_path
    assert shop.notes() == shop.lines() == []


def test_what_holdfast_toml_asks_for_is_not_replaced(shop: Shop, tmp_path: Path) -> None:
    """The user has said it."""
    wheel(tmp_path / "wheels", f">=3.{OWN + 1}")
    files = {"app.py": BARE, "requirements.txt": listed(tmp_path / "wheels")}
    with pytest.raises(
        BuildError, match="no versions fit together: Because picky==1.0 requires"
    ) as caught:
        shop.build(files, {**COMMAND, "app": {"framework": "command", "python": f"3.{OWN}"}})
    assert "does not support this version of Python" in (caught.value.hint or "")


def test_no_python_supports_it(shop: Shop, tmp_path: Path) -> None:
    """Then it is what uv says."""
    wheel(tmp_path / "wheels", ">=3.99")
    files = {"app.py": BARE, "requirements.txt": listed(tmp_path / "wheels")}
    with pytest.raises(
        BuildError, match="no versions fit together: Because picky==1.0 requires"
    ) as caught:
        shop.build(files, COMMAND)
    assert "requires Python >=3.99" in (caught.value.detail or "")


def test_the_code_asks_for_an_older_python(shop: Shop) -> None:
    """``collections.Mapping`` went with 3.10: it is served by an older one, if there is one."""
    files = {"app.py": COLLECTIONS, "requirements.txt": "flask\n"}
    if here(shop, ">=3.8,<3.10") is None:
        with pytest.raises(DetectionError, match="cannot import name 'Mapping'"):
            shop.build(files)
        assert "but: Python >=3.8,<3.10 is not on this machine" in shop.notes()[-1]
        return
    made = shop.build(files)
    assert minor(made.env_path) < 10
    assert "no longer have: Python <3.10 is used" in shop.notes()[-1]


def source_alone(directory: Path, name: str, version: str) -> None:
    """A package that comes as source, and whose build fails."""
    directory.mkdir(exist_ok=True)
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "broken"\n'
        'backend-path = ["."]\n',
        "broken.py": 'raise SystemExit("pg_config executable not found")\n',
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    with tarfile.open(directory / f"{name}-{version}.tar.gz", "w:gz") as made:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text)
            made.addfile(info, io.BytesIO(text.encode()))


def test_the_same_code_ready_made(shop: Shop, tmp_path: Path) -> None:
    """What cannot be compiled is had as it was compiled by others, and the next build knows."""
    packages = tmp_path / "packages"
    source_alone(packages, "psycopg2", "2.9.9")
    source_alone(packages, "uwsgi", "2.0.28")
    wheel(packages, ">=3.8", "psycopg2_binary", "2.9.9")
    wheel(packages, ">=3.8", "psycopg2_binary", "2.9.11")
    asked = f"--no-index\n--find-links {packages}\npsycopg2==2.9.9\nuWSGI\n"
    files = {"app.py": BARE, "requirements.txt": asked}
    made = shop.build(files, COMMAND)
    notes = shop.notes()
    assert "psycopg2-binary==2.9.9, the same code, is installed instead" in "".join(notes)
    assert any(note.startswith("uwsgi cannot be built here") for note in notes)
    again = shop.build(files, COMMAND)
    assert again.env_path == made.env_path
    assert shop.notes() == shop.lines() == []


def test_the_next_version_that_comes_ready_made(shop: Shop, tmp_path: Path) -> None:
    """Of a pin that nothing builds; and it is not built in vain again for what is added then."""
    packages = tmp_path / "packages"
    source_alone(packages, "holdfast-picky", "1.0")
    wheel(packages, ">=3.8", "holdfast_picky", "1.1")
    wheel(packages, ">=3.8", "holdfast_picky", "1.2")
    asked = f"--find-links {packages}\nflask\nholdfast-picky==1.0\n"
    code = "import dominate, flask\napp = flask.Flask(__name__)\n"
    files = {"app.py": code, "requirements.txt": asked}
    made = shop.build(files)
    notes = "".join(shop.notes())
    assert "holdfast-picky 1.0 cannot be built for any Python here: holdfast-picky==1.1" in notes
    assert "dominate is added" in notes
    assert "\n".join(shop.lines()).count("Failed to build `holdfast-picky") == 1
    again = shop.build(files)
    assert again.env_path == made.env_path
    assert not any("Failed to build" in line for line in shop.lines())


def test_a_python_that_has_long_ended_is_not_taken(shop: Shop) -> None:
    """A list of 2018 asks for 3.6, and pyenv may have it: ours can't ask the app there."""
    made = shop.build({"app.py": BARE, ".python-version": "3.6\n"}, COMMAND)
    assert minor(made.env_path) >= 8
    (note,) = shop.notes()
    assert note.startswith("Python 3.6 is older than 3.8")

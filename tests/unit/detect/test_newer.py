"""Syntax that is newer than our own Python's: read, never called broken, and asked for."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from holdfast.config import App, Config
from holdfast.detect import newer, scan
from holdfast.detect.facts import PythonRequest
from holdfast.detect.tree import Tree
from holdfast.errors import DetectionError

NEWER = {
    'x = f"{d["a"]} and {e["b"]:>{w["c"]}}"': ("3.12", "x = f\"{d['a']} and {e['b']:>{w['c']}}\""),
    'x = f"{f"{f"{1}"}"}"': ("3.12", "x = ''"),
    'x = f"{"\\n".join(lines)}"': ("3.12", "x = ''"),
    "type X = int | str": ("3.12", "X = int | str"),
    "type L[T: (int, str)] = list[T]": ("3.12", "L = list[T]"),
    "class A[T: (int, str) = int](B):\n    pass": ("3.12", "class A(B):\n    pass"),
    "async def f[*Ts](*a: *Ts):\n    pass": ("3.12", "async def f(*a: *Ts):\n    pass"),
    "try:\n    pass\nexcept A, b.C:\n    pass": (
        "3.14",
        "try:\n    pass\nexcept (A, b.C):\n    pass",
    ),
    'x = t"hello {name}"': ("3.14", "x = f'hello {name}'"),
    "lazy import os\nlazy from a import b": ("3.15", "import os\nfrom a import b"),
}


@pytest.mark.parametrize("text", NEWER)
def test_what_later_versions_added_is_read(text: str) -> None:
    """Written as before, and it is known which Python it takes."""
    version, before = NEWER[text]
    found = newer.read(text.encode())
    assert found is not None
    assert (ast.unparse(found[0]), found[1]) == (before, version)


@pytest.mark.parametrize(
    "text", ['@app.get("/"\ndef x(): pass', 'print "x"', 'x = f"{d["', "x = ("]
)
def test_what_no_python_reads_is_broken(text: str) -> None:
    """Half a file and Python 2 are not taken for something new."""
    assert newer.read(text.encode()) is None


def test_lines_stay_where_they_are() -> None:
    """Evidence names a line of the author's file."""
    text = 'x = f"{\n  d["a"]  # "why"\n}"\ndef f[\n  T,\n](x):\n  pass\ny = 1\n'
    found = newer.read(text.encode())
    assert found is not None
    assert [node.lineno for node in found[0].body] == [1, 4, 8]


def test_strings_and_comments_are_left_alone() -> None:
    """Nothing in them is syntax."""
    text = '"""f"x\' """\nx = f"{d["a"]}"  # don\'t\n'
    found = newer.read(text.encode())
    assert found is not None
    assert ast.get_docstring(found[0], clean=False) == "f\"x' "


FLASK = "from flask import Flask\napp = Flask(__name__)\n"
NEW = "type Name = str\nlazy import json\n"
"""Of Python 3.15, which runs no test of ours yet."""


def test_the_app_in_such_a_file_is_found(tmp_path: Path) -> None:
    """The Python that it takes is asked for, where no file asks for another."""
    (tmp_path / "app.py").write_text(FLASK + NEW)
    (tmp_path / "requirements.txt").write_text("flask\n")
    project = scan(tmp_path, Config(app=App(name="site")))
    assert project.candidates[0].target == "app:app"
    assert project.dependencies.python == ">=3.15"
    (tmp_path / ".python-version").write_text("3.16\n")
    assert scan(tmp_path, Config(app=App(name="site"))).dependencies.python == "3.16"


def test_a_broken_file_is_still_named(tmp_path: Path) -> None:
    """New syntax in it or not, with the place where it is broken."""
    (tmp_path / "app.py").write_text(FLASK + NEW + '@app.get("/"\ndef x(): pass\n')
    with pytest.raises(DetectionError, match=r"app\.py:\d"):
        scan(tmp_path, Config(app=App(name="site")))


def test_examples_ask_for_nothing(tmp_path: Path) -> None:
    """What lies aside is not the app's."""
    (tmp_path / "app.py").write_text(FLASK)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "new.py").write_text(FLASK + NEW)
    project = scan(tmp_path, Config(app=App(name="site")))
    assert project.dependencies.python is None
    assert not project.all(PythonRequest)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it itself")
def test_the_tree_says_which_python(tmp_path: Path) -> None:
    """And where: the line that ours stumbles over."""
    (tmp_path / "a.py").write_text('x = 1\ny = f"{d["a"]}"\n')
    tree = Tree(tmp_path)
    assert tree.source("a.py") is not None
    assert tree.fault("a.py") is None
    assert tree.newer == {"a.py": ("3.12", 2)}

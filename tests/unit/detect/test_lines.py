"""Requirement lines from everything people call a dependency file."""

from __future__ import annotations

import pytest

from holdfast.detect.lines import cleaned, of_environment, of_table, of_tables, specifier
from holdfast.detect.manifests import poetry_pins


@pytest.mark.parametrize(
    ("poetry", "standard"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^3", ">=3,<4"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.4", "~=1.4"),
        ("1.2.3", "==1.2.3"),
        ("1.2.*", "==1.2.*"),
        (">=1.0, <2.0", ">=1.0,<2.0"),
        (">=1.0 <2.0", ">=1.0,<2.0"),
        ("*", ""),
        ("^1.0 || ^2.0", ""),
    ],
)
def test_constraints_of_poetry(poetry: str, standard: str) -> None:
    """Carets and tildes as Poetry's documentation defines them."""
    assert specifier(poetry) == standard


def test_tables_of_poetry_and_pipenv() -> None:
    """Extras, markers, git, paths; what is optional is left out."""
    table = {
        "python": "^3.10",
        "a": "^1.0",
        "b": {"version": "*", "extras": ["x", "y"], "markers": "sys_platform == 'linux'"},
        "c": {"git": "https://example.com/c.git", "rev": "abc"},
        "d": {"path": "../libs/d", "develop": True},
        "e": {"version": "1.0", "optional": True},
        "f": {"version": "2", "python": ">=3.8"},
    }
    assert list(of_tables(table, "apps/web")) == [
        "a>=1.0,<2",
        "b[x,y] ; (sys_platform == 'linux')",
        "c @ git+https://example.com/c.git@abc",
        "./apps/libs/d",
        "f==2 ; python_version >= '3.8'",
    ]


@pytest.mark.parametrize(
    ("line", "usable"),
    [
        ("flask==3.0", "flask==3.0"),
        ("pywin32==306", None),
        ("pywin32==306; sys_platform == 'win32'", "pywin32==306; sys_platform == 'win32'"),
        ("pkg-resources==0.0.0", None),
        ("enum34==1.1.6", None),
        ("futures==3.1.1; python_version < '3'", "futures==3.1.1; python_version < '3'"),
        ("numpy @ file:///C:/ci/numpy_1618/work", "numpy"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("openssl=3.0.8=h7f8727e_0", None),
        ("flask=2.0", "flask==2.0"),
    ],
)
def test_what_a_laptop_left_behind(line: str, usable: str | None) -> None:
    """Lines that can't be installed anywhere else are put right or left out."""
    assert cleaned(line) == usable


def test_a_list_that_is_a_table() -> None:
    """``pip list > requirements.txt``."""
    assert of_table("Package Version\n------- -------\nFlask   3.0\n") == ["Flask==3.0"]
    assert of_table("flask==3.0\nPackage Version\n") is None


def test_conda() -> None:
    """Its names and operators, channels, pip's list inside, and what is no Python package."""
    text = """
name: web
dependencies:
  - python=3.11.4
  - conda-forge::flask=3.0
  - pandas>=2
  - pytorch
  - libpq
  - pip:
    - httpx==0.27   # the client
"""
    assert of_environment(text) == (
        ["flask==3.0.*", "pandas>=2", "torch", "httpx==0.27"],
        "3.11.4",
    )


def test_pins_of_poetry_keep_their_markers() -> None:
    """What only Windows needs stays there; what is optional is not pinned."""
    lock = {
        "package": [
            {
                "name": "click",
                "version": "8.1",
                "dependencies": {
                    "colorama": {"version": "*", "markers": "platform_system == 'Windows'"},
                    "extra": {"version": "*", "optional": True},
                },
            },
            {"name": "colorama", "version": "0.4"},
            {"name": "extra", "version": "1"},
            {"name": "unrelated", "version": "1"},
        ]
    }
    assert poetry_pins(lock, frozenset({"click"})) == {
        "click": "click==8.1",
        "colorama": "colorama==0.4 ; (platform_system == 'Windows')",
    }


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pip install flask", "flask"),
        ("$ pip3 install flask==2.0", "flask==2.0"),
        ("pip install flask gunicorn", None),
        ("flask,", "flask"),
        ('"pandas",', "pandas"),
        ("numpy (1.19.5)", "numpy==1.19.5"),
        ("Pillow=>8.0", "Pillow>=8.0"),
        ("requests>=2.0;", "requests>=2.0"),
        ("import os", None),
        ("dependencies:", None),
        ("tomli; python_version < '3.11'", "tomli; python_version < '3.11'"),
        ("a>=1,<=2", "a>=1,<=2"),
        ("a==1.0", "a==1.0"),
        ("a~=1.0", "a~=1.0"),
        ("-e git+https://example.com/x.git#egg=x", "-e git+https://example.com/x.git#egg=x"),
    ],
)
def test_lines_that_somebody_typed(typed: str, meant: str | None) -> None:
    """What was meant where that is plain; what is no requirement at all is left out."""
    assert cleaned(typed) == meant

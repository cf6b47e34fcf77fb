"""Requirement lines: from the many ways in which they are written to those that uv installs.

Poetry's and Pipenv's tables, conda's lists and what ``pip list``, ``conda list`` and
``pip freeze`` on somebody's laptop left behind all become PEP 508 lines.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")
_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")

ELSEWHERE = frozenset(
    {"pkg-resources", "pywin32", "pywinpty", "pypiwin32", "win-inet-pton", "wincertstore",
     "twisted-iocpsupport", "pyreadline", "pyreadline3", "appnope", "python-apt", "ufw",
     "ubuntu-pro-client", "command-not-found", "dbus-python", "pygobject", "cloud-init",
     "ubuntu-drivers-common", "unattended-upgrades", "conda", "anaconda-client", "pyobjc",
     "anaconda-navigator", "pyobjc-core", "distro-info"}
)  # fmt: skip
"""What ``pip freeze`` lists of another system (Windows, macOS, Ubuntu's own packages, conda).

``pkg-resources==0.0.0`` is Ubuntu's pip naming what is no package at all.
"""

BACKPORTS = frozenset(
    {"futures", "enum34", "functools32", "subprocess32", "distribute", "pysqlite", "trollius",
     "backports-ssl-match-hostname"}
)  # fmt: skip
"""What Python 3 has of its own, made for Python 2: most cannot be built, ``enum34`` breaks it."""


def normalise(name: str) -> str:
    """A package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(line: object) -> str | None:
    """The normalised name a requirement line starts with; ``None`` for a path or an option."""
    text = str(line)
    match = _NAME.match(text)
    if not match or text.lstrip().startswith(("-", ".", "/", "git+", "http:", "https:", "file:")):
        return None
    return normalise(match[1])


def names_of(requirements: Iterable[object]) -> frozenset[str]:
    """Normalised names of requirement strings; those of other forms are left out."""
    return frozenset(name for name in map(name_of, requirements) if name)


def extras_of(line: object) -> tuple[str, str] | None:
    """Name and extras of ``fastapi[standard]``; ``None`` without extras."""
    match = _NAME.match(str(line))
    return (normalise(match[1]), match[2]) if match and match[2] else None


# ── what a laptop left behind ───────────────────────────────────────────────────────────


def cleaned(line: str) -> str | None:
    """A line of a requirements file that can be installed here; ``None`` if it never can.

    The line itself where nothing is wrong with it.
    """
    line = _by_hand(line)
    if not line:
        return None
    name = name_of(line)
    if name is not None and name.replace("-", "_") in sys.stdlib_module_names | {"python"}:
        return None  # "sqlite3", "asyncio": Python's own, by a list that was written by hand
    if name in ELSEWHERE and "sys_platform" not in line and "platform_system" not in line:
        return None
    if name in BACKPORTS and "python_version" not in line:
        return None
    build = re.match(r"([\w.-]+)\s*@\s*file://", line)
    if build:  # conda's pip freeze: numpy @ file:///C:/ci/numpy_1618497241363/work
        return build[1]
    conda = re.fullmatch(r"([\w.-]+)=([\w.]+)=\w+", line)
    if conda:  # conda list --export: numpy=1.26.4=py311h64a7726_0
        return None if conda[1].startswith("_") else _conda(conda[1], f"=={conda[2]}")
    single = re.fullmatch(r"([\w.-]+)=([\d][\w.*]*)", line)
    if single:  # one "=" is no operator of pip's
        return f"{single[1]}=={single[2]}"
    return line


def _by_hand(line: str) -> str:
    """What a line that somebody typed means: no quotes, commas, ``pip install``; or nothing."""
    plain = re.sub(r"^(?:\$\s*)?(?:python3? -m )?pip3? install\s+(?=[\w.\[\]=<>-]+$)", "", line)
    plain = plain.rstrip(" ,;")
    if plain[:1] in ("'", '"'):
        plain = plain.strip(plain[0])
    if re.match(r"(?:import|from)\s+\w|pip3? install\s|[\w-]+:$", plain):
        return ""
    if bare := re.fullmatch(r"([\w.-]+(?:\[[\w,-]+\])?)\s*\(\s*v?([\d.]+)\s*\)", plain):
        return f"{bare[1]}=={bare[2]}"
    return re.sub(r"(?<![<>=!~])=([<>])(?!=)", r"\1=", plain)


def of_table(text: str) -> list[str] | None:
    """The lines of a ``pip list`` that was saved as a requirements file."""
    rows = [row.split() for row in text.splitlines() if row.strip()]
    if len(rows) < 2 or rows[0][:2] != ["Package", "Version"] or not rows[1][0].startswith("---"):
        return None
    return [f"{row[0]}=={row[1]}" for row in rows[2:] if len(row) >= 2]


# ── Poetry and Pipenv ───────────────────────────────────────────────────────────────────


def of_tables(table: Mapping[str, Any], directory: str) -> Iterator[str]:
    """The lines of ``[tool.poetry.dependencies]`` or Pipenv's ``[packages]``.

    Args:
        directory: where the file lies, for paths in it.
    """
    for name, value in table.items():
        if normalise(name) == "python":
            continue
        for item in value if isinstance(value, list) else [value]:
            described = item if isinstance(item, dict) else {"version": str(item)}
            if not described.get("optional"):
                yield _of_table(name, described, directory)


def _of_table(name: str, item: Mapping[str, Any], directory: str) -> str:
    extras = f"[{','.join(item['extras'])}]" if item.get("extras") else ""
    markers = _markers(item)
    if "git" in item:
        ref = next((f"@{item[key]}" for key in ("rev", "ref", "tag", "branch") if key in item), "")
        url = str(item["git"]).removeprefix("git+")
        return f"{name}{extras} @ git+{url}{ref}{markers}"
    if "url" in item or "file" in item:
        return f"{name}{extras} @ {item.get('url') or item['file']}{markers}"
    if "path" in item:
        return "./" + os.path.normpath(f"{directory}/{item['path']}")
    return f"{name}{extras}{specifier(str(item.get('version') or '*'))}{markers}"


def _markers(item: Mapping[str, Any]) -> str:
    found = [f"({item['markers']})"] if item.get("markers") else []
    if item.get("platform"):
        found.append(f"sys_platform == '{item['platform']}'")
    if item.get("sys_platform"):
        found.append(f"sys_platform {item['sys_platform']}")
    python = specifier(str(item.get("python") or "*"))
    found += [
        re.sub(r"([<>=!~]+)\s*([\w.*]+)", r"python_version \1 '\2'", part)
        for part in python.split(",")
        if part
    ]
    return f" ; {' and '.join(found)}" if found else ""


def specifier(version: str) -> str:
    """Poetry's version constraint as PEP 440 has it; nothing where it can't be said."""
    if "|" in version:
        return ""
    parts = [part.strip() for part in re.split(r",|\s+(?=[<>=!~^])", version) if part.strip()]
    return ",".join(filter(None, map(_one, parts)))


def _one(part: str) -> str:
    match = _VERSION.match(part.lstrip("^~ "))
    if part in ("*", "") or match is None:
        return "" if part in ("*", "") else part.replace(" ", "")
    given = [int(item) for item in match.groups() if item is not None]
    if part.startswith("^"):
        return f">={part[1:].strip()},<{_next(given, _first_counting(given))}"
    if part.startswith("~") and not part.startswith("~="):
        return f">={part[1:].strip()},<{_next(given, min(1, len(given) - 1))}"
    if part[0].isdigit():
        return f"=={part}"
    return part.replace(" ", "")


def _first_counting(version: list[int]) -> int:
    """``^0.2.3`` allows 0.2.x alone, ``^1.2`` all of 1."""
    return next((index for index, item in enumerate(version) if item), len(version) - 1)


def _next(version: list[int], index: int) -> str:
    return ".".join(map(str, [*version[:index], version[index] + 1]))


# ── conda ───────────────────────────────────────────────────────────────────────────────

_CONDA_NAMES = {"pytorch": "torch", "py-opencv": "opencv-python-headless",
                "opencv": "opencv-python-headless", "psycopg2": "psycopg2-binary",
                "matplotlib-base": "matplotlib", "importlib_metadata": "importlib-metadata",
                "msgpack-python": "msgpack", "dash-core-components": None,
                "python-kaleido": "kaleido", "flask-sqlalchemy": "flask-sqlalchemy"}  # fmt: skip
_CONDA_ONLY = re.compile(
    r"(?x) python | pip | nodejs | openssl | ca-certificates | setuptools | wheel | mkl.* | blas"
    r" | lib.* | .*_linux-64 | gcc.* | sqlite | zlib | readline | tk | xz | ncurses | bzip2 | git"
    r" | cudatoolkit.* | cuda.* | postgresql | gdal | make | cmake | yaml | openblas | icu | krb5"
)


def of_environment(text: str) -> tuple[list[str], str | None]:
    """The lines and the version of Python of a conda ``environment.yml``.

    Its few shapes (a list, and in it pip's own list) are read by hand: a YAML parser would be
    a dependency for this alone.
    """
    lines: list[str] = []
    python = None
    for depth, item in _items(text):
        if depth:
            lines.append(item)
            continue
        match = re.fullmatch(
            r"(?:[\w-]+::)?([\w.-]+)\s*(?:([<>=!~]=?|=)\s*([^\s=]+)(?:=\S+)?)?", item
        )
        if match is None:
            continue
        version = f"{match[2]}{match[3]}" if match[2] else ""
        if match[1] == "python":
            python = re.sub(r"\.\*$", "", match[3] or "") or None
            continue
        line = _conda(match[1], re.sub(r"^=(?!=)(.*)$", r"==\1.*", version).replace(".*.*", ".*"))
        if line is not None:
            lines.append(line)
    return lines, python


def _items(text: str) -> Iterator[tuple[bool, str]]:
    """The entries under ``dependencies:``; whether each is of the list inside ``pip:``."""
    inside, base = False, 0
    for raw in text.splitlines():
        line = re.sub(r"(?:^|\s)#.*$", "", raw).rstrip()
        if re.match(r"\S", line) and not line.startswith("-"):
            inside, base = line.startswith("dependencies:"), -1
            continue
        match = re.match(r"(\s*)-\s+(.*)", line)
        if not inside or not match:
            continue
        base = len(match[1]) if base < 0 else base
        entry = match[2].strip().strip("'\"")
        if not entry.endswith(":"):
            yield len(match[1]) > base, entry


def _conda(name: str, version: str) -> str | None:
    """conda's package by its name on PyPI; ``None`` for what is no Python package."""
    if _CONDA_ONLY.fullmatch(name):
        return None
    known = _CONDA_NAMES.get(name, name)
    return None if known is None else f"{known}{version}"

"""Readers of paths: in the project's tree, and in URLs."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from holdfast.config.values import list_of, text
from holdfast.config.wrong import Problem, Wrong, bare, shown, wrong, wrong_type

_URL_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*\Z")
_STATIC_URL = re.compile(r"[A-Za-z0-9._~@+:/-]*\Z")
_NEVER_PERSISTED = {
    ".git": "is git's own, and no release has it",
    "node_modules": "is built anew for every release",
    "__pycache__": "is built anew for every release",
    ".venv": "looks like a virtual environment; Holdfast makes one for every release",
    "venv": "looks like a virtual environment; Holdfast makes one for every release",
}


def inside(value: object) -> str:
    """A path in the project, relative to its root, without ``.`` and ``..`` parts."""
    path = text(value)
    if "\\" in path:
        raise wrong(f"{shown(path)} has backslashes; write {shown(path.replace(chr(92), '/'))}")
    if path.startswith(("/", "~")):
        raise wrong(f"{shown(path)} is absolute; a path inside the project is meant")
    if ".." in PurePosixPath(path).parts:
        raise wrong(f"{shown(path)} leads out of the project; a path inside it is meant")
    return str(PurePosixPath(path))


def part(value: object) -> str:
    """A file or directory in the project that is not the whole of it."""
    path = inside(value)
    if path == ".":
        raise wrong(f"{shown(value)} is the whole project; name a part of it")
    return path


def persistent(value: object) -> str:
    """A path that outlives its releases; a trailing slash says that it is a directory."""
    path = inside(value)
    if path == ".":
        raise wrong(
            f"{shown(value)} is the whole project, and its code is new in every release; "
            "name what the app writes to"
        )
    for name in PurePosixPath(path).parts:
        if reason := _NEVER_PERSISTED.get(name):
            raise wrong(f"{shown(value)} {reason}; leave it out")
    if set(path) & set("*?[]"):
        raise wrong(f"{shown(value)} is a pattern; name the directory that holds the files")
    return path + "/" if text(value).endswith("/") else path


def persistent_paths(value: object) -> tuple[str, ...]:
    """Persistent paths, none inside another."""
    paths = list_of(persistent, '["instance/"]')(value)
    for path in paths:
        for other in paths:
            if path is not other and (path.rstrip("/") + "/").startswith(other.rstrip("/") + "/"):
                raise wrong(f"{shown(path)} is inside {shown(other)}; the outer one is enough")
    return paths


def url_path(value: object) -> str:
    """A path on the site, with its query if it has one: ``/healthz``."""
    path = text(value)
    if found := re.match(r"[a-z][a-z0-9+.-]*://[^/]*(.*)", path, re.IGNORECASE):
        raise wrong(
            f"{shown(path)} is a whole address; its path is meant: {shown(found[1] or '/')}"
        )
    if not path.startswith("/"):
        raise wrong(f"{shown(path)} does not start with a slash; write {shown('/' + path)}")
    if not _URL_PATH.match(path):
        raise wrong(f"{shown(path)} has characters that no URL has; percent-encode them")
    return path


def static(value: object) -> dict[str, str] | Literal[False] | None:
    """``false``, or a table from URL prefixes to directories; an empty one says nothing."""
    if value is False:
        return False
    if not isinstance(value, dict):
        raise wrong_type(value, 'false or a table is meant: {"/static/" = "staticfiles"}')
    paths: dict[str, str] = {}
    problems: list[Problem] = []
    for url, directory in value.items():
        try:
            prefix = _prefix(url)
            if prefix in paths:
                raise wrong(f"{bare(prefix)} is there twice")
            paths[prefix] = part(directory)
        except Wrong as error:
            problems.extend(problem.under(url) for problem in error)
    if problems:
        raise Wrong(problems)
    return paths or None


def _prefix(url: str) -> str:
    """The URL with its slashes on both sides: ``static`` is ``/static/``."""
    if "://" in url:
        raise wrong("is a whole address; only its path is meant, such as /static/")
    prefix = "/" + url.strip("/") + "/"
    if prefix == "//":
        raise wrong("would hide the whole app; serve a prefix such as /static/")
    if not _STATIC_URL.match(prefix) or ".." in prefix.split("/") or "//" in prefix:
        raise wrong("is no URL prefix; letters, digits and . _ ~ @ + : - between slashes are meant")
    return prefix

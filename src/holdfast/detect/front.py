"""Front ends that must be built: a ``package.json`` whose output the app serves.

It is built where the app is seen to want it and the output is not there. A front end that
lies beside an API and is served by somebody else is left alone.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import PurePosixPath

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect.facts import Evidence, Fact, FrontEnd
from holdfast.detect.tree import Tree, join, parent

_BRIDGES = frozenset({"django-vite", "django-webpack-loader", "flask-vite", "fastapi-vite",
                      "webpack-boilerplate", "python-webpack-boilerplate"})  # fmt: skip
"""Packages by which templates name what a front-end build makes."""

_OUTPUT = re.compile(
    r"(?:-o|--output|--outDir|--outdir|--out-dir|--dist-dir|--output-path)[ =]+(\S+)"
)
_USUAL = ("dist", "build")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    if not tree.python:
        return
    for path in tree.named("package.json"):
        script = _build_script(tree.text(path))
        if script is not None and path.count("/") <= 2:
            yield _front_end(tree, path, script)


def _build_script(text: str) -> str | None:
    try:
        scripts = json.loads(text).get("scripts", {})
        script = scripts.get("build")
    except (ValueError, AttributeError):
        return None
    return script if isinstance(script, str) else None


def _front_end(tree: Tree, path: str, script: str) -> FrontEnd:
    folder = parent(path)
    program, install = _manager(tree, folder)
    wanted = _wanted(tree, folder, script)
    if wanted is None:
        skipped = "nothing in the Python code names its output; [build] commands would build it"
    elif tree.has(wanted) or tree.has_directory(wanted):
        skipped = f"its output is there: {wanted}"
    else:
        skipped = ""
    return FrontEnd(Evidence(path), folder, program, install, skipped)


def _manager(tree: Tree, folder: str) -> tuple[str, str]:
    """The package manager that the lock file belongs to, and how it installs by it."""
    for lock, program, install in (
        ("pnpm-lock.yaml", "pnpm", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "yarn", "yarn install --frozen-lockfile"),
        ("package-lock.json", "npm", "npm ci --no-audit --no-fund"),
    ):
        if tree.has(join(folder, lock)):
            return program, install
    return "npm", "npm install --no-audit --no-fund"


def _wanted(tree: Tree, folder: str, script: str) -> str | None:
    """The output, if the app is seen to serve it: a path of the tree."""
    if any(_BRIDGES & found for found in _packages(tree)):
        return join(folder, "dist")
    if match := _OUTPUT.search(script):
        path = join(folder, match[1].strip("'\""))
        return None if path.startswith("..") else path
    for name in _USUAL:
        path = join(folder, name)
        last = PurePosixPath(path).name if folder == "." else f"{PurePosixPath(folder).name}/{name}"
        joined = rb"[\"']" + PurePosixPath(folder).name.encode() + rb"[\"'],? */? *[\"']"
        parts = re.compile(joined + name.encode() + rb"\b") if folder != "." else None
        whole = re.compile(
            rb"[\"'](?:[^\"'\n]*/)?" + re.escape(last).encode() + rb"(?:/[^\"'\n]*)?[\"']"
        )
        for _, data in tree.holding(name.encode()):
            if whole.search(data) or (parts and parts.search(data)):
                return path
    return None


def _packages(tree: Tree) -> Iterator[frozenset[str]]:
    """Words of the usual dependency files: enough to know a bridge by its name."""
    for path in tree.named("requirements.txt", "pyproject.toml", "Pipfile"):
        yield frozenset(re.findall(r"[a-z][a-z0-9-]+", tree.text(path).lower()))


def build(found: FrontEnd) -> tuple[tuple[str, ...], Finding]:
    """The command that builds it here, or why there is none."""
    where = found.directory if found.directory != "." else str(found.evidence)
    if found.skipped:
        return (), Finding("front end", where, f"not built: {found.skipped}")
    if shutil.which(found.program) is None:
        why = (
            f"not built: there is no {found.program} on this machine; install it"
            " (apt-get install npm), or commit what the build makes"
        )
        return (), Finding("front end", where, why, level="warning")
    enter = "" if found.directory == "." else f"cd {shlex.quote(found.directory)} && "
    command = f"{enter}{found.install} && {found.program} run build && rm -rf node_modules"
    why = f"{found.evidence} has a build script, and the app serves what it makes"
    return (command,), Finding("build", command, why)

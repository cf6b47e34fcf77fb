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
_RUNS = re.compile(r"\b(?:npm|yarn|pnpm)\s+run\s+([\w:.-]+)")

_FETCHED = {"pnpm": "pnpm@10.34.8", "yarn": "yarn@1.22.22", "berry": "@yarnpkg/cli-dist@4.18.1"}
"""What ``npx`` gets where a manager is not on the machine and its project names no version."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    if not tree.python:
        return
    for path in tree.named("package.json"):
        script = _build_script(tree.text(path))
        if script is not None and path.count("/") <= 2:
            yield _front_end(tree, path, script)


def _build_script(text: str) -> str | None:
    """The build script, with what other scripts that it runs say."""
    try:
        scripts = json.loads(text).get("scripts", {})
        script = scripts.get("build")
    except (ValueError, AttributeError):
        return None
    if not isinstance(script, str):
        return None
    others = (str(scripts.get(name, "")) for name in _RUNS.findall(script))
    return " && ".join((script, *filter(None, others)))


def _front_end(tree: Tree, path: str, script: str) -> FrontEnd:
    folder = parent(path)
    program, install, fetched = _manager(tree, folder)
    wanted = _wanted(tree, folder, script)
    if wanted is None:
        skipped = "nothing in the Python code names its output; [build] commands would build it"
    elif tree.has(wanted) or tree.has_directory(wanted):
        skipped = f"its output is there: {wanted}"
    else:
        skipped = ""
    return FrontEnd(Evidence(path), folder, program, install, skipped, fetched)


def _manager(tree: Tree, folder: str) -> tuple[str, str, str]:
    """The package manager that the lock file belongs to, how it installs by it, and itself."""
    if tree.has(lock := join(folder, "pnpm-lock.yaml")):
        return "pnpm", "pnpm install --frozen-lockfile", _version(tree, folder, "pnpm", lock)
    if tree.has(lock := join(folder, "yarn.lock")):
        if "__metadata:" in tree.text(lock):  # the lock of Yarn 2 and later
            return "yarn", "yarn install --immutable", _version(tree, folder, "berry", lock)
        return "yarn", "yarn install --frozen-lockfile", _version(tree, folder, "yarn", lock)
    if tree.has(join(folder, "package-lock.json")):
        return "npm", "npm ci --no-audit --no-fund", ""
    return "npm", "npm install --no-audit --no-fund", ""


_LOCKED_BY = {"5": "pnpm@7.33.7", "6": "pnpm@8.15.9"}
"""Which pnpm reads a lock of an older format."""


def _version(tree: Tree, folder: str, manager: str, lock: str) -> str:
    """The manager as a package of npm's, in the version that the project names or locks with."""
    said = re.search(r'"packageManager"\s*:\s*"(pnpm|yarn)@([\w.-]+)', tree.text(
        join(folder, "package.json")))  # fmt: skip
    if said and said[1] == manager.replace("berry", "yarn"):
        newer = said[1] == "yarn" and not said[2].startswith("1.")
        name = _FETCHED["berry" if newer else said[1]].rpartition("@")[0]
        return f"{name}@{said[2]}"
    written = re.match(r"lockfileVersion:\s*['\"]?(\d+)", tree.text(lock))
    return _LOCKED_BY.get(written[1] if written else "", _FETCHED[manager])


def _wanted(tree: Tree, folder: str, script: str) -> str | None:
    """The output, if the app is seen to serve it: a path of the tree."""
    bridged = any(_BRIDGES & found for found in _packages(tree))
    if bridged and not _OUTPUT.search(script):
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
    here = shutil.which(found.program) is not None
    if not here and not (found.fetched and shutil.which("npx")):
        why = (
            f"not built: there is no {found.program} on this machine; install it"
            " (apt-get install npm), or commit what the build makes"
        )
        return (), Finding("front end", where, why, level="warning")
    enter = "" if found.directory == "." else f"cd {shlex.quote(found.directory)} && "
    by = "" if here else f"npx --yes --package={shlex.quote(found.fetched)} "
    command = f"{enter}{by}{found.install} && {by}{found.program} run build && rm -rf node_modules"
    why = f"{found.evidence} has a build script, and the app serves what it makes"
    if by:
        why += f"; {found.program} is not on this machine, and npx gets it"
    return (command,), Finding("build", command, why)

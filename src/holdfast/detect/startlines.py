"""Start commands in the files of other platforms, for a project without a ``Procfile``.

A ``Dockerfile``'s CMD, ``render.yaml``, ``railway.json``, ``fly.toml``, ``app.yaml``,
``nixpacks.toml``, ``heroku.yml``, ``.replit``, start-up scripts: they name the server, its options
and the app. A command that only development uses (``flask run``, ``python app.py``) names the app.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

from holdfast.config import Config
from holdfast.detect import command_line, uwsgi
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import AppHint, Evidence, Fact, ProcessLine
from holdfast.detect.tree import Tree, join, parent

_SCRIPTS = ("start.sh", "startup.sh", "run.sh", "entrypoint.sh", "docker-entrypoint.sh", "boot.sh",
            "gunicorn.sh", "gunicorn_start.sh", "gunicorn_starter.sh", "server.sh", "startup.txt",
            "prestart.sh")  # fmt: skip
_KEYS = {
    "render.yaml": r"startCommand",
    "app.yaml": r"(?:entrypoint|run_command)",
    "deploy.template.yaml": r"run_command",
    "apprunner.yaml": r"command",
    "koyeb.yaml": r"command",
    "manifest.yml": r"command",
    ".platform.app.yaml": r"start",
    "applications.yaml": r"start",
    ".upsun/config.yaml": r"start",
}
_TABLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "railway.json": (("deploy", "startCommand"),),
    "railway.toml": (("deploy", "startCommand"),),
    "fly.toml": (("processes", "web"), ("processes", "app")),
    "nixpacks.toml": (("start", "cmd"),),
    "zeabur.json": (("start_command",),),
    ".replit": (("deployment", "run"), ("run",)),
}
_FLASK = re.compile(r"\bflask\s+(?:--app|-A)[= ](\S+)")
_PYTHON = re.compile(r"^(?:\S+ run )?python3?(?:\s+-u)?\s+([\w./-]+\.py)\b")
_PYTHON_M = re.compile(
    r"^(?:\S+ run )?python3?(?:\s+-u)?\s+-m\s+(?!flask|http\.|pip|gunicorn|uvicorn|streamlit)"
    r"([\w.]+)"
)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """At most one line for the web process, and none where a ``Procfile`` has it."""
    procfile = tree.named("Procfile")[:1]
    if procfile and re.search(r"(?m)^web\s*:", tree.text(procfile[0])):
        yield from _behind(tree, procfile[0])
        return
    found: ProcessLine | None = None
    for evidence, command in _commands(tree):
        plain = _plain(tree, command, parent(evidence.file))
        server, _ = command_line.apart(plain)
        parsed = command_line.parse(server)
        if parsed is not None and found is None:
            found = ProcessLine(evidence, "web", plain, _started_in(tree, evidence.file, parsed))
            yield found
        yield from _named(tree, evidence, server)
    yield from _workers(tree)


def _started_in(tree: Tree, file: str, line: command_line.ServerLine) -> str:
    """Where a command is run: ``docker/Dockerfile`` and ``bin/start.sh`` are run from above.

    Where the module is nowhere above, an image has copied it out of its folder (``COPY src .``),
    or a platform starts below the root (``rootDir``): that folder is looked for.
    """
    above = [parent(file)]
    while above[-1] != ".":
        above.append(parent(above[-1]))
    module = (line.target or "").partition(":")[0].replace(".", "/")
    paths = [word for word in line.options if "/" in word and tree.has(os.path.normpath(word))]
    for directory in above:
        there = tree.has(join(directory, f"{module}.py")) or tree.has_directory(
            join(directory, module)
        )
        if module and there and all(tree.has(join(directory, path)) for path in paths):
            return directory
    enters = "cd " in line.before or line.has("--chdir", "--app-dir", "--pythonpath")
    if paths or not module or enters:
        return "." if paths else above[0]
    return _holding(tree, tree.text(file), module) or above[0]


def _holding(tree: Tree, said: str, module: str) -> str | None:
    """The folder that a module is imported from: one that the file names before others."""
    found = [
        directory
        for directory in tree.directories
        if not is_aside(f"{directory}/")
        and (
            tree.has(join(directory, f"{module}.py"))
            or tree.has(join(directory, f"{module}/__init__.py"))
        )
    ]
    named = (item for item in found if re.search(rf"(?<![\w-]){re.escape(item)}(?![\w-])", said))
    return next(named, next(iter(found), None))


_NAME_OF_NONE = re.compile(r"[^a-z0-9]+")


def _workers(tree: Tree) -> Iterator[ProcessLine]:
    """What these platforms keep running besides the web process."""
    seen: set[str] = set()
    for evidence, name, command in (*_of_render(tree), *_of_fly(tree), *_of_heroku(tree)):
        plain = _NAME_OF_NONE.sub("-", name.lower()).strip("-")
        if plain and plain not in seen and plain not in ("web", "app", "release"):
            seen.add(plain)
            yield ProcessLine(evidence, plain, command, parent(evidence.file))


_SERVICE = re.compile(r"(?m)^(\s*)-\s+(?=(?:type|name|env|runtime)\s*:)")
_ENTRY = re.compile(r"(?m)^[\s-]*(type|name|startCommand)\s*:[ \t]*(.+?)[ \t]*$")


def _of_render(tree: Tree) -> Iterator[tuple[Evidence, str, str]]:
    """The services of ``render.yaml`` of the type ``worker``."""
    for path in tree.named("render.yaml")[:1]:
        text = tree.text(path)
        starts = [match.start() for match in _SERVICE.finditer(text)]
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            said = {
                match[1]: (match[2].strip("'\""), match.start(2) + start)
                for match in reversed([*_ENTRY.finditer(text[start:end])])
            }
            if said.get("type", ("",))[0] == "worker" and "startCommand" in said:
                command, at = said["startCommand"]
                evidence = Evidence(path, text.count("\n", 0, at) + 1)
                yield evidence, said.get("name", ("worker",))[0], command


def _of_fly(tree: Tree) -> Iterator[tuple[Evidence, str, str]]:
    """The ``[processes]`` of ``fly.toml``."""
    for path in tree.named("fly.toml")[:1]:
        try:
            table = tomllib.loads(tree.text(path)).get("processes", {})
        except ValueError:
            return
        for name, command in table.items() if isinstance(table, dict) else ():
            if isinstance(command, str) and command_line.parse(command) is None:
                yield Evidence(path), name, command


def _behind(tree: Tree, path: str) -> Iterator[Fact]:
    """The script that a ``Procfile``'s web line starts names the app, too."""
    match = re.search(r"(?m)^web\s*:\s*(.+)$", tree.text(path))
    if match:
        line = tree.text(path).count("\n", 0, match.start()) + 1
        yield from _named(tree, Evidence(path, line), _plain(tree, match[1].strip(), parent(path)))


_SERVER_WITHIN = re.compile(rf"(?:^|(?<=\s))(?:{'|'.join(command_line.SERVERS)})\s[^;&|]*")
_FASTAPI = re.compile(r"\bfastapi\s+(?:run|dev)\s+(?:\S+\s+)*?([\w./-]+\.py)\b")


def _named(tree: Tree, evidence: Evidence, command: str) -> Iterator[AppHint]:
    """The app that a command names, also one of a server for development or of another kind."""
    within = _SERVER_WITHIN.search(command)  # bin/start-pgbouncer gunicorn app:app
    parsed = command_line.parse(command) or (command_line.parse(within[0]) if within else None)
    if parsed is not None:
        if parsed.target:
            yield AppHint(evidence, parsed.target, evidence.file)
        return
    if (of_uwsgi := uwsgi.of_line(tree, command)) is not None:
        yield AppHint(evidence, of_uwsgi, evidence.file)
        return
    match = _FLASK.search(command) or _FASTAPI.search(command)
    match = match or _PYTHON.match(command) or _PYTHON_M.match(command)
    if match and not match[1].endswith("manage.py"):
        yield AppHint(evidence, match[1].strip("'\""), evidence.file)


def _commands(tree: Tree) -> Iterator[tuple[Evidence, str]]:
    """Every start command, the likeliest first."""
    for name, key in _KEYS.items():
        for path in [name] if tree.has(name) else tree.named(name)[:1]:
            yield from _of_key(tree, path, key)
    yield from ((at, line) for at, process, line in _of_heroku(tree) if process == "web")
    for name, keys in _TABLES.items():
        for path in tree.named(name)[:1]:
            yield from _of_table(tree, path, keys)
    for path in tree.named("Dockerfile")[:2]:
        yield from _of_dockerfile(tree, path)
    for path in tree.named(*_SCRIPTS)[:3]:
        command = _last_server(tree.text(path))
        if command:
            yield Evidence(path), command


def _of_heroku(tree: Tree) -> Iterator[tuple[Evidence, str, str]]:
    """The processes under ``run:`` of ``heroku.yml``: a line each, or a list below ``command:``."""
    for path in tree.named("heroku.yml")[:1]:
        inside, name = False, ""
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if re.match(r"\S", line):
                inside = line.startswith("run:")
            elif not inside:
                continue
            elif match := re.fullmatch(r"  ([\w-]+)\s*:\s*(.*?)\s*", line):
                name = match[1]
                if match[2]:
                    yield Evidence(path, number), name, match[2].strip("'\"")
            elif match := re.fullmatch(r"\s+-\s+(.+?)\s*", line):
                yield Evidence(path, number), name, match[1].strip("'\"")


def _of_key(tree: Tree, path: str, key: str) -> Iterator[tuple[Evidence, str]]:
    text = tree.text(path)
    for match in re.finditer(rf"(?m)^[\s-]*{key}\s*:[ \t]*(.+)$", text):
        line = text.count("\n", 0, match.start(1)) + 1
        said = match[1].strip().strip("'\"")
        if re.fullmatch(r"[|>][+-]?", said):
            indent = len(match[0]) - len(match[0].lstrip())
            block = re.match(rf"(?:\n(?:[ ]{{{indent + 1},}}.*|[ ]*))+", text[match.end() :])
            said = (_last_server(block[0]) if block else None) or ""
        yield Evidence(path, line), said


def _of_table(
    tree: Tree, path: str, keys: tuple[tuple[str, ...], ...]
) -> Iterator[tuple[Evidence, str]]:
    try:
        text = tree.text(path)
        table: Any = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except ValueError:
        return
    for key in keys:
        value: Any = table
        for name in key:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, list):
            value = _of_form(json.dumps(value))
        if isinstance(value, str) and value:
            yield Evidence(path), value
            return


def _of_dockerfile(tree: Tree, path: str) -> Iterator[tuple[Evidence, str]]:
    """The last CMD, behind the last ENTRYPOINT if that is a list that is no script."""
    text = re.sub(r"\\\s*\n", " ", tree.text(path))
    words = {"ENTRYPOINT": "", "CMD": ""}
    for match in re.finditer(r"(?mi)^\s*(CMD|ENTRYPOINT)\s+(.+)$", text):
        words[match[1].upper()] = _of_form(match[2].strip())
    entry, command = words["ENTRYPOINT"], words["CMD"]
    line = next(
        (
            n
            for n, row in enumerate(tree.text(path).splitlines(), 1)
            if row.lstrip().startswith("CMD")
        ),
        None,
    )
    for candidate in (f"{entry} {command}".strip(), command, entry):
        if candidate:
            yield Evidence(path, line), candidate


def _of_form(written: str) -> str:
    """The command of the exec form (a list) or the shell form."""
    if written.startswith("["):
        try:
            words = [str(item) for item in json.loads(written.replace("'", '"'))]
        except ValueError:
            return ""
        if words[:2] in (["sh", "-c"], ["/bin/sh", "-c"], ["bash", "-c"], ["/bin/bash", "-c"]):
            return " ".join(words[2:])
        return shlex.join(words)
    return written


def _plain(tree: Tree, command: str, directory: str) -> str:
    """Without ``sh -c``; what a script of the project runs in its place."""
    match = re.match(r"(?:(?:ba|/bin/|/bin/ba)?sh\s+-c\s+)(['\"])(.*)\1\s*$", command)
    command = match[2] if match else command
    script = re.match(
        r"(?:exec\s+)?(?:(?:/bin/)?(?:ba)?sh\s+)?(?:\./|/\w+/)?([\w./-]+\.sh)\b", command
    )
    if script:
        for base in (directory, "."):
            path = script[1] if base == "." else f"{base}/{script[1]}"
            found = _last_server(tree.text(path)) if tree.has(path) else None
            if found:
                return found
    return command


def _last_server(text: str) -> str | None:
    """The last line of a script that starts a server we know."""
    found = None
    for line in re.sub(r"\\\s*\n", " ", text).splitlines():
        stripped = line.strip().removeprefix("exec ")
        if command_line.parse(stripped) is not None or _PYTHON.match(stripped):
            found = stripped
    return found

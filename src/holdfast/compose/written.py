"""A project as its files say it, for where no Docker Compose can be asked: ``holdfast check``.

Read is what we decide by: merges of files, ``include``, ``extends``, anchors, profiles, variables
with their defaults, short and long forms. A deploy asks Compose itself, on the server. This module
needs PyYAML, which no server gets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from holdfast.compose.project import directory, elsewhere
from holdfast.errors import DetectionError
from holdfast.records import record

Document = dict[str, Any]
Values = Mapping[str, str]

_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*)(?:(:?[-?+])([^{}]*))?\}|\$([A-Za-z_]\w*)")
_PORT = re.compile(r"(?:(?P<host>.*):)?(?P<published>[\d-]*):(?P<target>\d+)|(?P<alone>\d+)")
_WHOLE = frozenset({"command", "entrypoint", "test"})
"""Lists of which a later file replaces all; others grow."""

_DEEPEST = 10
_RESET, _INSTEAD = "\0reset", "\0instead"
"""What ``!reset`` leaves, and the keys of a service that ``!override`` stands at."""


@record
class _Instead:
    value: Any


class _Loader(yaml.SafeLoader):
    """YAML as Compose takes it: ``yes``, ``22:22`` and numbers are the text that is written."""

    def instead(self, node: yaml.Node) -> _Instead:
        if isinstance(node, yaml.MappingNode):
            return _Instead(self.construct_mapping(node, deep=True))
        if isinstance(node, yaml.SequenceNode):
            return _Instead(self.construct_sequence(node, deep=True))
        return _Instead(node.value)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))
_Loader.add_constructor("!reset", lambda *_: _RESET)
_Loader.add_constructor("!override", _Loader.instead)


def shipped(home: Path) -> dict[str, str]:
    """The variables of a ``.env`` that is part of the source, in the project's directory."""
    found = dotenv_values(home / ".env", interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


def profiles(said: Sequence[str] | None, variables: Values, unknown: Iterable[str]) -> set[str]:
    """The profiles that are on; ``*`` where a variable decides whose value is not known here."""
    if "COMPOSE_PROFILES" in set(unknown):
        return {"*"}
    named = (name.strip() for name in variables.get("COMPOSE_PROFILES", "").split(","))
    return {*(said or ()), *filter(None, named)}


def document(
    home: Path, files: Sequence[str], variables: Values | None, enabled: set[str]
) -> Document:
    """The project, in the form in which ``docker compose config --format json`` prints it.

    Args:
        variables: what is put in for ``${NAME}``; ``None`` leaves it as it is written.
        enabled: see :func:`profiles`.

    Raises:
        DetectionError: a file is not there, or no Compose file.
    """
    found: Document = {}
    for name in files:
        found = _merged(found, _file(home / name, variables, directory(home, files)))
    services = {
        name: _finished(service, variables)
        for name, service in (found.get("services") or {}).items()
        if _runs(service, enabled)
    }
    for service in services.values():
        links = [str(link).partition(":")[0] for link in service.get("links") or ()]
        modes = (str(service.get(key) or "") for key in ("network_mode", "ipc", "pid"))
        links += [mode[8:] for mode in modes if mode.startswith("service:")]
        depends = {**{name: {} for name in links}, **(service.get("depends_on") or {})}
        service["depends_on"] = {key: how for key, how in depends.items() if key in services}
    return {**found, "services": services}


def env_files(document: Document) -> list[Path]:
    """The files of variables that services have to have and that are not there."""
    named = (name for item in document["services"].values() for name in item.get("env_file") or ())
    return [path for path in dict.fromkeys(map(Path, named)) if not path.is_file()]


@contextmanager
def understood(files: Sequence[str]) -> Iterator[None]:
    """Whatever Compose would refuse while inside is one error: its own is better than ours."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DetectionError(
            f"{', '.join(files)}: is not what Docker Compose reads",
            hint="docker compose config says what is wrong",
        ) from error


def _runs(service: Document, enabled: set[str]) -> bool:
    wanted = service.get("profiles")
    return not wanted or "*" in enabled or bool(enabled.intersection(wanted))


def _file(path: Path, variables: Values | None, home: Path, depth: int = 0) -> Document:
    """A file with what it includes, its services extended and in their long form.

    Args:
        home: where its relative paths begin.
    """
    said: Document = _put_in(_load(path), variables)
    found: Document = {}
    for item in said.pop("include", None) or ():
        paths = item.get("path") if isinstance(item, Mapping) else item
        for name in [paths] if isinstance(paths, str) else paths or ():
            _check_depth(depth, path)
            inner = home / name
            found = _merged(found, _file(inner, variables, inner.parent, depth + 1))
    for kind in ("configs", "secrets"):
        for item in (said.get(kind) or {}).values():
            if isinstance(item, dict) and "file" in item:
                item["file"] = str((home / item["file"]).resolve())
    services = said.get("services") or {}
    said["services"] = {name: _extended(name, services, path, variables, home) for name in services}
    return _merged(found, said)


def _extended(
    name: str,
    services: Document,
    path: Path,
    variables: Values | None,
    home: Path,
    depth: int = 0,
) -> Document:
    said = services.get(name)
    if not isinstance(said, Mapping):
        raise DetectionError(f"{path.name}: the service {name} says nothing")
    ours = _long(dict(said), home)
    below = ours.pop("extends", None)
    if below is None:
        return ours
    _check_depth(depth, path)
    base = {"service": below} if isinstance(below, str) else below
    if "file" in base:
        path = home / base["file"]
        home = path.parent
        services = _put_in(_load(path), variables).get("services") or {}
    theirs = _extended(str(base.get("service")), services, path, variables, home, depth + 1)
    theirs.pop("depends_on", None)
    return _merged(theirs, ours)


def _check_depth(depth: int, path: Path) -> None:
    if depth >= _DEEPEST:
        raise DetectionError(f"{path.name}: extends or includes itself")


def _load(path: Path) -> Document:
    try:
        found = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader with less in it
    except OSError as error:
        raise DetectionError(f"{path.name}: {(error.strerror or str(error)).lower()}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}, line {mark.line + 1}" if mark else path.name
        raise DetectionError(
            f"{where}: is not YAML: {getattr(error, 'problem', None) or error}",
            hint="docker compose config says the same",
        ) from None
    if not isinstance(found, dict):
        raise DetectionError(f"{path.name}: is no Compose file: no services stand in it")
    return found


def _put_in(value: Any, variables: Values | None) -> Any:
    if variables is None:
        return value
    if isinstance(value, _Instead):
        return _Instead(_put_in(value.value, variables))
    if isinstance(value, dict):
        return {key: _put_in(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_in(item, variables) for item in value]
    return _interpolated(value, variables) if isinstance(value, str) else value


def _interpolated(text: str, variables: Values) -> str:
    def value(match: re.Match[str]) -> str:
        said = variables.get(match[1] or match[4])
        how, other = match[2] or "", match[3] or ""
        there = bool(said) if how.startswith(":") else said is not None
        if how.endswith("+"):
            return other if there else ""
        return other if how.endswith("-") and not there else said or ""

    def whole(part: str) -> str:
        for _ in range(_DEEPEST):  # the innermost first: ${A:-${B:-x}}
            before, part = part, _REFERENCE.sub(value, part)
            if part == before:
                break
        return part

    return "$".join(map(whole, text.split("$$")))


def _merged(old: Document, new: Document) -> Document:
    """Two files laid over each other."""
    instead = new.get(_INSTEAD) or ()
    both = {key for key in old if key in new and key not in instead}
    whole = {**old, **new, **{key: _over(old[key], new[key], key) for key in both}}
    return {name: item for name, item in whole.items() if item != _RESET}


def _over(old: Any, new: Any, key: str) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return _merged(old, new)
    if isinstance(old, list) and isinstance(new, list) and key not in _WHOLE:
        return [*old, *(item for item in new if item not in old)]
    return old if new is None else new


def _long(said: Document, home: Path) -> Document:
    """A service with every short form made long, and paths absolute."""
    instead = [key for key, item in said.items() if isinstance(item, _Instead)]
    said |= {key: said[key].value for key in instead} | ({_INSTEAD: instead} if instead else {})
    forms: dict[str, Callable[[Any], Any]] = {
        "build": lambda item: {"context": item} if isinstance(item, str) else item,
        "environment": _mapping,
        "labels": _mapping,
        "depends_on": lambda item: {name: {} for name in item} if isinstance(item, list) else item,
        "env_file": lambda item: _env_files(item, home),
        "ports": lambda item: [found for one in item if (found := _port(one))],
        "volumes": lambda item: [_mount(one, home) for one in item],
        **dict.fromkeys(("configs", "secrets"), lambda item: [_handed(one) for one in item]),
    }
    for key, form in forms.items():
        if said.get(key) not in (None, _RESET):
            said[key] = form(said[key])
    if isinstance(said.get("build"), dict):
        said["build"] = {**said["build"], "context": _context(said["build"], home)}
    check = said.get("healthcheck")
    if isinstance(check, dict) and isinstance(check.get("test"), str):
        said["healthcheck"] = {**check, "test": ["CMD-SHELL", check["test"]]}
    return said


def _context(build: Document, home: Path) -> str:
    said = str(build.get("context", "."))
    return said if elsewhere(said) else str((home / said).resolve())


def _mapping(said: Any) -> dict[str, str | None]:
    """``NAME=VALUE`` lines, or a mapping already."""
    if isinstance(said, Mapping):
        return {str(name): _text(value) for name, value in said.items()}
    pairs = (str(item).partition("=") for item in said)
    return {name: value if sign else None for name, sign, value in pairs}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _env_files(said: Any, home: Path) -> list[str]:
    """Their paths, without those that need not be there and are not."""
    every = [
        item if isinstance(item, Mapping) else {"path": item}
        for item in (said if isinstance(said, list) else [said])
    ]
    paths = [(home / str(item.get("path")), item.get("required", True)) for item in every]
    return [str(path) for path, required in paths if required or path.is_file()]


def _port(said: Any) -> Document | None:
    if isinstance(said, Mapping):
        return dict(said) if str(said.get("target", "")).isdigit() else None
    match = _PORT.match(str(said))
    if match is None:
        return None
    target = match["target"] or match["alone"]
    return {"target": target, "published": match["published"], "host_ip": match["host"]}


def _mount(said: Any, home: Path) -> Document:
    if isinstance(said, Mapping):
        bind = said.get("type") == "bind" and str(said.get("source", "")).startswith(".")
        return {**said, "source": str((home / said["source"]).resolve())} if bind else dict(said)
    source, _, rest = str(said).partition(":")
    target, _, mode = rest.partition(":")
    if not target:
        return {"type": "volume", "target": source}
    kind = "bind" if source.startswith((".", "/", "~")) else "volume"
    place = str((home / source).resolve()) if kind == "bind" else source
    return {"type": kind, "source": place, "target": target, "read_only": "ro" in mode.split(",")}


def _handed(said: Any) -> Document:
    return dict(said) if isinstance(said, Mapping) else {"source": str(said)}


def _finished(service: Document, variables: Values | None) -> Document:
    """With what its files of variables say; one that is not there is put there by a deploy."""
    found: dict[str, str | None] = {}
    for name in service.get("env_file") or ():
        if Path(name).is_file():
            found |= dotenv_values(name, interpolate=False)
    for name, value in (service.get("environment") or {}).items():
        found[name] = value if value is not None else (variables or {}).get(name)
    left = {key: item for key, item in service.items() if item != _RESET and key != _INSTEAD}
    return {**left, "environment": found}

"""Config files: found, decoded, parsed, laid one over another."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from holdfast.config.wrong import Problem, bare
from holdfast.errors import ConfigError

FILE = "holdfast.toml"
PYPROJECT = "pyproject.toml"
LARGEST = 1_000_000
"""Bytes; nobody writes a config of a megabyte by hand."""

_STRAY = re.compile(r"(?!holdfast\.toml\Z)(?i:\.?holdfast\.(?:toml|tml|ya?ml|json|ini|cfg|conf))\Z")
_OVERLAY = re.compile(r"holdfast\.([A-Za-z0-9_-]+)\.toml\Z")


class Document(NamedTuple):
    """What one or more files say, and which file said which key.

    Attributes:
        name: the file, as it is called in messages.
        prefix: where the tables stand in it (``tool.holdfast.``).
        overlay: the document laid over this one, if any.
    """

    name: str
    values: Mapping[str, Any]
    prefix: str = ""
    overlay: Document | None = None

    def where(self, path: tuple[str, ...]) -> str:
        """``file: [table] key``, of the file that said it last."""
        if self.overlay and _has(self.overlay.values, path):
            return self.overlay.where(path)
        *tables, key = path
        if not tables and not isinstance(self.values.get(key), dict):
            header = f"[{self.prefix[:-1]}] " if self.prefix else ""
            return f"{self.name}: {header}{bare(key)}"
        if isinstance(_get(self.values, path), dict):
            tables, key = list(path), ""
        header = f"[{self.prefix}{'.'.join(map(bare, tables))}]"
        return f"{self.name}: {header} {bare(key) if key else ''}".rstrip()

    def files(self) -> tuple[str, ...]:
        """The files that say something, the one laid over the other last."""
        own = (self.name,) if self.values else ()
        return own + (self.overlay.files() if self.overlay else ())

    def merged(self) -> dict[str, Any]:
        return _merge(self.values, self.overlay.values if self.overlay else {})

    def error(self, problems: list[Problem]) -> ConfigError:
        """All problems as one error, the one that explains most first, a line each."""
        ranked = sorted(problems, key=lambda problem: problem.rank)
        first, *rest = [(self.where(problem.path), problem.message) for problem in ranked]
        return ConfigError(
            first[0], "\n".join([first[1], *(f"{where}: {message}" for where, message in rest)])
        )


def _get(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _has(values: Any, path: tuple[str, ...]) -> bool:
    """Whether the file says the key, or said a plain value where the key would be."""
    for key in path:
        if not isinstance(values, dict):
            return True
        if key not in values:
            return False
        values = values[key]
    return True


def _merge(
    base: Mapping[str, Any], over: Mapping[str, Any], *, process: bool = False
) -> dict[str, Any]:
    """Tables are merged, all else is replaced; a process may be a string in one of the two."""
    merged = dict(base)
    for key in over:
        below, above = merged.get(key), over[key]
        if process:
            below, above = _as_table(below, above), _as_table(above, below)
        if isinstance(below, dict) and isinstance(above, dict):
            merged[key] = _merge(below, above, process=key == "processes")
        else:
            merged[key] = above
    return merged


def _as_table(process: Any, other: Any) -> Any:
    """A process written as its command, as a table where ``other`` is one."""
    if isinstance(process, str) and isinstance(other, dict):
        return {"command": process}
    return process


def find(directory: Path, environment: str | None) -> Document:
    """The document of a project, with the overlay of an environment; empty if it has none.

    Raises:
        ConfigError: a file cannot be read or is not TOML, both files have a config, or
            there is no such environment.
    """
    base = _base(directory)
    if environment is None:
        return base
    name = f"holdfast.{environment}.toml"
    values = _toml(directory, name) if _OVERLAY.match(name) else None
    if values is None:
        raise ConfigError(name, _no_environment(directory, environment))
    return Document(base.name, base.values, base.prefix, Document(name, values))


def _base(directory: Path) -> Document:
    own = _toml(directory, FILE)
    theirs = _of_pyproject(directory, lenient=own is not None)
    if own is not None and theirs is not None:
        raise ConfigError(
            FILE,
            f"{PYPROJECT} has a [tool.holdfast] as well; keep one of the two and delete the other",
        )
    if theirs is not None:
        if not isinstance(theirs, dict):
            raise ConfigError(
                f"{PYPROJECT}: [tool] holdfast", "is no table; write [tool.holdfast.app]"
            )
        return Document(PYPROJECT, theirs, "tool.holdfast.")
    return Document(FILE, own or {})


def _of_pyproject(directory: Path, *, lenient: bool) -> Any:
    """``[tool.holdfast]``, or ``None``; a file that never says holdfast is not parsed."""
    try:
        data = _bytes(directory, PYPROJECT)
        if data is None or b"holdfast" not in data:
            return None
        tool = _parse(PYPROJECT, data).get("tool", {})
    except ConfigError:
        if lenient:
            return None
        raise
    return tool.get("holdfast") if isinstance(tool, dict) else None


def _toml(directory: Path, name: str) -> dict[str, Any] | None:
    data = _bytes(directory, name)
    return None if data is None else _parse(name, data)


def environments(directory: Path) -> list[str]:
    """The environments that have an overlay, sorted."""
    try:
        names = [path.name for path in directory.iterdir()]
    except OSError:
        return []
    return sorted(found[1] for name in names if (found := _OVERLAY.match(name)))


def strays(directory: Path) -> list[str]:
    """Files that somebody may take for the config, and nobody reads."""
    return sorted(path.name for path in directory.iterdir() if _STRAY.match(path.name))


def _no_environment(directory: Path, environment: str) -> str:
    known = environments(directory)
    if not known:
        return f"there is no such file, so no environment {environment!r}; there are none here"
    return f"there is no such file; there are environments here: {', '.join(known)}"


def _bytes(directory: Path, name: str) -> bytes | None:
    """The file, or ``None`` if there is none."""
    path = directory / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if path.is_symlink():
            raise ConfigError(name, f"is a link to {path.readlink()}, which is not there") from None
        return None
    except OSError as error:
        raise ConfigError(name, f"cannot be read: {error.strerror}") from None
    try:
        _refuse_odd_files(name, os.fstat(descriptor))
        return os.read(descriptor, LARGEST)
    finally:
        os.close(descriptor)


def _refuse_odd_files(name: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ConfigError(name, "is a directory; a file is meant")
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(name, "is no ordinary file; a file is meant")
    if status.st_size > LARGEST:
        raise ConfigError(name, f"is larger than {LARGEST // 1000} kB; that is no config")


def _parse(name: str, data: bytes) -> dict[str, Any]:
    text = _decoded(name, data)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(name, "is nested too deeply to be a config") from None
    except ValueError as error:
        from holdfast.config.syntax import explain  # late: only wrong files need it

        raise explain(name, text, str(error)) from None


def _decoded(name: str, data: bytes) -> str:
    """UTF-8, as TOML has to be; a byte order mark before it is passed over."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(name, "is UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise ConfigError(name, "is binary, no text; write it anew or delete it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise ConfigError(
            f"{name}: line {line}, column {column}",
            f"the byte 0x{data[error.start]:02x} is no UTF-8; save the file as UTF-8",
        ) from None

"""The variables of an app that are kept on the server: secrets, and what the user set.

One JSON file a app, readable by its owner alone (0600), replaced atomically. A value
leaves this module only as a :class:`~holdfast.command.Secret`.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.command import Secret
from holdfast.errors import HoldfastError, NotFound, UsageError
from holdfast.files import write_json

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


_PARTS = {
    "host": "HOST|HOSTNAME|SERVER|ADDRESS",
    "port": "PORT",
    "name": "NAME|DB|DATABASE|DBNAME",
    "user": "USER|USERNAME|DBUSER",
    "password": "PASS|PASSWORD|PASSWD|PWD",
}
_OF_DATABASE = re.compile(
    r"(?P<prefix>(?:\w+_)?(?:DB|DATABASE|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|SQL))_?(?:"
    + "|".join(f"(?P<{part}>{words})" for part, words in _PARTS.items())
    + r")\Z"
)


def part_of_database(name: str) -> tuple[str, str] | None:
    """``DB_HOST`` as its prefix and its part: ``("DB", "host")``; ``None`` for other names."""
    match = _OF_DATABASE.match(name.upper())
    if match is None:
        return None
    return match["prefix"], next(part for part in _PARTS if match[part])


def split_database(values: Mapping[str, str | Secret], names: Iterable[str]) -> dict[str, Secret]:
    """Values for ``names`` (``DB_HOST``, ``DB_USER``, ...) that lack one, from ``DATABASE_URL``."""
    whole = values.get("DATABASE_URL")
    if whole is None:
        return {}
    try:
        url = urlsplit(whole.value if isinstance(whole, Secret) else whole)
        port = str(url.port or (3306 if url.scheme.startswith("mysql") else 5432))
    except ValueError:
        return {}
    parts = {
        "host": url.hostname or "",
        "port": port,
        "name": unquote(url.path.lstrip("/")),
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
    }
    if not url.hostname:
        return {}
    found = ((name, part_of_database(name)) for name in names if name not in values)
    return {name: Secret(parts[part[1]]) for name, part in found if part is not None}


_DATABASE = re.compile(
    r"(?:postgres(?:ql)?|mysql|mariadb|mssql|oracle|mongodb|cockroachdb|clickhouse|redshift)"
    r"(?:\+[\w.]+)?://",
    re.IGNORECASE,
)


def databases(values: Mapping[str, str | Secret]) -> tuple[str, ...]:
    """The variables that lead to a database which is no file of the app's: by what they hold,
    whatever they are called; where none is a URL, those that name a host (``DB_HOST``)."""
    plain = {
        name: value.value if isinstance(value, Secret) else value for name, value in values.items()
    }
    if found := tuple(name for name, value in plain.items() if _DATABASE.match(value)):
        return found
    parts = {name: part_of_database(name) for name, value in plain.items() if value}
    return tuple(name for name, part in parts.items() if part and part[1] == "host")


_VARIABLE = r"([A-Z][A-Z0-9_]{1,60})"
_MISSING = (
    rf"KeyError: '{_VARIABLE}'",
    rf"UndefinedValueError: {_VARIABLE} not found",
    rf'EnvError: Environment variable "{_VARIABLE}" not set',
    rf"Set the {_VARIABLE} environment variable",
    rf"ImproperlyConfigured: The {_VARIABLE} setting must not be empty",
    rf"[Ee]nvironment variable:? ['\"`]?{_VARIABLE}\b",
    (
        r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)['\"`]? (?:environment variable|env(?:ironment)? var"
        r"|is not set|(?:is|was) not (?:defined|found|provided)|must be set|is required|is missing)"
    ),
)
"""What frameworks, libraries and apps say of a variable that is not set."""


def missed(said: str) -> str | None:
    """The variable that an error is for the want of; ``None``: it names none."""
    found = (re.search(pattern, said) for pattern in _MISSING)
    return next((match[1] for match in found if match), None)


class EnvStore:
    """The variables in one file; a missing file holds none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Secret]:
        """All variables.

        Raises:
            HoldfastError: the file is there but is not ours to read, or is damaged.
        """
        return {name: Secret(value) for name, value in self._read().items()}

    def set(self, values: Mapping[str, str]) -> None:
        """Add or replace variables.

        Raises:
            UsageError: a name that no environment can hold, or a value with a NUL byte.
        """
        for name, value in values.items():
            if not _NAME.match(name):
                raise UsageError(
                    f"{name!r} is not a variable's name",
                    hint="letters, digits and underscores, not starting with a digit",
                )
            if "\0" in value:
                raise UsageError(f"{name}: the value has a NUL byte, which no environment can hold")
        with self._locked():
            self._write({**self._read(), **values})

    def unset(self, names: Iterable[str]) -> None:
        """Remove variables.

        Raises:
            NotFound: one of them is not set; then none is removed.
        """
        with self._locked():
            kept = self._read()
            for name in dict.fromkeys(names):
                if name not in kept:
                    raise NotFound(f"{name} is not set", hint="holdfast env list shows what is")
                del kept[name]
            self._write(kept)

    def generate(self, names: Iterable[str]) -> list[str]:
        """Give a random value to each name that has none (50 characters, 300 bits).

        Returns:
            the names that got one now.
        """
        with self._locked():
            kept = self._read()
            new = [name for name in names if name not in kept]
            if new:
                self._write({**kept, **{name: secrets.token_urlsafe(38)[:50] for name in new}})
        return new

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time read, change and write; the lock dies with its holder."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._path.with_name(f".{self._path.name}.lock")
        with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, str]:
        try:
            value = json.loads(self._path.read_text())
            return {str(name): str(item) for name, item in value.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise HoldfastError(
                f"{self._path}: cannot be read: {type(error).__name__}",
                hint="it holds the app's variables; restore it from a backup or set them again",
            ) from None

    def _write(self, values: Mapping[str, str]) -> None:
        write_json(self._path, dict(values), mode=0o600)

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

from holdfast.command import Secret
from holdfast.errors import HoldfastError, NotFound, UsageError
from holdfast.files import write_json

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


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

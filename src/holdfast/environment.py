"""The variables of an app that are kept on the server: secrets, and what the user set.

One JSON file a app, readable by its owner alone (0600), replaced atomically. A value
leaves this module only as a :class:`~holdfast.command.Secret`.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
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
        self._write({**self._read(), **values})

    def unset(self, names: Iterable[str]) -> None:
        """Remove variables.

        Raises:
            NotFound: one of them is not set; then none is removed.
        """
        kept = self._read()
        for name in names:
            if name not in kept:
                raise NotFound(f"{name} is not set", hint="holdfast env list shows what is")
            del kept[name]
        self._write(kept)

    def generate(self, names: Iterable[str]) -> list[str]:
        """Give a random value to each name that has none (50 characters, 300 bits).

        Returns:
            the names that got one now.
        """
        kept = self._read()
        new = [name for name in names if name not in kept]
        if new:
            self._write({**kept, **{name: secrets.token_urlsafe(38)[:50] for name in new}})
        return new

    def _read(self) -> dict[str, str]:
        try:
            value = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise HoldfastError(
                f"{self._path}: cannot be read: {type(error).__name__}",
                hint="it holds the app's variables; restore it from a backup or set them again",
            ) from None
        return {str(name): str(item) for name, item in value.items()}

    def _write(self, values: Mapping[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._path, dict(values), mode=0o600)

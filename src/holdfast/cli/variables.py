"""Variables for an app: read from files in dotenv syntax, and never shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from holdfast.errors import UsageError

if TYPE_CHECKING:
    from dotenv.parser import Binding


def read_file(path: Path) -> dict[str, str]:
    """The variables in a file.

    Raises:
        UsageError: it cannot be read, or a line is wrong; the line is named, not shown.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            return parse(stream, str(path))
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8 text", hint="NAME=VALUE lines are meant") from None


def read_files(paths: Iterable[Path]) -> dict[str, str]:
    """The variables in several files; the last one that has a name decides.

    Raises:
        UsageError: as :func:`read_file`.
    """
    return {name: value for path in paths for name, value in read_file(path).items()}


def parse(stream: TextIO, name: str) -> dict[str, str]:
    """The variables in a stream that messages call ``name``.

    The parser is python-dotenv's own, so that the app gets the values it gets on the
    laptop; ``${OTHER}`` stays as it is written.
    """
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    for binding in parse_stream(stream):
        if binding.error:
            raise UsageError(f"{name}, line {_line(binding)}: is not NAME=VALUE")
        if binding.key is None:
            continue
        if binding.value is None:
            raise UsageError(f"{name}, line {_line(binding)}: {binding.key} has no value")
        values[binding.key] = binding.value
    if not values:
        raise UsageError(f"{name}: has no variables", hint="NAME=VALUE lines are meant")
    return values


def _line(binding: Binding) -> int:
    """The parser counts from the blank lines before a binding; a person does not."""
    text = binding.original.string
    before: int = text[: len(text) - len(text.lstrip())].count("\n")
    return int(binding.original.line) + before

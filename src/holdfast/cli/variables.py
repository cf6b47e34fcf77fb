"""Variables for an app: read from files in dotenv syntax, and never shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where
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


def left_out(invocation: Invocation, where: Where, names: Iterable[str]) -> list[str]:
    """Those of the names that Holdfast itself sets for this project, sorted."""
    from holdfast.config.names import reserved

    found = sorted(filter(reserved, names))
    if not found:  # nearly always; then nothing of the project has to be read
        return []
    docker = _in_docker(invocation, where)
    return [name for name in found if reserved(name, in_docker=docker)]


def without(
    values: Mapping[str, str], reserved: Sequence[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables of a file less those that are Holdfast's own, and what to say of that.

    ``PORT=8000`` stands in many files that were made for development: no reason to refuse
    the file, and one to say that the app listens elsewhere.

    Raises:
        UsageError: nothing is left.
    """
    kept = {name: value for name, value in values.items() if name not in reserved}
    if not reserved:
        return kept, ()
    if not kept:
        raise refusal(reserved)
    return kept, (f"{_by_us(reserved)}; {'it is' if len(reserved) == 1 else 'they are'} left out",)


def refusal(reserved: Sequence[str]) -> UsageError:
    """What is said of variables that nobody but Holdfast sets."""
    return UsageError(f"{_by_us(reserved)}; leave {'it' if len(reserved) == 1 else 'them'} out")


def _by_us(names: Sequence[str]) -> str:
    from holdfast.config.names import SET_BY_US

    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {SET_BY_US}"


def _in_docker(invocation: Invocation, where: Where) -> bool:
    """Whether the project is one of Compose's; a broken config is no obstacle (``find_app``)."""
    from holdfast.cli.project import in_docker, load
    from holdfast.config.models import Config

    unread = where.name is not None and where.server is not None
    return in_docker(invocation.directory, Config() if unread else load(invocation, where))


def _line(binding: Binding) -> int:
    """The parser counts from the blank lines before a binding; a person does not."""
    text = binding.original.string
    before: int = text[: len(text) - len(text.lstrip())].count("\n")
    return int(binding.original.line) + before

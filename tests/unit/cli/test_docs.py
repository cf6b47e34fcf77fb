"""``docs/commands.md`` names every command, option, exit code and event there is, and no other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from holdfast import errors
from holdfast.__main__ import BROKEN_PIPE, INTERNAL_ERROR, INTERRUPTED
from holdfast.cli.root import VERBS, command
from holdfast.protocol import Kind

TEXT = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name."""
    context = click.Context(command)
    for name in VERBS:
        found = command.get_command(context, name)
        assert found is not None
        yield from _with_those_below(name, found)


def _with_those_below(name: str, found: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, found
    if isinstance(found, click.Group):
        for word, item in found.commands.items():
            yield from _with_those_below(f"{name} {word}", item)


ALL = dict(commands())
SHARED = {"--name", "--server", "--env", "--directory", "--json", "--debug", "--help"}


def section(name: str) -> str:
    """The part of the page about a command."""
    first = name.split(maxsplit=1)[0]
    found = re.search(rf"^### `holdfast {first}.*?(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no section on {first}"
    return found[0]


@pytest.mark.parametrize("name", ALL)
def test_command_and_its_options_are_documented(name: str) -> None:
    """Its section names it and each option; what all share stands at the top."""
    text = section(name)
    assert f"`holdfast {name}" in text or f"    holdfast {name}" in text
    for parameter in ALL[name].params:
        for option in parameter.opts:
            if isinstance(parameter, click.Option) and not SHARED & set(parameter.opts):
                assert f"`{option}`" in text or f"`{option} " in text, option
    top = TEXT[: TEXT.index("## Start")]
    assert all(option in top for option in SHARED)


@pytest.mark.parametrize("name", ALL)
def test_no_option_is_made_up(name: str) -> None:
    """Every option in the tables is one."""
    known = {option for item in ALL[name].params for option in item.opts} | {"--help"}
    if " " in name or isinstance(ALL[name], click.Group):
        return
    for row in re.findall(r"^\| (`-.*?) \|", section(name), re.MULTILINE):
        for option in re.findall(r"`(-[\w-]+)", row):
            assert option in known, f"{name}: {option}"


def examples() -> list[str]:
    texts = [line for item in ALL.values() for line in getattr(item, "examples", ())]
    return texts + [line for line in TEXT.splitlines() if line.startswith("    holdfast ")]


@pytest.mark.parametrize("line", examples())
def test_examples_parse(line: str) -> None:
    """What an example shows can be typed."""
    part = next(part for part in line.split("|") if "holdfast" in part)
    part = part[part.index("holdfast") :].split(" > ")[0]
    argv = shlex.split(part)[1:]
    context = click.Context(command)
    found: click.Command = command
    while argv and isinstance(found, click.Group):
        below = found.get_command(context, argv.pop(0))
        assert below is not None, line
        found = below
    found.make_context("x", argv, resilient_parsing=False)


@pytest.mark.parametrize("name", ALL)
def test_every_help_has_an_example(name: str) -> None:
    """--help ends with examples, and has text for each option."""
    found = ALL[name]
    assert getattr(found, "examples", ())
    context = click.Context(found, info_name=name)
    assert "\nExamples:\n" in found.get_help(context)
    assert all(item.help for item in found.params if isinstance(item, click.Option))


@pytest.mark.parametrize("name", VERBS)
def test_help_in_the_list_is_the_commands_own(name: str) -> None:
    """The sentence beside the name is there for the list alone; the module says more."""
    assert VERBS[name].help.endswith(".")
    assert len(VERBS[name].help) <= 72


def test_exit_codes() -> None:
    """The table has each code there is."""
    table = TEXT[TEXT.index("## Exit codes") : TEXT.index("## For programs")]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    known = {kind.exit_code for kind in kinds if issubclass(kind, errors.HoldfastError)}
    assert listed == known | {0, INTERNAL_ERROR, INTERRUPTED, BROKEN_PIPE}


def test_events() -> None:
    """Each kind of event is named."""
    assert all(f"`{kind}`" in TEXT for kind in Kind)

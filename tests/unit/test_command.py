"""Commands as values: they print without secrets and run nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.command import Command, Secret, shell


def test_secret_does_not_print_itself() -> None:
    """Neither str, repr, format nor a container's repr shows the value."""
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {[secret]} { ({'A': secret}) }"
    assert "hunter2" not in shown
    assert "***" in shown


def test_secrets_are_equal_by_value() -> None:
    """Two settings can be compared without being shown."""
    assert Secret("a") == Secret("a") != Secret("b")


def test_command_prints_as_a_shell_would_take_it() -> None:
    """What is printed can be pasted: words with spaces and quotes are quoted."""
    command = Command(("echo", "two words", "it's"), timeout=1)
    assert str(command) == """echo 'two words' 'it'"'"'s'"""


def test_command_shows_neither_environment_nor_input() -> None:
    """The repr, which tracebacks may show, holds no secret and no standard input."""
    command = Command(("env",), timeout=1, env={"KEY": Secret("hunter2")}, stdin=b"hunter2")
    assert "hunter2" not in repr(command) + str(command)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (Command(("/usr/bin/uv", "sync"), timeout=1), "uv"),
        (Command(("uv", "sync"), timeout=1, title="dependencies"), "dependencies"),
        (shell("npm ci && npm run build", timeout=1), "npm ci && npm run build"),
    ],
)
def test_name_is_what_a_person_calls_it(command: Command, name: str) -> None:
    """The title if there is one, else the program; a shell line is called by its text."""
    assert command.name == name


def test_shell_hands_the_line_to_sh_whole() -> None:
    """A user's line is one argument of /bin/sh -c; the rest of the options are kept."""
    command = shell("echo $HOME", timeout=3, cwd=Path("/"))
    assert command.argv == ("/bin/sh", "-c", "echo $HOME")
    assert (command.timeout, command.cwd) == (3, Path("/"))


def test_commands_are_equal_by_value() -> None:
    """A test can say what is going to be run without running it."""
    assert Command(("a",), timeout=1) == Command(("a",), timeout=1)
    assert Command(("a",), timeout=1) != Command(("a",), timeout=2)

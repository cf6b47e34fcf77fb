"""Errors: one tree, an exit code each, something to do next."""

from __future__ import annotations

import re

import pytest

from holdfast import errors


def tree(kind: type[errors.HoldfastError]) -> list[type[errors.HoldfastError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


OURS = [kind for kind in tree(errors.HoldfastError) if kind.__module__ == errors.__name__]


def test_drawing_in_the_docstring_is_the_tree() -> None:
    """The picture names every class of the module with its real exit code, and no other."""
    drawn = dict(re.findall(r"(?:── |^    )(\w+) +(\d+)  ", errors.__doc__ or "", re.MULTILINE))
    assert {name: int(code) for name, code in drawn.items()} == {
        kind.__name__: kind.exit_code for kind in OURS
    }


@pytest.mark.parametrize("kind", OURS)
def test_exit_code_is_one_a_shell_can_tell_from_success_and_signals(
    kind: type[errors.HoldfastError],
) -> None:
    """Codes stay between 1 and 63: not success, not sysexits' and not a signal's.

    But for Ctrl-C, which a shell is to take for the signal: 128 + 2.
    """
    if kind is errors.Interrupted:
        assert kind.exit_code == 130
    else:
        assert 0 < kind.exit_code < 64


def test_message_hint_and_detail_are_kept_apart() -> None:
    """The message is the exception's text; hint and detail come beside it."""
    error = errors.BuildError("uv failed", hint="try again", detail="the log")
    assert (str(error), error.message, error.hint, error.detail) == (
        "uv failed",
        "uv failed",
        "try again",
        "the log",
    )


def test_config_error_names_the_place_first() -> None:
    """A wrong key is found by file, table and key at the start of the line."""
    error = errors.ConfigError("holdfast.toml: [web] listen", "must be unix or port", hint="unix")
    assert str(error) == "holdfast.toml: [web] listen: must be unix or port"
    assert error.where == "holdfast.toml: [web] listen"


def test_failed_command_carries_its_output_as_detail() -> None:
    """The end of the output is what a reader needs to see below the message."""
    error = errors.CommandFailed("npm: ended with status 1", returncode=1, output="boom")
    assert (error.returncode, error.output, error.detail) == (1, "boom", "boom")


def test_cancelled_deploy_is_a_failed_deploy() -> None:
    """Who handles an undone deploy handles a cancelled one, with the same exit code."""
    assert issubclass(errors.Cancelled, errors.DeployFailed)
    assert errors.Cancelled.exit_code == errors.DeployFailed.exit_code

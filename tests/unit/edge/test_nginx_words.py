"""nginx's own words about what a person can mend, in ours."""

from __future__ import annotations

import pytest

from holdfast.edge.nginx import refusal
from holdfast.errors import CommandFailed


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            "nginx: [emerg] bind() to 127.0.0.1:80 failed (98: Address already in use)",
            "127.0.0.1:80 is in use by another program",
            "HOLDFAST_PORT",
        ),
        (
            "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
            "this user may not listen on 0.0.0.0:80",
            "1024 or higher",
        ),
        (
            "nginx: [emerg] bind() to 9.9.9.9:80 failed (99: Cannot assign requested address)",
            "no address 9.9.9.9:80",
            "HOLDFAST_BIND",
        ),
        (
            "nginx: [error] init_by_lua error: gates.lua:6: module 'cjson.safe' not found:",
            "Lua library cjson is missing",
            "apt-get install",
        ),
        ("module 'resty.core' not found", "Lua library resty is missing", "apt-get install"),
    ],
)
def test_refusals(words: str, message: str, hint: str) -> None:
    """What happened, and what to do."""
    error = refusal(CommandFailed("nginx", returncode=1, output=words))
    assert error is not None
    assert message in error.message
    assert hint in (error.hint or "")


def test_nothing_a_person_can_mend() -> None:
    """Other words stay nginx's."""
    assert refusal(CommandFailed("nginx", returncode=1, output="unknown directive")) is None

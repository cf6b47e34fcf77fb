"""A command that is named in what is said can be typed as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.typed import VERBS, Typed
from holdfast.errors import BuildError, NotFound
from holdfast.protocol import Emit, Event, Kind
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_agent import NOTHING, FakeAgent
from tests.unit.cli.test_docs import ALL

TYPED = Typed("me@box:2222", "notes", None)
WHERE = "--server me@box:2222 --name notes"


def test_every_verb_that_takes_the_options_is_known() -> None:
    """And no other: --server would be refused there."""
    takes = {
        name.removeprefix("holdfast ")
        for name, command in ALL.items()
        if "--server" in {option for item in command.params for option in item.opts}
    }
    assert takes == {*VERBS}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("holdfast logs web says why", f"holdfast logs {WHERE} web says why"),
        ("holdfast env set A", f"holdfast env set {WHERE} A"),
        ("holdfast rollback", f"holdfast rollback {WHERE}"),
        ("holdfast run -- sh -c x", f"holdfast run {WHERE} -- sh -c x"),
        (
            "holdfast open, or holdfast env list; holdfast status",
            f"holdfast open {WHERE}, or holdfast env list {WHERE}; holdfast status {WHERE}",
        ),
        (
            "holdfast destroy --name other forgets it",
            "holdfast destroy --server me@box:2222 --name other forgets it",
        ),
        (
            "holdfast server deploy-key add K --app x",
            "holdfast server deploy-key add --server me@box:2222 K --app x",
        ),
        ("holdfast deploy --follow --server a --name b", None),
        ("holdfast server setup root@a", None),
        ("holdfast deploys", None),
        ("holdfast hold-fast", None),
        ("holdfast env keeps it", None),
        ("see holdfast.toml, holdfast/notes:1", None),
    ],
)
def test_options_stand_behind_the_verb(text: str, whole: str | None) -> None:
    """Those that the command lacks; what is complete, or takes none, stays."""
    assert TYPED.complete(text) == (whole or text)


def test_only_what_was_typed_is_put_in() -> None:
    """What the config says it says the next time, too; words are quoted for the shell."""
    assert Typed().complete("holdfast logs") == "holdfast logs"
    typed = Typed(None, None, "staging", Path("my shop"))
    assert typed.complete("holdfast logs") == "holdfast logs --env staging -C 'my shop'"


def test_errors_notes_and_answers(holdfast: Run, agent: FakeAgent) -> None:
    """Whoever said it, the server too."""

    def deploy(_: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
        emit(Event(Kind.LOG, {"source": "web", "line": "holdfast logs"}))
        emit(Event(Kind.NOTE, {"text": "holdfast env list shows them"}))
        raise BuildError("it failed", hint="holdfast env set A")

    agent.answers["status"] = NOTHING
    agent.answers["deploy"] = deploy
    ran = holdfast("deploy", "--server", "local", "--name", "paper", "--domain", "a.localhost")
    assert "note: holdfast env list --server local --name paper shows them" in ran.out
    assert "web | holdfast logs\n" in ran.out
    assert "hint: holdfast env set --server local --name paper A" in ran.err


def test_programs_get_them_likewise(holdfast: Run, agent: FakeAgent) -> None:
    agent.answers["releases"] = NotFound("none", hint="holdfast deploy makes one")
    ran = holdfast("releases", "--server", "local", "--json")
    assert ran.lines[-1]["error"]["hint"] == "holdfast deploy --server local makes one"

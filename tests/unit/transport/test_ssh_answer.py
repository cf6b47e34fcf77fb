"""The protocol's lines as they come out of ssh."""

from __future__ import annotations

import json

from holdfast.errors import BuildError, HoldfastError
from holdfast.protocol import Event, Kind, error_to_json
from holdfast.transport.ssh.transport import Answer


def test_events_pass_and_the_result_stays() -> None:
    """Each event goes on as it comes; what else is printed is kept to explain a failure."""
    seen: list[Event] = []
    answer = Answer(seen.append)
    answer.take("Welcome to box!")
    answer.take("42")
    answer.take(Event(Kind.NOTE, {"text": "x"}, 1.5).to_line())
    answer.take(json.dumps({"result": {"a": 1}}))
    assert seen == [Event(Kind.NOTE, {"text": "x"}, 1.5)]
    assert (answer.result, answer.error) == ({"a": 1}, None)
    assert answer.rest() == "Welcome to box!\n42"


def test_errors_keep_their_class() -> None:
    """What the agent raised there is raised here."""
    answer = Answer(lambda _: None)
    answer.take(json.dumps({"error": error_to_json(BuildError("no", hint="do", detail="why"))}))
    error = answer.error
    assert isinstance(error, BuildError)
    assert isinstance(error, HoldfastError)
    assert (error.message, error.hint, error.detail) == ("no", "do", "why")

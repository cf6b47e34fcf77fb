"""What laptop and server say to each other survives the trip."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast import errors, protocol
from holdfast.command import Secret
from holdfast.protocol import Event, Kind, Request, error_from_json, error_to_json

PLAIN = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, errors.HoldfastError)
    and kind not in (errors.ConfigError, errors.CommandFailed)
]


@pytest.mark.parametrize("kind", list(Kind))
def test_event_is_the_same_after_the_trip(kind: Kind) -> None:
    """Every kind of event comes back as it was sent, on one line."""
    event = Event(kind, {"step": "boot", "text": "two\nlines ä", "held": 3}, at=1_795_000_000.25)
    line = event.to_line()
    assert "\n" not in line
    assert Event.from_json(json.loads(line)) == event


def test_event_knows_its_time() -> None:
    """An event is stamped when it is made."""
    assert abs(Event(Kind.NOTE).at - time.time()) < 5


@pytest.mark.parametrize("value", [Secret("hunter2"), Path("/x")])
def test_event_takes_plain_values_only(value: object) -> None:
    """A secret that got into an event can't be sent at all."""
    with pytest.raises(TypeError) as caught:
        Event(Kind.NOTE, {"text": value}).to_line()
    assert "hunter2" not in str(caught.value)


def test_request_names_its_version() -> None:
    """The other side can tell a newer client from a broken one."""
    assert Request("status", {"app": "notes"}).to_json() == {
        "version": protocol.VERSION,
        "method": "status",
        "params": {"app": "notes"},
    }


@pytest.mark.parametrize("kind", PLAIN)
def test_error_comes_back_as_its_own_class(kind: type[errors.HoldfastError]) -> None:
    """Who catches Busy locally catches it from a server, with all it says."""
    sent = kind("what happened", hint="what to do", detail="the log")
    back = error_from_json(json.loads(json.dumps(error_to_json(sent))))
    assert type(back) is kind
    assert (back.message, back.hint, back.detail, back.exit_code) == (
        "what happened",
        "what to do",
        "the log",
        kind.exit_code,
    )


@pytest.mark.parametrize(
    "sent",
    [
        errors.ConfigError("holdfast.toml: [web] port", "no such key", hint="listen?"),
        errors.CommandFailed("uv: ended with status 2", returncode=2, output="the log"),
    ],
)
def test_error_that_needs_more_keeps_its_words_and_code(sent: errors.HoldfastError) -> None:
    """Message, hint, detail and exit code are what the user meets; they are the same."""
    back = error_from_json(json.loads(json.dumps(error_to_json(sent))))
    assert (str(back), back.hint, back.detail, back.exit_code) == (
        str(sent),
        sent.hint,
        sent.detail,
        sent.exit_code,
    )


@pytest.mark.parametrize("name", ["Newer", "annotations", "object", "", None, 3])
def test_unknown_error_is_still_an_error(name: Any) -> None:
    """A newer server's error, or a made-up one, is a plain HoldfastError."""
    back = error_from_json({"type": name, "message": "what happened"})
    assert type(back) is errors.HoldfastError
    assert (str(back), back.exit_code) == ("what happened", 1)


def test_error_of_a_module_of_its_own_comes_back_as_the_common_one() -> None:
    """The laptop has not imported the server's modules: a derived class keeps code and kind."""

    class Derived(errors.DetectionError):
        pass

    told = error_to_json(Derived("no", hint="yes"))
    assert told["type"] == "DetectionError"
    assert error_from_json(told).exit_code == errors.DetectionError.exit_code

"""The local transport: in process, and yet as if through a wire."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import BuildError
from holdfast.layout import Layout
from holdfast.protocol import Emit, Event, Kind, Request
from holdfast.transport import open_transport
from holdfast.transport.local import LocalTransport
from holdfast.transport.printer import PrinterTransport


def answering(result: Any, *events: Event) -> Any:
    def dispatch(_layout: Layout, _request: Request, emit: Emit) -> Any:
        for event in events:
            emit(event)
        return result

    return dispatch


def test_events_and_results_pass_through_json(tmp_path: Path) -> None:
    """What arrives is what a wire would bring: lists for tuples, floats with four places."""
    seen: list[Event] = []
    event = Event(Kind.STEP_PROGRESS, {"step": "x", "names": ("a", "b")}, 1.00001)
    transport = LocalTransport(Layout(tmp_path), answering({"a": (1, 2)}, event))
    assert transport.call(Request("hello"), seen.append) == {"a": [1, 2]}
    assert seen == [Event(Kind.STEP_PROGRESS, {"step": "x", "names": ["a", "b"]}, 1.0)]


@pytest.mark.parametrize("where", ["event", "result", "request"])
def test_what_is_no_json_is_a_fault(tmp_path: Path, where: str) -> None:
    """Something that no wire takes does not get through here either."""
    bad: Any = {"path": Path("/")}
    events = [Event(Kind.NOTE, bad)] if where == "event" else []
    transport = LocalTransport(
        Layout(tmp_path), answering(bad if where == "result" else {}, *events)
    )
    with pytest.raises(TypeError):
        transport.call(Request("hello", bad if where == "request" else {}), lambda _: None)


def test_errors_keep_their_class(tmp_path: Path) -> None:
    """Nothing is caught on the way."""

    def dispatch(_layout: Layout, _request: Request, _emit: Emit) -> dict[str, Any]:
        raise BuildError("no")

    with pytest.raises(BuildError, match="no"):
        LocalTransport(Layout(tmp_path), dispatch).call(Request("deploy"), lambda _: None)


def test_source_arrives_whole(short_path: Path) -> None:
    """The archive is where the agent looks for the token, for its owner alone."""
    (short_path / "a.tar").write_bytes(b"tar")
    layout = Layout(short_path / "r")
    token = LocalTransport(layout).send_source("notes", short_path / "a.tar")
    arrived = layout.app("notes").incoming / f"{token}.tar"
    assert arrived.read_bytes() == b"tar"
    assert stat.S_IMODE(arrived.stat().st_mode) == 0o600
    assert list(layout.app("notes").incoming.iterdir()) == [arrived]


def test_local_is_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``local`` is below HOLDFAST_ROOT."""
    monkeypatch.setenv("HOLDFAST_ROOT", str(tmp_path))
    assert open_transport("local").server == "local"


def test_dry_run_withholds_what_changes(tmp_path: Path) -> None:
    """Questions are answered, changes are kept for show, values masked."""
    asked: list[str] = []

    def dispatch(_layout: Layout, request: Request, _emit: Emit) -> dict[str, Any]:
        asked.append(request.method)
        return {"real": True}

    (tmp_path / "a.tar").write_bytes(b"tar")
    printer = PrinterTransport(LocalTransport(Layout(tmp_path), dispatch))
    assert printer.call(Request("status"), lambda _: None) == {"real": True}
    changes = Request("env.set", {"app": "notes", "values": {"KEY": "hunter2"}})
    assert printer.call(changes, lambda _: None) == {}
    printer.send_source("notes", tmp_path / "a.tar")
    printer.interactive("notes", ["flask", "shell"], tty=False)
    assert asked == ["status"]
    assert "hunter2" not in str(printer.withheld)
    assert printer.withheld[0]["params"] == {"app": "notes", "values": {"KEY": "***"}}
    assert printer.withheld[1:] == [
        {"source": "notes", "bytes": 3},
        {"run": ["flask", "shell"], "app": "notes", "tty": False},
    ]

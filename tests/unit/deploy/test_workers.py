"""Old workers that end beside the deploy, and come back if it fails."""

from __future__ import annotations

import threading

import pytest

from holdfast.deploy.workers import Workers
from holdfast.errors import ProcessError


class Called:
    """Notes what was called, in order; ``gate`` keeps the stopping from its end."""

    def __init__(self, *fail: str) -> None:
        self.calls: list[str] = []
        self.gate = threading.Event()
        self._fail = fail

    def workers(self, *, touched: bool = False) -> Workers:
        def stop() -> None:
            self.gate.wait(5)
            self.say("stop")

        return Workers(stop, lambda: self.say("prepare"), touched=touched)

    def say(self, name: str) -> None:
        self.calls.append(name)
        if name in self._fail:
            raise ProcessError(f"{name}: no")


def test_they_end_beside_whatever_else_is_done() -> None:
    """Asked once, however often; new ones are prepared when the old ones have ended."""
    called = Called()
    workers = called.workers()
    workers.finish()
    workers.finish()
    assert called.calls == []
    assert not workers.have_ended
    called.gate.set()
    workers.finished()
    workers.ready()
    assert called.calls == ["stop", "prepare"]
    assert workers.have_ended


def test_what_cannot_be_stopped_is_said_where_it_is_waited_for() -> None:
    """And nothing is prepared beside it."""
    called = Called("stop")
    called.gate.set()
    workers = called.workers()
    workers.finish()
    with pytest.raises(ProcessError, match="stop: no"):
        workers.finished()
    workers.ready()
    assert called.calls == ["stop"]


def test_what_cannot_be_prepared_is_said_by_who_starts_it() -> None:
    called = Called("prepare")
    called.gate.set()
    workers = called.workers()
    workers.finish()
    workers.finished()
    workers.ready()
    assert called.calls == ["stop", "prepare"]


def test_nobody_was_asked_and_nobody_is_started_again() -> None:
    called = Called()
    workers = called.workers()
    workers.ready()
    workers.back(lambda: called.say("start"))
    assert called.calls == []


def test_who_was_asked_is_started_again_once() -> None:
    """After all has ended; and can be asked again."""
    called = Called()
    workers = called.workers()
    workers.finish()
    called.gate.set()
    workers.back(lambda: called.say("start"))
    workers.back(lambda: called.say("start"))
    assert called.calls == ["stop", "prepare", "stop", "start"]
    workers.finish()
    workers.finished()
    workers.ready()
    assert called.calls[4:] == ["stop", "prepare"]


def test_an_engine_before_this_one_may_have_asked() -> None:
    """What it asked to end, ends; then they are started."""
    called = Called()
    called.gate.set()
    workers = called.workers(touched=True)
    workers.back(lambda: called.say("start"))
    assert called.calls == ["stop", "start"]

"""An app in maintenance stays in it, whatever is deployed meanwhile."""

from __future__ import annotations

from tests.server.deploy.clients import ask
from tests.server.deploy.tiny import Tiny


def command(tiny: Tiny, verb: str) -> None:
    ended = tiny.run(verb)
    assert ended.status == 0, ended.lines


def test_it_goes_on(tiny: Tiny) -> None:
    """Over both strategies and over what is undone; then the newest release answers."""
    command(tiny, "maintenance")
    for strategy in ("handover", "hold"):
        ended = tiny.finish(tiny.start("plain", strategy))
        assert ended.outcome == "succeeded", ended.lines[-1]
        assert (
            "maintenance goes on; holdfast open --server local --name site ends it" in ended.notes()
        )
        assert ask(tiny, "/").status == 503
    ended = tiny.finish(tiny.start("broken-migration", "auto"))
    assert ended.outcome == "undone"
    assert ask(tiny, "/").status == 503
    command(tiny, "open")
    assert ask(tiny, "/").version == tiny.versions[-1]

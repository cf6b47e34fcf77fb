"""What an app writes where nobody has found it goes on to be there, whatever becomes of deploys."""

from __future__ import annotations

from tests.server.deploy.clients import Answer, ask
from tests.server.deploy.tiny import Tiny


def upload(tiny: Tiny, name: str) -> None:
    assert ask(tiny, f"/uploads?{name}", "POST", b"file").status == 200


def see(tiny: Tiny, name: str) -> Answer:
    return ask(tiny, f"/uploads?{name}")


def test_uploads_are_kept(tiny: Tiny) -> None:
    """From the release in which they were found on: by a deploy of either strategy, one that is
    undone, and the one after a rollback to a release that did not have them."""
    first = tiny.versions[-1]
    upload(tiny, "one")
    ended = tiny.finish(tiny.start("plain", "handover"))
    assert "uploads was written by the app that serves: kept from release" in ended.notes()
    assert (see(tiny, "one").status, see(tiny, "one").text) == (200, first)
    upload(tiny, "two")
    assert tiny.finish(tiny.start("broken-health", "handover")).outcome == "undone"
    upload(tiny, "three")
    tiny.good("hold")
    for name in ("one", "two", "three"):
        assert see(tiny, name).status == 200, name
    back = tiny.run("rollback", min(tiny.releases()), "--yes")
    assert back.outcome == "succeeded", back.lines[-1]
    upload(tiny, "four")
    tiny.good("handover")
    for name in ("one", "two", "three", "four"):
        assert see(tiny, name).status == 200, name

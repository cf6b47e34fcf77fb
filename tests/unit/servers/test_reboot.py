"""When a server's apps are back after a reboot."""

from __future__ import annotations

from typing import Any

from holdfast.servers.reboot import Seen


def app(name: str, *down: str, gate: bool = True, release: str | None = "r1") -> dict[str, Any]:
    processes = [{"name": item, "state": "backoff"} for item in down]
    return {
        "app": name,
        "release": release,
        "gate": {"mode": "open"} if gate else None,
        "processes": [*processes, {"name": "worker", "state": "running"}],
        "down": list(down),
    }


def test_all_are_up_for_a_while() -> None:
    """One good look is none yet; an app that was never live is not waited for."""
    seen = Seen()
    apps = [app("notes"), app("polls"), app("draft", gate=False, release=None)]
    assert [seen.look(apps, now) for now in (100.0, 103.0, 105.0)] == [False, False, True]
    assert seen.names == ["notes", "polls"]


def test_a_web_in_back_off_is_not_back() -> None:
    """Its gate is open all the same; who does not stay up is named, and time begins anew."""
    seen = Seen()
    assert not seen.look([app("notes"), app("polls")], 100.0)
    assert not seen.look([app("notes", "web.a", "beat"), app("polls", gate=False)], 106.0)
    assert seen.missing() == (
        "notes: web.a does not stay up (backoff), beat does not stay up (backoff);"
        " polls: it has no gate"
    )
    assert not seen.look([app("notes"), app("polls")], 107.0)
    assert seen.look([app("notes"), app("polls")], 112.0)


def test_no_app() -> None:
    """A server without apps is back when it has booted."""
    assert Seen().look([], 1.0)

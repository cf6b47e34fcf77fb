"""A server's check and plan as text."""

from __future__ import annotations

from typing import Any

from holdfast.cli.show.paint import Paint
from holdfast.cli.show.server import check_lines, plan_lines


def shown(state: str, **more: Any) -> dict[str, Any]:
    """What the server says of one item."""
    blank = {"why": "", "source": "", "note": "", "differs": [], "manual": [], "actions": []}
    item = {"key": "kernel", "title": "Kernel settings", "state": state, **blank, **more}
    about = {"system": "Debian", "container": None, "login": "root", "admin": "holdfast"}
    lists = {"logins": {"holdfast": 2}, "sudoers": ["/etc/sudoers.d/holdfast"]}
    return {**about, **lists, "set_up": 1, "score": 90, "items": [item]}


def test_what_differs_is_named() -> None:
    """The first five by name, then how many more; where nothing has a name, what would be done."""
    seven = [f"fs.setting{n} is 1, not 0" for n in range(7)]
    for lines in (check_lines, plan_lines):
        text = "\n".join(lines(shown("change", differs=seven, actions=["run x"]), Paint()))
        assert "fs.setting4 is 1, not 0" in text
        assert "fs.setting5" not in text
        assert "and 2 more" in text
        assert "run x" not in text
    assert "write /etc/x" in "\n".join(
        check_lines(shown("change", actions=["write /etc/x"]), Paint())
    )


def test_what_is_left_to_a_person() -> None:
    """It differs in the check, and set-up does not say that everything is as it ought to be."""
    left = shown("manual", manual=["toor has uid 0"])
    check, plan = "\n".join(check_lines(left, Paint())), "\n".join(plan_lines(left, Paint()))
    assert "differs" in check
    assert all("toor has uid 0" in text for text in (check, plan))
    assert "everything is as" not in plan
    assert "everything is as" in "\n".join(plan_lines(shown("ok"), Paint()))


def test_who_can_log_in() -> None:
    """Keys are counted, files of sudo listed: whether they belong there only a person knows."""
    text = "\n".join(check_lines(shown("ok"), Paint()))
    assert "keys that log in: holdfast has 2" in text
    assert "/etc/sudoers.d/holdfast" in text

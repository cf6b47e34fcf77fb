"""What an app has written in its tree comes along to the release that takes over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.app import AppSpec, Dependencies, Web
from holdfast.layout import AppLayout
from holdfast.releases.carrying import carry, carry_late, furnish, note_shipped
from holdfast.releases.written import known
from holdfast.runtimes.contract import Release
from tests.unit.releases.tree import SHIPPED, SINCE, write


def release(home: AppLayout, name: str) -> Release:
    """A release as the tiny project above is one."""
    place = home.releases / name
    for shipped in SHIPPED:
        write(place / "src" / shipped, name, at=SINCE - 10)
    note_shipped(place, SHIPPED)
    web = Web(command="serve", health="/")
    spec = AppSpec("shop", ("shop.test",), "command", Dependencies("none"), web)
    return Release(name, place, spec, None, False, SINCE - 5, home.envs / "x")


@pytest.fixture
def home(tmp_path: Path) -> AppLayout:
    return AppLayout(tmp_path, "shop")


def test_a_second_look(home: AppLayout) -> None:
    """What was written while the next release was built: it has that too, and the project's own
    files as they are sent with it; what it has made itself gives way, and is told."""
    old, new = release(home, "1"), release(home, "2")
    for name in ("static/ann.png", "static/logo.png", "uploads/a.txt", "seen.txt", "made/b.txt"):
        write(old.source / name, "old")
    write(new.source / "seen.txt", "new")
    write(new.source / "made/own.txt", "new")
    (new.source / "uploads").mkdir()
    carried = carry(home, old, new, SINCE)
    assert carried.replaced == ("seen.txt",)
    assert len(carried.files) == 5
    for name in ("static/ann.png", "uploads/a.txt", "seen.txt", "made/b.txt"):
        assert (new.source / name).read_text() == "old", name
        assert (new.source / name).resolve() == (home.data / name).resolve()
    assert (new.source / "static/logo.png").read_text() == "2"
    assert (new.source / "made/own.txt").read_text() == "new"
    assert {item.path for item in known(home.written)} >= {"static/ann.png", "uploads", "made"}
    assert carry(home, old, new, SINCE).files == ()


def test_the_last_look(home: AppLayout) -> None:
    """The new release serves: it gets what it has nothing of, and keeps what it has written."""
    old, new = release(home, "1"), release(home, "2")
    write(old.source / "static/ann.png", "old")
    write(old.source / "seen.txt", "old")
    write(new.source / "seen.txt", "new")
    assert carry_late(home, old, new, SINCE).files == ("static/ann.png",)
    assert (new.source / "static/ann.png").read_text() == "old"
    assert (new.source / "seen.txt").read_text() == "new"


def test_a_release_of_long_ago(home: AppLayout) -> None:
    """It gets what has become data since; what it has itself stays."""
    old, new = release(home, "1"), release(home, "2")
    write(new.source / "uploads/a.txt", "sent")
    write(new.source / "static/site.css", "sent")
    carry(home, new, release(home, "3"), SINCE)
    furnish(home, old)
    assert (old.source / "uploads/a.txt").read_text() == "sent"
    assert (old.source / "static/site.css").read_text() == "1"


def test_what_the_app_takes_away_stays_away(home: AppLayout) -> None:
    """Between two looks and between two releases: no deploy brings it back. What was kept of it is
    not removed."""
    one, two, three = (release(home, name) for name in "123")
    for name in ("static/ann.png", "static/bob.png"):
        write(one.source / name, "one")
    carry(home, one, two, SINCE)
    furnish(home, three)  # as its build does, before the app takes it away
    (two.source / "static/ann.png").unlink()
    carry(home, two, three, SINCE)
    assert not os.path.lexists(three.source / "static/ann.png")
    assert (three.source / "static/bob.png").read_text() == "one"
    assert [item.path for item in known(home.written)] == ["static/bob.png"]
    assert (home.data / "static/ann.png").read_text() == "one"


def test_what_the_app_renames_is_there_by_its_new_name(home: AppLayout) -> None:
    """What is renamed is the link that we have put there; the next release has the file, too. A
    link of the app's own is left alone."""
    one, two, three = (release(home, name) for name in "123")
    write(one.source / "static/half.png", "picture")
    write(one.source / "static/kept.png", "kept")
    carry(home, one, two, SINCE)
    furnish(home, three)
    (two.source / "static/half.png").rename(two.source / "static/ann.png")
    (two.source / "static/other.png").symlink_to(home.data / "static/kept.png")
    carry(home, two, three, SINCE)
    assert (three.source / "static/ann.png").read_text() == "picture"
    assert (three.source / "static/ann.png").readlink() == home.data / "static/ann.png"
    assert (two.source / "static/ann.png").read_text() == "picture"
    assert not os.path.lexists(three.source / "static/half.png")
    assert not os.path.lexists(three.source / "static/other.png")
    assert {item.path for item in known(home.written)} == {"static/ann.png", "static/kept.png"}

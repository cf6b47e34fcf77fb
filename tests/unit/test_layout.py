"""Where things lie."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from holdfast.errors import UsageError
from holdfast.layout import LONGEST_ROOT, Layout, check, default_root


def tree(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
        for path in sorted(root.rglob("*"))
    }


def test_chosen_root_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """$HOLDFAST_ROOT overrides everything."""
    monkeypatch.setenv("HOLDFAST_ROOT", "/srv/hf")
    assert default_root() == Path("/srv/hf")


@pytest.mark.parametrize(
    ("user", "data_home", "expected"),
    [
        (0, "", "/var/lib/holdfast"),
        (0, "/data", "/var/lib/holdfast"),
        (1000, "/data", "/data/holdfast"),
        (1000, "", "/home/someone/.local/share/holdfast"),
    ],
)
def test_default_root(
    monkeypatch: pytest.MonkeyPatch, user: int, data_home: str, expected: str
) -> None:
    """The system's place for root, the XDG data home for a user; an empty variable is unset."""
    monkeypatch.setenv("HOLDFAST_ROOT", "")
    monkeypatch.setenv("XDG_DATA_HOME", data_home)
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert default_root() == Path(expected)


def test_making_twice_changes_nothing(short_path: Path) -> None:
    """The second run finds everything as the first left it."""
    layout = Layout(short_path / "root")
    layout.make()
    layout.app("notes").make()
    before = tree(short_path)
    layout.make()
    layout.app("notes").make()
    assert tree(short_path) == before


def test_data_and_snapshots_are_the_owners_alone(short_path: Path) -> None:
    """Databases, uploads and copies of them are not for other users of the machine."""
    app = Layout(short_path).app("notes")
    app.make()
    app.data.chmod(0o755)
    app.make()
    for path in (app.data, app.snapshots):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_apps_are_listed_by_name(short_path: Path) -> None:
    """Directories are apps, sorted; a machine without any has none."""
    layout = Layout(short_path)
    assert layout.apps() == []
    for name in ("shop", "blog"):
        layout.app(name).make()
    (short_path / "apps" / "stray-file").write_text("")
    assert layout.apps() == ["blog", "shop"]


def test_longest_root_leaves_room_for_the_longest_socket() -> None:
    """A root of the longest length and a name of 32 characters stay within 107 bytes (unix(7))."""
    root = Path("/" + "r" * (LONGEST_ROOT - 1))
    check(root)
    socket = Layout(root).app("n" * 32).run / "web.a.sock"
    assert len(os.fsencode(socket)) <= 107


@pytest.mark.parametrize("root", ["/" + "r" * LONGEST_ROOT, "/" + "ä" * (LONGEST_ROOT // 2)])
def test_root_that_is_too_long_is_refused_early(root: str) -> None:
    """Bytes count, not characters; the hint says why."""
    with pytest.raises(UsageError, match="longer than 50 bytes") as caught:
        Layout(Path(root)).make()
    assert caught.value.hint is not None
    assert "socket" in caught.value.hint


def test_root_that_cannot_be_made_says_what_to_set(short_path: Path) -> None:
    """A file in the way is one clear error."""
    (short_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made: Not a directory") as caught:
        Layout(short_path / "file" / "root").make()
    assert caught.value.hint == "set HOLDFAST_ROOT to a directory you can write"

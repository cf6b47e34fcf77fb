"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from holdfast.files import symlink_atomic, write_atomic, write_json


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("data", ["text ä\n", b"bytes \xff", ""])
def test_what_is_written_is_there(tmp_path: Path, data: str | bytes) -> None:
    """Text is written as UTF-8, bytes as they are."""
    write_atomic(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == (data.encode() if isinstance(data, str) else data)


@pytest.mark.parametrize("bits", [0o600, 0o644, 0o755])
def test_mode_is_as_asked_whatever_the_umask(tmp_path: Path, bits: int) -> None:
    """A secret is never readable for others, a public file always is."""
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "file", "x", mode=bits)
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == bits


def test_replacing_takes_the_new_mode(tmp_path: Path) -> None:
    """A file that was too open is closed by the next write."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o666)
    write_atomic(path, "new", mode=0o600)
    assert (path.read_text(), mode(path)) == ("new", 0o600)


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """When the write fails half way, the old content stands and no temporary file stays."""
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_atomic(path, 42)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_full_disk_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ENOSPC at fsync, where many file systems report it, is the caller's to see."""
    path = tmp_path / "file"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_missing_directory_is_an_error(tmp_path: Path) -> None:
    """It makes no directories: a typo in a path must not look like success."""
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "gone" / "file", "x")


def test_readers_see_old_or_new_and_never_half(tmp_path: Path) -> None:
    """While one thread replaces a file, another that reads it always finds a whole one."""
    path = tmp_path / "file"
    contents = {"a" * 200_000, "b" * 200_000}
    write_atomic(path, min(contents))
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            if (text := path.read_text()) not in contents:
                wrong.append(text[:20])

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            write_atomic(path, content)
    done.set()
    reader.join()
    assert wrong == []


def test_json_is_readable_by_people_and_the_same_each_time(tmp_path: Path) -> None:
    """Indented, sorted, with a line end: a diff shows what changed."""
    write_json(tmp_path / "file", {"b": 1, "a": ["ä"]}, mode=0o600)
    text = (tmp_path / "file").read_text()
    assert json.loads(text) == {"a": ["ä"], "b": 1}
    assert text.index('"a"') < text.index('"b"')
    assert text.endswith("}\n")
    assert mode(tmp_path / "file") == 0o600


def test_link_is_made_and_moved_in_one_step(tmp_path: Path) -> None:
    """Moving a link never leaves a moment without one."""
    link = tmp_path / "current"
    (tmp_path / "one").mkdir()
    symlink_atomic("one", link)
    assert link.resolve() == (tmp_path / "one").resolve()
    missing = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            if not link.is_symlink():
                missing.append(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(100):
        symlink_atomic(f"release-{number}", link)
    done.set()
    watcher.join()
    assert missing == []
    assert str(link.readlink()) == "release-99"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["current", "one"]


def test_link_over_a_directory_fails_and_leaves_it(tmp_path: Path) -> None:
    """A real directory in the link's place is not replaced; nothing is left beside it."""
    (tmp_path / "current").mkdir()
    with pytest.raises(OSError, match="directory"):
        symlink_atomic("one", tmp_path / "current")
    assert [item.name for item in tmp_path.iterdir()] == ["current"]

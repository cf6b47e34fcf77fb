"""What containers have written into source that is mounted in them."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.releases.touched import BUILT, written


def test_files_that_are_newer_than_their_release(tmp_path: Path) -> None:
    """As the container has them; not what was sent, nor what is mounted from elsewhere."""
    source = tmp_path / "r1" / "src"
    (source / "media").mkdir(parents=True)
    for name in ("app.py", "db.sqlite3", "media/a.png"):
        (source / name).touch()
    (tmp_path / "r1" / BUILT).touch()
    os.utime(tmp_path / "r1" / BUILT, (1000, 1000))
    os.utime(source / "app.py", (900, 900))
    (source / "link.db").symlink_to("/elsewhere")
    mounts = [
        {"Type": "bind", "Source": str(source), "Destination": "/code"},
        {"Type": "bind", "Source": "/etc", "Destination": "/etc"},
        {"Type": "volume", "Name": "x", "Destination": "/data"},
    ]
    assert sorted(written(mounts, tmp_path)) == ["/code/db.sqlite3", "/code/media/a.png"]


def test_a_file_that_is_mounted_by_itself(tmp_path: Path) -> None:
    """The app has written to it since: it is named as those of a directory are."""
    source = tmp_path / "r1" / "src"
    source.mkdir(parents=True)
    (tmp_path / "r1" / BUILT).touch()
    os.utime(tmp_path / "r1" / BUILT, (1000, 1000))
    for name, when in (("state.json", 2000), ("config.ini", 900)):
        (source / name).touch()
        os.utime(source / name, (when, when))
    mounts = [
        {"Type": "bind", "Source": str(source / name), "Destination": f"/app/{name}"}
        for name in ("state.json", "config.ini")
    ]
    assert list(written(mounts, tmp_path)) == ["/app/state.json"]

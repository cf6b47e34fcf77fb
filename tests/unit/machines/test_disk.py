"""Which mounts a server's removal may touch."""

from __future__ import annotations

from pathlib import Path

from tests.machines.disk import mounts_below

MOUNTS = r"""
22 1 254:0 / / rw - ext4 /dev/root rw
40 22 0:50 / /srv/beds/hfaaaaa/1/root rw shared:1 - overlay overlay rw
41 40 7:0 / /srv/beds/hfaaaaa/1/root/srv/a\040b rw shared:2 - ext4 /dev/loop0 rw
42 22 0:51 / /srv/beds/hfaaaaab/1/root rw shared:3 - overlay overlay rw
""".strip()


def test_mounts_below() -> None:
    """All of a bed and none of another whose name begins the same; spaces are spaces."""
    assert mounts_below(Path("/srv/beds/hfaaaaa"), MOUNTS) == [
        "/srv/beds/hfaaaaa/1/root",
        "/srv/beds/hfaaaaa/1/root/srv/a b",
    ]

"""The disk is full at every moment of a deploy: the site serves, the error says so.

The place lies on a small file system of its own, which is filled to the last byte while the
engine waits at a step. What it meets then is undone; when there is room again the next
deploy works.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.place import Place, free_port
from tests.conftest import require
from tests.server.deploy.running import Ended
from tests.server.deploy.site import check, check_live
from tests.server.deploy.tiny import Tiny, config
from tests.server.packages import CACHE

SIZE = 96_000_000
RELEASE = '[release]\ncommand = "true"'


@pytest.fixture(scope="module")
def small() -> Iterator[Tiny]:
    """The tiny app on a file system of 96 MB; needs root."""
    require(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin"), "nginx with Lua")
    root = Path(tempfile.mkdtemp(prefix="hfd", dir="/tmp"))
    root.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "none", str(root)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    try:
        require(mounted, "to be root, and allowed to mount a tmpfs")
        CACHE.mkdir(parents=True, exist_ok=True)
        (root / "cache").symlink_to(CACHE.resolve())
        place = Place(root, free_port())
        with tempfile.TemporaryDirectory(prefix="hfs", dir="/tmp") as folder:
            site = Tiny(place, "tiny", Path(folder) / "tiny")
            try:
                assert site.deploy().outcome == "succeeded"
                yield site
            finally:
                place.stop()
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(root)], check=True)
        root.rmdir()


def free(site: Tiny) -> int:
    return shutil.disk_usage(site.place.root).free


def fill(site: Tiny, leave: int = 0) -> None:
    """Write until only so many bytes are left."""
    with (site.place.root / "filler").open("ab", buffering=0) as stream:
        while (left := free(site) - leave) > 0:
            try:
                stream.write(bytes(min(left, 1_000_000)))
            except OSError:
                return


def empty(site: Tiny) -> None:
    (site.place.root / "filler").unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def room(small: Tiny) -> Iterator[None]:
    """There is room before and after each test."""
    empty(small)
    small.only_read = False
    yield
    empty(small)


def check_full(ended: Ended) -> None:
    """One clear error: that the disk is full, and how much is left."""
    assert ended.said == "", ended.said
    message = ended.error["message"]
    assert "the disk is full" in message or "no room for a snapshot" in message, ended.error
    assert "MB" in message, ended.error
    assert ended.error["hint"], ended.error


def check_goes_on(site: Tiny, ended: Ended) -> None:
    """With room again all is well, and the next deploy works."""
    empty(site)
    site.typed_status()
    site.settle()
    check_live(site)
    site.good()
    assert check_live(site)["last_deploy"]["outcome"] == "succeeded", ended.lines[-1]


def test_while_uploading(small: Tiny) -> None:
    """The source does not fit: nothing has begun."""
    small.make()
    ballast = small.repository / "ballast"
    ballast.write_bytes(os.urandom(8_000_000))
    fill(small, leave=4_000_000)
    with small.visited() as visit:
        ended = small.run("deploy", "--server", "local")
    ballast.unlink()
    check_full(ended)
    check(visit.account())
    check_goes_on(small, ended)


def test_while_building(small: Tiny) -> None:
    """The source has arrived and cannot be unpacked."""
    releases = small.releases()
    small.make()
    ballast = small.repository / "ballast"
    ballast.write_bytes(os.urandom(12_000_000))
    fill(small, leave=20_000_000)
    with small.visited() as visit:
        ended = small.run("deploy", "--server", "local")
    ballast.unlink()
    check_full(ended)
    assert ended.status == 5
    small.keeps(releases)
    check(visit.account())
    check_goes_on(small, ended)


def test_no_room_for_a_snapshot(small: Tiny) -> None:
    """The database is larger than what is left: the old release is started again."""
    import sqlite3
    from contextlib import closing

    (path,) = small.databases()
    with closing(sqlite3.connect(path, timeout=30)) as rows, rows:
        rows.execute("CREATE TABLE large AS SELECT zeroblob(12000000) AS bytes")
    small.wait_at("before:snapshot")
    with small.visited() as visit:
        running = small.start(config=config(rest=RELEASE))
        with small.waiting("before:snapshot", running):
            fill(small, leave=5_000_000)
        ended = small.finish(running)
        empty(small)
    with closing(sqlite3.connect(path, timeout=30)) as rows, rows:
        rows.execute("DROP TABLE large")
    assert (ended.status, ended.outcome) == (6, "undone")
    assert ended.error["message"].startswith("no room for a snapshot: 11 MB of databases, ")
    check(visit.account())
    check_goes_on(small, ended)


STAGES = [
    *(("handover", f"before:{step}") for step in ("build", "plan", "boot", "hold", "open")),
    *(("handover", f"after:{step}") for step in ("open", "keep")),
    *(
        ("hold", f"before:{step}")
        for step in ("hold", "stop-old", "snapshot", "migrate", "boot", "open")
    ),
    ("hold", "after:open"),
]


@pytest.mark.parametrize(("strategy", "at"), STAGES)
def test_not_a_byte_left(small: Tiny, strategy: str, at: str) -> None:
    """The journal cannot be written, nor a gate, nor a process' files: it is undone all the same.

    Visitors only read: an app whose disk is full cannot store anything.
    """
    old = small.versions[-1]
    small.only_read = True
    small.wait_at(at)
    with small.visited() as visit:
        rest = RELEASE if strategy == "hold" else ""
        running = small.start("plain", strategy, config(rest=rest))
        with small.waiting(at, running):
            fill(small)
        ended = small.finish(running)
        small.settle()
        empty(small)
    account = visit.account()
    assert not account.failed, account.errors
    if ended.outcome != "succeeded":
        check_full(ended)
        assert set(account.versions) == {old}
    check_goes_on(small, ended)

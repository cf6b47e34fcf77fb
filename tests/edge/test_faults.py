"""nginx is reloaded, upgraded, killed; in whole or in part, open or holding."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.edge import binary
from holdfast.edge.contract import Mode
from holdfast.errors import EdgeError
from tests.edge.conftest import SiteFactory
from tests.edge.site import HOST, Site, eventually
from tests.edge.test_line import numbers
from tests.edge.wire import Client, WireError


def workers_of(site: Site) -> list[int]:
    """The workers that the master has now (proc_tid_children(5))."""
    pid = site.pid()
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def load(site: Site, visitors: int = 6) -> Iterator[Counter[str]]:
    """Visitors who ask one request after the other; what became of each.

    A worker that shuts down closes the connections that wait for a next request. One that
    was sent at that moment finds a closed door; the visitor then knocks again, on a new
    connection, as browsers do (RFC 9112, 9.3.1).
    """
    seen: Counter[str] = Counter()
    stop = threading.Event()

    def visit() -> None:
        client, kept = Client(site.port, HOST), False
        while not stop.is_set():
            try:
                status = str(client.ask("/", "POST", b"body").status)
            except (OSError, WireError) as error:
                status = "" if kept else type(error).__name__
            if status:
                seen[status] += 1
            kept = status == "200"
            if not kept:
                client.close()
                client = Client(site.port, HOST)
        client.close()

    threads = [threading.Thread(target=visit) for _ in range(visitors)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# reload and upgrade


@pytest.mark.parametrize("change", ["reload", "upgrade"])
def test_nothing_is_dropped(site: Site, change: str) -> None:
    """Reload and binary upgrade under load: every request is answered by the app."""
    backend = site.serve()
    with load(site) as seen:
        for _ in range(2):
            before, old = sum(seen.values()), site.pid()
            getattr(site.edge, change)()
            if change == "upgrade":
                # nginx takes one upgrade at a time: until the old master has ended.
                eventually(lambda old=old: not _lives(old), "the old master ends")  # type: ignore[misc]
            eventually(lambda before=before: sum(seen.values()) > before + 50, "load goes on")  # type: ignore[misc]
    assert set(seen) == {"200"}
    assert len(backend.requests) == sum(seen.values())


def _update(program: Path) -> None:
    """What dpkg does: the new file takes the old one's name, the old one is no more."""
    shutil.copy(program, new := program.with_name("nginx.dpkg-new"))
    new.rename(program)


def _runs_old(site: Site) -> bool:
    return str(Path(f"/proc/{site.pid()}/exe").readlink()).endswith(" (deleted)")


@pytest.fixture
def nginx_of_its_own(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An nginx that a test may replace; edges that are made from now on run it."""
    short_path.chmod(0o755)
    program = short_path / "nginx"
    shutil.copy(binary.locate(), program)
    monkeypatch.setenv("PATH", f"{short_path}:{os.environ['PATH']}")
    return program


def test_update_of_nginx(nginx_of_its_own: Path, sites: SiteFactory) -> None:
    """Once an update has replaced nginx the edge goes on with the new one; all are answered."""
    site = sites()
    backend = site.serve()
    assert site.edge.take_up_update() == ()
    with load(site) as seen:
        old = site.pid()
        _update(nginx_of_its_own)
        assert _runs_old(site)
        assert site.edge.take_up_update() == (str(nginx_of_its_own),)
        assert not _runs_old(site)
        assert site.edge.take_up_update() == ()
        before = sum(seen.values())
        eventually(lambda: sum(seen.values()) > before + 50, "load goes on")
        eventually(lambda: not _lives(old), "the old master ends")
    assert set(seen) == {"200"}
    assert len(backend.requests) == sum(seen.values())


def test_update_while_the_one_before_still_ends(nginx_of_its_own: Path, sites: SiteFactory) -> None:
    """nginx takes one upgrade at a time; the next is refused at once, and done later."""
    site = sites()
    backend = site.serve()
    backend.pause()
    flying = site.client().send("/flying")
    site.in_flight(1)
    old = site.pid()
    _update(nginx_of_its_own)
    assert site.edge.take_up_update()
    _update(nginx_of_its_own)
    with pytest.raises(EdgeError, match="the one before still finishes"):
        site.edge.take_up_update()
    site.configure(domains=("app.test", "new.test"))
    assert _runs_old(site)
    backend.resume()
    assert flying.read().text == "/flying"
    eventually(lambda: not _lives(old), "the old master ends")
    site.configure(domains=("app.test", "newer.test"))
    assert not _runs_old(site), "what was written for the new nginx was read by the old one"
    assert site.ask("/", host="newer.test").status == 200


@pytest.mark.parametrize("change", ["reload", "upgrade"])
def test_while_holding(site: Site, change: str) -> None:
    """Old workers keep their line and hear of the opening; the old line goes first."""
    backend = site.serve(pace=4)
    backend.delay = 0.005
    site.hold(lease=60)
    crowd = site.crowd(50)
    site.waiting(50)
    old = set(workers_of(site))
    getattr(site.edge, change)()
    eventually(
        lambda: (
            set(workers_of(site)) - old and not set(workers_of(site)) & old
            if change == "upgrade"
            else set(workers_of(site)) - old
        ),
        "new workers",
    )
    eventually(lambda: _taking(site).isdisjoint(old), "only new workers take requests")
    for i in range(50, 100):
        crowd.append(site.client().send(f"/{i}"))
    site.waiting(100)
    assert backend.requests == []
    site.open()
    for i, client in enumerate(crowd):
        assert client.read().text == f"/{i}"
    assert numbers(backend) == list(range(100))
    site.idle()


def _lives(pid: int) -> bool:
    """Whether it runs; where nobody collects orphans the dead stay as zombies."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _taking(site: Site) -> set[int]:
    status = site.edge._control.status()
    return {worker["pid"] for worker in status["workers"] if not worker["exiting"]}


@pytest.mark.parametrize("change", ["reload", "upgrade"])
def test_counts_over_old_and_new_workers(site: Site, change: str) -> None:
    """What an old worker still answers counts for the drain that a new one is asked about."""
    backend = site.serve()
    backend.pause()
    running = site.crowd(3)
    site.in_flight(3)
    old = set(workers_of(site))
    getattr(site.edge, change)()
    eventually(lambda: _taking(site).isdisjoint(old), "only new workers take requests")
    site.hold()
    assert site.counts().in_flight["a"] == 3
    running[0].close()
    site.in_flight(2)
    backend.resume()
    assert [client.read().status for client in running[1:]] == [200, 200]
    site.in_flight(0)


def test_lease_runs_out_in_an_old_worker(site: Site) -> None:
    """A worker that is shutting down opens its line when the lease ends."""
    site.serve()
    site.hold(lease=1.0)
    held = site.client().send("/held")
    site.waiting(1)
    site.edge.reload()
    assert held.read().text == "/held"


def test_many_reloads(site: Site) -> None:
    """The rows of ended workers are used again: the board has 64, and one is enough here."""
    site.serve()
    for _ in range(6):
        old = set(workers_of(site))
        site.edge.reload()
        eventually(lambda old=old: not set(workers_of(site)) & old, "old workers end")  # type: ignore[misc]
    assert site.ask("/").status == 200
    site.effective()  # which counts the rows
    with (site.root / "edge" / "run" / "board").open("rb") as board:
        _, _, rows, live = struct.unpack("4d", board.read(32))
    assert live == 1
    assert rows <= 2


# kill


@pytest.mark.parametrize("mode", [Mode.OPEN, Mode.HOLD, Mode.MAINTENANCE])
@pytest.mark.parametrize("victims", ["all", "master"])
def test_killed(site: Site, mode: Mode, victims: str) -> None:
    """After kill -9 `ensure` brings nginx back, with the same gates."""
    backend = site.serve()
    if mode is Mode.HOLD:
        site.hold(lease=30)
    elif mode is Mode.MAINTENANCE:
        site.edge.maintenance("app", ("10.0.0.0/8",))
    before = site.edge.gate("app")
    master, workers = site.pid(), workers_of(site)
    for pid in (master, *workers) if victims == "all" else (master,):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not site.edge.info()["running"], "the master is dead")
    site.edge.ensure()
    assert site.edge.gate("app") == before
    assert site.effective() is mode
    client = site.client().send("/after")
    if mode is Mode.HOLD:
        site.waiting(1)
        site.open()
    if mode is Mode.MAINTENANCE:
        assert client.read().status == 503
        return
    assert client.read().text == "/after"
    assert backend.targets == ["/after"]
    assert workers_of(site)
    assert not set(workers_of(site)) & set(workers)


def test_master_killed_while_holding(site: Site) -> None:
    """Who waits with the orphaned worker is let go in turn, before those of the new one."""
    backend = site.serve()
    site.hold()
    crowd = site.crowd(10)
    site.waiting(10)
    os.kill(site.pid(), signal.SIGKILL)
    eventually(lambda: not site.edge.info()["running"], "the master is dead")
    site.edge.ensure()
    crowd += [site.client().send(f"/{i}") for i in range(10, 20)]
    site.waiting(20)
    site.open()
    assert [client.read().text for client in crowd] == [f"/{i}" for i in range(20)]
    assert numbers(backend) == list(range(20))


def test_worker_killed_while_holding(sites: SiteFactory) -> None:
    """One of two workers dies: its clients see that, the other's line goes on, counts are right."""
    site = sites(workers=2)
    backend = site.serve()
    site.hold()
    crowd = site.crowd(60)
    site.waiting(60)
    victim = workers_of(site)[0]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(set(workers_of(site)) - {victim}) == 2, "another worker")
    left = site.counts().waiting
    site.open()
    answers = []
    for client in crowd:
        try:
            answers.append(client.read().status)
        except (OSError, WireError):
            answers.append(0)
    site.forget_log()
    assert (answers.count(200), answers.count(0)) == (left, 60 - left)
    assert len(backend.requests) == left
    assert site.ask("/777").status == 200


def test_worker_killed_with_requests_in_flight(site: Site) -> None:
    """What a dead worker had in flight is not counted any more: a drain does not wait for it."""
    backend = site.serve()
    backend.pause()
    site.crowd(5)
    site.in_flight(5)
    (worker,) = workers_of(site)
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: _taking(site) - {worker}, "another worker")
    site.in_flight(0)
    site.forget_log()
    backend.resume()
    assert site.ask("/777").text == "/777"


def test_lease_ran_out_while_nginx_was_dead(site: Site) -> None:
    """An nginx that comes back after the lease has ended opens at once."""
    site.serve()
    site.hold(lease=0.3)
    for pid in (site.pid(), *workers_of(site)):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.4)
    site.edge.ensure()
    assert site.effective() is Mode.OPEN
    assert site.ask("/").status == 200


def test_ensure_at_the_same_time(sites: SiteFactory) -> None:
    """Several processes that find nginx dead start one."""
    site = sites()
    site.serve()
    site.edge.stop()
    threads = [threading.Thread(target=site.edge.ensure) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workers_of(site)) == 1
    assert site.ask("/").status == 200

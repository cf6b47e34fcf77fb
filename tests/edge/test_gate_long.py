"""Long-lived answers that went through an open gate: nobody looks at their headers as they come."""

from __future__ import annotations

import time

from tests.edge.conftest import SiteFactory
from tests.edge.site import Site, eventually
from tests.edge.test_gate_drain import stream


def open_wide(site: Site, clients: int = 1) -> None:
    """Some requests pass, so that those after them ask in the balancer alone, in each worker."""
    for _ in range(5 * clients):
        assert site.ask("/").status == 200


def test_stream_of_any_worker(sites: SiteFactory) -> None:
    """Event streams count as long whichever worker has them and whichever is asked."""
    site = sites(workers=2)
    backend = site.serve()
    open_wide(site, 4)
    backend.answer = stream
    crowd = site.crowd(12)
    assert all(client.reader.head() for client in crowd)
    eventually(lambda: site.counts().long["a"] == 12, "all count as long")
    assert site.counts().in_flight["a"] == 0
    for client in crowd:
        client.close()
    site.idle()


def test_stream_that_begins_in_a_worker_that_exits(site: Site) -> None:
    """A request that a reload finds without an answer still counts as long once it is a stream."""
    backend = site.serve()
    open_wide(site)
    backend.pause()
    backend.answer = stream
    client = site.client().send("/events")
    site.in_flight(1)
    site.edge.reload()
    backend.resume()
    assert client.reader.head() is not None
    eventually(lambda: site.counts().long["a"] == 1, "the stream counts as long")
    assert site.counts().in_flight["a"] == 0
    client.close()
    site.idle()
    eventually(
        lambda: not [w for w in site.edge._control.status()["workers"] if w["exiting"]],
        "the old worker has gone",
    )


def test_streams_leave_room_for_those_who_wait(site: Site) -> None:
    """Streams from before a hold take no place in the pace at which the line drains."""
    backend = site.serve(pace=1)
    open_wide(site)
    plain, backend.answer = backend.answer, stream
    streams = site.crowd(3)
    assert all(client.reader.head() for client in streams)
    backend.answer = plain
    site.hold()
    held = site.crowd(5, "/held")
    site.waiting(5)
    site.open()
    assert [client.read().status for client in held] == [200] * 5


def test_a_hold_that_a_worker_has_not_heard_of(sites: SiteFactory) -> None:
    """Whom the balancer refuses waits in line as all others, and is answered once, in order."""
    site = sites(workers=2)
    backend = site.serve()
    open_wide(site, 4)
    site.hold()
    crowd = []
    for number in range(20):
        crowd += site.crowd(1, f"/held{number}.")
        time.sleep(0.03)
    site.waiting(20)
    site.open()
    assert [client.read().status for client in crowd] == [200] * 20
    called = [target for target in backend.targets if target.startswith("/held")]
    assert called == [f"/held{number}.0" for number in range(20)]

"""The gate of an app: open, hold, lease, maintenance; each app's its own."""

from __future__ import annotations

import time

import pytest

from holdfast.edge.contract import Mode, Target
from holdfast.errors import EdgeError
from tests.edge.conftest import SiteFactory
from tests.edge.site import HOST, Site, eventually
from tests.edge.wire import Client


def test_open(site: Site) -> None:
    """An open gate passes requests on to its slot."""
    backend = site.serve()
    assert site.ask("/hello").text == "/hello"
    assert backend.targets == ["/hello"]


def test_hold_then_open(site: Site) -> None:
    """Held requests get no answer until the gate opens, then each its own."""
    backend = site.serve()
    site.hold()
    crowd = site.crowd(20)
    site.waiting(20)
    assert crowd[0].silent()
    assert backend.requests == []
    site.open()
    assert [client.read().text for client in crowd] == [f"/{i}" for i in range(20)]


def test_open_to_the_other_slot(site: Site) -> None:
    """What was held goes where the gate opens to; a second open there changes nothing."""
    old, new = site.serve(), site.backend("new")
    site.hold()
    held = site.client().send("/held")
    site.waiting(1)
    for _ in range(2):
        site.open(new, "b")
    assert held.read().text == "/held"
    assert site.ask("/after").status == 200
    assert (old.targets, new.targets) == ([], ["/held", "/after"])
    gate = site.edge.gate("app")
    assert gate is not None
    assert gate.previous is not None
    assert (gate.previous.release, gate.previous.slot) == ("r-a", "a")


def test_hold_twice_and_open_again_and_again(site: Site) -> None:
    """Holding what is held, and opening what is open, is no error; fifty rounds lose nobody."""
    site.serve()
    client = site.client()
    for i in range(50):
        site.hold()
        site.hold()
        client.send(f"/{i}")
        site.waiting(1)
        site.open()
        site.open()
        assert client.read().text == f"/{i}"


def test_without_a_target(site: Site) -> None:
    """An app that has never been live answers 503 at once; one that is held before it is, waits."""
    site.configure()
    response = site.ask()
    assert (response.status, response.headers["retry-after"]) == (503, "30")
    site.hold()
    first = site.client().send("/first")
    site.waiting(1)
    site.open(site.backend())
    assert first.read().text == "/first"


def test_the_line_of_a_gate_that_opens_to_nothing(site: Site) -> None:
    """A first deploy that is given up: whoever waited gets 503, not a wait without an end."""
    site.configure()
    site.hold()
    crowd = site.crowd(3)
    site.waiting(3)
    site.open()
    assert [client.read().status for client in crowd] == [503, 503, 503]


# leases


def test_lease_runs_out(site: Site) -> None:
    """A hold that nobody renews ends by itself: to the last good target, also for new requests."""
    backend = site.serve()
    site.hold(lease=0.5)
    held = site.client().send("/held")
    site.waiting(1)
    assert site.effective() is Mode.HOLD
    assert held.read().text == "/held"
    assert site.effective() is Mode.OPEN
    assert site.ask("/after").text == "/after"
    assert backend.targets == ["/held", "/after"]


def test_lease_runs_out_with_nobody_in_line(site: Site) -> None:
    """The first request after the end of a lease does not wait."""
    site.serve()
    site.hold(lease=0.05)
    time.sleep(0.1)
    assert site.ask("/now").text == "/now"


def test_lease_renewed(site: Site) -> None:
    """Each hold gives a new lease, and ends when the last one does; without lease it stays."""
    site.serve()
    site.hold(lease=0.4)
    held = site.client().send("/held")
    for _ in range(4):
        time.sleep(0.2)
        site.hold(lease=0.4)
        assert site.effective() is Mode.HOLD
    site.waiting(1)
    site.hold(lease=None)
    assert held.silent(0.6)
    site.open()
    assert held.read().status == 200


def test_lease_ran_out_then_held_again(site: Site) -> None:
    """A deploy that was late may hold again what had opened meanwhile."""
    site.serve()
    site.hold(lease=0.05)
    eventually(lambda: site.effective() is Mode.OPEN, "the lease runs out")
    site.hold(lease=10)
    held = site.client().send("/held")
    site.waiting(1)
    site.open()
    assert held.read().text == "/held"


# maintenance


def test_maintenance(site: Site) -> None:
    """Everybody gets 503 and the page, the app nothing; then it goes on."""
    backend = site.serve()
    site.edge.maintenance("app")
    response = site.ask()
    assert (response.status, response.headers["retry-after"]) == (503, "60")
    assert response.headers["cache-control"] == "no-store"
    assert backend.requests == []
    site.open()
    assert site.ask().status == 200


@pytest.mark.parametrize(
    ("networks", "status"),
    [
        (("127.0.0.1",), 200),
        (("127.0.0.0/8",), 200),
        (("10.0.0.0/8", "127.0.0.0/31"), 200),
        (("127.0.0.2/31",), 503),
        (("128.0.0.0/1",), 503),
        (("0.0.0.0/0",), 200),
        (("::1", "fe80::/10"), 503),
        ((), 503),
    ],
)
def test_maintenance_allows_networks(site: Site, networks: tuple[str, ...], status: int) -> None:
    """Addresses on the list reach the app; the others its page."""
    site.serve()
    site.edge.maintenance("app", networks)
    assert site.ask().status == status


@pytest.mark.parametrize(("network", "status"), [("::1", 200), ("::/127", 200), ("fe80::/10", 503)])
def test_maintenance_allows_ipv6(site: Site, network: str, status: int) -> None:
    """The same for IPv6."""
    site.serve()
    site.edge.maintenance("app", (network,))
    try:
        client = Client(site.port, HOST, address="::1")
    except OSError:
        pytest.skip("needs IPv6 on the loopback interface")
    site.clients.append(client)
    assert client.ask("/").status == status


def test_maintenance_is_back_after_a_lease(site: Site) -> None:
    """A deploy that dies while it holds lets in nobody whom maintenance kept out."""
    backend = site.serve()
    site.edge.maintenance("app")
    site.hold(lease=0.5)
    waits = site.client().send("/waits")
    site.waiting(1)
    assert waits.read().status == 503
    assert site.ask("/later").status == 503
    assert backend.targets == []


def test_hold_maintenance_open(site: Site) -> None:
    """Who waits when maintenance begins gets its page at once, or goes on if allowed."""
    backend = site.serve()
    site.hold()
    crowd = site.crowd(5)
    site.waiting(5)
    site.edge.maintenance("app")
    assert [client.read().status for client in crowd] == [503] * 5
    site.hold()
    allowed = site.client().send("/allowed")
    site.waiting(1)
    site.edge.maintenance("app", ("127.0.0.1",))
    assert allowed.read().text == "/allowed"
    site.open()
    assert site.ask("/open").text == "/open"
    assert backend.targets == ["/allowed", "/open"]


# several apps


def test_apps_are_independent(site: Site) -> None:
    """One app's hold is nobody else's; opening one lets go its line alone."""
    site.serve()
    for name in ("two", "three"):
        site.configure(name)
        site.open(site.backend(name), app=name)
    site.hold()
    site.hold(app="two")
    waiting = [site.client().send("/one"), site.client("two.test").send("/two")]
    site.waiting(1)
    site.waiting(1, "two")
    assert site.ask("/three", host="three.test").text == "/three"
    site.open(app="two")
    assert waiting[1].read().text == "/two"
    assert waiting[0].silent()
    site.open()
    assert waiting[0].read().text == "/one"


def test_remove_with_a_line_waiting(sites: SiteFactory) -> None:
    """Who waits for an app that is removed is told so; its place on the board is clean."""
    site = sites(workers=2)
    site.serve()
    site.hold()
    crowd = site.crowd(20)
    site.waiting(20)
    site.edge.remove("app")
    assert [client.read().status for client in crowd] == [503] * 20
    assert site.edge.gate("app") is None
    site.configure("next")
    site.open(site.backend(), app="next")
    assert site.ask("/next", host="next.test").text == "/next"
    assert site.ask("/gone").status == 404


def test_remove_while_requests_run(site: Site) -> None:
    """What the app still answers is counted off, though another app has its place by then."""
    backend = site.serve()
    backend.pause()
    running = site.client().send("/running")
    site.in_flight(1)
    site.edge.remove("app")
    site.configure("next")
    backend.resume()
    assert running.read().text == "/running"
    site.idle("next")


def test_unknown_app(site: Site) -> None:
    """Every call names the app that the edge does not know."""
    target = Target("a", "unix:/nowhere", "r1", "/")
    for call in (
        lambda: site.edge.hold("nope", 1),
        lambda: site.edge.open("nope"),
        lambda: site.edge.open("nope", target),
        lambda: site.edge.maintenance("nope"),
        lambda: site.edge.status("nope"),
    ):
        with pytest.raises(EdgeError, match="'nope'"):
            call()
    assert site.edge.gate("nope") is None
    site.edge.remove("nope")


def test_many_apps(site: Site) -> None:
    """With several apps each gate leads to its own app, and the last one's line is its own."""
    names = [f"app{i}" for i in range(8)]
    for name in names:
        site.configure(name)
        site.open(site.backend(name), app=name)
    for i, name in enumerate(names):
        assert site.ask(f"/{i}", host=f"{name}.test").text == f"/{i}"
    site.hold(app="app7")
    held = site.client("app7.test").send("/held")
    site.waiting(1, "app7")
    assert site.ask("/0", host="app0.test").text == "/0"
    site.open(app="app7")
    assert held.read().status == 200

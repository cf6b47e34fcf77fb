"""Gates that hold while an app's process is replaced outside of a deploy."""

from __future__ import annotations

import time

import pytest

from holdfast.agent.standstill import standstill
from holdfast.edge.contract import Mode
from tests.edge.site import APP, Site


def test_requests_wait_until_the_block_is_left(site: Site) -> None:
    """Who comes meanwhile waits and is answered afterwards, in order."""
    backend = site.serve()
    with standstill(site.edge, [APP]):
        crowd = site.crowd(3)
        site.waiting(3)
        assert backend.targets == []
    assert [client.read().text for client in crowd] == ["/0", "/1", "/2"]
    assert site.effective() is Mode.OPEN


def test_what_is_in_flight_ends_first(site: Site) -> None:
    """The block begins when the app has answered what it had."""
    site.serve().delay = 0.5
    client = site.client().send("/slow")
    site.in_flight(1)
    with standstill(site.edge, [APP]):
        assert site.counts().in_flight["a"] == 0
        assert client.read().status == 200


def test_gates_of_others_are_left_alone(site: Site) -> None:
    """A gate that a person holds, or has in maintenance, stays as it is; so does an unknown one."""
    site.serve()
    site.hold()
    with standstill(site.edge, [APP, "nobody"]):
        assert site.effective() is Mode.HOLD
    assert site.effective() is Mode.HOLD
    site.edge.maintenance(APP)
    with standstill(site.edge, [APP]):
        assert site.effective() is Mode.MAINTENANCE
    assert site.effective() is Mode.MAINTENANCE


def test_who_takes_the_gate_meanwhile_keeps_it(site: Site) -> None:
    """A deploy that begins to hold in the block is not opened by its end."""
    site.serve()
    with standstill(site.edge, [APP]):
        site.hold(lease=30)
    assert site.effective() is Mode.HOLD


def test_an_error_in_the_block_opens_as_well(site: Site) -> None:
    """If what was to be replaced cannot be started, the line is not kept for it."""
    site.serve()
    with pytest.raises(RuntimeError), standstill(site.edge, [APP]):
        raise RuntimeError
    assert site.effective() is Mode.OPEN


def test_without_nginx_nothing_happens(site: Site) -> None:
    """Nobody comes in: the block runs at once, and the gate on disk is open after it."""
    site.serve()
    site.edge.stop()
    began = time.monotonic()
    with standstill(site.edge, [APP]):
        pass
    assert time.monotonic() - began < 2
    gate = site.edge.gate(APP)
    assert gate is not None
    assert gate.mode is Mode.OPEN
    site.edge.ensure()

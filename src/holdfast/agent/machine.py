"""Put the parts of this machine together: which runtime, which edge, which journal."""

from __future__ import annotations

from holdfast.deploy.journal import Journal
from holdfast.deploy.machine import Machine
from holdfast.edge.client import Edge
from holdfast.layout import Layout
from holdfast.releases.store import Releases
from holdfast.runtimes.supervisor import SupervisorRuntime


def open_machine(layout: Layout) -> Machine:
    """The machine whose root is ``layout.root``; makes the directory, starts nothing."""
    layout.make()
    return Machine(
        layout=layout,
        runtime=SupervisorRuntime(layout),
        edge=Edge(layout),
        journal=Journal(layout.journal),
        releases=lambda app: Releases(layout.app(app), layout),
    )

"""Put the parts of this machine together: which runtime, which edge, which journal."""

from __future__ import annotations

import os
from functools import partial

from holdfast.agent.standstill import standstill
from holdfast.deploy.journal import Journal
from holdfast.deploy.machine import Machine
from holdfast.edge.client import Edge
from holdfast.layout import Layout
from holdfast.releases.store import Releases
from holdfast.runtimes.supervisor import SupervisorRuntime


def open_machine(layout: Layout, *, make: bool = True) -> Machine:
    """The machine whose root is ``layout.root``; nothing is started.

    Args:
        make: make the directory if it is missing; who only looks need not.
    """
    # nginx's workers read static files and reach sockets below the root; what nobody else may
    # read is made so by name. root's own umask may be stricter.
    os.umask(0o022)
    if make:
        layout.make()
    edge = Edge(layout)
    return Machine(
        layout=layout,
        runtime=SupervisorRuntime(layout, quiet=partial(standstill, edge)),
        edge=edge,
        journal=Journal(layout.journal, make=make),
        releases=lambda app: Releases(layout.app(app), layout),
    )

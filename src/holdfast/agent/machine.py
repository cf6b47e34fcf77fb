"""Put the parts of this machine together: which runtime, which edge, which journal."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from holdfast.agent.standstill import standstill
from holdfast.deploy.journal import Journal
from holdfast.deploy.machine import Machine
from holdfast.edge.client import Edge
from holdfast.errors import UsageError
from holdfast.layout import Layout
from holdfast.releases.store import Releases

if TYPE_CHECKING:
    from holdfast.runtimes.contract import Runtime


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
    base = choose_runtime(layout)
    runtime = _by_app(layout, base)
    return Machine(
        layout=layout,
        runtime=runtime,
        edge=edge_of(layout, runtime.name),
        journal=Journal(layout.journal, make=make),
        releases=lambda app: Releases(
            layout.app(app), layout, account=lambda: base.account(app), runtime=base.name
        ),
    )


def _by_app(layout: Layout, base: Runtime) -> Runtime:
    """The machine's own runtime, and Docker's for the apps that have a Compose file."""
    from holdfast.runtimes.by_app import ByApp

    return ByApp(base, layout)


def edge_of(layout: Layout, runtime: str) -> Edge:
    """The edge beside that runtime."""
    return Edge(layout, under_systemd=runtime == "systemd")


def choose_runtime(layout: Layout) -> Runtime:
    """What ``HOLDFAST_RUNTIME`` says; else systemd for root where it is the init, else supervisord.

    Each is imported only where it is used.

    Raises:
        UsageError: there is no such runtime, or it cannot work here.
    """
    from holdfast.runtimes.booted import has_systemd

    possible = os.geteuid() == 0 and has_systemd()
    name = os.environ.get("HOLDFAST_RUNTIME") or ("systemd" if possible else "supervisor")
    if name == "supervisor":
        from holdfast.runtimes.supervisor import SupervisorRuntime

        return SupervisorRuntime(layout, quiet=partial(standstill, edge_of(layout, name)))
    if name != "systemd":
        raise UsageError(
            f"HOLDFAST_RUNTIME={name}: no such runtime", hint="systemd and supervisor are there"
        )
    if not possible:
        raise UsageError(
            "HOLDFAST_RUNTIME=systemd: needs root, on a machine that systemd has booted"
        )
    from holdfast.runtimes.systemd import SystemdRuntime

    return SystemdRuntime(layout)

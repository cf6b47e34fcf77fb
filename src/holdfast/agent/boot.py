"""After a boot, before the edge opens: interrupted deploys go on, and nobody gets in meanwhile.

What was to run systemd starts by itself. A deploy that the power cut interrupted is finished or
undone by its engine, which is started here and works beside the boot. A gate that was holding
holds from now on for another lease, for as long as which the engine has until it takes over;
should it never come, the gate opens to the release that served before, as always.
"""

from __future__ import annotations

import sqlite3

from holdfast.agent.machine import open_machine
from holdfast.deploy.machine import Machine
from holdfast.deploy.recorder import named
from holdfast.edge.contract import Mode
from holdfast.errors import HoldfastError
from holdfast.layout import Layout

LEASE = 30.0
"""Seconds that a held gate is given for the boot: longer than an engine takes to start."""


def after_boot(layout: Layout) -> list[str]:
    """Take up what was interrupted; what is wrong with one app keeps no other from it.

    Returns:
        the apps whose engines were started.

    Raises:
        HoldfastError: what could not be taken up, once all others have been.
    """
    machine = open_machine(layout)
    problems: list[HoldfastError] = []
    started: list[str] = []
    try:
        for app in layout.apps():
            try:
                started += [app] if _take_up(machine, app) else []
            except (HoldfastError, OSError, sqlite3.Error) as error:
                problems.append(named(app, error, layout.root))
    finally:
        machine.journal.close()
    if problems:
        raise _together(problems)
    return started


def _together(problems: list[HoldfastError]) -> HoldfastError:
    """The first of them, which says what the others are as well."""
    first = problems[0]
    first.message = "; ".join(problem.message for problem in problems)
    return first


def _take_up(machine: Machine, app: str) -> bool:
    unfinished = machine.journal.unfinished(app)
    if unfinished is None and machine.journal.retiring(app) is None:
        return False
    gate = machine.edge.gate(app)
    if unfinished is not None and gate is not None and gate.mode is Mode.HOLD:
        machine.edge.hold_on(app, LEASE)
    machine.runtime.start_engine(app)
    return True

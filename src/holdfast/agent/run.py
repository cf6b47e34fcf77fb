"""The engine program of one app: supervised, so that a killed deploy recovers by itself."""

from __future__ import annotations

import importlib
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from holdfast.deploy.engine import Engine
from holdfast.deploy.grace import until_killed
from holdfast.deploy.journal import Deploy, Stage
from holdfast.deploy.lock import deploy_lock
from holdfast.deploy.machine import Machine
from holdfast.edge.contract import Counts
from holdfast.errors import EdgeError, HoldfastError
from holdfast.layout import AppLayout
from holdfast.runtimes.contract import Slot

_POLL = 0.1

_SOON = 0.01
"""Seconds between two looks for a deploy that is about to be asked for."""

_EXPECTED = 10.0
"""Seconds for which such a deploy is waited for: packing and sending may take longer than
starting an engine, and then it is started again."""

_NEEDED = ("holdfast.config", "holdfast.detect", "holdfast.releases.build")
_COMPOSED = ("holdfast.releases.composed",)
"""What a build imports, and one that Docker runs besides."""

_BEFORE = 60.0
"""Seconds for an old release of which the journal has no ``wait``: an older Holdfast wrote down
until when, by a clock that may have been set since."""


def run_app(machine: Machine, app: str) -> None:
    """Do what the journal says is to be done for ``app``, then return.

    Raises:
        Busy: another engine of this app is at work.
        HoldfastError: the journal cannot be written.
    """
    stop = _Stop()
    journal = machine.journal
    layout = machine.layout.app(app)
    layout.make()
    with deploy_lock(layout.lock, wait=5.0):
        machine.edge.ensure()
        ready = False
        while True:
            deploy = journal.unfinished(app)
            if deploy is not None:
                layout.expected.unlink(missing_ok=True)
                retire(machine, app, lambda: True)
                Engine(machine, deploy, stop=stop.asked).run()
                _check_ended(machine, deploy)
            elif journal.retiring(app) is not None:
                retire(machine, app, lambda: stop.asked() or journal.unfinished(app) is not None)
            elif still_expected(layout) and not stop.asked():
                if not ready:
                    _get_ready(machine, app)
                    ready = True
                time.sleep(_SOON)
            else:
                return


def still_expected(layout: AppLayout) -> bool:
    """Whether a deploy is about to be asked for."""
    try:
        return abs(time.time() - layout.expected.stat().st_mtime) < _EXPECTED
    except FileNotFoundError:
        return False


def _get_ready(machine: Machine, app: str) -> None:
    """Import now what a build needs: 0.1 to 0.2 s that nobody waits for yet."""
    current = machine.releases(app).current()
    composed = current is not None and current.spec.compose is not None
    for name in (*_NEEDED, *(_COMPOSED if composed else ())):
        importlib.import_module(name)


def _check_ended(machine: Machine, deploy: Deploy) -> None:
    """Fail if the deploy's end could not even be written down; the supervisor tries again."""
    if machine.journal.get(deploy.id).stage is not Stage.ENDED:
        raise HoldfastError(f"{deploy.app}: how {deploy.id} ended cannot be written down")


def retire(machine: Machine, app: str, hurry: Callable[[], bool]) -> None:
    """Stop the slot of the release that an earlier deploy replaced.

    It is stopped when it has none left, when its time is over, or when ``hurry`` says that
    somebody needs the slot, who then waits no longer for streams than a hold does. Its time is
    counted from here, so an engine that was killed over it gives it anew; a moment written down
    would be another one once the clock has been set.
    """
    deploy = machine.journal.retiring(app)
    if deploy is None or deploy.retire is None:
        return
    slot: Slot = "b" if deploy.retire["slot"] == "b" else "a"
    end = time.monotonic() + deploy.retire.get("wait", _BEFORE)
    grace = deploy.retire["grace"]
    while (counts := _busy(machine, app, slot)) and time.monotonic() < end:
        if hurry():
            grace = until_killed(counts, slot, grace)
            break
        time.sleep(_POLL)
    gate = machine.edge.gate(app)
    if gate is None or gate.target is None or gate.target.slot != slot:
        machine.runtime.stop_web(app, slot, grace)
        _carry(machine, deploy)
    machine.journal.update(deploy.id, retire=None)


def _carry(machine: Machine, deploy: Deploy) -> None:
    """Keep what the release that has ended wrote to its end; where that fails, its files stay."""
    if deploy.previous and deploy.release:
        store = machine.releases(deploy.app)
        try:
            store.carry(store.get(deploy.previous), store.get(deploy.release), deploy.created)
        except (HoldfastError, OSError) as error:
            why = getattr(error, "message", error)
            print(
                f"{deploy.app}: what {deploy.previous} wrote to its end stays in it: {why}",
                file=sys.stderr,
                flush=True,
            )


def _busy(machine: Machine, app: str, slot: Slot) -> Counts | None:
    """What the edge counts, if anything of the slot's; where there is no nginx nothing is left."""
    try:
        counts = machine.edge.status(app)[0].counts
    except EdgeError:
        return None
    return counts if counts.in_flight.get(slot, 0) + counts.long.get(slot, 0) else None


class _Stop:
    """Remembers TERM and INT: the deploy is undone instead of being cut in the middle."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def asked(self) -> bool:
        return self._asked

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

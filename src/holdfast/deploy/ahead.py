"""Boot the new release while its app is still being asked what it is.

Most deploys change code and nothing else: the app is what it was, nothing is to be migrated,
and the new release boots beside the old one. To be sure of that the app has to be imported,
which takes as long as its boot. So both are done at once. Nobody asks the new process anything
until the answers are known; if they differ from what was taken for granted, it is ended, and
the deploy goes on as if it had never been.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from holdfast.app import AppSpec
from holdfast.deploy import memory
from holdfast.deploy.failpoint import Failpoint
from holdfast.deploy.journal import Deploy
from holdfast.deploy.machine import Machine
from holdfast.deploy.plan import Plan, too_small
from holdfast.deploy.prepare import memory_used
from holdfast.edge.contract import Gate, Mode
from holdfast.errors import HoldfastError
from holdfast.runtimes.contract import Environment, Release, Slot, State

_GRACE = 1.0
"""Seconds from TERM to KILL for a process that has nothing to finish."""

_MIGRATIONS = frozenset({"migrations", "versions", "alembic"})
"""Directories in which Django and Alembic keep migrations."""

_UP = frozenset({State.STARTING, State.RUNNING})

_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__"})


class Ahead:
    """The web process of a new release, booted ahead of the plan."""

    def __init__(self, machine: Machine, deploy: Deploy) -> None:
        self._machine = machine
        self._deploy = deploy
        self._release: Release | None = None
        self._env: Environment = {}
        self._slot: Slot = "a"
        self._at = 0.0

    @property
    def booted(self) -> bool:
        return self._release is not None

    def boot(self, release: Release) -> None:
        """Boot the release as it will be if its app is what it was; once, and only if it may."""
        gate = self._machine.edge.gate(release.spec.name)
        if self._release is not None or gate is None or not self._may(release, gate):
            return
        assert gate.target is not None
        self._slot = "b" if gate.target.slot == "a" else "a"
        self._at = time.time()
        runtime, app = self._machine.runtime, release.spec.name
        # Written down first: whoever finds this deploy half done ends what runs there.
        self._machine.journal.update(self._deploy.id, slot=self._slot)
        try:
            self._env = self._machine.environment(release)
            runtime.stop_web(app, self._slot, _GRACE)
            runtime.start_web(release, self._slot, self._env)
        except (HoldfastError, OSError):
            # What is wrong is said when it is booted in its turn.
            with suppress(HoldfastError, OSError):
                runtime.stop_web(app, self._slot, _GRACE)
            return
        self._release = release
        Failpoint(self._machine.layout.root).reach("booted ahead")

    def _may(self, release: Release, gate: Gate) -> bool:
        """Whether two copies may run side by side, and nothing new is to be migrated."""
        spec, request = release.spec, self._deploy.request
        asked = {request.get("strategy"), request["config"].get("deploy", {}).get("strategy")}
        old = self._machine.releases(spec.name).current()
        serves = None if gate.target is None else gate.target.release
        if gate.mode is not Mode.OPEN or old is None or serves != old.id or "hold" in asked:
            return False
        if spec.release is not None and spec.release.known is None:
            return False
        if too_small(memory.free(), memory_used(self._machine, spec.name)) is not None:
            return False
        return set(_migrations(release.source)) == set(_migrations(old.source))

    def stands(self, plan: Plan, release: Release, slot: Slot) -> float | None:
        """When it was booted (Unix time), if it is what the plan wants; else it is ended."""
        ahead = self._release
        if ahead is None:
            return None
        wanted = (
            plan.strategy == "handover"
            and not plan.run_release
            and slot == self._slot
            and _runs(ahead) == _runs(release)
            and self._env == self._machine.environment(release)
            and self._lives()
        )
        if wanted:
            return self._at
        self.stop()
        return None

    def _lives(self) -> bool:
        """Whether it has not ended meanwhile: what two imports at once break, one may not."""
        web = f"web.{self._slot}"
        found = [one for one in self._machine.runtime.status(self._deploy.app) if one.name == web]
        return all(one.restarts == 0 and one.state in _UP for one in found) and bool(found)

    def stop(self) -> None:
        """End it, if it was booted."""
        if self._release is not None:
            self._machine.runtime.stop_web(self._deploy.app, self._slot, _GRACE)
            self._release = None

    def sweep(self) -> None:
        """End what an engine that was killed has booted ahead; the gate never led there."""
        if self._deploy.slot is not None:
            slot: Slot = "b" if self._deploy.slot == "b" else "a"
            self._machine.runtime.stop_web(self._deploy.app, slot, _GRACE)


def _runs(release: Release) -> tuple[object, ...]:
    """All of a release that its web process is started by."""
    spec: AppSpec = release.spec
    persist = frozenset((item.path, item.kind) for item in spec.persist)
    web = (spec.web, dict(spec.env), spec.build, spec.policy.longest_hold)
    return (release.id, release.env_path, persist, spec.overlay, *web)


def _migrations(source: Path) -> Iterator[str]:
    """The files in directories of migrations, relative to the source."""
    for directory, below, names in os.walk(source):
        below[:] = [name for name in below if name not in _LEFT_OUT]
        place = Path(directory).relative_to(source)
        if _MIGRATIONS & set(place.parts):
            yield from (str(place / name) for name in names if not name.endswith(".pyc"))

"""Everything before anything changes: build the release, gather the facts, make the plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from holdfast.app import StrategyChoice
from holdfast.deploy import memory, orphans, snapshot
from holdfast.deploy.journal import Deploy
from holdfast.deploy.machine import Machine
from holdfast.deploy.plan import Facts, Plan, decide
from holdfast.environment import databases
from holdfast.migrations.pending import pending
from holdfast.protocol import Emit
from holdfast.releases.contract import Source
from holdfast.runtimes.contract import Release

_TIMED = ("drain", "configure", "open", "stop-old", "boot", "health", "snapshot", "migrate")


def check_domains(machine: Machine, deploy: Deploy) -> None:
    """See that no other app has a domain of this one, before anything is built or held.

    Raises:
        EdgeError: one has.
        NotFound: there is no such release to go back to.
    """
    if deploy.back_to is not None:
        domains = machine.releases(deploy.app).get(deploy.back_to).spec.domains
    else:
        domains = tuple(deploy.request["config"].get("app", {}).get("domains", ()))
    if domains:  # else it is NAME.localhost, which no other app is offered
        machine.edge.check_domains(deploy.app, domains)


def obtain_release(
    machine: Machine,
    deploy: Deploy,
    emit: Emit,
    should_stop: Callable[[], bool],
    ahead: Callable[[Release], None],
) -> Release:
    """The release to bring live: a new build, or for a rollback one that was kept.

    Args:
        ahead: see :meth:`~holdfast.releases.contract.ReleaseStore.build`.

    Raises:
        BuildError: the source does not become a release.
        NotFound: there is no such release to go back to.
    """
    store = machine.releases(deploy.app)
    request = deploy.request
    if deploy.back_to is not None:
        release = store.get(deploy.back_to)
        if deploy.kind != "plan":
            store.furnish(release)
        return release
    source = request["source"]
    with _marked(deploy.id):
        return store.build(
            Source(
                Path(source["archive"]),
                source.get("commit"),
                bool(source.get("dirty")),
                bool(source.get("confined")),
            ),
            request["config"],
            machine.env_store(deploy.app),
            emit,
            should_stop,
            ahead if deploy.kind == "deploy" else None,
        )


def make_plan(
    machine: Machine, deploy: Deploy, release: Release, old: Release | None, *, both: bool
) -> Plan:
    """Gather the facts and decide.

    Args:
        both: the new release has been booted beside the old one, so memory is enough for both.
    """
    asked = deploy.request.get("strategy")
    plan = decide(
        release,
        _facts(machine, release, old, rollback=deploy.back_to is not None, both=both),
        None if asked is None else StrategyChoice(asked),
        rollback=deploy.back_to is not None,
    )
    written = release.path / "override.yaml"
    return replace(plan, override=written.read_text()) if written.exists() else plan


@contextmanager
def _marked(deploy: str) -> Iterator[None]:
    """Mark the children of a build, so that recovery can end them (see ``orphans``)."""
    os.environ[orphans.MARK] = deploy
    try:
        yield
    finally:
        del os.environ[orphans.MARK]


def _facts(
    machine: Machine, release: Release, old: Release | None, *, rollback: bool, both: bool
) -> Facts:
    app = release.spec.name
    layout = machine.layout.app(app)
    environment = machine.environment(release)
    return Facts(
        old=old,
        pending=()
        if rollback
        else pending(
            release,
            machine.runtime.command_environment(release, environment),
            machine.runtime.account(app),
        ),
        snapshot=tuple(
            str(path.relative_to(layout.data)) for path in snapshot.databases(layout.data)
        ),
        uncovered=tuple(f"the database of {name}" for name in databases(environment)),
        memory_free=memory.free(),
        memory_used=None if both else memory_used(machine, app),
        durations={step: tuple(machine.journal.durations(app, step)) for step in _TIMED},
        replaced=machine.runtime.replaced(release, environment),
    )


def memory_used(machine: Machine, app: str) -> int | None:
    """What the running web process uses: with both slots up, the larger one."""
    sizes = [
        memory.used_by(status.pid)
        for status in machine.runtime.status(app)
        if status.name.startswith("web.") and status.pid is not None
    ]
    return max((size for size in sizes if size is not None), default=None)

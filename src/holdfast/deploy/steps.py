"""The steps that the strategies are made of.

Each can be run twice and undone twice: a step asks for a state ("the gate holds", "slot b
runs release X"), and the edge, the runtime and the snapshots take a wish that is already
true as done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from holdfast.account import acting_as
from holdfast.deploy import health, orphans, snapshot
from holdfast.deploy.causes import unreached
from holdfast.deploy.context import Context
from holdfast.deploy.grace import until_killed
from holdfast.deploy.step import Step
from holdfast.edge.contract import Counts, GateStatus, Mode, Target
from holdfast.environment import databases
from holdfast.errors import CommandFailed, DeployFailed, EdgeError
from holdfast.execute import run
from holdfast.runtimes.contract import Release, Slot

_POLL = 0.01
"""Seconds between looks at a count while requests wait; the edge answers in under one ms."""

_SOON = 10.0
"""Seconds for a boot in which workers may be missing: tasks wait for them in the broker."""

_GRACE_UNASKED = 3.0
"""Seconds from TERM to KILL for a release that has never served."""


def replaces(context: Context) -> bool:
    """There is an old release with a gate of its own."""
    return context.old is not None and context.old_target is not None


def has_workers(context: Context) -> bool:
    return context.old is not None and bool(context.old.spec.processes)


def starts_workers(context: Context) -> bool:
    return bool(context.new.spec.processes) or has_workers(context)


def runs_release(context: Context) -> bool:
    return context.plan.run_release


# the new release


def boot(context: Context) -> str | None:
    """Start the new release; what an earlier, killed deploy left in the slot goes first."""
    if context.booted is not None:
        context.journal.began(context.deploy, "boot", context.booted)
        return "started while the app was asked"
    context.runtime.stop_web(context.app, context.slot, 1.0)
    context.runtime.start_web(context.new, context.slot, context.env(context.new))
    return None


def stop_new(context: Context) -> None:
    """Stop the new release, which nobody has asked anything yet.

    So it has nothing to finish, and gets little grace: one that hangs while it boots would
    use all of its own, and in a hold the line waits for that.
    """
    grace = min(_GRACE_UNASKED, context.new.spec.web.stop_grace)
    context.runtime.stop_web(context.app, context.slot, grace)


def check_health(context: Context) -> str:
    """Wait until the new release answers; what it says must be healthy."""
    booted = context.journal.steps(context.deploy)["boot"].started
    late = time.monotonic() + _SOON

    def checkpoint() -> None:
        context.check_cancelled()
        context.holding.check()
        if replaces(context) and time.monotonic() > late and not context.holding.active:
            # It may never answer: then the work must not have waited for it.
            _old_workers_again(context)

    return _healthy(context, context.new, context.slot, booted, checkpoint)


def _healthy(
    context: Context, release: Release, slot: Slot, since: float, checkpoint: Callable[[], None]
) -> str:
    scheme = context.edge.scheme(release.spec)
    return health.wait(context.runtime, release, slot, checkpoint, since=since, scheme=scheme)


def target(context: Context) -> Target:
    address = context.runtime.web_address(context.app, context.slot)
    if address is None:
        raise DeployFailed(f"{context.app}: the new release has no address in slot {context.slot}")
    return Target(context.slot, address, context.new.id, str(context.new.source))


# the gate


def hold(context: Context) -> None:
    context.holding.begin()


def hold_prepared(context: Context) -> None:
    """Hold once all is done that requests need not wait for."""
    _prepare_web(context)
    context.workers.ready()
    context.holding.begin()


def _prepare_web(context: Context) -> None:
    context.runtime.prepare_web(context.new, context.slot, context.env(context.new))


def open_to_old(context: Context) -> None:
    """Open to the old release, where it listens now: started again it may have another port."""
    old = context.old_target
    now = None if old is None else context.runtime.web_address(context.app, old.slot)
    context.holding.open(replace(old, address=now) if old and now else old)


def drain(context: Context) -> str | None:
    """Wait for the old slot's requests, for as long as the drain time says."""
    left = _drained(context, context.new.spec.policy.drain)
    going_on = f"{left} still running after the drain time; the old process finishes them"
    return _joined(going_on if left else "", _carried(context, booted=True))


def drain_fully(context: Context) -> str | None:
    """Wait for all of the old slot's requests: what comes next must be alone."""
    left = _drained(context, context.holding.remaining())
    if left:
        raise DeployFailed(
            f"{context.app}: {left} request{' was' if left == 1 else 's were'} still running"
            " when the longest hold was over",
            hint="raise [deploy] longest_hold, or find out what takes so long (holdfast logs)",
        )
    return None


def _drained(context: Context, seconds: float) -> int:
    """Poll until nothing is in flight in the old slot; return what is left after ``seconds``."""
    assert context.old_target is not None
    deadline = time.monotonic() + min(seconds, max(context.holding.remaining(), 0))
    told = 0.0
    while True:
        counts = _counts(context)
        left = counts.in_flight.get(context.old_target.slot, 0)
        now = time.monotonic()
        if left == 0 or now >= deadline:
            return left
        if now - told > 0.1:
            told = now
            context.progress("drain", in_flight=left, held=counts.waiting)
        context.check_cancelled()
        time.sleep(_POLL)


def _counts(context: Context) -> Counts:
    return _gate(context).counts


def _gate(context: Context) -> GateStatus:
    """The gate and its counts; an nginx that was killed meanwhile is started again."""
    try:
        return context.edge.status(context.app)[0]
    except EdgeError:
        context.edge.ensure()
        return context.edge.status(context.app)[0]


def configure(context: Context) -> str | None:
    return "edge reloaded" if context.edge.configure(context.new.spec) else None


def configure_back(context: Context) -> None:
    if context.old is not None:
        context.edge.configure(context.old.spec)
    else:
        context.edge.remove(context.app)


def open_to_new(context: Context) -> None:
    """Open the gate to the new release.

    If our lease ran out (this process was frozen), requests went to the old release again:
    then it is drained once more, so that the two never serve at the same time.
    """
    if replaces(context) and _gate(context).effective is not Mode.HOLD:
        context.holding.begin()
        _drained(context, context.new.spec.policy.drain)
        _carried(context, booted=True)
    context.check_cancelled()
    context.holding.open(target(context))


# workers


def finish_workers(context: Context) -> str | None:
    """Ask old workers to finish what they have: the new release boots soon enough meanwhile."""
    took = context.journal.durations(context.app, "health", 1)
    if not took or took[0] > _SOON:
        return "they work on until the new release has booted"
    context.workers.finish()
    return None


def stop_workers(context: Context) -> None:
    """Every worker finishes what it has and takes nothing new."""
    context.workers.finish()
    context.workers.finished()


def stop_workers_first(context: Context) -> None:
    """As :func:`stop_workers`, the new web being prepared meanwhile."""
    context.workers.finish()
    _prepare_web(context)
    context.workers.finished()


def start_old_workers(context: Context) -> None:
    context.workers.back(lambda: _start_old_workers(context))


def _start_old_workers(context: Context) -> None:
    if context.old is not None:
        context.runtime.start_processes(context.old, context.env(context.old))


def _old_workers_again(context: Context) -> None:
    """Start old workers again that have ended while the new release boots for long."""
    if context.workers.have_ended:
        start_old_workers(context)


def start_workers(context: Context) -> None:
    context.workers.ready()
    context.runtime.start_processes(context.new, context.env(context.new))


# the old release


def stop_old(context: Context) -> str | None:
    """Stop the old web process; it has been drained."""
    assert context.old is not None
    assert context.old_target is not None
    slot, counts = context.old_target.slot, _counts(context)
    grace = until_killed(counts, slot, context.old.spec.web.stop_grace)
    # The other half of the longest hold is the new release's, to boot in.
    context.runtime.stop_web(context.app, slot, min(grace, context.holding.remaining() / 2))
    long = counts.long.get(slot, 0)
    ended = f"{long} long-lived {'connection was' if long == 1 else 'connections were'} ended"
    return _joined(ended if long else "", _carried(context))


def _carried(context: Context, *, booted: bool = False) -> str:
    """Give the new release what the old one has written while the new one was built.

    Args:
        booted: it runs; where it has made a file of its own that is replaced, it may have that
            open, and would go on with it.
    """
    assert context.old is not None
    carried = context.store.carry(context.old, context.new)
    if not carried.files:
        return ""
    number = len(carried.files)
    told = f"{number} {'file' if number == 1 else 'files'} written meanwhile came along"
    if not (booted and carried.replaced):
        return told
    now = time.time()
    stop_new(context)
    context.runtime.start_web(context.new, context.slot, context.env(context.new))
    _healthy(context, context.new, context.slot, now, context.holding.check)
    return f"{told}; booted again, for it had its own {carried.replaced[0]}"


def _joined(*notes: str) -> str | None:
    return "; ".join(filter(None, notes)) or None


def start_old(context: Context) -> None:
    assert context.old is not None
    assert context.old_target is not None
    slot, now = context.old_target.slot, time.time()
    context.runtime.start_web(context.old, slot, context.env(context.old))
    _healthy(context, context.old, slot, now, lambda: None)


def retire_old(context: Context) -> str | None:
    """Leave the old process to the engine, which ends it once this deploy is over.

    Nobody waits for that: the new release serves. Long requests and connections of the old
    one get their own time.
    """
    assert context.old is not None
    assert context.old_target is not None
    slot = context.old_target.slot
    counts = _counts(context)
    busy = counts.in_flight.get(slot, 0) + counts.long.get(slot, 0)
    patience = max(context.old.spec.edge.long_timeout, context.old.spec.web.stop_grace)
    wait = patience if busy else 0.0
    context.journal.update(
        context.deploy,
        retire={
            "slot": slot,
            "wait": wait,
            "grace": context.old.spec.web.stop_grace,
        },
    )
    if not busy:
        return None
    return f"{busy} long requests or connections go on in the old release for up to {wait:g} s"


# the database


def take_snapshot(context: Context) -> str:
    with acting_as(context.runtime.account(context.app)):
        return snapshot.take(context.layout, context.deploy)


def migrate(context: Context) -> None:
    """Run the release command in the new release, while nobody else writes."""
    remaining = context.holding.remaining() if replaces(context) else float("inf")
    _release_command(context, remaining)


def migrate_beside(context: Context) -> None:
    """Run the release command while the old release serves (it was judged safe, or asked for)."""
    _release_command(context, float("inf"))


def _release_command(context: Context, remaining: float) -> None:
    release = context.new.spec.release
    assert release is not None
    environment = {**context.env(context.new), orphans.MARK: context.deploy}
    command = context.runtime.release_command(context.new, environment)
    try:
        run(
            replace(
                command,
                timeout=max(min(release.timeout, remaining), 0.1),
                env={**command.env, orphans.MARK: context.deploy},
                title="release command",
            ),
            on_line=lambda line: context.log("release", line),
            should_stop=context.cancelled,
        )
    except CommandFailed as error:
        # What was only talked to (a container) goes on when the talking is ended.
        orphans.end(context.deploy)
        context.check_cancelled()
        cause = unreached(context.new.spec, error.output)
        lacking = cause if cause and context.new.spec.unset else None
        raise DeployFailed(
            f"{context.app}: the release command ({_short(release.command)}) failed: "
            f"{lacking.cause if lacking else _said(error)}",
            hint=lacking.do if lacking else _after_failed_release(context, error, remaining),
            detail=error.output,
        ) from error


def _short(command: str) -> str:
    return command if len(command) <= 120 else f"{command[:119]}…"


def _said(error: CommandFailed) -> str:
    """The error it printed says more than its status."""
    said = health.said_last(error.output.splitlines())
    return f"{error.message}: {said}" if said else error.message


def _after_failed_release(context: Context, error: CommandFailed, remaining: float) -> str:
    release = context.new.spec.release
    assert release is not None
    if context.plan.strategy != "hold":
        return "the old release serves; look at what the command has already changed"
    if elsewhere := databases(context.env(context.new)):
        changed = f"what it changed in the database of {', '.join(elsewhere)} stays changed"
    else:
        changed = "nothing of the old release was changed"
    if error.returncode is None and remaining < release.timeout:
        return (
            "that was the rest of the longest hold; raise [deploy] longest_hold, or make the"
            f" command faster; {changed}"
        )
    return f"its output is above; {changed}"


def restore(context: Context) -> None:
    orphans.end(context.deploy)
    with acting_as(context.runtime.account(context.app)):
        snapshot.restore(context.layout, context.deploy)


def keep(context: Context) -> None:
    """The new release is the current one, since the gate opened to it."""
    opened = context.journal.steps(context.deploy).get("open")
    context.store.set_current(context.new, None if opened is None else opened.started)


BOOT = Step("boot", "Boot the new release", boot, stop_new)
HEALTH = Step("health", "Wait until it is healthy", check_health)
HOLD = Step("hold", "Hold requests", hold, open_to_old, replaces)
HOLD_PREPARED = Step("hold", "Hold requests", hold_prepared, open_to_old, replaces)
DRAIN = Step("drain", "Drain the old release", drain, None, replaces)
DRAIN_FULLY = Step("drain", "Drain the old release", drain_fully, None, replaces)
CONFIGURE = Step("configure", "Configure the edge", configure, configure_back)
OPEN = Step("open", "Open to the new release", open_to_new, None, final=True)
FINISH_WORKERS = Step(
    "finish-workers", "Have old workers finish", finish_workers, start_old_workers, has_workers
)
STOP_WORKERS = Step("stop-workers", "Stop workers", stop_workers, start_old_workers, has_workers)
STOP_WORKERS_FIRST = Step(
    "stop-workers", "Stop workers", stop_workers_first, start_old_workers, has_workers
)
START_WORKERS = Step("start-workers", "Start workers", start_workers, None, starts_workers)
STOP_OLD = Step("stop-old", "Stop the old release", stop_old, start_old, replaces)
RETIRE_OLD = Step("retire-old", "Let the old release end", retire_old, None, replaces)
SNAPSHOT = Step("snapshot", "Take a snapshot", take_snapshot, None, runs_release)
MIGRATE = Step("migrate", "Run the release command", migrate, restore, runs_release)
MIGRATE_BESIDE = Step("migrate", "Run the release command", migrate_beside, None, runs_release)
KEEP = Step("keep", "Keep the release", keep)

"""The engine: takes one deploy from the journal and brings it to an end, whatever happens.

Until the gate has opened to the new release, a deploy that meets an error, is asked to
stop, or is found half done after a crash is undone, step by step in reverse; from then on
it is finished.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from holdfast.codec import from_json, to_json
from holdfast.deploy import orphans, prepare, reserve, snapshot, steps
from holdfast.deploy.ahead import Ahead
from holdfast.deploy.context import Context
from holdfast.deploy.failpoint import Failpoint
from holdfast.deploy.handover import HANDOVER
from holdfast.deploy.hold import HOLD
from holdfast.deploy.holding import Holding
from holdfast.deploy.journal import Deploy, Stage, StepState
from holdfast.deploy.machine import Machine
from holdfast.deploy.plan import Plan
from holdfast.deploy.recorder import Recorder
from holdfast.deploy.step import Step
from holdfast.deploy.workers import Workers
from holdfast.edge.contract import Gate, Mode, Target
from holdfast.errors import DeployFailed, HoldfastError
from holdfast.protocol import Kind, error_from_json, error_to_json
from holdfast.runtimes.contract import Release, Slot

ATTEMPTS = 5
"""After so many crashes of the engine in one deploy nothing is tried any more."""

_KEPT_SNAPSHOTS = 3

_EXPECTED = (HoldfastError, OSError, sqlite3.Error)


class Engine:
    """Runs one deploy; the caller holds the app's lock.

    Args:
        stop: whether this process was asked to end.
    """

    def __init__(self, machine: Machine, deploy: Deploy, *, stop: Callable[[], bool]) -> None:
        self._machine = machine
        self._deploy = deploy
        self._app = deploy.app
        self._layout = machine.layout.app(deploy.app)
        self._store = machine.releases(deploy.app)
        self._journal = machine.journal
        self._stop = stop
        failpoint = Failpoint(machine.layout.root)
        self._recorder = Recorder(machine.journal, deploy, failpoint, self._secrets)

    def run(self) -> None:
        """Bring the deploy to its end; what goes wrong is part of how it ends."""
        attempts = self._deploy.attempts + 1
        try:
            self._journal.update(self._deploy.id, attempts=attempts)
            if attempts > 1:
                orphans.end(self._deploy.id)
            if attempts > ATTEMPTS:
                self._give_up()
            elif self._deploy.stage in (Stage.QUEUED, Stage.PREPARING):
                self._fresh()
            else:
                self._recover()
        except _EXPECTED as error:
            self._recorder.end("failed", error=self._recorder.named(error))

    # from the beginning

    def _fresh(self) -> None:
        """Prepare, then run the strategy."""
        built: Release | None = None
        ahead = Ahead(self._machine, self._deploy)
        try:
            self._journal.update(self._deploy.id, stage=Stage.PREPARING)
            ahead.sweep()
            reserve.keep(self._layout)
            prepare.check_domains(self._machine, self._deploy)
            built = self._recorder.step("build", "Build the release", lambda: self._obtain(ahead))
            gate = self._machine.edge.gate(self._app)
            old = self._serving(gate)
            make = partial(self._plan, built, old, ahead)
            plan = self._recorder.step("plan", "Make the plan", make)
            context = self._first_context(plan, built, old, gate, ahead)
            if self._deploy.kind != "plan":
                self._begin(context)
        except _EXPECTED as error:
            problem = self._recorder.named(error)
            reserve.give_back(self._layout)
            ahead.stop()
            self._recorder.end("undone", error=problem)
            self._discard(built)
            return
        named = [{"name": step.name, "title": step.title} for step in steps_of(context)]
        told = {**to_json(plan), "steps": named}
        self._recorder.tell(Kind.PLAN_MADE, plan=told)
        if self._deploy.kind == "plan":
            self._journal.update(self._deploy.id, plan=told, strategy=plan.strategy)
            self._recorder.end("planned")
            self._discard(built)
            return
        self._forward(context)

    def _obtain(self, ahead: Ahead) -> Release:
        return prepare.obtain_release(
            self._machine, self._deploy, self._recorder.emit, self._cancelled, ahead.boot
        )

    def _plan(self, release: Release | None, old: Release | None, ahead: Ahead) -> Plan:
        assert release is not None
        return prepare.make_plan(self._machine, self._deploy, release, old, both=ahead.booted)

    def _first_context(
        self, plan: Plan, release: Release, old: Release | None, gate: Gate | None, ahead: Ahead
    ) -> Context:
        target = None if gate is None or old is None else gate.target
        slot: Slot = "b" if target is not None and target.slot == "a" else "a"
        return self._context(plan, release, old, slot, target, ahead.stands(plan, release, slot))

    def _begin(self, context: Context) -> None:
        """Write down what recovery will need, before the first step."""
        self._journal.update(
            self._deploy.id,
            stage=Stage.RUNNING,
            plan=to_json(context.plan),
            strategy=context.plan.strategy,
            release=context.new.id,
            previous=None if context.old is None else context.old.id,
            slot=context.slot,
        )

    def _forward(self, context: Context) -> None:
        """Run the steps that are not done; undo all if one fails before the gate opens."""
        records = self._journal.steps(self._deploy.id)
        committed = False
        problems: list[HoldfastError] = []
        for step in steps_of(context):
            record = records.get(step.name)
            if record is None or record.state is not StepState.DONE:
                try:
                    self._run_step(context, step, stoppable=not committed)
                except _EXPECTED as error:
                    problem = self._recorder.named(error)
                    if not committed and not self._serves_new(context):
                        self._undo(context, problem)
                        return
                    # The new release serves and may have written: from here only forward.
                    problems += self._insist(context, step, problem)
            committed = committed or step.final
        self._finish(context, problems)

    def _run_step(self, context: Context, step: Step, *, stoppable: bool) -> None:
        if stoppable:
            context.check_cancelled()
            context.holding.check()
        self._recorder.step(step.name, step.title, lambda: step.do(context))

    def _insist(self, context: Context, step: Step, problem: HoldfastError) -> list[HoldfastError]:
        """Try a step once more if there is room to give it; what stays wrong is returned."""
        if not reserve.give_back(self._layout):
            return [problem]
        try:
            self._run_step(context, step, stoppable=False)
        except _EXPECTED as error:
            return [self._recorder.named(error)]
        return []

    def _finish(self, context: Context, problems: list[HoldfastError]) -> None:
        context.holding.release()
        gate = self._machine.edge.gate(self._app)
        if gate is not None and gate.mode is Mode.MAINTENANCE:
            context.note("maintenance goes on; holdfast open ends it")
        for problem in problems:
            context.note(f"the new release serves, but: {problem.message}")
        self._recorder.end(
            "succeeded",
            release=context.new.id,
            error=problems[0] if problems else None,
            held_ms=context.holding.milliseconds(),
        )
        self._tidy(context)

    # back

    def _undo(self, context: Context, error: HoldfastError) -> None:
        """Take back every step that was started, in reverse."""
        reserve.give_back(self._layout)
        try:
            self._journal.update(self._deploy.id, stage=Stage.UNDOING, error=error_to_json(error))
        except sqlite3.Error as problem:
            # A full disk must not keep the old release from coming back.
            context.note(f"the journal cannot be written: {problem}")
        records = self._journal.steps(self._deploy.id)
        failures: list[str] = []
        if "boot" not in records:
            steps.stop_new(context)  # it may have been booted ahead
        for step in reversed(steps_of(context)):
            record = records.get(step.name)
            if record is None or record.state is StepState.UNDONE:
                continue
            failure = self._recorder.undo(step, context)
            if failure is not None:
                failures.append(f"{step.title}: {failure.message}")
        context.holding.release()
        self._recorder.end(
            "failed" if failures else "undone",
            release=None if context.old is None else context.old.id,
            error=_with_failures(self._app, error, failures),
            held_ms=context.holding.milliseconds(),
        )
        self._discard(context.new)

    # after a crash

    def _recover(self) -> None:
        """Finish the deploy if the gate has opened to the new release, else undo it."""
        context = self._restored()
        records = self._journal.steps(self._deploy.id)
        if self._deploy.stage is Stage.RUNNING and self._serves_new(context):
            self._recorder.tell(
                Kind.RECOVERY, direction="finish", reason="the new release already serves"
            )
            self._journal.step(self._deploy.id, "open", StepState.DONE)
            self._forward(context)
            return
        held = records.get("hold")
        if held is not None and held.state is not StepState.UNDONE:
            context.holding.begin(self._deploy.held_from)
        self._recorder.tell(
            Kind.RECOVERY, direction="undo", reason="the engine ended in the middle of the deploy"
        )
        told = self._deploy.error
        self._undo(
            context,
            error_from_json(told)
            if told
            else DeployFailed(
                f"{self._app}: the deploy was interrupted and has been undone",
                hint="holdfast deploy starts anew",
            ),
        )

    def _restored(self) -> Context:
        """The context of a deploy that another process began."""
        deploy = self._deploy
        new = self._store.get(deploy.release or "")
        old = None if deploy.previous is None else self._store.get(deploy.previous)
        gate = self._machine.edge.gate(self._app)
        target = None
        if gate is not None and old is not None:
            known = (gate.target, gate.previous)
            target = next((item for item in known if item and item.release == old.id), None)
        slot: Slot = "b" if deploy.slot == "b" else "a"
        plan = from_json(deploy.plan, Plan)
        return self._context(plan, new, old, slot, target, restored=True)

    def _serves_new(self, context: Context) -> bool:
        """Whether the gate has been told to open to the new release: the edge knows best."""
        gate = self._machine.edge.gate(self._app)
        return (
            gate is not None
            and gate.mode is not Mode.HOLD
            and gate.target is not None
            and gate.target.release == context.new.id
            and gate.target.slot == context.slot
        )

    def _give_up(self) -> None:
        if self._machine.edge.gate(self._app) is not None:
            self._machine.edge.open(self._app)
        self._recorder.end(
            "failed",
            error=DeployFailed(
                f"{self._app}: the engine ended {ATTEMPTS} times in the middle of this deploy",
                hint="holdfast logs engine shows why; the gate is open to the last good release",
            ),
        )

    # pieces

    def _serving(self, gate: Gate | None) -> Release | None:
        """The release that the gate leads to."""
        if gate is None or gate.target is None:
            return None
        wanted = gate.target.release
        return next((item for item in self._store.all() if item.id == wanted), None)

    def _context(
        self,
        plan: Plan,
        new: Release,
        old: Release | None,
        slot: Slot,
        old_target: Target | None,
        booted: float | None = None,
        *,
        restored: bool = False,
    ) -> Context:
        deploy, recorder, runtime = self._deploy, self._recorder, self._machine.runtime
        environment = self._machine.environment
        holding = Holding(
            self._machine.edge,
            self._app,
            lease=new.spec.policy.lease,
            longest=new.spec.policy.longest_hold,
            on_begin=lambda at: self._journal.update(deploy.id, held_from=at),
            on_tick=lambda held: recorder.tell(Kind.STEP_PROGRESS, step="hold", held=held),
        )
        workers = Workers(
            lambda: runtime.stop_processes(self._app),
            lambda: runtime.prepare_processes(new, environment(new)),
            touched=restored,
        )
        return Context(
            deploy=deploy.id,
            app=self._app,
            layout=self._layout,
            plan=plan,
            new=new,
            old=old,
            slot=slot,
            booted=booted,
            old_target=old_target,
            env=environment,
            runtime=runtime,
            edge=self._machine.edge,
            store=self._store,
            journal=self._journal,
            holding=holding,
            workers=workers,
            emit=recorder.emit,
            cancelled=self._cancelled,
        )

    def _secrets(self) -> list[str]:
        """The values of the app's variables; none where they cannot be read, as in a build."""
        try:
            kept = self._machine.env_store(self._app).load()
        except (HoldfastError, OSError):
            return []
        return [secret.value for secret in kept.values()]

    def _cancelled(self) -> bool:
        return self._stop() or self._journal.cancel_requested(self._deploy.id)

    def _discard(self, release: Release | None) -> None:
        """A release that never served is not kept; one that a rollback wanted is."""
        if release is not None and self._deploy.back_to is None:
            self._store.discard(release.id)

    def _tidy(self, context: Context) -> None:
        """Old releases, snapshots and events go; what serves and what served stays."""
        never = {context.new.id} | ({context.old.id} if context.old else set())
        self._store.sweep(context.new.spec.policy.keep, frozenset(never))
        newest = self._journal.history(self._app, _KEPT_SNAPSHOTS)
        snapshot.prune(context.layout, frozenset(deploy.id for deploy in newest))
        self._journal.prune(self._app)


def steps_of(context: Context) -> list[Step]:
    """The steps of the deploy's strategy that apply to it."""
    strategy = HANDOVER if context.plan.strategy == "handover" else HOLD
    return [step for step in strategy if step.applies(context)]


def _with_failures(app: str, error: HoldfastError, failures: list[str]) -> HoldfastError:
    if not failures:
        return error
    return DeployFailed(
        f"{error.message}; and undoing it failed: {'; '.join(failures)}",
        hint="holdfast status shows what serves; holdfast rollback starts an earlier release",
        detail=error.detail,
    )

"""What a deploy is going to do, and why; a pure decision from facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from holdfast.app import AppSpec, Finding, StrategyChoice
from holdfast.records import record
from holdfast.runtimes.contract import Release

Strategy = Literal["handover", "hold"]

_MEMORY_MARGIN = 1.2
"""A second copy must find this much of what the first one uses."""


@record
class Facts:
    """What the decision rests on.

    Attributes:
        pending: migrations that the release command would run; ``None``: cannot be known.
        snapshot: databases (paths below the app's data) that a snapshot covers.
        uncovered: databases that no snapshot covers, as a person would name them.
        memory_free: bytes that a new process could have; ``None``: unknown.
        memory_used: bytes that the running web process uses; ``None``: unknown.
        durations: seconds that steps took in earlier deploys, newest first.
        replaced: databases and the like in containers that are made anew, since their definition or
            their variables changed.
    """

    old: Release | None
    pending: tuple[str, ...] | None
    snapshot: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    memory_free: int | None = None
    memory_used: int | None = None
    durations: Mapping[str, tuple[float, ...]] | None = None
    replaced: tuple[str, ...] = ()


@record
class Plan:
    """The plan of one deploy.

    Attributes:
        why: the reasons for the strategy, most important first.
        run_release: whether the release command runs.
        estimate: seconds that requests will wait, from earlier deploys; ``None`` without any.
        override: of a Compose project: what Holdfast changes in it, as a Compose file.
    """

    app: str
    release: str
    previous: str | None
    commit: str | None
    strategy: Strategy
    why: tuple[str, ...]
    run_release: bool
    release_command: str | None
    pending: tuple[str, ...] | None
    snapshot: tuple[str, ...]
    persist: tuple[str, ...]
    static: tuple[str, ...]
    processes: tuple[str, ...]
    findings: tuple[Finding, ...]
    estimate: float | None
    warnings: tuple[str, ...] = ()
    override: str = ""


def decide(
    release: Release, facts: Facts, asked: StrategyChoice | None = None, *, rollback: bool = False
) -> Plan:
    """Make the plan for bringing ``release`` live.

    Args:
        asked: the strategy named on the command line; the config's if ``None``.
        rollback: an earlier release comes back, so nothing is migrated.
    """
    spec = release.spec
    run_release = not rollback and _release_runs(spec, facts)
    strategy, why = _strategy(spec, facts, asked or spec.policy.strategy, run_release)
    return Plan(
        app=spec.name,
        release=release.id,
        previous=None if facts.old is None else facts.old.id,
        commit=release.commit,
        strategy=strategy,
        why=why,
        run_release=run_release,
        release_command=spec.release.command if spec.release else None,
        pending=facts.pending,
        snapshot=facts.snapshot if run_release and strategy == "hold" else (),
        persist=tuple(f"{path.path} ({path.why})" for path in spec.persist),
        static=tuple(f"{item.url} from {item.directory}" for item in spec.static),
        processes=("web", *(process.name for process in spec.processes)),
        findings=spec.findings,
        estimate=_estimate(strategy, facts, run_release),
        warnings=tuple(_warnings(spec, facts, strategy, run_release, rollback)),
    )


def _release_runs(spec: AppSpec, facts: Facts) -> bool:
    return spec.release is not None and (facts.pending is None or bool(facts.pending))


def _strategy(
    spec: AppSpec, facts: Facts, asked: StrategyChoice, run_release: bool
) -> tuple[Strategy, tuple[str, ...]]:
    if asked is not StrategyChoice.AUTO:
        chosen: Strategy = "hold" if asked is StrategyChoice.HOLD else "handover"
        return chosen, (f"{chosen} was asked for",)
    if run_release and spec.release is not None:
        if facts.pending:
            count = len(facts.pending)
            named = ", ".join(facts.pending[:3]) + (", …" if count > 3 else "")
            return "hold", (f"{count} pending migration{'s' if count > 1 else ''}: {named}",)
        why = (
            f"the release command {spec.release.command!r} may change the database,"
            " and what it does cannot be known"
        )
        return "hold", (why,)
    tight = too_small(facts.memory_free, facts.memory_used)
    if tight is not None:
        return "hold", (tight,)
    if facts.old is None:
        return "handover", ("nothing serves yet",)
    if spec.alone:
        return "hold", (spec.alone,)
    return "handover", ("nothing to migrate",)


def too_small(free: int | None, used: int | None) -> str | None:
    """Why memory is too small for two copies, or ``None``.

    Args:
        free: bytes that a new process could have; ``None``: unknown.
        used: bytes that the running web process uses; ``None``: unknown.
    """
    if free is None or used is None or free >= used * _MEMORY_MARGIN:
        return None
    return (
        f"memory is too small for two copies: the app uses {used >> 20} MB,"
        f" {free >> 20} MB are free"
    )


def _estimate(strategy: Strategy, facts: Facts, run_release: bool) -> float | None:
    """The sum of the medians of the steps that happen while the gate holds."""
    if facts.old is None:
        return 0.0
    steps = ["drain", "configure", "open"]
    if strategy == "hold":
        steps += ["stop-old", "boot", "health"]
        steps += ["snapshot", "migrate"] if run_release else []
    known = facts.durations or {}
    seen = [sorted(known[step])[len(known[step]) // 2] for step in steps if known.get(step)]
    return round(sum(seen), 2) if seen else None


def _warnings(
    spec: AppSpec, facts: Facts, strategy: Strategy, run_release: bool, rollback: bool
) -> list[str]:
    warnings = [
        f"the service {name} is started anew: its definition or its variables changed; what uses it"
        " waits or fails meanwhile, and its volumes stay"
        for name in facts.replaced
    ]
    if run_release and strategy == "handover":
        warnings.append(
            "the release command runs while the old release serves: it must suit both versions,"
            " and a failed one is not undone"
        )
    elif run_release and facts.uncovered:
        warnings.append(
            f"no snapshot can be made of {', '.join(facts.uncovered)}: if the release command"
            " fails halfway, what it changed there stays changed"
        )
    if rollback and spec.release is not None:
        warnings.append(
            "the database stays as it is: migrations made after this release are not taken back"
        )
    if rollback and (unseen := _unseen(spec, facts)):
        warnings.append(
            f"{unseen}: this release keeps it in its own container, and does not see what was"
            " written there since; that stays where it is, and the next deploy finds it again"
        )
    return warnings


def _unseen(spec: AppSpec, facts: Facts) -> str:
    """What the running release keeps of its containers and an earlier one does not."""
    now = facts.old.spec.compose if facts.old is not None else None
    if now is None or spec.compose is None:
        return ""
    paths = {key.partition(":")[2] for key in now.kept if key not in spec.compose.kept}
    return ", ".join(sorted(paths))

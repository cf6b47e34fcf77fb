"""The plan: which strategy, and the reason a person reads."""

from __future__ import annotations

import pytest

from holdfast.app import ReleaseCommand, StrategyChoice
from holdfast.codec import from_json, to_json
from holdfast.deploy.plan import Facts, Plan, decide
from tests.unit.deploy.samples import sample_release, spec, with_policy

MIGRATE = ReleaseCommand("flask db upgrade", known="flask-migrate")
OLD = sample_release("1")


def test_nothing_to_migrate_is_a_handover() -> None:
    """Without a release command nothing makes the two releases exclude each other."""
    plan = decide(sample_release(), Facts(old=OLD, pending=()))
    assert plan.strategy == "handover"
    assert plan.why == ("nothing to migrate",)
    assert not plan.run_release


def test_pending_migrations_hold() -> None:
    """The reason counts them and names the first three."""
    pending = ("0001", "0002", "0003", "0004")
    plan = decide(sample_release(app=spec(release=MIGRATE)), Facts(old=OLD, pending=pending))
    assert plan.strategy == "hold"
    assert plan.why == ("4 pending migrations: 0001, 0002, 0003, …",)
    assert plan.run_release


def test_known_migrations_with_nothing_pending_hand_over_and_do_not_run() -> None:
    """A release command that has nothing to do is not run."""
    plan = decide(sample_release(app=spec(release=MIGRATE)), Facts(old=OLD, pending=()))
    assert (plan.strategy, plan.run_release) == ("handover", False)


def test_an_unknown_release_command_holds() -> None:
    """What cannot be judged counts as unsafe."""
    app = spec(release=ReleaseCommand("./bin/release"))
    plan = decide(sample_release(app=app), Facts(old=OLD, pending=None))
    assert plan.strategy == "hold"
    assert "'./bin/release' may change the database" in plan.why[0]


@pytest.mark.parametrize(
    ("free", "used", "strategy"),
    [(1000 << 20, 500 << 20, "handover"), (550 << 20, 500 << 20, "hold"), (None, 1, "handover")],
)
def test_memory_for_two_copies(free: int | None, used: int, strategy: str) -> None:
    """A second copy needs a fifth more than what the first one uses."""
    facts = Facts(old=OLD, pending=(), memory_free=free, memory_used=used)
    assert decide(sample_release(), facts).strategy == strategy


def test_a_database_that_is_made_anew_is_said_first() -> None:
    """Before any other warning: it is what visitors would notice."""
    app = spec(release=ReleaseCommand("./bin/release"))
    facts = Facts(old=OLD, pending=None, uncovered=("a database",), replaced=("db",))
    plan = decide(sample_release(app=app), facts)
    assert plan.warnings[0].startswith("the service db is started anew")
    assert len(plan.warnings) == 2


def test_the_command_line_beats_the_config() -> None:
    """--strategy hold on an app whose config says handover."""
    app = with_policy(spec(), strategy=StrategyChoice.HANDOVER)
    plan = decide(sample_release(app=app), Facts(old=OLD, pending=()), StrategyChoice.HOLD)
    assert (plan.strategy, plan.why) == ("hold", ("hold was asked for",))


def test_a_handover_with_migrations_warns() -> None:
    """Asked for against our judgement, the plan says what it means."""
    plan = decide(
        sample_release(app=spec(release=MIGRATE)),
        Facts(old=OLD, pending=("0002",)),
        StrategyChoice.HANDOVER,
    )
    assert "must suit both versions" in plan.warnings[0]
    assert plan.snapshot == ()


def test_a_database_without_snapshot_warns() -> None:
    """A Postgres behind a URL is not covered by the copy of SQLite files."""
    facts = Facts(old=OLD, pending=("0002",), uncovered=("the database of DATABASE_URL",))
    plan = decide(sample_release(app=spec(release=MIGRATE)), facts)
    assert "no snapshot can be made of the database of DATABASE_URL" in plan.warnings[0]


def test_a_rollback_migrates_nothing_and_says_so() -> None:
    """The database stays as it is."""
    facts = Facts(old=OLD, pending=())
    plan = decide(sample_release(app=spec(release=MIGRATE)), facts, rollback=True)
    assert (plan.strategy, plan.run_release) == ("handover", False)
    assert "migrations made after this release are not taken back" in plan.warnings[0]


def test_the_estimate_adds_the_medians_of_the_held_steps() -> None:
    """Of earlier boots, not of one that was slow by chance."""
    durations = {"boot": (0.1, 9.0, 0.2), "health": (1.0,), "drain": (0.0,), "build": (50.0,)}
    facts = Facts(old=OLD, pending=("0002",), durations=durations)
    plan = decide(sample_release(app=spec(release=MIGRATE)), facts)
    assert plan.estimate == pytest.approx(1.2)


def test_a_plan_survives_the_journal() -> None:
    """Recovery reads it back after a crash."""
    plan = decide(sample_release(app=spec(release=MIGRATE)), Facts(old=OLD, pending=("1",)))
    assert from_json(to_json(plan), Plan) == plan

"""A new release that is broken in every way: the old one serves, and nothing is lost.

Visitors come all the while. Each request gets its one right answer, whatever goes wrong; the
data is as it was but for what they wrote; one error says what happened and what to do.

What a framework and its server have to say is met with both; where nothing of theirs is in what
is asserted, a case has the app that boots at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.server.deploy.running import Ended
from tests.server.deploy.site import Deployment, Rows, check, check_live
from tests.server.deploy.tiny import Tiny, config

SHORT_BOOT = '[web]\nboot_timeout = "3s"\n'
SHORT_RELEASE = '[release]\ntimeout = "3s"\n'
SHORT_HOLD = '[deploy]\nlongest_hold = "6s"\nlease = "4s"\ndrain = "2s"\n'

UNDONE = 6
COUNTED = {"note", "ballots_ballot", "polls_choice", "kept"}
"""Tables that visitors write to."""


@dataclass(frozen=True, slots=True)
class Case:
    """A broken version, and the one error that comes of it.

    Attributes:
        kind: of ``examples.variants``.
        message, hint, log: stand in the error's message, its hint, and the end of the log
            that it shows.
    """

    kind: str
    message: str
    hint: str
    log: str
    type: str = "DeployFailed"
    status: int = UNDONE
    config: str = ""


BUILD = Case(
    "broken-build",
    "install the dependencies: no versions fit together: Because there is no version of humanize",
    "check the name and version in the dependency file",
    "there is no version of humanize==999.0",
    "BuildError",
    5,
)
IMPORT = Case(
    "broken-import",
    "cannot be imported: ImportError: cannot import name 'nothing_of_that_name'",
    "",
    "nothing_of_that_name",
    "DetectionError",
    3,
)
BOOT = Case(
    "broken-boot",
    # Between the words the exit status, where the supervisor has not started it again meanwhile.
    ": it fails with RuntimeError: this version does not boot",
    "try the command on your machine: ",
    "RuntimeError: this version does not boot",
)
HEALTH = Case(
    "broken-health",
    "site: GET /healthz answers 500, for 5 s since it booted",
    "look at its log above; [web] health names another path",
    "",
)
SILENT = Case(
    "never-listens",
    "site: the new release runs but did not answer within 3 s",
    "its command must listen on $HOLDFAST_SOCKET; [web] boot_timeout gives it longer",
    "Booting worker",
    config=SHORT_BOOT,
)
MIGRATION = Case(
    "broken-migration",
    "failed: release command: ended with status 1",
    "its output is above; nothing of the old release was changed",
    "this migration fails halfway",
)
HANGS = Case(
    "hanging-migration",
    "failed: release command: took longer than 3 s and was stopped",
    "its output is above; nothing of the old release was changed",
    "",
    config=SHORT_RELEASE,
)
SAYS_NOTHING = replace(
    SILENT,
    hint="its command must listen on 127.0.0.1:$PORT; [web] boot_timeout gives it longer",
    log="",
    config=config('boot_timeout = "3s"'),
)
OUTLASTS = Case(
    "hanging-migration",
    "and was stopped",
    "[deploy] longest_hold",
    "",
    config=config(rest=SHORT_HOLD),
)


def named(value: object) -> str:
    return value.kind if isinstance(value, Case) else str(value)


@pytest.mark.parametrize(
    ("case", "strategy"),
    [
        (BOOT, "handover"),
        (HEALTH, "hold"),
        (SILENT, "handover"),
        (MIGRATION, "auto"),
    ],
    ids=named,
)
def test_flask(notes: Deployment, case: Case, strategy: str) -> None:
    """``flask-notes``: served by the old release to the end, its rows untouched; then a good
    version goes live."""
    stays_as_it_was(notes, case, strategy)
    goes_on(notes)


@pytest.mark.parametrize(
    ("case", "strategy"),
    [
        (BOOT, "hold"),
        (HEALTH, "handover"),
        (MIGRATION, "auto"),
        (HANGS, "auto"),
    ],
    ids=named,
)
def test_django(polls: Deployment, case: Case, strategy: str) -> None:
    """``django-polls``: likewise."""
    stays_as_it_was(polls, case, strategy)
    goes_on(polls)


@pytest.mark.parametrize(
    ("case", "strategy"), [(SAYS_NOTHING, "hold"), (OUTLASTS, "auto")], ids=named
)
def test_tiny(tiny: Tiny, case: Case, strategy: str) -> None:
    """An app without a framework: likewise."""
    stays_as_it_was(tiny, case, strategy)
    goes_on(tiny)


@pytest.mark.parametrize("example", ["notes", "polls"])
def test_never_built(example: str, request: pytest.FixtureRequest) -> None:
    """Neither becomes a release, one after the other; then a good version goes live."""
    site: Deployment = request.getfixturevalue(example)
    for case in (BUILD, IMPORT):
        stays_as_it_was(site, case, "auto")
    goes_on(site)


def stays_as_it_was(site: Deployment, case: Case, strategy: str) -> None:
    """Deploy the broken version under load."""
    old = site.versions[-1]
    releases = site.releases()
    before = site.rows()
    with site.visited() as visit:
        ended = site.finish(site.start(case.kind, strategy, case.config))
    check_error(ended, case)
    account = visit.account()
    check(account)
    assert set(account.versions) == {old}
    check_rows(before, site.rows(), account.ledger.sent)
    site.keeps(releases)
    check_live(site)


def goes_on(site: Deployment) -> None:
    """Deploy a good version under load."""
    old = site.versions[-1]
    with site.visited() as visit:
        site.good()
    account = visit.account()
    check(account)
    assert set(account.versions) == {old, site.versions[-1]}


def check_error(ended: Ended, case: Case) -> None:
    """One error, which says what happened, what to do, and shows the end of the log."""
    error = ended.error
    assert (ended.status, error["exit_code"], error["type"]) == (
        case.status,
        case.status,
        case.type,
    ), error
    assert case.message in error["message"]
    assert case.hint in (error["hint"] or "")
    # One that never listens has not printed a line yet, on a busy machine.
    if case.kind != "never-listens" or error["detail"]:
        assert case.log in (error["detail"] or "")
    assert ended.outcome == "undone"
    assert ended.said == ""
    assert sum("error" in line and "event" not in line for line in ended.lines) == 1
    if case.kind not in ("broken-boot", "broken-build"):
        assert "does not boot" not in (error["detail"] or ""), "the log of an earlier release"
    for line in ended.events("step.undone"):
        assert line["step"] != "boot" or line["seconds"] < 15, "nobody has asked it anything yet"


def check_rows(before: Rows, after: Rows, posts: int) -> None:
    """The schema and all rows are as before, but for those that visitors made."""
    assert after.keys() == before.keys()
    for table, rows in before.items():
        if table not in COUNTED:
            assert uncounted(after[table]) == uncounted(rows), table
        elif table != "polls_choice":  # its counters grow
            assert rows <= after[table], table
            assert len(after[table]) == len(rows) + posts


def uncounted(rows: frozenset[tuple[Any, ...]]) -> frozenset[tuple[Any, ...]]:
    """Less what SQLite remembers of the tables that visitors write to."""
    return frozenset(row for row in rows if row[0] not in COUNTED)


def test_failed_migration_beside_the_old_release(tiny: Tiny) -> None:
    """Asked for, a handover migrates while the old one serves: the plan and the error warn."""
    ended = tiny.finish(tiny.start("broken-migration", "handover"))
    (made,) = ended.events("plan.made")
    assert any("a failed one is not undone" in text for text in made["plan"]["warnings"])
    assert ended.status == UNDONE
    assert ended.error["hint"] == (
        "the old release serves; look at what the command has already changed"
    )
    check_live(tiny)


KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n"
PRINTS = 'import os, sys; sys.exit("for want of " + os.environ["URL"] + " " + os.environ["KEY"])'


def test_values_do_not_show(tiny: Tiny) -> None:
    """What a release command and then the app print of variables is in no event, no error and not
    in the journal."""
    (tiny.repository / "prints.py").write_text(PRINTS)
    given = tiny.repository / "live.env"
    given.write_text(f'URL=db://me:hunter-2222@here/x\nKEY="{KEY}"\n')
    tiny.place.holdfast("env", "import", str(given), "--name", tiny.app)
    release = config(rest='[release]\ncommand = "python prints.py"\n')
    boots = config().replace("python serve.py", "python prints.py")
    for settings in (release, boots):
        ended = tiny.finish(tiny.start("plain", "handover", settings))
        assert ended.status == UNDONE
        assert "for want of ***" in (ended.error["detail"] or "")
        kept = b"".join(path.read_bytes() for path in tiny.place.root.glob("journal.db*"))
        for value in ("hunter-2222", "MIIEvQIBADANBgkq"):
            assert value not in str(ended)
            assert value.encode() not in kept
    tiny.place.holdfast("env", "unset", "URL", "KEY", "--name", tiny.app)

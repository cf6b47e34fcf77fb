"""A real site for fault tests: an example app, deployed by the real command, under load."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.calls import calls
from demo.place import Deployed, Place
from demo.visitors import Visitors
from examples.variants import make_variant
from holdfast.app import Policy
from holdfast.deploy.journal import Journal
from holdfast.layout import Layout
from holdfast.protocol import Request
from holdfast.transport.local import LocalTransport
from load import Account
from load.sites import Notes, Polls, Site
from tests.server.deploy.running import PATIENCE, Ended, Running

SITES: dict[str, type[Notes] | type[Polls]] = {"flask-notes": Notes, "django-polls": Polls}
RATE = 15.0
CONFIG = "holdfast.toml"

ONE_WORKER = '[env]\nWEB_CONCURRENCY = "1"\n'
"""A ``holdfast.toml`` for gunicorn with one worker: each further one imports the app anew."""

Rows = Mapping[str, frozenset[tuple[Any, ...]]]
"""The rows of every table; ``""`` holds the schema."""


@dataclass(slots=True)
class Deployment:
    """An example that is live in a place.

    Attributes:
        settings: the ``holdfast.toml`` of the versions to come, not committed.
        versions: those that ought to have served.
    """

    place: Place
    example: str
    repository: Path
    app: str = "site"
    settings: str = ""
    number: int = 0
    versions: list[str] = field(default_factory=list)

    # deploying

    def make(self, kind: str) -> str:
        """Commit the next version of the source; it is not deployed yet."""
        self.number += 1
        version = str(self.number)
        make_variant(self.example, kind, self.repository, version)
        self._set(self.settings)
        return version

    def _set(self, config: str) -> None:
        path = self.repository / CONFIG
        if config:
            path.write_text(config)
        else:
            path.unlink(missing_ok=True)

    def traffic(self) -> Site:
        """What visitors do here."""
        return SITES[self.example]()

    def deploy(self, kind: str = "plain", strategy: str = "auto", **more: Any) -> Deployed:
        """Make the next version and deploy it."""
        version = self.make(kind)
        done = self.place.deploy(self.repository, self.app, strategy=strategy, **more)
        if done.outcome == "succeeded":
            self.versions.append(version)
        return done

    def start(
        self, kind: str = "plain", strategy: str = "auto", config: str = "", **more: Any
    ) -> Running:
        """Make the next version and start to deploy it.

        Args:
            config: more for its ``holdfast.toml``.
        """
        self.make(kind)
        self._set(self.settings + config)
        return self.command("deploy", "--server", "local", "--strategy", strategy, **more)

    def command(self, *arguments: str, **more: Any) -> Running:
        """Start any command about the app, in its folder."""
        verb, *rest = arguments
        return Running(
            self.place, verb, "--name", self.app, *rest, directory=self.repository, **more
        )

    def run(self, *arguments: str, **more: Any) -> Ended:
        """Any command about the app, to its end."""
        return self.command(*arguments, **more).end()

    def finish(self, running: Running) -> Ended:
        """The end of a deploy that was started; a version that went live is noted."""
        ended = running.end()
        if ended.outcome == "succeeded":
            self.versions.append(str(self.number))
        return ended

    def good(self, strategy: str = "auto") -> None:
        """The next good version goes live without a hitch."""
        ended = self.finish(self.start("plain", strategy))
        assert ended.status == 0, (ended.lines[-1:], ended.said)

    # looking

    def status(self) -> dict[str, Any]:
        """What ``holdfast status --json`` would say of the app, without the command's start."""
        transport = LocalTransport(Layout(self.place.root))
        told = transport.call(Request("status", {"app": self.app}), lambda _: None)
        return dict(told["apps"][0])

    def typed_status(self) -> dict[str, Any]:
        """What the command itself says: it puts right what was killed."""
        return dict(self.place.holdfast("status", "--name", self.app)[-1]["result"]["apps"][0])

    def journal(self) -> Journal:
        """The place's journal, to look at."""
        return Journal(self.place.root / "journal.db")

    def releases(self) -> set[str]:
        """The releases on disk, whole or not, once the last deploy has tidied up.

        Its end is told first, so that what is killed in between is nothing to take up again.
        """
        deadline = time.monotonic() + PATIENCE
        while len(found := self._releases()) > Policy().keep:
            assert time.monotonic() < deadline, f"never removed: {sorted(found)}"
            time.sleep(0.05)
        return found

    def keeps(self, releases: set[str]) -> None:
        """Return when these releases are on disk, and nothing of another is left."""
        deadline = time.monotonic() + PATIENCE
        while (found := self._releases()) != releases:
            assert time.monotonic() < deadline, sorted(found ^ releases)
            time.sleep(0.05)

    def _releases(self) -> set[str]:
        return {path.name for path in self._home("releases").iterdir() if path.is_dir()}

    def pids(self, name: str = "web") -> list[int]:
        """The processes of the app that run now, by their name or the start of it."""
        return [
            item["pid"]
            for item in self.status()["processes"]
            if item["pid"] is not None and item["name"].startswith(name)
        ]

    def rows(self) -> Rows:
        """Everything that is in the app's database."""
        (path,) = (path for path in self.databases() if path.stat().st_size)
        with closing(sqlite3.connect(path, timeout=30)) as database:
            schema = frozenset(database.execute("SELECT name, sql FROM sqlite_master").fetchall())
            names = [row[0] for row in database.execute(_TABLES).fetchall()]
            found = {
                name: frozenset(database.execute(f'SELECT * FROM "{name}"').fetchall())  # noqa: S608
                for name in names
            }
        return {"": schema, **found}

    def databases(self) -> list[Path]:
        """The SQLite files that the app keeps."""
        home = self._home("data")
        return [path for kind in ("*.db", "*.sqlite3") for path in sorted(home.rglob(kind))]

    def _home(self, name: str) -> Path:
        return self.place.root / "apps" / self.app / name

    # faults

    def fail(self, at: str) -> None:
        """Have the engine killed when it reaches ``at`` (see ``deploy/failpoint.py``)."""
        (self.place.root / "failpoint").write_text(at)

    def failed_there(self) -> bool:
        """Whether the engine got to the failpoint and died."""
        return not (self.place.root / "failpoint").exists()

    @contextmanager
    def waiting(self, at: str, running: Running) -> Iterator[None]:
        """For the block the engine waits at a place; the failpoint was set before it began."""
        reached = self.place.root / "failpoint.reached"
        deadline = time.monotonic() + PATIENCE
        while not reached.exists():
            assert time.monotonic() < deadline, f"the deploy never came to {at}: {running.end()}"
            time.sleep(0.01)
        try:
            yield
        finally:
            reached.unlink(missing_ok=True)

    def wait_at(self, at: str) -> None:
        """Have the engine wait when it reaches ``at``; see :meth:`waiting`."""
        self.fail(f"wait {at}")

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until no deploy is unfinished and no old release left to end.

        Nobody asks Holdfast for anything meanwhile.
        """
        journal = self.journal()
        deadline = time.monotonic() + seconds
        while journal.unfinished(self.app) or journal.retiring(self.app):
            assert time.monotonic() < deadline, "the deploy was not recovered by itself"
            time.sleep(0.05)
        journal.close()

    # visitors

    @contextmanager
    def visited(self, rate: float = RATE) -> Iterator[Visit]:
        """Visitors come for as long as the block takes; then everything is counted."""
        visitors = Visitors(self.app, self.place.port, self.traffic(), rate)
        visit = Visit(self, visitors, [self.versions[-1]])
        with visitors:
            time.sleep(0.3)
            yield visit
            time.sleep(0.5)
        visitors.look_back(calls(self.place.root, self.app))


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


@dataclass(slots=True)
class Visit:
    """A load that came by; ``versions`` begins with what served when it began."""

    deployment: Deployment
    visitors: Visitors
    versions: list[str]

    def account(self) -> Account:
        """What the visitors saw; the block must have ended."""
        return self.visitors.account(self.versions + self.deployment.versions[-1:])


def check(account: Account) -> None:
    """Every request got its one right answer, in order, and every POST was stored once."""
    assert account.requests > 0
    assert not account.failed, account.errors
    assert (account.ledger.lost, account.ledger.doubled, account.ledger.unseen) == (0, 0, 0)
    assert (account.called_late, account.misled, account.mixed) == (0, 0, 0)


def check_stored(account: Account) -> None:
    """Some requests may have been cut; no POST ran twice, and none that was answered is lost."""
    assert account.requests > 0
    assert (account.ledger.lost, account.ledger.doubled) == (0, 0)


def check_live(deployment: Deployment) -> dict[str, Any]:
    """The gate is open, and one web process runs: that of the release that counts."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status = deployment.status()
        web = [item for item in status["processes"] if item["name"].startswith("web.")]
        running = [item for item in web if item["state"] in ("running", "starting")]
        if len(running) == 1 or time.monotonic() > deadline:  # an old one may be about to end
            break
        time.sleep(0.05)
    assert status["gate"]["effective"] == "open", status
    assert status["gate"]["target"]["release"] == status["release"], status
    assert [item["release"] for item in running] == [status["release"]], status
    return status

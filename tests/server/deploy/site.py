"""A real site for fault tests: an example app, deployed by the real command, under load."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.calls import calls
from demo.place import Deployed, Place
from demo.visitors import Visitors
from examples.variants import make_variant
from holdfast.deploy.journal import Journal
from load import Account
from load.sites import Notes, Polls, Site

SITES: dict[str, type[Notes] | type[Polls]] = {"flask-notes": Notes, "django-polls": Polls}
RATE = 25.0


@dataclass(slots=True)
class Deployment:
    """An example that is live in a place; ``versions`` are those that ought to have served."""

    place: Place
    example: str
    repository: Path
    app: str = "site"
    number: int = 0
    versions: list[str] = field(default_factory=list)

    def make(self, kind: str) -> str:
        """Commit the next version of the source; it is not deployed yet."""
        self.number += 1
        version = str(self.number)
        make_variant(self.example, kind, self.repository, version)
        return version

    def deploy(self, kind: str = "plain", strategy: str = "auto", **more: Any) -> Deployed:
        """Make the next version and deploy it."""
        version = self.make(kind)
        done = self.place.deploy(self.repository, self.app, strategy=strategy, **more)
        if done.outcome == "succeeded":
            self.versions.append(version)
        return done

    def status(self) -> dict[str, Any]:
        """What ``holdfast status --json`` says of the app."""
        return dict(self.place.holdfast("status", "--name", self.app)[-1]["result"]["apps"][0])

    def journal(self) -> Journal:
        """The place's journal, to look at."""
        return Journal(self.place.root / "journal.db")

    def fail(self, at: str) -> None:
        """Have the engine killed when it reaches ``at`` (see ``deploy/failpoint.py``)."""
        (self.place.root / "failpoint").write_text(at)

    def failed_there(self) -> bool:
        """Whether the engine got to the failpoint and died."""
        return not (self.place.root / "failpoint").exists()

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until no deploy is unfinished; nobody asks Holdfast for anything meanwhile."""
        journal = self.journal()
        deadline = time.monotonic() + seconds
        while journal.unfinished(self.app) is not None:
            assert time.monotonic() < deadline, "the deploy was not recovered by itself"
            time.sleep(0.05)
        journal.close()

    @contextmanager
    def visited(self, rate: float = RATE) -> Iterator[Visit]:
        """Visitors come for as long as the block takes; then everything is counted."""
        site: Site = SITES[self.example]()
        visitors = Visitors(self.app, self.place.port, site, rate)
        visit = Visit(self, visitors, [self.versions[-1]])
        with visitors:
            time.sleep(0.3)
            yield visit
            time.sleep(0.5)
        visitors.look_back(calls(self.place.root, self.app))


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

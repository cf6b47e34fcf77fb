"""The journal: every deploy, every step, when, how it ended (SQLite, one file a machine).

Steps are written with ``synchronous=FULL``, so that what the journal says happened has
happened also after a power cut; events, which only tell a person what goes on, are not.
One deploy of an app at a time: a second one cannot be queued while one is unfinished.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from holdfast.errors import Busy, NotFound
from holdfast.protocol import Event
from holdfast.records import record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deploys (
    id        TEXT PRIMARY KEY,          -- sorts by time
    app       TEXT NOT NULL,
    kind      TEXT NOT NULL,             -- deploy | rollback | plan
    stage     TEXT NOT NULL,
    outcome   TEXT,                      -- succeeded | undone | failed | planned
    request   TEXT NOT NULL,             -- what was asked for (JSON, no secrets)
    plan      TEXT,
    strategy  TEXT,
    release   TEXT,
    previous  TEXT,
    slot      TEXT,
    attempts  INTEGER NOT NULL DEFAULT 0,
    cancel    INTEGER NOT NULL DEFAULT 0,
    created   REAL NOT NULL,
    ended     REAL,
    held_from REAL,
    held_ms   REAL,
    error     TEXT,
    retire    TEXT                       -- an old slot that still finishes long requests
);
CREATE INDEX IF NOT EXISTS deploys_of_app ON deploys (app, id);
CREATE UNIQUE INDEX IF NOT EXISTS one_at_a_time ON deploys (app) WHERE stage <> 'ended';
CREATE TABLE IF NOT EXISTS steps (
    deploy  TEXT NOT NULL REFERENCES deploys (id),
    name    TEXT NOT NULL,
    state   TEXT NOT NULL,
    started REAL NOT NULL,
    ended   REAL,
    note    TEXT,
    PRIMARY KEY (deploy, name)
);
CREATE TABLE IF NOT EXISTS events (
    seq    INTEGER PRIMARY KEY,
    deploy TEXT NOT NULL,
    line   TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_deploy ON events (deploy, seq);
"""

_KEPT_EVENTS_OF = 50
"""Deploys of an app whose events are kept; older ones keep their steps."""


class Stage(StrEnum):
    """How far a deploy is."""

    QUEUED = "queued"
    PREPARING = "preparing"
    """Build and plan: nothing that serves has been touched."""
    RUNNING = "running"
    UNDOING = "undoing"
    ENDED = "ended"


class StepState(StrEnum):
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@record
class Deploy:
    """A row of the journal; times are Unix seconds."""

    id: str
    app: str
    kind: str
    stage: Stage
    outcome: str | None
    request: dict[str, Any]
    plan: dict[str, Any] | None
    strategy: str | None
    release: str | None
    previous: str | None
    slot: str | None
    attempts: int
    cancel: bool
    created: float
    ended: float | None
    held_from: float | None
    held_ms: float | None
    error: dict[str, Any] | None
    retire: dict[str, Any] | None

    @property
    def back_to(self) -> str | None:
        """The kept release that is wanted again (a rollback, or the plan of one)."""
        return self.request.get("release")


@record
class StepRecord:
    name: str
    state: StepState
    started: float
    ended: float | None
    note: str | None


_PATIENCE = 10.0
"""Seconds for which another process that writes is waited for."""

_ADD_EVENT = "INSERT INTO events (deploy, line) VALUES (?, ?)"
_JSON = ("request", "plan", "error", "retire")


class Journal:
    """The journal of one machine; open it once a process, from one thread each.

    Args:
        path: the SQLite file, readable by its owner alone.
        make: make it if it is missing; else a missing one is an empty journal, and whoever
            only looks leaves no trace.
    """

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self.path = path
        if make and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        place = path if path.exists() else Path(":memory:")
        self._db = _connect(place, "FULL")
        self._loose = _connect(place, "OFF")
        for database in (self._db, self._loose):
            database.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()
        self._loose.close()

    # deploys

    def queue(self, app: str, kind: str, request: Mapping[str, Any]) -> Deploy:
        """Write down that a deploy is wanted.

        Raises:
            Busy: one of this app is unfinished.
        """
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        name = f"{stamp}-{int(now * 1000) % 1000:03d}{secrets.token_hex(2)}"
        try:
            self._db.execute(
                "INSERT INTO deploys (id, app, kind, stage, request, created)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, app, kind, Stage.QUEUED, json.dumps(dict(request)), now),
            )
        except sqlite3.IntegrityError:
            raise Busy(
                f"{app}: another deploy is under way",
                hint="holdfast deploy --follow shows it",
            ) from None
        return self.get(name)

    def get(self, deploy: str) -> Deploy:
        row = self._db.execute("SELECT * FROM deploys WHERE id = ?", (deploy,)).fetchone()
        if row is None:
            raise NotFound(f"no deploy {deploy} in the journal")
        return _deploy(row)

    def unfinished(self, app: str) -> Deploy | None:
        """The app's deploy that has not ended, if there is one."""
        return self._one("app = ? AND stage <> 'ended'", app)

    def retiring(self, app: str) -> Deploy | None:
        """The newest deploy whose old slot may still be finishing long requests."""
        return self._one("app = ? AND stage = 'ended' AND retire IS NOT NULL", app)

    def last(self, app: str) -> Deploy | None:
        """The newest deploy or rollback of the app, finished or not."""
        return self._one("app = ? AND kind <> 'plan'", app)

    def history(self, app: str, limit: int = 50) -> list[Deploy]:
        """Deploys and rollbacks, newest first."""
        rows = self._db.execute(
            "SELECT * FROM deploys WHERE app = ? AND kind <> 'plan' ORDER BY id DESC LIMIT ?",
            (app, limit),
        )
        return [_deploy(row) for row in rows]

    def update(self, deploy: str, **fields: Any) -> None:
        """Set columns; JSON columns take plain values."""
        values = [
            json.dumps(value) if name in _JSON and value is not None else value
            for name, value in fields.items()
        ]
        columns = ", ".join(f"{name} = ?" for name in fields)
        self._db.execute(f"UPDATE deploys SET {columns} WHERE id = ?", (*values, deploy))  # noqa: S608 - names are ours

    def end(self, deploy: str, event: Event, **fields: Any) -> None:
        """Set columns and end the deploy, with its last event in the same moment.

        Who follows stops reading events once the deploy has ended: it must not come later.
        """
        with self._transaction():
            self._db.execute(_ADD_EVENT, (deploy, event.to_line()))
            self.update(deploy, stage=Stage.ENDED, **fields)

    def forget(self, app: str) -> None:
        """Remove everything about an app (it was destroyed)."""
        with self._transaction():
            for table in ("steps", "events"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE deploy IN (SELECT id FROM deploys WHERE app = ?)",  # noqa: S608
                    (app,),
                )
            self._db.execute("DELETE FROM deploys WHERE app = ?", (app,))

    # steps

    def step(self, deploy: str, name: str, state: StepState, note: str | None = None) -> None:
        """Write down that a step is now in ``state``; durable when this returns."""
        now = time.time()
        if state is StepState.STARTED:
            self._db.execute(
                "INSERT INTO steps (deploy, name, state, started) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (deploy, name) DO UPDATE SET state = excluded.state",
                (deploy, name, state, now),
            )
        else:
            self._db.execute(
                "UPDATE steps SET state = ?, ended = ?, note = coalesce(?, note)"
                " WHERE deploy = ? AND name = ?",
                (state, now, note, deploy, name),
            )

    def began(self, deploy: str, name: str, at: float) -> None:
        """Set when a step began (Unix time), where that was before it was written down."""
        self._db.execute(
            "UPDATE steps SET started = ? WHERE deploy = ? AND name = ?", (at, deploy, name)
        )

    def steps(self, deploy: str) -> dict[str, StepRecord]:
        """The steps that were at least started, by name, in that order."""
        rows = self._db.execute("SELECT * FROM steps WHERE deploy = ? ORDER BY rowid", (deploy,))
        return {
            row["name"]: StepRecord(
                row["name"], StepState(row["state"]), row["started"], row["ended"], row["note"]
            )
            for row in rows
        }

    def durations(self, app: str, step: str, limit: int = 5) -> list[float]:
        """Seconds that a step took in the newest deploys that succeeded."""
        rows = self._db.execute(
            "SELECT s.ended - s.started AS seconds FROM steps s JOIN deploys d ON d.id = s.deploy"
            " WHERE d.app = ? AND s.name = ? AND s.state = 'done' AND d.outcome = 'succeeded'"
            " ORDER BY d.id DESC LIMIT ?",
            (app, step, limit),
        )
        return [float(row["seconds"]) for row in rows]

    # asking a deploy to stop

    def request_cancel(self, app: str) -> bool:
        """Ask the unfinished deploy to stop; false if there is none."""
        done = self._db.execute(
            "UPDATE deploys SET cancel = 1 WHERE app = ? AND stage <> 'ended'", (app,)
        )
        return done.rowcount > 0

    def cancel_requested(self, deploy: str) -> bool:
        row = self._loose.execute("SELECT cancel FROM deploys WHERE id = ?", (deploy,)).fetchone()
        return row is not None and bool(row["cancel"])

    # events

    def add_event(self, deploy: str, event: Event) -> None:
        self._loose.execute(_ADD_EVENT, (deploy, event.to_line()))

    def events(self, deploy: str, after: int = 0) -> list[tuple[int, Event]]:
        """Events with a number above ``after``, oldest first."""
        rows = self._loose.execute(
            "SELECT seq, line FROM events WHERE deploy = ? AND seq > ? ORDER BY seq",
            (deploy, after),
        )
        return [(row["seq"], Event.from_json(json.loads(row["line"]))) for row in rows]

    def prune(self, app: str) -> None:
        """Drop the events of old deploys and everything of old plans."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM events WHERE deploy IN"
                " (SELECT id FROM deploys WHERE app = ? ORDER BY id DESC LIMIT -1 OFFSET ?)",
                (app, _KEPT_EVENTS_OF),
            )

    def _one(self, where: str, *values: object) -> Deploy | None:
        row = self._db.execute(
            f"SELECT * FROM deploys WHERE {where} ORDER BY id DESC LIMIT 1",  # noqa: S608
            values,
        ).fetchone()
        return None if row is None else _deploy(row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    database.row_factory = sqlite3.Row
    _log_ahead(database)
    database.execute(f"PRAGMA synchronous = {synchronous}")
    return database


def _log_ahead(database: sqlite3.Connection) -> None:
    """Choose the journal mode WAL. Where another process makes the file at this moment, SQLite does
    not wait as it does elsewhere: "database is locked", at once."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _deploy(row: sqlite3.Row) -> Deploy:
    values = dict(row)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["stage"] = Stage(values["stage"])
    values["cancel"] = bool(values["cancel"])
    return Deploy(**values)

"""An app of three short files, for what the examples have no page for: slow answers, tasks."""

from __future__ import annotations

import itertools
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from load import Planned
from load.ledger import fetch_json
from load.profile import Profile
from load.sites import Site
from tests.server.deploy.running import PATIENCE, Running
from tests.server.deploy.site import CONFIG, Deployment

SERVE = '''\
"""GET / says the version, /slow?N takes N seconds, /events never ends; POST /rows?K keeps a row."""

import json
import signal
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import environ
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
UNSEEN = HERE / "".join(("up", "loads"))
MIXED = HERE / "".join(("pict", "ures"))
VERSION = (HERE / "VERSION").read_text().strip()


def database():
    return closing(sqlite3.connect(DATA / "tiny.db", timeout=30, isolation_level=None))


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if "ILL" in environ:
            return self.say("This version is broken.", 500)
        if path == "/slow":
            print("slow", flush=True)
            time.sleep(float(query))
        if path == "/events":
            return self.stream()
        if path == "/uploads":
            return self.say((UNSEEN / query).read_text())
        if path == "/pictures":
            there = (MIXED / query).exists()
            return self.say((MIXED / query).read_text() if there else "", 200 if there else 404)
        if path == "/rows":
            with database() as rows:
                found = rows.execute("SELECT key, size, version FROM kept").fetchall()
            return self.say(json.dumps(found))
        self.say(f"tiny {VERSION}")

    def stream(self):
        self.send_response(200)
        self.send_header("X-App-Version", VERSION)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        while True:
            self.wfile.write(b'event: hello\\ndata: {"version": "%s"}\\n\\n' % VERSION.encode())
            time.sleep(0.1)

    def do_POST(self):
        path, _, key = self.path.partition("?")
        size, left = 0, int(self.headers["Content-Length"])
        while left:
            left -= (read := len(self.rfile.read(min(left, 65536))))
            size += read
            if not read:
                return
        if path == "/uploads":
            UNSEEN.mkdir(exist_ok=True)
            (UNSEEN / key).write_text(VERSION)
        if path == "/pictures":
            (MIXED / key).write_text(VERSION)
        if path == "/tasks":
            (DATA / "new" / key).write_text(VERSION)
            (DATA / "new" / key).rename(DATA / "tasks" / key)
        with database() as rows:
            row = (key, size, VERSION)
            rows.execute("INSERT INTO kept (key, size, version) VALUES (?, ?, ?)", row)
        self.say(key)

    def say(self, text, status=200):
        body = text.encode()
        self.send_response(status)
        self.send_header("X-App-Version", VERSION)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 1024


for name in ("new", "tasks"):
    (DATA / name).mkdir(exist_ok=True)
with database() as rows:
    rows.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT, size INTEGER, version TEXT)")
server = Server(("127.0.0.1", int(environ["PORT"])), Answer)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
thread = threading.Thread(target=server.serve_forever, args=(0.02,))
thread.start()
stop.wait()
server.shutdown()
server.server_close()
'''

WORK = '''\
"""Says every 50 ms which version works, and does tasks; finishes for half a second at its end."""

import signal
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
VERSION = (HERE / "VERSION").read_text().strip()

ends = []
signal.signal(signal.SIGTERM, lambda *_: ends.append(time.time() + 0.5))
with (DATA / "work.log").open("a", buffering=1) as log:
    while not ends or time.time() < ends[0]:
        log.write(f"at {time.time():.3f} {VERSION}\\n")
        for task in [] if ends else sorted((DATA / "tasks").glob("*")):
            log.write(f"did {task.name} {task.read_text()} {VERSION}\\n")
            task.unlink()
        time.sleep(0.05)
    log.write(f"end {time.time():.3f} {VERSION}\\n")
'''

MIGRATE = '''\
"""Gives every row a column of this version's, for good; run again it fails."""

import sqlite3
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = (HERE / "VERSION").read_text().strip()

with closing(sqlite3.connect(HERE / "data" / "tiny.db", timeout=30, isolation_level=None)) as rows:
    rows.execute(f"ALTER TABLE kept ADD COLUMN seen_by_{VERSION} TEXT")
    rows.execute(f"UPDATE kept SET seen_by_{VERSION} = 'yes'")
'''


def config(web: str = "", rest: str = "") -> str:
    """A ``holdfast.toml`` for it.

    Args:
        web: more lines for ``[web]``; ``rest``: more tables.
    """
    return f"""\
[app]
framework = "command"
[web]
command = "python serve.py"
listen = "port"
{web}
[persist]
paths = ["data/"]
{rest}
"""


WORKER = '[processes.worker]\ncommand = "python work.py"\nstop_grace = "10s"\n'
RELEASE = '[release]\ncommand = "python migrate.py{rest}"\n'

KINDS = {
    "plain": ("", ""),
    "migration": ("", RELEASE.format(rest="")),
    "broken-migration": ("", RELEASE.format(rest="; echo this migration fails halfway; false")),
    "hanging-migration": ("", RELEASE.format(rest="; sleep 600")),
    "never-listens": ("sleep 600", ""),
    "broken-health": ("ILL=1 python serve.py", ""),
}
"""Kinds of version, as ``examples.variants`` has them: the web's command, more tables."""


@dataclass(slots=True)
class Tiny(Deployment):
    """The tiny app, deployed from a folder without git."""

    settings: str = config()
    """The ``holdfast.toml`` of the versions to come."""

    only_read: bool = False
    """Visitors send no POSTs."""

    def make(self, kind: str = "plain") -> str:
        self.number += 1
        (self.repository / "pictures").mkdir(parents=True, exist_ok=True)
        command, tables = KINDS[kind]
        settings = self.settings.replace("python serve.py", command or "python serve.py")
        for name, text in (
            ("serve.py", SERVE),
            ("work.py", WORK),
            ("migrate.py", MIGRATE),
            ("VERSION", f"{self.number}\n"),
            ("pictures/logo.txt", f"logo {self.number}"),
            (CONFIG, settings + tables),
        ):
            (self.repository / name).write_text(text)
        return str(self.number)

    def start(
        self, kind: str = "plain", strategy: str = "auto", config: str = "", **more: str
    ) -> Running:
        """As in :class:`Deployment`; a config given here is that of this version alone."""
        usual = self.settings
        self.settings = config or usual
        try:
            self.make(kind)
        finally:
            self.settings = usual
        return self.command("deploy", "--server", "local", "--strategy", strategy, **more)

    def traffic(self) -> Site:
        return Visitors(only_read=self.only_read)

    def kept(self) -> dict[str, tuple[int, str]]:
        """The rows that POSTs made: size and version by key; each key once."""
        rows = fetch_json(self.profile(), "/rows")
        assert len({row[0] for row in rows}) == len(rows), "a POST ran twice"
        return {key: (size, version) for key, size, version in rows}

    def migrated(self) -> set[str]:
        """The versions whose migration stands in the database."""
        (path,) = self.databases()
        with closing(sqlite3.connect(path, timeout=30)) as rows:
            names = [row[1] for row in rows.execute("PRAGMA table_info(kept)")]
        return {name.removeprefix("seen_by_") for name in names if name.startswith("seen_by_")}

    def profile(self) -> Profile:
        """How the site is reached."""
        return Profile(f"{self.app}.localhost", self.place.port, 1.0)

    def log(self, name: str) -> list[list[str]]:
        """The lines that a worker wrote, as words."""
        path: Path = self._home("data") / "data" / name
        return [line.split() for line in path.read_text().splitlines()]

    def wait_busy(self, number: int = 1) -> None:
        """Until so many requests are in flight in the app."""
        deadline = time.monotonic() + PATIENCE
        while sum(self.status()["counts"]["in_flight"].values()) < number:
            assert time.monotonic() < deadline, "the requests never reached the app"
            time.sleep(0.02)


class Visitors:
    """Traffic: the page, a row, a task."""

    def __init__(self, *, only_read: bool = False) -> None:
        self._only_read = only_read
        self._run = uuid.uuid4().hex[:8]

    def requests(self) -> Iterator[Planned]:
        for number in itertools.count():
            row, task = f"{self._run}-{number}", f"{self._run}-{number}t"
            yield Planned("GET", "/", expect=b"tiny")
            if self._only_read:
                continue
            yield Planned("POST", f"/rows?{row}", body=b"row", key=row, expect=row.encode())
            yield Planned("POST", f"/tasks?{task}", body=b"task", key=task, expect=task.encode())

    def stored(self, profile: Profile) -> list[str]:
        return [row[0] for row in fetch_json(profile, "/rows")]

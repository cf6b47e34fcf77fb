"""Tiny projects as text, deployed by the real command and asked through the edge.

The form is that of ``tests/unit/detect/cases.py``; ``expect`` says what a visitor sees::

    ask = "/"                   the path that is asked for, with the app's own host name
    status = 200
    text = "hello"              stands in the answer
    findings = ["STATIC_ROOT"]  each stands in a line of the plan
    env = { TOKEN = "x" }       values that only the user can know
    error = "..."; hint = "..." or it is refused, with this in the one message
    spread = true               one of those that ``bin/test server`` deploys
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.place import Place, new_place
from tests.conftest import require
from tests.server.packages import CACHE, keep_compiled_in
from tests.unit.detect.cases import Case, load

PROJECTS = Path(__file__).parent / "live"
LONGEST = 240.0
"""Seconds for one deploy: Streamlit and its like have a hundred megabytes to install."""


@contextmanager
def place() -> Iterator[Place]:
    """A place with an edge of its own, for many projects."""
    require(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin"), "nginx with Lua")
    made = new_place(CACHE)
    try:
        yield made
    finally:
        made.remove()


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one project.

    Attributes:
        live: the deploy succeeded; else ``error`` and ``hint`` are what it said.
        findings: lines of the plan, ``what: value, why``.
    """

    live: bool
    error: str = ""
    hint: str = ""
    findings: tuple[str, ...] = ()
    status: int | None = None
    body: str = ""
    seconds: float = 0.0

    def unlike(self, expect: Mapping[str, Any]) -> str | None:
        """How it differs from what was expected; ``None`` if it doesn't."""
        if "error" in expect:
            return self._unlike_refusal(expect)
        if not self.live:
            return f"it was refused: {self.error} ({self.hint})"
        wanted = expect.get("status", 200)
        if self.status != wanted or expect.get("text", "") not in self.body:
            return f"{wanted} {expect.get('text', '')!r} was expected: {self.status} {self.body!r}"
        for item in expect.get("findings", ()):
            if not any(item in line for line in self.findings):
                return f"{item!r} is in no finding: {self.findings}"
        return None

    def _unlike_refusal(self, expect: Mapping[str, Any]) -> str | None:
        if self.live:
            return "it went live, and was to be refused"
        for said, wanted in ((self.error, expect["error"]), (self.hint, expect.get("hint", ""))):
            if wanted not in said:
                return f"{wanted!r} is not in {said!r} (error: {self.error!r})"
        return None


def every() -> list[Case]:
    return [load(path) for path in sorted(PROJECTS.glob("*.txt"))]


def host(name: str) -> str:
    """A host name that is not loopback, as a visitor uses it."""
    return f"{name}.example.org"


def deploy(place: Place, case: Case, folder: Path) -> Seen:
    """Lay a project down, deploy it, ask it, and take it away again."""
    source = case.write(folder)
    more = ["--domain", host(case.name)]
    if env := case.expect.get("env"):
        file = folder / "values"
        file.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
        more += ["--env-file", str(file)]
    try:
        return deploy_folder(place, case.name, source, more, case.expect.get("ask", "/"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def deploy_folder(place: Place, name: str, source: Path, more: list[str], ask: str = "/") -> Seen:
    """The same with any folder."""
    began = time.monotonic()
    name = name[:32].rstrip("-")
    lines = _holdfast(place, source, "deploy", "--server", "local", "--name", name, *more)
    error: dict[str, Any] = next((item["error"] for item in lines if "error" in item), {})
    findings = tuple(_findings(lines))
    try:
        if error:
            return Seen(False, error["message"], error.get("hint") or "", findings)
        status, body = visit(place.port, host(name), ask)
        return Seen(True, "", "", findings, status, body, time.monotonic() - began)
    finally:
        keep_compiled_in(place)
        _holdfast(place, source, "destroy", "--server", "local", "--name", name, "--yes")


def _findings(lines: list[dict[str, Any]]) -> list[str]:
    for line in lines:
        if line.get("event") == "plan.made":
            found = line.get("plan", line).get("findings", [])
            return [f"{item['what']}: {item['value']}, {item['why']}" for item in found]
    return []


def _holdfast(place: Place, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", *arguments, "--json"],
        cwd=folder,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    found = []
    for line in done.stdout.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    if os.environ.get("HOLDFAST_SHOW"):
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return found


def visit(port: int, name: str, path: str) -> tuple[int, str]:
    """One GET through the edge, as a browser sends it; no redirect is followed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": name})
        answer = connection.getresponse()
        return answer.status, answer.read(100_000).decode(errors="replace")
    finally:
        connection.close()

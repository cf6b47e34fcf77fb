"""Ask a booted release whether it is well, the way a visitor would.

Healthy is any answer that an app gives when it works: 2xx, 3xx, 401, 403, 404 and 405 (an
app without a page at ``/`` is not ill; one without the page that its user named is not what
was meant). 400 means that it refuses its own host name, 5xx that it is broken. A redirect is
not followed, and one to the page that was asked for, by the scheme that was told, would never
end for a visitor: that is ill, too.
"""

from __future__ import annotations

import http.client
import re
import time
from collections import deque
from collections.abc import Callable, Sequence

from holdfast.app import AppSpec, Web
from holdfast.deploy.causes import Cause, Failure, likely
from holdfast.errors import DeployFailed
from holdfast.records import record
from holdfast.runtimes.contract import Release, Runtime, Slot, State
from holdfast.unix_http import UnixConnection

PATIENCE = 5.0
"""Seconds for which an app that answers may answer badly before it counts as broken."""

_POLL = 0.005
"""Seconds between two tries while nobody listens, which costs some µs each."""

_POLL_ILL = 0.02

_LOOK = 0.1
"""Seconds between two looks at whether the process still runs: those cost its supervisor ms."""

_TAIL, _FIRST = 40, 5
"""Lines of a log that an error shows, and of an answer."""

_ERROR = re.compile(r"[\w.]*(?:Error|Exception|Warning|Exists|DoesNotExist)\b ?:|Error:")
"""How the last line of a traceback, or of a command's complaint, begins."""

_WELL = frozenset({401, 403, 404, 405})


@record
class Answer:
    """What came back: a status and the start of the body, or why nothing did.

    ``circle`` is where it redirects to, if that is what was asked for.
    """

    status: int | None
    text: str
    circle: str | None = None

    def healthy(self, web: Web) -> bool:
        if self.status is None or self.circle or (self.status == 404 and web.wants_page):
            return False
        return 200 <= self.status < 400 or self.status in _WELL


def _connection(address: str, timeout: float) -> http.client.HTTPConnection:
    """HTTP over an address of ours: ``unix:/path`` or ``host:port``."""
    if address.startswith("unix:"):
        return UnixConnection(address.removeprefix("unix:"), timeout)
    host, _, port = address.rpartition(":")
    return http.client.HTTPConnection(host, int(port), timeout=timeout)


def ask(address: str, path: str, host: str, timeout: float, scheme: str = "http") -> Answer:
    """One GET as the edge would pass it on: the app's real host name and scheme.

    Args:
        timeout: seconds for connecting, and again for the answer.
    """
    connection = _connection(address, timeout)
    headers = {
        "Host": host,
        "User-Agent": "holdfast-health",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": host,
        "X-Forwarded-Proto": scheme,
        "Connection": "close",
    }
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read(2000)
        location = response.getheader("Location")
        circle = location if location == f"{scheme}://{host}{path}" else None
        return Answer(response.status, body.decode(errors="replace"), circle)
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, _unanswered(error, address, timeout))
    finally:
        connection.close()


def _unanswered(error: OSError | http.client.HTTPException, address: str, timeout: float) -> str:
    """Why nothing came back, for people."""
    match error:
        case FileNotFoundError() | ConnectionRefusedError():
            return f"nothing listens on {address.removeprefix('unix:')}"
        case TimeoutError():
            return f"it takes connections and gives no answer for {timeout:g} s"
        case ConnectionError():
            return "it closes connections without an answer"
        case http.client.HTTPException():
            return "what it answers is not HTTP"
    return f"{error.strerror or error}: {address.removeprefix('unix:')}"


def wait(
    runtime: Runtime,
    release: Release,
    slot: Slot,
    checkpoint: Callable[[], None],
    *,
    since: float = 0.0,
    scheme: str = "http",
) -> str:
    """Wait until the release in ``slot`` answers healthily.

    Args:
        checkpoint: called a few times a second; raises to end the waiting.
        since: when its process was started (Unix time). An error shows the log from then
            on: what is older was printed by the release that had the slot before.

    Returns:
        what it answered, for the journal.

    Raises:
        DeployFailed: it ended, never answered in ``boot_timeout``, or answers badly.
    """
    web = release.spec.web
    host = release.spec.domains[0] if release.spec.domains else "localhost"
    process = f"web.{slot}"
    started = time.monotonic()
    first_answer: float | None = None
    looked = started
    while True:
        address = runtime.web_address(release.spec.name, slot)
        answer = (
            Answer(None, "it was not started")
            if address is None
            else ask(address, web.health, host, web.health_timeout, scheme)
        )
        if answer.healthy(web):
            return f"GET {web.health} answered {answer.status}"
        now = time.monotonic()
        if answer.status is not None:
            first_answer = first_answer or now
            if now - first_answer > PATIENCE:
                raise _ill(release, answer, _log(runtime, release, process, since), scheme)
        elif now - started > web.boot_timeout:
            raise _silent(release, answer, _log(runtime, release, process, since), address)
        if now - looked >= _LOOK:
            looked = now
            checkpoint()
            if answer.status is None:
                _check_alive(runtime, release, process, since)
        time.sleep(_POLL if answer.status is None else _POLL_ILL)


def _log(runtime: Runtime, release: Release, process: str, since: float) -> str:
    """The end of what the process has printed since it was started."""
    lines = runtime.logs(release.spec.name, [process], since=since, follow=False)
    return "\n".join(deque((line.line for line in lines), _TAIL))


def _check_alive(runtime: Runtime, release: Release, process: str, since: float) -> None:
    """Raise if the process has already ended by itself: waiting longer would not help."""
    for status in runtime.status(release.spec.name):
        if status.name != process:
            continue
        if status.state in (State.BACKOFF, State.FAILED) or status.restarts > 0:
            raise _ended(release, status.exit_status, _log(runtime, release, process, since))


def _ended(release: Release, status: int | None, log: str) -> DeployFailed:
    spec = release.spec
    cause = likely(spec, Failure(log, exit_status=status))
    ended = "" if status is None else f" (exit status {status})"
    return DeployFailed(
        f"{spec.name}: the new release ended while it booted{ended}" + _because(cause, log),
        hint=f"{cause.do if cause else 'the end of its log is above'};"
        f" try the command on your machine: {_started(release)}",
        detail=log,
    )


def _started(release: Release) -> str:
    """How its author starts it."""
    compose = release.spec.compose
    return release.spec.web.command if compose is None else f"docker compose up {compose.web}"


def _because(cause: Cause | None, log: str) -> str:
    """The likely cause; where none is known, the error that it printed last."""
    said = cause.cause if cause else said_last(log.splitlines())
    return f": {said}" if said else ""


def said_last(lines: Sequence[str]) -> str:
    """The last line of an output that names an error; empty if none does."""
    told = [line.strip() for line in lines if _ERROR.match(line.strip())]
    return told[-1][:200] if told else ""


def _ill(release: Release, answer: Answer, log: str, scheme: str) -> DeployFailed:
    spec = release.spec
    cause = likely(spec, Failure(log, answer.status, answer.text, answer.circle, scheme))
    hint = cause.do if cause else "look at its log above"
    if "[web] health" not in hint:
        hint += "; [web] health names another path"
    left = [f"{item.value} was not run ({item.why})" for item in spec.findings
            if item.what == "not run"]  # fmt: skip
    return DeployFailed(
        f"{spec.name}: GET {spec.web.health} answers {answer.status},"
        f" for {PATIENCE:g} s since it booted" + _because(cause, log),
        hint="\n".join([hint, *left]),
        detail=_exchange(spec, answer, scheme) + log,
    )


def _exchange(spec: AppSpec, answer: Answer, scheme: str) -> str:
    """The request as it was made, and the first lines of what came back."""
    host = spec.domains[0] if spec.domains else "localhost"
    first = [line for line in answer.text.splitlines() if line.strip()][:_FIRST]
    asked = f"> GET {spec.web.health}  Host: {host}  X-Forwarded-Proto: {scheme}"
    return "\n".join([asked, f"< {answer.status}", *(f"< {line[:200]}" for line in first), ""])


def _silent(release: Release, answer: Answer, log: str, address: str | None) -> DeployFailed:
    spec = release.spec
    where = "$HOLDFAST_SOCKET" if spec.web.listen == "unix" else "127.0.0.1:$PORT"
    if spec.compose is not None:
        where = f"0.0.0.0:{spec.compose.port}, not on 127.0.0.1 of its container"
    cause = likely(spec, Failure(log, address=address))
    return DeployFailed(
        f"{spec.name}: the new release runs but did not answer within"
        f" {spec.web.boot_timeout:g} s ({answer.text})" + _because(cause, log),
        hint=f"{cause.do if cause else f'its command must listen on {where}'};"
        " [web] boot_timeout gives it longer",
        detail=log,
    )

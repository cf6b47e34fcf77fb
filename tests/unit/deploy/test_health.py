"""The health check against real sockets: what counts as well, and what a failure says."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from holdfast.deploy import health
from holdfast.errors import Cancelled, DeployFailed
from holdfast.runtimes.contract import LogLine, Release, Runtime, State, Status
from tests.unit.deploy.samples import sample_release


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status of the server, and keeps what it was asked."""

    location = "/elsewhere"

    def do_GET(self) -> None:
        server = cast(Any, self.server)
        server.asked.append((self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"]))
        self.send_response(
            server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
        )
        self.send_header("Location", self.location)
        self.end_headers()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def app(path: Path, *statuses: int) -> Iterator[Any]:
    class Server(socketserver.ThreadingUnixStreamServer):
        pass

    server: Any = Server(str(path), Handler)
    server.statuses = list(statuses)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Processes:
    """The three answers that a health check asks of a runtime."""

    def __init__(self, address: str | None, *status: Status) -> None:
        self.address = address
        self.known = list(status)

    def web_address(self, app: str, slot: str) -> str | None:
        return self.address

    def status(self, app: str) -> list[Status]:
        return self.known

    def logs(
        self, app: str, processes: Sequence[str], *, since: float, follow: bool
    ) -> Iterator[LogLine]:
        yield LogLine(processes[0], f"the log of {processes[0]} since {since:g}")


def check(runtime: Processes, release: Release | None = None) -> str:
    return health.wait(
        cast(Runtime, runtime), release or sample_release(), "a", lambda: None, since=5
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.mark.parametrize("status", [200, 204, 301, 302, 401, 403, 404, 405])
def test_an_app_that_works_is_well(path: Path, status: int) -> None:
    """A login, a redirect and a missing front page are no illness; none is followed."""
    with app(path, status) as server:
        assert check(Processes(f"unix:{path}")) == f"GET / answered {status}"
    assert server.asked == [("/", "notes.localhost", "http")]


def test_a_redirect_to_itself_is_ill(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told that the visitor came by HTTPS, an app that leads there again never ends for anybody."""
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    monkeypatch.setattr(Handler, "location", "https://notes.localhost/")
    runtime = cast(Runtime, Processes(f"unix:{path}"))
    with app(path, 301) as server:
        assert health.wait(runtime, sample_release(), "a", lambda: None, scheme="http")
        with pytest.raises(DeployFailed, match="it redirects to itself") as caught:
            health.wait(runtime, sample_release(), "a", lambda: None, scheme="https")
    assert server.asked[-1] == ("/", "notes.localhost", "https")
    assert "SECURE_PROXY_SSL_HEADER" in (caught.value.hint or "")


def test_it_waits_for_a_slow_boot(path: Path) -> None:
    """Nothing listens at first, then it answers 503 for a while."""
    with app(path, 503, 503, 200):
        assert check(Processes(f"unix:{path}")) == "GET / answered 200"


@pytest.mark.parametrize(
    ("status", "hint"), [(400, "ALLOWED_HOSTS"), (500, "look at its log above")]
)
def test_a_bad_answer_is_a_failure_with_its_cause(
    path: Path, status: int, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said with the path, the status and the end of the log."""
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    with app(path, status), pytest.raises(DeployFailed) as caught:
        check(Processes(f"unix:{path}"))
    assert f"GET / answers {status}" in caught.value.message
    assert hint in (caught.value.hint or "")
    asked = "> GET /  Host: notes.localhost  X-Forwarded-Proto: http"
    assert caught.value.detail == f"{asked}\n< {status}\nthe log of web.a since 5"


@pytest.mark.parametrize(
    ("page", "said", "well"),
    [("/up", True, False), ("/up?x=1", True, False), ("/up", False, True), ("/?x=1", True, True)],
)
def test_a_page_that_its_user_named_must_be_there(
    path: Path, page: str, said: bool, well: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404 there is a mistake in the config; at the front page, or where it was found, it is not."""
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    release = sample_release()
    web = replace(release.spec.web, health=page, health_said=said)
    release = replace(release, spec=replace(release.spec, web=web))
    with app(path, 404):
        if well:
            assert check(Processes(f"unix:{path}"), release) == f"GET {page} answered 404"
            return
        with pytest.raises(DeployFailed) as caught:
            check(Processes(f"unix:{path}"), release)
    assert caught.value.message == (
        f"notes: GET {page} answers 404, for 0.1 s since it booted: the app has no page {page}"
    )
    assert caught.value.hint == (
        "does [web] health name the right one, with its last slash? without it / is asked, where"
        " a 404 is no illness"
    )


@pytest.mark.parametrize("state", [State.BACKOFF, State.FAILED])
def test_a_process_that_ended_is_not_waited_for(path: Path, state: State) -> None:
    """A crash at boot is told at once, not after the boot time-out."""
    ended = Status("web.a", state, exit_status=3)
    with pytest.raises(DeployFailed, match=r"ended while it booted \(exit status 3\)"):
        check(Processes(f"unix:{path}", ended))


def test_a_silent_app_has_a_time_limit(path: Path) -> None:
    """The hint names where it must listen."""
    release = sample_release()
    quick = replace(
        release, spec=replace(release.spec, web=replace(release.spec.web, boot_timeout=0.1))
    )
    with pytest.raises(DeployFailed) as caught:
        check(Processes(f"unix:{path}", Status("web.a", State.RUNNING)), quick)
    assert f"did not answer within 0.1 s (nothing listens on {path})" in caught.value.message
    assert "must listen on $HOLDFAST_SOCKET" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("sends", "said"),
    [
        (None, "it takes connections and gives no answer for 0.2 s"),
        (b"", "it closes connections without an answer"),
        (b"SSH-2.0-x\r\n", "what it answers is not HTTP"),
    ],
)
def test_what_does_not_answer_is_told_in_words(sends: bytes | None, said: str) -> None:
    """No name of a Python exception; a port that nobody has is one that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            with server.accept()[0] as visitor:
                visitor.recv(65536)
                if sends is None:
                    visitor.recv(1)  # until it gives up
                else:
                    visitor.sendall(sends)

        thread = threading.Thread(target=answer)
        thread.start()
        assert health.ask(address, "/", "a.test", 0.2).text == said
        thread.join(5)
    gone = health.ask(address, "/", "a.test", 0.2)
    assert (gone.status, gone.text) == (None, f"nothing listens on {address}")


def test_the_checkpoint_can_end_the_waiting(path: Path) -> None:
    """Ctrl-C while an app boots."""

    def stop() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        health.wait(cast(Runtime, Processes(f"unix:{path}")), sample_release(), "a", stop)

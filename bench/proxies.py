"""The backend that ``bench edge`` measures before, and the proxies beside us.

All of them: one worker or thread, kept-alive connections to the same backend over the same
unix socket, the usual forwarding headers, one line in an access log for each request.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.harness import BenchError, caddy, children, program

KEPT = 64
"""Idle connections to the backend that each proxy may keep; more than wrk opens."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def running(
    argv: Sequence[str | Path],
    ready: str,
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """A server for as long as the context lasts.

    Args:
        ready: ``unix:/path`` or a port, which it accepts connections on once it is ready.
        log: where its output goes.

    Returns:
        the pid of its first process.

    Raises:
        BenchError: it ended, or does not listen within ten seconds; with its output.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
        )
    try:
        if not _listens(ready, process):
            raise BenchError(f"{argv[0]} does not start: {log.read_text()[-2000:]}")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(ready: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connect(ready).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def connect(address: str) -> socket.socket:
    """A connection to ``unix:/path`` or to a port of 127.0.0.1."""
    if not address.startswith("unix:"):
        return socket.create_connection(("127.0.0.1", int(address)), timeout=5)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(address.removeprefix("unix:"))
    return connection


def pin(pid: int, core: int) -> None:
    """Keep a process, its threads and its children on one core."""
    for one in (pid, *children(pid)):
        for thread in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def backend(home: Path) -> tuple[list[str | Path], str]:
    """nginx that answers 200 with a small page at once: how to run it, and where it listens."""
    path = home / "backend.sock"
    server = f"""server {{
        listen unix:{path} backlog=1024;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
        default_type text/html;
        location / {{ return 200 "{"x" * 100}\\n"; }}
    }}"""
    return _nginx(home, "backend", server, access_log="off"), f"unix:{path}"


_LUA = re.compile(
    r"^(?: *lua_|.*_by_lua_block|.*(?:if \(|map \S+ )\$hf_request_id).*$",
    re.MULTILINE,
)
_INIT = re.compile(r"    init_by_lua_block \{.*?\n    \}\n", re.DOTALL)


def gateless_nginx(
    home: Path, edge: Path, ports: tuple[int, int], backend_address: str
) -> list[str | Path]:
    """nginx with the very configuration of our edge, but without the gate: no line of Lua.

    Same headers to the app, same access log, same buffers and compression.

    Args:
        edge: our edge's directory, started once.
        ports: ours, which stands in its configuration, and the one to listen on instead.
    """
    copy = home / "gateless"
    shutil.copytree(edge, copy, ignore=shutil.ignore_patterns("*.sock", "*.pid"))
    for path in (copy / "nginx.conf", *(copy / "apps").glob("*.conf")):
        text = _LUA.sub("", _INIT.sub("", path.read_text()))
        text = text.replace("server 0.0.0.1;", f"server {backend_address};")
        text = text.replace("$hf_request_id", "$request_id")
        text = text.replace(str(edge), str(copy)).replace(f":{ports[0]}", f":{ports[1]}")
        path.write_text(text)
    with (copy / "nginx.conf").open("a") as config:
        config.write("\ndaemon off;\n")
    return [program("nginx"), "-c", copy / "nginx.conf", "-e", copy / "logs" / "error.log"]


def plain_nginx(home: Path, backend_address: str, port: int) -> list[str | Path]:
    """nginx as one would configure it by hand in ten lines, with a keep-alive upstream."""
    server = f"""upstream app {{ server {backend_address}; keepalive {KEPT}; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Request-ID $request_id;
        }}
    }}"""
    log = f"{home}/plain.access.log combined buffer=32k flush=1s"  # as ours writes it
    return _nginx(home, "plain", server, access_log=log)


def _nginx(home: Path, name: str, servers: str, *, access_log: str) -> list[str | Path]:
    config = home / f"{name}.conf"
    temporary = "\n".join(
        f"    {kind}_temp_path {home}/{name}.{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The directory is ours alone; a worker of another user could not reach the socket.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(f"""daemon off;
{user}
worker_processes 1;
pid {home}/{name}.pid;
error_log {home}/{name}.error.log;
events {{ worker_connections 4096; }}
http {{
{temporary}
    access_log {access_log};
    keepalive_requests 1000000000;
    {servers}
}}
""")
    return [program("nginx"), "-c", config, "-e", home / f"{name}.error.log"]


def haproxy(home: Path, backend_address: str, port: int) -> list[str | Path]:
    """HAProxy with one thread; its log lines go to standard output, thus to a file."""
    config = home / "haproxy.cfg"
    config.write_text(f"""global
    nbthread 1
    maxconn 4096
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    option forwardfor
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend web
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    unique-id-format %[uuid()]
    unique-id-header X-Request-ID
    default_backend app
backend app
    server app unix@{backend_address.removeprefix("unix:")} pool-max-conn {KEPT}
""")
    return [program("haproxy"), "-db", "-f", config]


def caddy_server(home: Path, backend_address: str, port: int) -> list[str | Path]:
    """Caddy; run it with ``GOMAXPROCS=1``."""
    config = home / "Caddyfile"
    config.write_text(f"""{{
    admin off
    auto_https off
    persist_config off
}}
http://127.0.0.1:{port}, http://bench.localhost:{port} {{
    bind 127.0.0.1
    log {{
        output file {home}/caddy.access.log
    }}
    reverse_proxy unix/{backend_address.removeprefix("unix:")} {{
        header_up X-Request-ID {{http.request.uuid}}
        transport http {{
            keepalive_idle_conns_per_host {KEPT}
        }}
    }}
}}
""")
    return [caddy(), "run", "--config", config, "--adapter", "caddyfile"]

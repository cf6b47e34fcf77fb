"""nginx as a program: started, reloaded, upgraded, and found in every state."""

from __future__ import annotations

import grp
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.edge import binary
from holdfast.edge.client import Edge
from holdfast.edge.nginx import refusal
from holdfast.errors import CommandFailed, EdgeError
from holdfast.layout import Layout
from tests.edge.conftest import SiteFactory
from tests.edge.site import Site, eventually, free_port
from tests.edge.test_http_hosts import forget_errors

ROOT = Path(__file__).parents[2]


def workers(site: Site) -> set[int]:
    """The workers that take connections."""
    return {w["pid"] for w in site.edge._control.status()["workers"] if not w["exiting"]}


def work(call: Callable[[], object]) -> float:
    """Seconds of processor time of the quickest of several calls: other programs don't count."""
    times = []
    for _ in range(30):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# nothing to do


def test_ensure_is_cheap(site: Site) -> None:
    """An edge that runs is left alone, within 5 ms."""
    site.serve()
    before = workers(site)
    assert work(site.edge.ensure) < 0.005
    assert work(Edge(Layout(site.root)).ensure) < 0.005
    assert workers(site) == before


def test_configure_unchanged(site: Site) -> None:
    """An app whose spec is as it was costs no reload and nothing: under 10 ms of processor time."""
    site.serve()
    spec = site.edge.configured("app")
    assert spec is not None
    before = workers(site)
    assert not site.edge.configure(spec)
    assert work(lambda: site.edge.configure(spec)) < 0.01
    assert workers(site) == before


def test_limits_need_no_reload(site: Site) -> None:
    """Limits of the line reach the gate without nginx reading its configuration again."""
    site.serve()
    before = workers(site)
    site.configure(max_line=1)
    site.hold()
    site.client().send("/")
    site.waiting(1)
    assert site.ask("/").status == 503
    assert workers(site) == before
    site.open()


def test_two_at_once(sites: SiteFactory) -> None:
    """Several processes that want the edge to run get one nginx."""
    site = sites()
    site.edge.stop()
    code = (
        "import sys; from pathlib import Path; from holdfast.layout import Layout;"
        "from holdfast.edge.client import Edge;"
        "edge = Edge(Layout(Path(sys.argv[1]))); edge.ensure(); print(edge.info()['pid'])"
    )
    command = [sys.executable, "-c", code, str(site.root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(4)]
    said = {process.communicate(timeout=60)[0] for process in running}
    assert said == {f"{site.pid()}\n".encode()}


# something has changed


def test_another_holdfast(site: Site) -> None:
    """What another version of Holdfast wrote is written anew, and read; nobody in line is lost."""
    site.serve()
    site.hold()
    held = site.client().send("/held")
    site.waiting(1)
    edge = site.root / "edge"
    main = edge / "nginx.conf"
    ours = main.read_text()
    lua = edge / "lua" / "holdfast" / "pages.lua"
    app = edge / "apps" / "app.conf"
    before = workers(site)
    main.write_text(ours.replace(ours.splitlines()[0], "# [older]"))
    for path in (lua, app):
        path.write_text(path.read_text() + "\n")
    site.edge._configs.mark_loaded()
    site.edge.ensure()
    assert main.read_text() == ours
    assert not lua.read_text().endswith("\n\n")
    assert not app.read_text().endswith("\n\n")
    assert not workers(site) & before
    site.waiting(1)
    site.open()
    assert held.read().text == "/held"


def test_killed_between_writing_and_reloading(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that nginx has not read yet is read at the next call."""
    site.serve()

    def killed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(site.edge._service, "_take_up", killed)
    with pytest.raises(KeyboardInterrupt):
        site.configure(domains=("new.test",))
    assert site.ask("/", host="new.test").status == 404
    monkeypatch.undo()
    Edge(Layout(site.root)).ensure()
    assert site.ask("/", host="new.test").status == 200


def test_configuration_that_nginx_refuses(site: Site) -> None:
    """If all is written anew and nginx refuses it, what was there comes back and goes on."""
    site.serve()
    main = site.root / "edge" / "nginx.conf"
    bad = site.root / "edge" / "apps" / "stranger.conf"
    bad.write_text("nonsense;\n")
    main.write_text(text := main.read_text().replace("# Written", "# [older] Written"))
    with pytest.raises(EdgeError, match="nginx refuses") as caught:
        Edge(Layout(site.root), workers=2).ensure()
    assert "stranger.conf" in (caught.value.detail or "")
    assert main.read_text() == text
    assert site.ask("/").status == 200
    bad.unlink()
    Edge(Layout(site.root), workers=1).ensure()
    forget_errors(site, "nonsense")


def test_other_workers_and_port(site: Site) -> None:
    """The number of workers and the port change without a restart, and are remembered."""
    site.serve()
    pid = site.pid()
    Edge(Layout(site.root), workers=2).ensure()
    assert len(workers(site)) == 2
    port = free_port()
    Edge(Layout(site.root), port=port).ensure()
    later = Edge(Layout(site.root))
    later.ensure()
    wanted = {"running": True, "pid": pid, "port": port, "tls_port": None, "workers": 2}
    assert later.info() == wanted
    assert later.address("app") == f"http://app.test:{port}/"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.port))
    site.port = port
    assert site.ask("/").status == 200


def test_upgrade(site: Site) -> None:
    """A new nginx takes over with a new configuration; requests on their way are answered."""
    backend = site.serve()
    backend.pause()
    flying = site.client().send("/flying")
    site.in_flight(1)
    old = site.pid()
    edge = Edge(Layout(site.root), workers=2)
    edge.upgrade()
    assert site.pid() != old
    assert len(workers(site)) == 2
    site.in_flight(1)
    backend.resume()
    assert flying.read().text == "/flying"
    eventually(lambda: gone(old), "the old master ended")
    edge.ensure()
    assert site.ask("/").status == 200
    before = site.pid()
    edge.upgrade()
    assert site.pid() != before
    assert site.ask("/").status == 200


def test_upgrade_that_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nginx that does not start leaves the old one serving."""
    monkeypatch.setattr("holdfast.edge.nginx._PATIENCE", 1.0)
    site.serve()
    old = site.pid()
    main = site.root / "edge" / "nginx.conf"
    monkeypatch.setattr(site.edge._service, "_written", dict)
    main.write_text(good := main.read_text() + "nonsense;\n")
    with pytest.raises(EdgeError, match="the new nginx did not start"):
        site.edge.upgrade()
    main.write_text(good.removesuffix("nonsense;\n"))
    assert site.pid() == old
    assert site.ask("/").status == 200
    forget_errors(site, "nonsense")


# what was left behind


def test_stop_and_start(site: Site) -> None:
    """Apps and gates are what they were when the edge starts again."""
    site.serve()
    site.hold()
    site.edge.stop()
    site.edge.stop()
    assert site.edge.info()["running"] is False
    site.edge.ensure()
    held = site.client().send("/held")
    site.waiting(1)
    site.open()
    assert held.read().status == 200


def test_pid_used_again(site: Site) -> None:
    """A pid file that names another program's process is not believed, nor is that ended."""
    site.serve()
    os.killpg(os.getpgid(site.pid()), signal.SIGKILL)
    (site.root / "edge" / "run" / "nginx.pid").write_text(f"{os.getpid()}\n")
    assert site.edge.info()["running"] is False
    site.edge.ensure()
    assert site.pid() != os.getpid()
    assert site.ask("/").status == 200


def test_damaged_pid_file(site: Site) -> None:
    """A pid file that says nothing is as good as none."""
    for text in ("", "nonsense", "99999999"):
        site.edge.stop()
        (site.root / "edge" / "run" / "nginx.pid").write_text(text)
        site.edge.ensure()
        assert site.edge.info()["running"] is True


def test_master_killed(site: Site) -> None:
    """Workers without a master finish what they have while the next nginx takes over."""
    backend = site.serve()
    backend.pause()
    flying = site.client().send("/flying")
    site.in_flight(1)
    os.kill(site.pid(), signal.SIGKILL)
    eventually(lambda: not site.edge.info()["running"], "the master ended")
    assert site.edge._service._nginx.orphans()
    site.edge.ensure()
    site.in_flight(1)
    backend.resume()
    assert flying.read().text == "/flying"
    assert site.ask("/").status == 200
    site.idle()


def test_master_that_its_supervisor_has_lost(site: Site) -> None:
    """It runs, and another is to be started: it ends, its workers finish what they have, and the
    next one has the port, a pid file and a control socket of its own."""
    backend = site.serve()
    backend.pause()
    flying = site.client().send("/flying")
    site.in_flight(1)
    first = site.pid()
    site.edge.before_start()
    assert gone(first)
    assert site.edge.info()["running"] is False
    site.edge.ensure()
    assert site.pid() != first
    backend.resume()
    assert flying.read().text == "/flying"
    assert site.ask("/").status == 200
    site.idle()


def test_pid_file_of_before_a_power_cut(site: Site) -> None:
    """It names another program by now: that is left alone, and the file is gone before nginx
    starts, for systemd would believe it."""
    site.serve()
    site.edge.stop()
    with subprocess.Popen(["sleep", "60"]) as other:
        for name in ("nginx.pid", "nginx.pid.oldbin"):
            (site.root / "edge" / "run" / name).write_text(f"{other.pid}\n")
        site.edge.before_start()
        assert not list((site.root / "edge" / "run").glob("nginx.pid*"))
        assert other.poll() is None
        other.kill()


# what is missing


def test_busy_port(site: Site) -> None:
    """A port that another program has is named."""
    site.edge.stop()
    used = rf"127\.0\.0\.1:{site.port} is in use"
    taken = socket.create_server(("127.0.0.1", site.port))
    with taken, pytest.raises(EdgeError, match=used) as caught:
        site.edge.ensure()
    assert "HOLDFAST_PORT" in (caught.value.hint or "")
    site.edge.ensure()
    forget_errors(site, "bind()")
    forget_errors(site, "still could not bind")


def test_a_port_that_never_worked_is_not_remembered(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start fails; the port that is said then is the one that counts."""
    short_path.chmod(0o755)  # nginx's workers enter it
    right = free_port()
    edge = Edge(Layout(short_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HOLDFAST_PORT", str(taken.getsockname()[1]))
        with pytest.raises(EdgeError, match="is in use by another program"):
            edge.ensure()
    monkeypatch.setenv("HOLDFAST_PORT", str(right))
    try:
        edge.ensure()
        assert edge.info()["port"] == right
    finally:
        edge.stop()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:80", "this user may not listen on 127.0.0.1:80"),
        (
            "127.0.0.1:443",
            "this user may not listen on 127.0.0.1:443, where HTTPS is served beside port 80",
        ),
    ],
)
def test_a_port_that_is_not_for_everybody(address: str, told: str) -> None:
    """Whichever of the two nginx tries first: it is said why, and which port to choose."""
    said = f"nginx: [emerg] bind() to {address} failed (13: Permission denied)"
    refused = refusal(CommandFailed("nginx failed", output=said, returncode=1))
    assert refused is not None
    assert refused.message == told
    assert "HOLDFAST_PORT=8080" in (refused.hint or "")


def fake(directory: Path, script: str) -> str:
    """A PATH with an nginx of our own in front."""
    path = directory / "nginx"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_no_nginx(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    """Without nginx there is one sentence and a command to paste."""
    monkeypatch.setenv("PATH", str(short_path))
    monkeypatch.setattr(binary, "_ELSEWHERE", ())
    with pytest.raises(EdgeError, match="nginx is not installed") as caught:
        Edge(Layout(short_path)).ensure()
    assert caught.value.hint == f"install it: {binary.INSTALL}"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo nginx version: nginx/1.22.1; echo --modules-path=/nowhere", "has no Lua module"),
        ("echo hello", "does not say which nginx it is"),
        ("exit 3", "cannot be run"),
    ],
)
def test_wrong_nginx(
    monkeypatch: pytest.MonkeyPatch, short_path: Path, script: str, message: str
) -> None:
    """An nginx without Lua, or a program that is none, is one clear error."""
    monkeypatch.setenv("PATH", fake(short_path, script))
    with pytest.raises(EdgeError, match=message):
        Edge(Layout(short_path)).ensure()


def test_no_cjson(monkeypatch: pytest.MonkeyPatch, site: Site, short_path: Path) -> None:
    """A Lua library that is missing is named, with what to install."""
    site.edge.stop()
    real = binary.locate()
    script = f'exec env LUA_CPATH="/nowhere/?.so" LUA_PATH="/nowhere/cjson.lua;;" {real} "$@"'
    monkeypatch.setenv("PATH", fake(short_path, script))
    edge = Edge(Layout(site.root))
    with pytest.raises(EdgeError, match="Lua library cjson is missing") as caught:
        edge.ensure()
    assert "lua-cjson" in (caught.value.hint or "")
    monkeypatch.undo()
    site.edge.ensure()
    forget_errors(site, "")


# who may see what


def test_permissions(site: Site) -> None:
    """Nobody but nginx's workers enters the edge's directory, and not even they the control."""
    site.serve()
    edge = site.root / "edge"
    modes = {path: path.stat().st_mode & 0o777 for path in (edge, edge / "control")}
    if os.geteuid() == 0:
        user = site.edge._service._nginx.program.user
        assert modes[edge] == 0o750
        assert grp.getgrgid(edge.stat().st_gid).gr_name == user
        assert (edge / "run" / "board").owner() == user
    else:
        assert modes[edge] == 0o700
    assert modes[edge / "control"] == 0o700
    assert (edge / "run" / "board").stat().st_mode & 0o777 == 0o600
    assert (edge / "apps" / "app.json").stat().st_mode & 0o777 == 0o600


def test_no_secrets_in_its_environment(monkeypatch: pytest.MonkeyPatch, sites: SiteFactory) -> None:
    """What stands in the environment of whoever starts it is not kept by nginx."""
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    site = sites()
    assert b"hunter2" not in Path(f"/proc/{site.pid()}/environ").read_bytes()


def test_root_that_workers_cannot_enter(short_path: Path) -> None:
    """A directory above that is closed to the workers is named."""
    if os.geteuid() != 0:
        pytest.skip("workers are whoever runs the tests")
    short_path.chmod(0o700)
    with pytest.raises(EdgeError, match="cannot enter it") as caught:
        Edge(Layout(short_path), port=free_port()).ensure()
    assert str(short_path) in (caught.value.hint or "")


ORDINARY = """
import sys
from pathlib import Path
from holdfast.app import Static
from tests.edge.site import make_site
site = make_site(Path(sys.argv[1]))
try:
    (site.root / "r-a" / "public").mkdir(parents=True)
    (site.root / "r-a" / "public" / "a.txt").write_text("static")
    site.serve(static=(Static("/static/", "public"),))
    print(site.ask("/x").text, site.ask("/static/a.txt").text)
    site.hold()
    client = site.client().send("/held")
    site.waiting(1)
    site.edge.reload()
    site.open()
    print(client.read().text)
    site.edge.upgrade()
    print(site.ask("/").status, oct((site.root / "edge").stat().st_mode & 0o777))
finally:
    site.finish()
"""


def test_ordinary_user() -> None:
    """All of it works for a user who is not root."""
    if os.geteuid() != 0:
        pytest.skip("all these tests run as an ordinary user")
    python = "/usr/bin/python3"
    packages = next((ROOT / ".venv" / "lib").glob("python*/site-packages"), ROOT)
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    environment = {"PYTHONPATH": f"{ROOT}/src:{ROOT}:{packages}", "PATH": os.environ["PATH"]}
    probe = [
        *as_nobody,
        python,
        "-c",
        "import sys, click, holdfast; assert sys.version_info > (3, 11)",
    ]
    if subprocess.run(probe, check=False, env=environment, capture_output=True).returncode != 0:
        pytest.skip("nobody can read our source with a Python that is new enough")
    with tempfile.TemporaryDirectory(prefix="hf", dir="/tmp") as home:
        os.chown(home, 65534, 65534)
        ended = subprocess.run(
            [*as_nobody, python, "-B", "-c", ORDINARY, home],
            check=False,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.stderr == ""
    assert ended.stdout.split() == ["/x", "static", "/held", "200", "0o700"]

"""Apps on real servers under systemd: live, replaced, apart from each other, there after a boot."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines.bed import Bed
from tests.machines.deploying import ROOT, App, make, wait_for

SECRET = "planted-7f3a9c-secret"


@pytest.fixture(scope="module", params=["12", "13"], ids=["debian12", "debian13"])
def apps(
    request: pytest.FixtureRequest, bed: Bed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[App, App]]:
    """Both examples live on one server; the first has a secret."""
    with bed.machine(request.param, prepared=True) as machine:
        machine.boot()
        machine.wait_for_boot()
        directory = tmp_path_factory.mktemp("apps")
        notes = make(machine, "flask-notes", "notes", directory)
        polls = make(machine, "django-polls", "polls", directory)
        subprocess.run(
            notes.command("env", "set", "PLANTED", "--server", machine.name),
            cwd=notes.directory,
            env=notes.environment(),
            input=SECRET,
            text=True,
            check=True,
            timeout=240,
            capture_output=True,
        )
        notes.deploy()
        polls.deploy()
        yield notes, polls


def test_both_are_live(apps: tuple[App, App]) -> None:
    """Both examples answer on port 80, their static files come from the edge."""
    notes, polls = apps
    assert (notes.get("/healthz"), notes.get(), polls.get()) == (200, 200, 200)
    assert notes.get("/static/style.css") == 200


def test_exposure(apps: tuple[App, App]) -> None:
    """systemd-analyze security: app units 2.0 at most, the edge far below Debian's unit."""
    notes, _ = apps
    units = notes.machine.ssh("systemctl", "list-units", "--plain", "--no-legend", "holdfast-*")
    names = [line.split()[0] for line in units.stdout.splitlines() if ".web." in line]
    assert {name.split(".")[0] for name in names} == {"holdfast-notes", "holdfast-polls"}
    found = {name: _exposure(notes, name) for name in (*names, "holdfast-edge.service")}
    print(found)
    assert max(found[name] for name in names) <= 2.0
    assert found["holdfast-edge.service"] <= 3.0


def _exposure(app: App, unit: str) -> float:
    said = app.machine.ssh("systemd-analyze", "security", "--no-pager", unit, check=False).stdout
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert level, said
    return float(level[1])


_EACH = """
for command; do
    said=$(sh -c "$command" 2>&1)
    echo "$? $said" | tr '\\n' ' '
    echo
done
"""


def test_the_other_app_is_out_of_reach(apps: tuple[App, App]) -> None:
    """Code that runs as one app's user reads nothing of the other, and not the edge's socket."""
    notes, polls = apps
    pid = notes.machine.ssh(
        "sh", "-c", "pgrep -u hf-notes -o -f gunicorn || pgrep -u hf-notes -o"
    ).stdout.strip()
    socket = notes.machine.ssh("sh", "-c", f"ls {notes.home}/run/*.sock").stdout.split()[0]
    forbidden = (
        f"ls {notes.home}",
        f"cat {notes.home}/env.json",
        f"cat {notes.home}/data/instance/notes.db",
        f"ls {notes.home}/current/src",
        f"cat {ROOT}/systemd/notes/web.a.env",
        f"cat {ROOT}/journal.db",
        f"cat /proc/{pid}/environ",
        f"ls {ROOT}/edge/control",
        f"cat {polls.home}/env.json",
        _connect(socket),
        _connect(f"{ROOT}/edge/control/control.sock"),
    )
    assert polls.run("id", "-un").stdout.strip() == "hf-polls"
    tried = ("sh", "-c", _EACH, "sh", *forbidden)
    # In the sandbox, and out of it: the app's user alone is enough.
    plain = polls.machine.ssh("runuser", "-u", "hf-polls", "--", *tried)
    for done in (polls.run(*tried), plain):
        for command, line in zip(forbidden, done.stdout.splitlines(), strict=True):
            status, _, said = line.partition(" ")
            assert status != "0", f"{command}: {said[:200]}"
            hidden = "/proc/" in command and "No such file" in said
            assert hidden or re.search(r"denied|not permitted", said), f"{command}: {said}"


def test_one_off_commands_are_in_the_sandbox(apps: tuple[App, App]) -> None:
    """What a person runs in an app is kept from what the app itself is kept from; it has its
    input, its exit status, and leaves nothing running or lying about."""
    notes, _ = apps
    looked = notes.run(
        *("sh", "-c", "cat; grep NoNewPrivs /proc/self/status; touch x; ls /home; kill -9 $$"),
        stdin="typed\n",
    )
    assert looked.stdout.split() == ["typed", "NoNewPrivs:", "1"]
    assert looked.stderr.count("Read-only file system") == 1
    assert re.search("ls: .*/home.*denied", looked.stderr)
    assert looked.returncode == 128 + 9
    missing = notes.run("no-such-program")
    assert missing.returncode == 127
    assert "no-such-program" in missing.stderr
    search = notes.machine.ssh
    assert search("sh", "-c", f"ls {ROOT}/systemd/notes | grep run- || true").stdout == ""
    listed = search("systemctl", "list-units", "--all", "--no-legend", "holdfast-run-*").stdout
    assert listed == ""


def test_a_secret_of_a_one_off_command_is_nobody_elses(apps: tuple[App, App]) -> None:
    """While it runs, neither its variables nor its words stand in its unit, which all may read."""
    notes, polls = apps
    running = subprocess.Popen(
        notes.command("run", "--server", notes.machine.name, "--", "sh", "-c", "sleep 20", SECRET),
        cwd=notes.directory,
        env=notes.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        units = ("systemctl", "list-units", "--plain", "--no-legend", "holdfast-run-notes-*")
        wait_for(lambda: notes.machine.ssh(*units).stdout)
        shown = notes.machine.ssh("sh", "-c", "systemctl show 'holdfast-run-*' --all").stdout
        assert "LoadCredential" in shown
        assert SECRET not in shown
        arguments = notes.machine.ssh("ps", "-ww", "-U", "root", "-o", "args").stdout
        assert "holdfast.agent exec" in arguments
        assert SECRET not in arguments
        seen = polls.run("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")
        assert SECRET not in seen.stdout
    finally:
        running.kill()
        running.wait(10)
        # Nobody waits for it any more, and it would stand in the list of processes for its 20 s.
        notes.machine.ssh("systemctl", "stop", "holdfast-run-notes-*", check=False)
        wait_for(lambda: SECRET not in notes.machine.ssh("ps", "axww", "-o", "args").stdout)


def _connect(socket: str) -> str:
    code = f"import socket; socket.socket(socket.AF_UNIX).connect('{socket}')"
    return f'python3 -c "{code}"'


def test_the_app_itself_has_its_secret_and_its_data(apps: tuple[App, App]) -> None:
    """What is closed to others is open to the app: else the test above would prove nothing."""
    notes, _ = apps
    assert notes.run("sh", "-c", "echo $PLANTED").stdout.strip() == SECRET
    assert notes.run("cat", f"{notes.home}/data/instance/notes.db").returncode == 0


def test_secrets_are_nowhere_to_be_seen(apps: tuple[App, App]) -> None:
    """A planted value is in no argument, journal, unit, event or file that others may read."""
    notes, _ = apps
    search = notes.machine.ssh
    assert SECRET not in search("ps", "axww", "-o", "args").stdout
    assert SECRET not in search("journalctl", "--no-pager", "--all").stdout
    assert SECRET not in search("sh", "-c", "systemctl show 'holdfast-*' --all").stdout
    for words in (
        ("deploy", "--follow", "--json"),
        ("status", "--debug"),
        ("releases", "--json"),
    ):
        told = notes.holdfast(*words, "--debug")
        assert SECRET not in told.stdout + told.stderr, words
    readable = search(
        *("find", "/etc", "/var", "/run", "/tmp", "/opt", "/usr/local", "-xdev", "-type", "f"),
        *("-perm", "-004", "-exec", "grep", "-l", "-s", SECRET, "{}", "+"),
        check=False,
    )
    assert readable.stdout == ""
    kept = search("grep", "-rls", SECRET, ROOT, check=False).stdout.split()
    assert sorted(kept) == sorted({f"{notes.home}/env.json", _env_file(notes)})


def _env_file(app: App) -> str:
    found = app.machine.ssh("sh", "-c", f"ls {ROOT}/systemd/{app.name}/web.*.env").stdout.split()
    assert len(found) == 1
    assert app.machine.ssh("stat", "-c", "%U %a", found[0]).stdout.split() == ["root", "600"]
    return found[0]


def test_replaced_and_rolled_back_under_load(apps: tuple[App, App]) -> None:
    """A deploy and a rollback of one app: every request to both is answered."""
    notes, _ = apps
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def ask(app: App) -> None:
        while not stop.is_set():
            answers.append((app.name, app.get("/", timeout=60)))
            time.sleep(0.1)

    threads = [threading.Thread(target=ask, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    try:
        before = notes.serving()
        notes.change()
        notes.deploy()
        after = notes.serving()
        notes.holdfast("rollback", "--yes")
        assert notes.serving() == before != after
    finally:
        stop.set()
        for thread in threads:
            thread.join(70)
    assert {status for _, status in answers} == {200}
    assert {name for name, _ in answers} == {"notes", "polls"}


def test_a_crashed_app_and_a_killed_nginx_come_back(apps: tuple[App, App]) -> None:
    """systemd starts both again, and requests meanwhile wait instead of failing."""
    notes, _ = apps
    # With a moment to die in: a dying server still takes connections, and what has reached it is
    # not sent again.
    kill = "systemctl kill --signal=KILL 'holdfast-notes.web.*'; sleep 0.3"
    notes.machine.ssh("sh", "-c", kill)
    answer = notes.get(timeout=60)
    log = notes.machine.ssh("tail", "-n", "3", f"{ROOT}/edge/logs/notes.access.log").stdout
    assert answer == 200, log
    pid = notes.machine.ssh("cat", f"{ROOT}/edge/run/nginx.pid").stdout.strip()
    notes.machine.ssh("kill", "-KILL", pid)
    # The workers of the killed one go on meanwhile.
    wait_for(lambda: _edge_pid(notes) not in ("0", pid))
    assert notes.get() == 200


def _edge_pid(app: App) -> str:
    return app.machine.ssh("systemctl", "show", "-P", "MainPID", "holdfast-edge").stdout.strip()


@pytest.mark.parametrize("left", ["a pid file", "a master"])
def test_the_edge_starts_whatever_is_left_of_the_one_before(
    apps: tuple[App, App], left: str
) -> None:
    """A power cut leaves a pid file that names another program by now, which systemd would take
    for nginx; and a master that systemd lost sight of has the port, and would keep it."""
    notes, _ = apps
    machine, edge = notes.machine, f"{ROOT}/edge"
    machine.ssh("systemctl", "stop", "holdfast-edge")
    other = f"holdfast-test-{left.split()[1]}"
    if left == "a master":
        nginx = ("nginx", "-p", edge, "-e", f"{edge}/logs/error.log", "-c", f"{edge}/nginx.conf")
        machine.ssh("rm", "-f", f"{edge}/control/control.sock")
        machine.ssh("systemd-run", f"--unit={other}", "--property=Type=forking", *nginx)
    else:
        machine.ssh("systemd-run", f"--unit={other}", "sleep", "600")
        write = f"systemctl show -P MainPID {other} >{edge}/run/nginx.pid"
        machine.ssh("sh", "-c", write)
    machine.ssh("systemctl", "start", "holdfast-edge")
    pid = _edge_pid(notes)
    assert machine.ssh("cat", f"{edge}/run/nginx.pid").stdout.strip() == pid
    assert "master process" in machine.ssh("cat", f"/proc/{pid}/cmdline").stdout
    assert notes.get() == 200
    if left == "a pid file":
        assert machine.ssh("systemctl", "is-active", other).stdout == "active\n"
        machine.ssh("systemctl", "stop", other)
    notes.holdfast("status")


def test_after_a_reboot_all_is_there(apps: tuple[App, App]) -> None:
    """Nobody runs a command: both answer, and no unit has failed."""
    notes, polls = apps
    machine = notes.machine
    machine.stop()
    machine.boot()
    machine.wait_for_boot()
    wait_for(lambda: (notes.get(), polls.get()) == (200, 200))
    assert machine.ssh("systemctl", "--failed", "--no-legend").stdout == ""


@pytest.mark.parametrize(
    ("strategy", "place"),
    [
        ("hold", "after:stop-old"),
        ("hold", "before:boot"),
        ("hold", "after:boot"),
        ("handover", "after:hold"),
        ("handover", "before:open"),
        ("handover", "after:open"),
    ],
)
def test_power_cut_in_the_middle_of_a_deploy(
    apps: tuple[App, App], strategy: str, place: str
) -> None:
    """After the boot the site serves the old release or the new one, by itself, soon."""
    notes, polls = apps
    machine = notes.machine
    notes.change()
    machine.ssh("sh", "-c", f"echo wait {place} >{ROOT}/failpoint")
    reached = machine.root / ROOT.lstrip("/") / "failpoint.reached"
    deploying = subprocess.Popen(
        notes.command("deploy", "--yes", "--strategy", strategy, "--server", machine.name),
        cwd=notes.directory,
        env=notes.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(reached.exists)
        machine.crash()
    finally:
        deploying.kill()
        deploying.wait(10)
    reached.unlink()
    machine.boot()
    machine.wait_for_boot()
    wait_for(lambda: (notes.get(), polls.get()) == (200, 200))
    wait_for(lambda: not _under_way(notes))
    assert notes.get("/healthz") == 200
    assert machine.ssh("systemctl", "--failed", "--no-legend").stdout == ""
    running = machine.ssh("systemctl", "list-units", "--plain", "--no-legend", "holdfast-notes.*")
    assert len(running.stdout.splitlines()) == 1


def _under_way(app: App) -> bool:
    units = app.machine.ssh(
        "systemctl", "list-units", "--plain", "--no-legend", "holdfast-engine-*"
    )
    return bool([line for line in units.stdout.splitlines() if ".service" in line])


def test_what_must_be_compiled(apps: tuple[App, App], tmp_path: Path) -> None:
    """A package that comes as source alone, and one that loads a library of the system's: named
    where the user wants no system packages, else apt installs what is needed, once, and says so."""
    notes, _ = apps
    app = make(notes.machine, "flask-notes", "compiled", tmp_path)
    with (app.directory / "requirements.txt").open("a") as requirements:
        requirements.write("mysqlclient==2.2.7\npyzbar==0.1.9\n")
    (app.directory / "notes" / "codes.py").write_text("import pyzbar.pyzbar\n")
    with (app.directory / "notes" / "__init__.py").open("a") as first:
        first.write("\nfrom notes import codes as codes\n")
    config = app.directory / "holdfast.toml"
    plain = config.read_text()
    config.write_text(f"{plain}[build]\nsystem_packages = false\n")
    refused = app.holdfast("deploy", "--yes", check=False, timeout=400)
    said = refused.stdout + refused.stderr
    assert "apt-get install build-essential python3-dev default-libmysqlclient-dev" in said
    assert "apt installs" not in said
    config.write_text(f'{plain}[build]\nsystem_packages = ["hello", "holdfast-no-such"]\n')
    refused = app.holdfast("deploy", "--yes", check=False, timeout=400)
    said = refused.stdout + refused.stderr
    assert "holdfast.toml: apt could not install hello holdfast-no-such" in said
    config.write_text(f'{plain}[build]\nsystem_packages = ["hello"]\n')
    done = app.holdfast("deploy", "--yes", timeout=600)
    said = done.stdout + done.stderr
    assert "names them: apt installs hello" in said
    assert app.run("hello").returncode == 0
    assert "mysqlclient must be compiled here: apt installs " in said
    assert "pyzbar loads libzbar.so: apt installs libzbar0" in said
    assert app.run("python", "-c", "import MySQLdb, pyzbar.pyzbar").returncode == 0
    with (app.directory / "requirements.txt").open("a") as requirements:
        requirements.write("six\n")
    again = app.holdfast("deploy", "--yes", timeout=400)
    assert "apt installs" not in again.stdout + again.stderr
    app.holdfast("destroy", "--yes", timeout=120)

"""What a person types after the first deploy, in that person's order."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Sequence

import httpx
import pytest

from holdfast.layout import Layout
from holdfast.protocol import Request
from holdfast.transport.local import LocalTransport
from tests.server.cli.conftest import Typed


def agent_features(typed: Typed) -> list[str]:
    transport = LocalTransport(Layout(typed.place.root))
    features: list[str] = transport.call(Request("hello"), lambda _: None).get("features", [])
    return features


def get(typed: Typed) -> str:
    address = f"http://127.0.0.1:{typed.place.port}/"
    return httpx.get(address, headers={"Host": "hello.localhost"}, timeout=60).text


def on_terminal(
    typed: Typed, arguments: Sequence[str], *keys: tuple[str, bytes]
) -> tuple[int, str]:
    """Run on a terminal of its own; each key is pressed when its text has appeared."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(typed.folder)
        environment = {**typed.place.environment, "TERM": "xterm", "NO_COLOR": "1"}
        argv = typed.argv(*arguments)
        os.execve(argv[0], argv, environment)  # noqa: S606 - a pty has no subprocess.run
    shown, waiting, deadline = b"", list(keys), time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # the other end is closed (pty(7))
                break
            shown += chunk
            if waiting and waiting[0][0].encode() in shown:
                os.write(terminal, waiting.pop(0)[1])
    finally:
        os.close(terminal)
        if time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, shown.decode()


@pytest.mark.prepares
def test_second_deploy_needs_no_option(typed: Typed) -> None:
    """It runs here, so it is deployed here; that is said, and where the app is."""
    typed.change()
    ran = typed.run("deploy")
    assert ran.returncode == 0, ran.stderr
    assert "note: no server is configured; hello runs on this machine" in ran.stdout
    assert f"hello is up at http://hello.localhost:{typed.place.port}/" in ran.stdout
    assert get(typed) == "hello\n"


@pytest.mark.prepares
def test_variables_from_standard_input(typed: Typed) -> None:
    """The value is used by the next deploy, and shown nowhere."""
    shown = typed.run("env", "set", "GREETING", stdin="s3cret\n")
    assert shown.returncode == 0, shown.stderr
    shown2 = typed.run("env", "list")
    shown3 = typed.run("deploy", "--json")
    assert shown3.returncode == 0, shown3.stdout
    assert get(typed) == "s3cret\n"
    for ran in (shown, shown2, shown3):
        assert "s3cret" not in ran.stdout + ran.stderr
    assert shown2.stdout == "GREETING  ***\n"


def test_status_releases_and_edge(typed: Typed) -> None:
    """Everything that looks, works and agrees."""
    status = json.loads(typed.run("status", "--json").stdout)["result"]
    (app,) = status["apps"]
    assert app["app"] == "hello"
    assert app["release"] in typed.run("status").stdout
    assert app["release"] in typed.run("releases").stdout
    edge = typed.run("edge", "status").stdout
    assert f"port {typed.place.port}" in edge
    assert "hello  open" in edge


def test_logs(typed: Typed) -> None:
    """What the app printed; following goes on until Ctrl-C."""
    get(typed)
    ran = typed.run("logs", "web", "-n", "3")
    assert "asked for /" in ran.stdout
    process = subprocess.Popen(
        typed.argv("logs", "-f", "-n", "1"),
        cwd=typed.folder,
        env=typed.place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    get(typed)
    second = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "asked for /" in first + second
    assert (process.returncode, err.strip()) == (130, "")


def test_run(typed: Typed) -> None:
    """Input, output, environment and exit status are the command's."""
    script = "import os, sys; print(os.environ['GREETING'], sys.stdin.read()); sys.exit(5)"
    ran = typed.run("run", "--", "python", "-c", script, stdin="typed")
    assert (ran.returncode, ran.stdout, ran.stderr) == (5, "s3cret typed\n", "")


def test_run_on_a_terminal(typed: Typed) -> None:
    """The command has the terminal: it sees one, and gets what is typed."""
    script = "import sys; print(sys.stdin.isatty(), sys.stdout.isatty()); print(input('? ') * 2)"
    status, shown = on_terminal(typed, ["run", "--", "python", "-c", script], ("? ", b"ab\n"))
    assert status == 0
    assert "True True" in shown
    assert "abab" in shown


def test_gate_by_hand(typed: Typed) -> None:
    """Maintenance answers 503, hold with an end lets go by itself."""
    assert typed.run("maintenance").returncode == 0
    assert "503" in get(typed) or "maintenance" in get(typed).lower()
    assert typed.run("open").stdout == "hello: open. Requests go to the app.\n"
    assert typed.run("hold", "--for", "1s").returncode == 0
    began = time.monotonic()
    assert get(typed) == "s3cret\n"
    assert time.monotonic() - began > 0.3


def test_plan_changes_nothing(typed: Typed) -> None:
    """A plan, of a deploy or a rollback, leaves what serves alone."""
    before = json.loads(typed.run("status", "--json").stdout)["result"]["apps"][0]["release"]
    typed.change()
    plan = typed.run("plan")
    assert plan.returncode == 0, plan.stderr
    assert "Plan for hello\n" in plan.stdout
    back = typed.run("rollback", "--plan")
    if "rollback.plan_only" in agent_features(typed):
        assert back.stdout.startswith("Plan for hello\n")
    else:
        assert back.returncode == 2
    after = json.loads(typed.run("status", "--json").stdout)["result"]["apps"][0]["release"]
    assert after == before


def test_rollback(typed: Typed) -> None:
    """To the release before; then it serves."""
    releases = json.loads(typed.run("releases", "--json").stdout)["result"]["releases"]
    ran = typed.run("rollback")
    assert ran.returncode == 0, ran.stderr
    after = json.loads(typed.run("status", "--json").stdout)["result"]["apps"][0]["release"]
    current = next(item["id"] for item in releases if item["current"])
    assert after == max(item["id"] for item in releases if item["id"] < current)


def test_ctrl_c_on_a_terminal(typed: Typed) -> None:
    """The live display; Ctrl-C undoes the deploy, and what served goes on serving."""
    typed.run("env", "set", "BOOT", stdin="20")
    typed.change()
    served = get(typed)
    before = json.loads(typed.run("status", "--json").stdout)["result"]["apps"][0]["release"]
    status, shown = on_terminal(typed, ["deploy"], ("Wait until", b"\x03"))
    assert status == 6, shown
    assert "stopping the deploy; Ctrl-C again" in shown
    assert f"everything is as it was: {before} serves" in shown
    assert get(typed) == served


def test_second_ctrl_c_and_follow(typed: Typed) -> None:
    """Ctrl-C twice does not wait for the undoing; --follow tells how it ended."""
    typed.run("env", "set", "BOOT", stdin="20")
    typed.change()
    keys = (("Wait until", b"\x03"), ("Ctrl-C again", b"\x03"))
    status, shown = on_terminal(typed, ["deploy"], *keys)
    assert status in (6, 130), shown
    followed = typed.run("deploy", "--follow")
    typed.run("env", "unset", "BOOT")
    assert followed.returncode == 6
    assert "Build the release" in followed.stdout


def test_dry_run(typed: Typed) -> None:
    """What would be sent, and nothing happened."""
    before = typed.run("releases").stdout.count("\n")
    ran = typed.run("deploy", "--dry-run", "--json")
    assert ran.returncode == 0, ran.stdout
    sent = json.loads(ran.stdout.splitlines()[-1])["result"]["would_send"]
    assert sent[-1]["method"] == "deploy"
    assert typed.run("releases").stdout.count("\n") == before


def test_nobody_reads_any_more(typed: Typed) -> None:
    """A closed pipe does not stop the deploy."""
    typed.change()
    process = subprocess.Popen(
        typed.argv("deploy"),
        cwd=typed.folder,
        env=typed.place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(120) in (0, 141)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    last = json.loads(typed.run("status", "--json").stdout)["result"]["apps"][0]["last_deploy"]
    assert last["outcome"] == "succeeded"


def test_destroy(typed: Typed) -> None:
    """On a terminal its name is asked for; then it is gone."""
    status, shown = on_terminal(typed, ["destroy"], ("to go on", b"no\n"))
    assert (status, "nothing was changed" in shown) == (2, True)
    status, shown = on_terminal(typed, ["destroy"], ("to go on", b"hello\n"))
    assert (status, "hello is removed from local" in shown) == (0, True)
    assert typed.run("status").stdout.startswith("no app on local yet\n")

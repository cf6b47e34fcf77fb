"""The other verbs before a recorded agent: what they ask, and what they show."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.protocol import Event, Kind
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_agent import NOTHING, PLAN, PREVIOUS, RELEASE, STATUS, FakeAgent


def test_plan(holdfast: Run) -> None:
    """The plan with every reason; findings, steps and warnings too."""
    ran = holdfast("plan", "--server", "local")
    assert ran.code == 0, ran.err
    shown = ran.out[ran.out.index("Plan for") :]
    assert shown == (
        "Plan for notes\n"
        f"  release    {RELEASE}, after {PREVIOUS}\n"
        "  strategy   hold, requests will wait about 1.2 s\n"
        "             because 1 pending migration: 0002_tags\n"
        "  migrate    flask db upgrade (1 pending: 0002_tags)\n"
        "  snapshot   instance/notes.db\n"
        "  persist    instance/ (Flask's instance folder)\n"
        "  static     /static/ from notes/static\n"
        "  processes  web, worker\n"
        "\n"
        "Found\n"
        "  framework  flask  notes/__init__.py imports it\n"
        "\n"
        "Steps\n"
        "  1. Let requests wait in line\n"
        "warning: no snapshot can be made of the database of DATABASE_URL\n"
        "\n"
        "holdfast deploy --server local does it\n"
    )


def test_rollback(holdfast: Run, agent: FakeAgent) -> None:
    """Without a release it is the one before; nothing is asked where nobody can answer."""
    assert holdfast("rollback").code == 0
    assert agent.params("rollback") == {"app": "notes"}
    agent.asked.clear()
    assert holdfast("rollback", PREVIOUS, "--strategy", "hold").code == 0
    assert agent.params("rollback") == {"app": "notes", "release": PREVIOUS, "strategy": "hold"}


def test_rollback_plan(holdfast: Run, agent: FakeAgent) -> None:
    """--plan shows what it would do and stops."""
    agent.answers["rollback"] = {"plan": PLAN}
    agent.answers["hello"] = {"features": ["rollback.plan_only"]}
    ran = holdfast("rollback", "--plan")
    assert agent.params("rollback") == {"app": "notes", "plan_only": True}
    assert ran.out.startswith("Plan for notes\n")


def test_rollback_plan_of_an_agent_that_cannot(holdfast: Run, agent: FakeAgent) -> None:
    """An agent that would roll back for real is not asked to."""
    agent.answers["hello"] = {"version": "0.1.0"}
    ran = holdfast("rollback", "--plan")
    assert ran.code == 2
    assert [request.method for request in agent.asked] == ["look", "hello"]


def test_releases(holdfast: Run, agent: FakeAgent) -> None:
    """Newest first, the one that serves marked."""
    agent.answers["releases"] = {
        "releases": [
            {"id": RELEASE, "commit": "3f2a1c9aa", "dirty": True, "created": 1.0, "current": True},
            {"id": PREVIOUS, "commit": None, "dirty": False, "created": 1.0, "current": False},
        ]
    }
    first, second = holdfast("releases").out.splitlines()
    assert first.startswith(f"*  {RELEASE}")
    assert first.endswith("3f2a1c9 and changes    serves")
    assert second.endswith("no commit")


def test_no_releases(holdfast: Run, agent: FakeAgent) -> None:
    """An empty list says what to do."""
    agent.answers["releases"] = {"releases": []}
    assert holdfast("releases").out == "no release yet; holdfast deploy makes one\n"


def test_status(holdfast: Run) -> None:
    """Address, release, gate, last deploy and its error, one line a process, the edge."""
    lines = holdfast("status").out.splitlines()
    assert lines[0] == "notes  http://notes.localhost:8080"
    assert lines[1] == f"  release  {RELEASE}"
    assert lines[2] == "  gate     open, 3 in flight, 0 waiting, 4 long-lived"
    assert lines[3].startswith("  deploy   undone ")
    assert lines[4] == "           notes: the release command ended with status 1"
    assert lines[5].split()[:2] == ["web.a", "running"]
    assert lines[6].split() == ["worker", "backoff", "3", "restarts"]
    assert lines[-1] == "edge  running, port 8080, pid 7"


def test_status_of_an_app_that_is_not_there(
    holdfast: Run, agent: FakeAgent, short_path: Path
) -> None:
    """Named it is an error; in some folder every app is shown; with none it is said."""
    ran = holdfast("status", "--name", "other")
    assert ran.code == 3
    assert ran.err.startswith("error: other was never deployed to local\n")
    elsewhere = short_path / "elsewhere"
    elsewhere.mkdir()
    assert holdfast("status", where=elsewhere).out.startswith("notes  http://")
    agent.answers["status"] = NOTHING
    assert holdfast("status").out == "no app on local yet\nedge  not running\n"


def test_status_for_a_program(holdfast: Run) -> None:
    """One line, the agent's own answer."""
    (told,) = holdfast("status", "--json").lines
    assert told == {"result": STATUS}


def logs(params: Any, emit: Any) -> dict[str, Any]:
    for number in range(3):
        emit(Event(Kind.LOG, {"source": "web.a", "line": f"line {number}"}, 1.0))
    return {}


def test_logs(holdfast: Run, agent: FakeAgent) -> None:
    """Lines with their process; -n keeps the last ones."""
    agent.answers["logs"] = logs
    assert holdfast("logs").out.count(" web.a    line ") == 3
    assert holdfast("logs", "-n", "1").out.endswith(" web.a    line 2\n")
    assert holdfast("logs", "-n", "1").out.count("\n") == 1
    *events, last = holdfast("logs", "--json").lines
    assert [event["line"] for event in events] == ["line 0", "line 1", "line 2"]
    assert last == {"result": {}}


def test_following_shows_the_last_lines_and_then_every_new_one_once(
    holdfast: Run, agent: FakeAgent
) -> None:
    """The second question begins at the last line's moment; what was seen is left out."""

    def answer(params: Any, emit: Any) -> dict[str, Any]:
        printed = [(1.0, "a"), (2.0, "b"), (2.0, "c"), (2.0, "c")]
        if params["follow"]:
            assert params["since"] == pytest.approx(1.999)
            printed = [*printed[1:], (2.0, "c"), (2.0, "d"), (3.0, "b")]
        for at, line in printed:
            emit(Event(Kind.LOG, {"source": "web.a", "line": line}, at))
        return {}

    agent.answers["logs"] = answer
    shown = [line[-1] for line in holdfast("logs", "-f", "-n", "1").out.splitlines()]
    assert shown == ["c", "c", "d", "b"]
    shown = [line[-1] for line in holdfast("logs", "-f", "-n", "0").out.splitlines()]
    assert shown == ["c", "d", "b"]


def test_what_logs_asks(holdfast: Run, agent: FakeAgent) -> None:
    """Processes, a time, following."""
    holdfast("logs", "web", "worker", "--since", "10m", "-f")
    params = dict(agent.params("logs"))
    assert 500 < time.time() - params.pop("since") < 700
    assert params == {"app": "notes", "follow": True, "processes": ["web", "worker"]}


def test_env_set_from_standard_input(holdfast: Run, agent: FakeAgent) -> None:
    """One line end at the end goes; the value is not shown."""
    ran = holdfast("env", "set", "KEY", stdin="hunter2\nmore \n")
    assert ran.code == 0, ran.err
    assert agent.params("env.set") == {"app": "notes", "values": {"KEY": "hunter2\nmore "}}
    assert ran.out == "KEY set; the next deploy uses it\n"


def test_env_set_with_a_value_does_not_show_it(holdfast: Run) -> None:
    """The refusal repeats the name alone."""
    ran = holdfast("env", "set", "KEY=hunter2")
    assert "hunter2" not in ran.out + ran.err


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_env_import(holdfast: Run, agent: FakeAgent, project: Path, way: str) -> None:
    """Every variable of a file; names are shown, values are not."""
    text = "A=1\n\nexport B='hunter2' # note\n"
    (project / "x.env").write_text(text)
    if way == "file":
        ran = holdfast("env", "import", "x.env")
    else:
        ran = holdfast("env", "import", "-", stdin=text)
    assert agent.params("env.set")["values"] == {"A": "1", "B": "hunter2"}
    assert ran.out == "2 variables set: A, B; the next deploy uses them\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n\n\nhunter2\n", "x.env, line 4: hunter2 has no value"),
        ("A='hunter2\n", "x.env, line 1: is not NAME=VALUE"),
        ("# nothing\n", "x.env: has no variables"),
    ],
)
def test_wrong_env_files(holdfast: Run, project: Path, text: str, message: str) -> None:
    """The line is named."""
    (project / "x.env").write_text(text)
    ran = holdfast("env", "import", "x.env")
    assert ran.code == 2
    assert ran.err.splitlines()[0] == f"error: {message}"


@pytest.mark.parametrize("name", ["PORT", "VIRTUAL_ENV", "HOLDFAST_SOCKET"])
def test_env_set_of_what_is_ours(holdfast: Run, agent: FakeAgent, name: str) -> None:
    """Refused as [env] refuses it, before anything is asked for or stored."""
    ran = holdfast("env", "set", name, stdin="8000")
    assert (ran.code, agent.asked) == (2, [])
    assert ran.err == f"error: {name} is set by Holdfast itself; leave it out\n"


def test_env_import_with_what_is_ours(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """A file made for development is taken, less what Holdfast sets; a program is told, too."""
    (project / "x.env").write_text("PORT=8000\nHOLDFAST_SOCKET=/s\nA=1\n")
    ran = holdfast("env", "import", "x.env")
    assert agent.params("env.set")["values"] == {"A": "1"}
    assert ran.out == "1 variable set: A; the next deploy uses it\n"
    assert ran.err == (
        "note: HOLDFAST_SOCKET, PORT are set by Holdfast itself; they are left out\n"
    )
    (result,) = holdfast("env", "import", "x.env", "--json").lines
    assert result == {"result": {"set": ["A"], "skipped": ["HOLDFAST_SOCKET", "PORT"]}}


def test_env_import_of_nothing_but_ours(holdfast: Run, agent: FakeAgent) -> None:
    """Nothing is left to be set: an error, not a success."""
    ran = holdfast("env", "import", "-", stdin="PORT=8000\n")
    assert (ran.code, agent.asked) == (2, [])
    assert ran.err == "error: PORT is set by Holdfast itself; leave it out\n"


@pytest.mark.parametrize("more", [[], ["--name", "notes", "--server", "local"]])
def test_port_of_a_compose_project(
    holdfast: Run, agent: FakeAgent, project: Path, more: list[str]
) -> None:
    """A container is given no port: ${PORT} in its files is the project's own."""
    (project / "compose.yaml").write_text(
        "services:\n  web:\n    build: .\n    environment:\n      PORT: ${PORT}\n"
    )
    ran = holdfast("env", "import", "-", *more, stdin="PORT=8000\nHOLDFAST_APP=x\n")
    assert agent.params("env.set")["values"] == {"PORT": "8000"}
    assert ran.err == "note: HOLDFAST_APP is set by Holdfast itself; it is left out\n"


@pytest.mark.parametrize("words", [["status"], ["apps"], ["edge", "status"], ["cert", "list"]])
def test_a_folder_that_no_app_can_be_called_like(
    holdfast: Run, agent: FakeAgent, words: list[str]
) -> None:
    """What is about the server works anywhere, the root directory included."""
    agent.answers["edge.status"] = {"edge": STATUS["edge"], "apps": []}
    agent.answers["cert.list"] = {"certificates": []}
    ran = holdfast(*words, where=Path("/"))
    assert ran.code == 0, ran.err
    assert words[0] not in ("status", "apps") or "notes" in ran.out
    refused = holdfast("logs", where=Path("/"))
    assert refused.err.startswith("error: /: no app can be called like this folder")


def test_env_list_and_unset(holdfast: Run, agent: FakeAgent) -> None:
    """Masked values; unset names what it removed."""
    agent.answers["env.list"] = {"names": {"B": "***", "A": "***"}}
    assert holdfast("env", "list").out == "A  ***\nB  ***\n"
    assert holdfast("env", "unset", "A", "B").out == "A, B removed from the next deploy on\n"
    assert agent.params("env.unset")["names"] == ["A", "B"]


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("open", {"mode": "open"}),
        ("hold --for 5m", {"mode": "hold", "lease": 300.0}),
        ("hold", {"mode": "hold", "lease": None}),
        ("maintenance", {"mode": "maintenance"}),
        (
            "maintenance --allow 203.0.113.7 --allow 10.0.0.0/8",
            {"mode": "maintenance", "allow": ["203.0.113.7/32", "10.0.0.0/8"]},
        ),
    ],
)
def test_gate(holdfast: Run, agent: FakeAgent, line: str, params: dict[str, Any]) -> None:
    """What the gate is told."""
    ran = holdfast(*line.split())
    assert ran.code == 0, ran.err
    assert agent.params("gate") == {"app": "notes", **params}


def test_edge_status(holdfast: Run, agent: FakeAgent) -> None:
    """nginx in one line, each gate in one."""
    agent.answers["edge.status"] = {
        "edge": {"running": True, "pid": 7, "port": 8080},
        "apps": [
            {
                "app": "notes",
                "mode": "hold",
                "effective": "hold",
                "lease_until": None,
                "counts": {"in_flight": {"a": 1}, "long": {}, "waiting": 1234},
            }
        ],
    }
    assert holdfast("edge", "status").out == (
        "edge  running, port 8080, pid 7\n  notes  hold, 1 in flight, 1,234 waiting\n"
    )


def test_destroy(holdfast: Run, agent: FakeAgent) -> None:
    """With --yes nothing is asked."""
    assert holdfast("destroy", "--yes").out == "notes is removed from local\n"
    assert agent.params("destroy") == {"app": "notes", "keep_data": False}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(holdfast: Run, shell: str) -> None:
    """A script for the shell that asks us."""
    assert "_HOLDFAST_COMPLETE" in holdfast("completion", shell).out


@pytest.mark.parametrize(
    "argv",
    [
        ("rollback",),
        ("env", "unset", "KEY"),
        ("open",),
        ("hold", "--for", "30s"),
        ("maintenance",),
        ("destroy",),
        ("run", "--dry-run", "--", "true"),
    ],
)
def test_dry_runs(holdfast: Run, agent: FakeAgent, argv: tuple[str, ...]) -> None:
    """What changes something is shown, and does not reach the agent; nothing is asked."""
    ran = holdfast("--json", *argv, *(() if "--dry-run" in argv else ("--dry-run",)))
    assert ran.code == 0, ran.err
    result = ran.lines[-1]["result"]
    assert result["server"] == "local"
    assert len(result["would_send"]) == 1
    assert not {request.method for request in agent.asked} - {"hello", "status"}


def test_apps(holdfast: Run, agent: FakeAgent) -> None:
    """One line an app; for a program the same."""
    ran = holdfast("apps")
    assert ran.code == 0, ran.err
    assert RELEASE in ran.out
    (one,) = holdfast("apps", "--json").lines[-1]["result"]["apps"]
    assert (one["app"], one["release"], one["state"]) == ("notes", RELEASE, "open")


def test_apps_whose_web_is_down(holdfast: Run, agent: FakeAgent) -> None:
    """An open gate to a web that does not run is no app that is well."""
    agent.answers["status"] = {**STATUS, "apps": [{**STATUS["apps"][0], "down": ["web.a"]}]}
    assert "open, web.a down" in holdfast("apps").out
    (one,) = holdfast("apps", "--json").lines[-1]["result"]["apps"]
    assert (one["state"], one["down"]) == ("open, web.a down", ["web.a"])


def test_ssh_needs_a_server(holdfast: Run) -> None:
    """This machine is no server to log in to."""
    ran = holdfast("ssh", "--server", "local")
    assert ran.code == 2
    assert "ssh needs a server" in ran.err

"""``holdfast deploy`` before a recorded agent: what is sent, and what is shown."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from holdfast.errors import BuildError
from holdfast.protocol import Event, Kind
from holdfast.releases.origin import origin
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_agent import DEPLOYED, ENDED, EVENTS, NOTHING, RELEASE, STATUS, FakeAgent


def test_without_a_server(holdfast: Run, agent: FakeAgent) -> None:
    """A first deploy with nothing said ends in one line that says what it needs."""
    agent.answers["status"] = NOTHING
    ran = holdfast("deploy")
    assert ran.code == 2
    assert ran.err == (
        "error: deploy needs a server: give --server local,"
        ' or write server = "local" under [app] in holdfast.toml\n'
        "hint: holdfast init --write --server local writes it down\n"
    )


def test_first_deploy_by_options_alone(holdfast: Run, agent: FakeAgent) -> None:
    """The name is the folder's, the domain NAME.localhost; the source arrives."""
    agent.answers["status"] = NOTHING
    ran = holdfast("deploy", "--server", "local")
    assert ran.code == 0, ran.err
    params = agent.params("deploy")
    assert params["app"] == "notes"
    assert params["config"]["app"] == {"name": "notes", "domains": ["notes.localhost"]}
    assert params["source"]["commit"] is None
    assert (agent.layout.app("notes").incoming / f"{params['source']['token']}.tar").is_file()
    assert "strategy" not in params


def test_options_and_config(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """Options go before the config; domains are named once."""
    (project / "holdfast.toml").write_text(
        '[app]\nname = "paper"\nserver = "local"\ndomains = ["a.example"]\n'
    )
    agent.answers["status"] = NOTHING
    ran = holdfast(
        *("deploy", "--domain", "B.example", "--domain", "b.example", "--strategy", "hold")
    )
    assert ran.code == 0, ran.err
    params = agent.params("deploy")
    assert params["config"]["app"]["domains"] == ["b.example"]
    assert (params["app"], params["strategy"]) == ("paper", "hold")


def test_second_deploy_without_a_file(holdfast: Run, agent: FakeAgent) -> None:
    """An app that runs on this machine is deployed there again, its domains kept; it is said."""
    known = {**STATUS["apps"][0], "domains": ["notes.example.test"]}
    agent.answers["status"] = {**STATUS, "apps": [known]}
    ran = holdfast("deploy")
    assert ran.code == 0, ran.err
    assert agent.servers == ["local"]
    assert agent.params("deploy")["config"]["app"]["domains"] == ["notes.example.test"]
    assert "note: no server is configured; notes runs on this machine" in ran.out
    assert "note: no domain is configured; it keeps notes.example.test" in ran.out


def test_plain_lines(holdfast: Run) -> None:
    """Piped, it is one line for each thing that happens, then where the app is."""
    ran = holdfast("deploy", "--server", "local")
    assert ran.code == 0, ran.err
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0] == "- Pack the source"
    assert lines[-2:] == [
        "notes is up at http://notes.localhost:8080",
        f"release {RELEASE}, took 3.2 s, requests waited at most 84 ms",
    ]
    for expected in (
        "- Build the release",
        "  build | Resolved 20 packages in 3ms",
        "  done in 1.2 s: 20 packages",
        "Plan for notes",
        "             because 1 pending migration: 0002_tags",
        "note: SECRET_KEY was generated and is kept",
    ):
        assert expected in lines


def test_for_a_program(holdfast: Run) -> None:
    """--json: the protocol's events, then the result, nothing else."""
    ran = holdfast("deploy", "--server", "local", "--json")
    *events, last = ran.lines
    assert last == {"result": DEPLOYED}
    kinds = [event["event"] for event in events]
    assert kinds[-len(EVENTS) - 1 :] == [str(event.kind) for event in (*EVENTS, ENDED)]
    assert ran.err == ""


def test_env_file(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """Its variables are set before the deploy and never shown."""
    (project / ".env.live").write_text("# live\nexport KEY='hunter2'\nURL=\"a\\nb\"\nREF=${KEY}\n")
    ran = holdfast("deploy", "--server", "local", "--env-file", ".env.live", "--json")
    assert ran.code == 0
    values = agent.params("env.set")["values"]
    assert values == {"KEY": "hunter2", "URL": "a\nb", "REF": "${KEY}"}
    methods = [request.method for request in agent.asked]
    assert methods.index("env.set") < methods.index("deploy")
    assert "hunter2" not in ran.out + ran.err


def test_env_file_with_what_is_ours(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """What Holdfast sets itself is left out of what is set, and said once, all of it."""
    (project / ".env").write_text("PORT=8000\nVIRTUAL_ENV=/v\nKEY=hunter2\n")
    ran = holdfast("deploy", "--server", "local", "--env-file", ".env")
    assert ran.code == 0, ran.err
    assert agent.params("env.set")["values"] == {"KEY": "hunter2"}
    said = "note: PORT, VIRTUAL_ENV are set by Holdfast itself; they are left out"
    assert ran.out.splitlines().count(said) == 1


def test_dry_run(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """Nothing but questions reaches the agent; what would be sent is shown, secrets masked."""
    (project / ".env").write_text("KEY=hunter2\n")
    (project / "holdfast.toml").write_text('[env]\nAPI_KEY = "hunter2-config"\n')
    ran = holdfast("deploy", "--server", "local", "--dry-run", "--env-file", ".env", "--json")
    assert ran.code == 0, ran.err
    sent = ran.lines[-1]["result"]["would_send"]
    assert [item.get("method") for item in sent] == [None, "env.set", "deploy"]
    assert sent[1]["params"]["values"] == {"KEY": "***"}
    assert sent[2]["params"]["config"]["env"] == {"API_KEY": "***"}
    assert {request.method for request in agent.asked} == {"look"}
    assert "hunter2" not in ran.out
    assert not agent.layout.app("notes").incoming.exists()


def test_a_deploy_that_is_undone(holdfast: Run, agent: FakeAgent) -> None:
    """The error is the agent's; what serves is said; for a program the error is the last line."""

    def fails(_params: object, emit: object) -> dict[str, object]:
        assert callable(emit)
        for event in EVENTS:
            emit(event)
        emit(Event(Kind.DEPLOY_ENDED, {"outcome": "undone"}, 5.0))
        raise BuildError("notes: uv: no version of flask", detail="the end", hint="look")

    agent.answers["deploy"] = fails
    ran = holdfast("deploy", "--server", "local")
    assert ran.code == 5
    assert ran.err == "error: notes: uv: no version of flask\n  the end\nhint: look\n"
    assert ran.out.splitlines()[-1].endswith("20261122-080000-aaaaaaa serves")
    told = json.loads(holdfast("deploy", "--server", "local", "--json").out.splitlines()[-1])
    assert told["error"]["type"] == "BuildError"


def test_follow(holdfast: Run, agent: FakeAgent) -> None:
    """--follow only watches: nothing is packed or sent."""
    ran = holdfast("deploy", "--follow")
    assert ran.code == 0
    assert [request.method for request in agent.asked] == ["follow", "look"]


def test_broken_config_and_explicit_app(holdfast: Run, project: Path) -> None:
    """A broken holdfast.toml is told; it does not stand before an app named by options."""
    (project / "holdfast.toml").write_text("[app\n")
    assert holdfast("status").code == 2
    assert holdfast("status", "--name", "notes", "--server", "local").code == 0


def test_overlay(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """--env reads holdfast.NAME.toml over holdfast.toml."""
    (project / "holdfast.toml").write_text('[app]\nname = "notes"\nserver = "local"\n')
    (project / "holdfast.staging.toml").write_text('[app]\nname = "notes-staging"\n')
    agent.answers["status"] = NOTHING
    assert holdfast("deploy", "--env", "staging").code == 0
    assert agent.params("deploy")["app"] == "notes-staging"
    assert agent.params("deploy")["config"]["app"]["domains"] == ["notes-staging.localhost"]


def test_another_project_of_the_same_name(
    holdfast: Run, agent: FakeAgent, project: Path, tmp_path: Path
) -> None:
    """The folder's name alone takes nothing from it: neither a deploy nor what else changes it;
    a name that is given does."""
    before = asdict(origin(tmp_path))
    known = {**STATUS["apps"][0], "origin": before}
    agent.answers["status"] = {**STATUS, "apps": [known]}
    refusal = (
        f"error: notes on local is another project: it was deployed from {tmp_path}"
        f" of {before['host']}\n"
        "hint: --name gives this one a name of its own; --name notes says that it is that one\n"
    )
    for words in (("deploy",), ("plan",), ("destroy", "--yes"), ("env", "unset", "X")):
        ran = holdfast(*words)
        assert (ran.code, ran.err) == (2, refusal), words
    assert {request.method for request in agent.asked} <= {"look", "expect"}
    ran = holdfast("deploy", "--name", "notes")
    assert ran.code == 0, ran.err
    assert agent.params("deploy")["origin"]["folder"] == str(project.resolve())

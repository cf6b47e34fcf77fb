"""What cannot be deployed is refused: exactly what, where, what to do; never a traceback."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.place import Place
from tests.server.deploy.running import Ended, Running
from tests.server.deploy.site import check_live
from tests.server.deploy.tiny import Tiny, config

ARGUMENTS = ("deploy", "--server", "local")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Files and arguments, and the error that comes of them.

    Attributes:
        message: the whole message, or its start if it ends with ``…``; likewise ``hint``.
    """

    name: str
    status: int
    message: str
    hint: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ARGUMENTS


PYTHON = {"util.py": "def nothing(): pass\n"}
SERVES = {"serve.py": "print('no server')\n"}

WRONG = [
    Wrong(
        "empty folder",
        2,
        ".: there is nothing to deploy: the folder is empty",
        "holdfast is run in the folder of the app",
    ),
    Wrong(
        "JavaScript",
        3,
        "this looks like a JavaScript project (package.json); there is no Python in it",
        "Holdfast deploys Python web apps; if a command serves it, write in holdfast.toml:…",
        {"package.json": '{"name": "x"}', "index.js": "1"},
    ),
    Wrong(
        "no Python",
        3,
        "there is no Python file here",
        "run holdfast in the folder of your project; if a command serves it, …",
        {"readme.txt": "hello"},
    ),
    Wrong("no web app", 3, "no web app was found in 1 Python file…", "write in …", PYTHON),
    Wrong(
        "command that is not there",
        6,
        "wrong: the new release ended while it booted (exit status 127)",
        "the end of its log is above; try the command on your machine: servitude…",
        {**SERVES, "holdfast.toml": '[web]\ncommand = "servitude --port $PORT"\n'},
    ),
    Wrong(
        "command that ends at once",
        6,
        "wrong: the new release ended while it booted (exit status 0)",
        "the end of its log is above; try the command on your machine: python serve.py…",
        {**SERVES, "holdfast.toml": '[web]\ncommand = "python serve.py"\nlisten = "port"\n'},
    ),
    Wrong(
        "build command that fails",
        5,
        "build command 'exit 3': ended with status 3",
        None,
        {**SERVES, "holdfast.toml": config(rest='[build]\ncommands = ["exit 3"]')},
    ),
    Wrong(
        "unknown key",
        2,
        "holdfast.toml: [web] booot_timeout: no such key; did you mean `boot_timeout`?",
        None,
        {**SERVES, "holdfast.toml": '[web]\nbooot_timeout = "3s"\n'},
    ),
    Wrong(
        "no TOML",
        2,
        "holdfast.toml: line 1, column 5: expected ']' at the end of a table declaration;…",
        None,
        {**SERVES, "holdfast.toml": "[web\n"},
    ),
    Wrong(
        "no server",
        2,
        "deploy needs a server: give --server local,"
        ' or write server = "local" under [app] in holdfast.toml',
        "holdfast init --write --server local writes it down",
        PYTHON,
        ("deploy",),
    ),
    Wrong(
        "unknown strategy",
        2,
        "holdfast deploy: --strategy: 'fast' is not one of 'auto', 'handover', 'hold'",
        "holdfast deploy --help",
        PYTHON,
        (*ARGUMENTS, "--strategy", "fast"),
    ),
    Wrong(
        "bad name",
        2,
        '--name: "Bad Name" is no app name;'
        ' lower-case letters, digits and hyphens, at most 32: "bad-name"',
        None,
        PYTHON,
        (*ARGUMENTS, "--name", "Bad Name"),
    ),
    Wrong(
        "domain with a scheme",
        2,
        '--domain: "http://x.com/" has a scheme; write "x.com"',
        None,
        PYTHON,
        (*ARGUMENTS, "--domain", "http://x.com/"),
    ),
    Wrong(
        "missing file of variables",
        2,
        "nothere: no such file or directory",
        None,
        PYTHON,
        (*ARGUMENTS, "--env-file", "nothere"),
    ),
    Wrong(
        "missing overlay",
        2,
        "holdfast.prod.toml: there is no such file, so no environment 'prod'; there are none here",
        None,
        PYTHON,
        (*ARGUMENTS, "--env", "prod"),
    ),
    Wrong(
        "following with options",
        2,
        "--follow takes no option of a new deploy; it only watches",
        None,
        PYTHON,
        ("deploy", "--follow", "--strategy", "hold"),
    ),
    Wrong(
        "misspelt command",
        2,
        "holdfast: no such command: depoly",
        "did you mean holdfast deploy?",
        PYTHON,
        ("depoly",),
    ),
    Wrong(
        "misspelt option",
        2,
        "holdfast deploy: no such option: --sevrer",
        "did you mean --server?",
        PYTHON,
        ("deploy", "--sevrer", "local"),
    ),
    Wrong(
        "rollback of nothing",
        3,
        "no app 'wrong' on this server",
        None,
        PYTHON,
        ("rollback", "--server", "local"),
    ),
    Wrong(
        "following nothing",
        3,
        "no app 'wrong' on this server",
        None,
        PYTHON,
        ("deploy", "--follow"),
    ),
]


@pytest.fixture(scope="module")
def empty(make_place: Callable[[], Place]) -> Place:
    """A place on which nothing was ever live."""
    return make_place()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name.replace(" ", "-"))
def test_refused(empty: Place, tmp_path: Path, wrong: Wrong) -> None:
    """The error, its hint and the exit code."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    for name, text in wrong.files.items():
        (folder / name).write_text(text)
    ended = Running(empty, *wrong.arguments, directory=folder).end()
    if ended.events("deploy.queued"):
        Running(empty, "destroy", "--name", "wrong", "--server", "local", "--yes").end()
    assert (ended.status, ended.error["exit_code"]) == (wrong.status, wrong.status), ended
    says(ended.error["message"], wrong.message)
    if wrong.hint is not None:
        says(ended.error["hint"], wrong.hint)
    no_traceback(ended)


def says(text: str, wanted: str) -> None:
    assert text.startswith(wanted[:-1]) if wanted.endswith("…") else text == wanted, text


def no_traceback(ended: Ended) -> None:
    assert ended.said == ""
    assert "Holdfast has a fault" not in ended.error["message"]


def test_port_is_taken(make_place: Callable[[], Place], tmp_path: Path) -> None:
    """Another program listens where the edge wants to."""
    place = make_place()
    (tmp_path / "serve.py").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place.port = taken.getsockname()[1]
        ended = Running(place, *ARGUMENTS, "--name", "site", directory=tmp_path).end()
    assert (ended.status, ended.error["type"]) == (7, "EdgeError")
    assert ended.error["message"] == (
        f"the edge's address 127.0.0.1:{place.port} is in use by another program"
    )
    assert ended.error["hint"].startswith("stop that program, or choose another port: ")
    no_traceback(ended)


def test_domain_of_another_app(tiny: Tiny, tmp_path: Path) -> None:
    """The one that has it keeps it, and serves on; nothing is built, held or run for the other,
    whether it is new or serves elsewhere, and the plan says the same."""
    other = Tiny(tiny.place, "tiny", tmp_path / "other", app="other")
    other.make()
    wanting = ("--server", "local", "--domain", "site.localhost")
    _is_refused(other.run("deploy", *wanting))
    other.good()
    _is_refused(other.run("plan", *wanting))
    _is_refused(other.run("deploy", *wanting, "--strategy", "hold"))
    check_live(other)
    other.run("destroy", "--yes")
    check_live(tiny)


def test_domain_that_another_app_has_since(tiny: Tiny, tmp_path: Path) -> None:
    """A release that had it cannot come back with it."""
    other = Tiny(tiny.place, "tiny", tmp_path / "other", app="other")
    other.make()
    here, both = ("deploy", "--server", "local", "--domain"), "both.localhost"
    for deployment, domains in (
        (tiny, ("site.localhost", "--domain", both)),
        (tiny, ("site.localhost",)),
        (other, (both,)),
    ):
        done = deployment.run(*here, *domains)
        assert done.status == 0, done
    ended = tiny.run("rollback", "--yes")
    assert ended.error["message"] == "site: the domain both.localhost belongs to the app other"
    assert not ended.steps("step.started")
    other.run("destroy", "--yes")
    check_live(tiny)


def _is_refused(ended: Ended) -> None:
    assert ended.error["message"] == "other: the domain site.localhost belongs to the app site"
    assert ended.error["hint"] == "give one of them another: [app] domains"
    assert ended.status == 7
    assert set(ended.steps("step.started")) == {"pack", "upload"}
    no_traceback(ended)


def test_logs_of_an_unknown_process(tiny: Tiny) -> None:
    """A name that nothing of the app has is an error that says which there are."""
    ended = tiny.run("logs", "wob")
    assert ended.status == 3
    error = ended.lines[-1]["error"]
    assert error["message"].endswith("has no process 'wob'"), error
    assert "there are: web" in error["hint"], error


@pytest.mark.parametrize("release", ["20200101-000000-abcdefg", "x", "2"])
def test_unknown_release(tiny: Tiny, release: str) -> None:
    """A release that is not kept, and one that may be any of several."""
    tiny.good()
    ended = tiny.run("rollback", release)
    if release == "2":
        assert ended.status == 2
        assert ended.error["message"].startswith("'2' may be any of 20")
        assert ended.error["hint"] == "say more of it"
    else:
        assert (ended.status, ended.error["type"]) == (3, "NotFound")
        assert ended.error["message"] == f"site: no release {release!r} is kept"
    no_traceback(ended)
    check_live(tiny)


def test_damaged_journal(make_place: Callable[[], Place], tmp_path: Path) -> None:
    """A file that is no database is named, and nothing is done."""
    place = make_place()
    (place.root / "journal.db").write_bytes(b"no database at all, but long enough" * 100)
    ended = Running(place, "status", directory=tmp_path).end()
    assert ended.status == 1
    assert ended.error["message"].startswith(f"{place.root}/journal.db: ")
    no_traceback(ended)


def test_variables_from_a_file(tiny: Tiny, tmp_path: Path) -> None:
    """A broken file of variables stops the deploy before anything is sent."""
    last = tiny.status()["last_deploy"]["id"]
    path = tmp_path / "production.env"
    path.write_text("GOOD=1\nthis is no line of it\n")
    ended = tiny.run("deploy", "--server", "local", "--env-file", str(path))
    assert ended.status == 2
    assert str(path) in ended.error["message"]
    no_traceback(ended)
    assert tiny.status()["last_deploy"]["id"] == last

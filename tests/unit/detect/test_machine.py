"""The rule for workers, as docs/detection.md has it."""

from __future__ import annotations

import ast

import pytest

from holdfast.app import Dependencies
from holdfast.detect import Answers, fitted, probing, server
from holdfast.detect.command_line import parse, quoted
from holdfast.detect.facts import Evidence, Framework, Interface, SocketServer
from holdfast.detect.machine import MB, Machine, shape
from holdfast.detect.project import Candidate, Project


@pytest.mark.parametrize(
    ("cores", "memory", "state", "sqlite", "interface", "workers"),
    [
        (1, 512, None, False, "wsgi", 1),
        (1, 400, None, False, "wsgi", 1),
        (2, 4096, None, False, "wsgi", 2),
        (4, 1024, None, False, "wsgi", 2),
        (32, 65536, None, False, "wsgi", 8),
        (8, 8192, None, True, "wsgi", 1),
        (8, 8192, "Socket.IO", False, "wsgi", 1),
        (8, 8192, None, False, "asgi", 1),
    ],
)
def test_workers(
    cores: int, memory: int, state: str | None, sqlite: bool, interface: str, workers: int
) -> None:
    """By cores and memory, and one for what can't be shared."""
    machine = Machine(cores, memory * MB, shared_memory=True)
    found = shape(machine, memory_state=state, sqlite=sqlite, interface=interface)
    assert (found.workers, found.threads) == (workers, 8)
    assert found.why


def test_this_machine_has_something() -> None:
    """Cores and memory of wherever the test runs."""
    here = Machine.here()
    assert here.cores >= 1
    assert here.memory > 64 * MB


@pytest.mark.parametrize("framework", ["django", "flask", "asgi", "wsgi"])
def test_what_asks_runs_on_old_pythons(framework: Framework) -> None:
    """The script is valid for Python 3.8 and imports nothing of ours."""
    candidate = Candidate(framework, "wsgi", "app", "app", Evidence("app.py"))
    project = Project(framework, (candidate,), ".", Dependencies("none"))
    script = probing.script(project, (candidate,))
    tree = ast.parse(script, feature_version=(3, 8))
    first = tree.body[1]
    assert isinstance(first, ast.ImportFrom)
    assert first.module == "__future__"
    assert "holdfast.detect" not in script


@pytest.mark.parametrize(
    ("command", "before", "variables", "name", "options", "target"),
    [
        ("gunicorn app:app", "", "", "gunicorn", "", "app:app"),
        ("gunicorn 'notes:create_app()'", "", "", "gunicorn", "", "notes:create_app()"),
        ("gunicorn -b0.0.0.0:80 -w 3 a.b", "", "", "gunicorn", "-w 3", "a.b"),
        ("cd x && exec uvicorn a:b --port $PORT", "cd x && ", "", "uvicorn", "", "a:b"),
        ("A=1 B='c d' poetry run uvicorn a:b", "", "A=1 B='c d' ", "uvicorn", "", "a:b"),
        ("python -m waitress --port=80 --call a:b", "", "", "waitress", "--call", "a:b"),
        ("daphne -p $PORT -b 0.0.0.0 a:b -v2", "", "", "daphne", "-v2", "a:b"),
        (
            "granian --no-ws --interface asgi a:b",
            "",
            "",
            "granian",
            "--no-ws --interface asgi",
            "a:b",
        ),
    ],
)
def test_a_servers_command_line(
    command: str, before: str, variables: str, name: str, options: str, target: str
) -> None:
    """It is taken apart without what says where to listen."""
    line = parse(command)
    assert line is not None
    assert (line.before, line.variables, line.name) == (before, variables, name)
    assert (quoted(line.options), line.target) == (options, target)


@pytest.mark.parametrize(
    "command",
    ["python app.py", "gunicorn app | tee log", "uvicorn $(cat app)", "gunicorn 'app", "bin/start"],
)
def test_what_is_left_as_it_is(command: str) -> None:
    """Commands that a shell must understand, and programs we don't know."""
    assert parse(command) is None


def test_every_server_is_pinned_for_old_pythons_too() -> None:
    """The default servers have a version for every Python that uv can make."""
    interfaces: tuple[Interface, ...] = ("wsgi", "asgi")
    for interface in interfaces:
        extra = server.choose(interface, frozenset(), frozenset(), websockets=True).extra
        assert all("==" in item and "python_version" in item for item in extra)


@pytest.mark.parametrize(("version", "added"), [("20.1.0", ("setuptools<81",)), ("21.2.0", ())])
def test_an_old_gunicorn_gets_what_it_imports(version: str, added: tuple[str, ...]) -> None:
    """Before 21 it needs ``pkg_resources``, which the newest setuptools has not."""
    project = Project("flask", (), ".", Dependencies("none", (), ()))
    answers = Answers(versions={"gunicorn": version})
    assert fitted(project, answers)[0].dependencies.extra == added


@pytest.mark.parametrize(
    ("packages", "versions", "other"),
    [
        ({"eventlet"}, {"gunicorn": "27.0.1"}, True),
        ({"eventlet"}, {"gunicorn": "25.3.0"}, False),
        ({"gevent"}, {"gunicorn": "27.0.1", "gevent": "23.9.1"}, True),
        ({"gevent"}, {"gunicorn": "27.0.1", "gevent": "25.1.0"}, False),
        (set(), {"gunicorn": "27.0.1"}, False),
    ],
)
def test_a_gunicorn_without_the_worker_is_replaced(
    packages: set[str], versions: dict[str, str], other: bool
) -> None:
    """By one that has it, whose options are those of its own version."""
    server = SocketServer(Evidence("app.py", 1), "")
    project = Project("flask", (), ".", Dependencies("none"), frozenset(packages), facts=(server,))
    changed, answers = fitted(project, Answers(versions=versions))
    assert (changed.dependencies.instead == ("gunicorn==23.0.0",)) == other
    assert (answers.versions["gunicorn"] == "23.0.0") == other

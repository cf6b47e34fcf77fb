"""``init`` and ``check``: the real detection and config, a recorded agent."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from holdfast.config.write import HEADER
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_agent import NOTHING, STATUS, FakeAgent

EXAMPLE = Path(__file__).parents[3] / "examples" / "compose-shop"


@pytest.fixture(autouse=True)
def nothing_deployed(agent: FakeAgent) -> None:
    agent.answers["status"] = NOTHING
    agent.answers["env.list"] = {"names": {}}


def test_init_shows_and_writes_nothing(holdfast: Run, project: Path) -> None:
    """Where nobody can be asked it shows findings and the file, and says which flag writes."""
    ran = holdfast("init")
    assert ran.code == 0, ran.err
    assert "framework" in ran.out
    assert "app.py:2" in ran.out
    assert "holdfast.toml would be (--write writes it):" in ran.out
    assert not (project / "holdfast.toml").exists()


def test_init_writes_what_was_asked(holdfast: Run, project: Path) -> None:
    """Name, server and domains; and what it wrote is enough for a deploy."""
    ran = holdfast("init", "--write", "--server", "local", "--domain", "a.example")
    assert ran.code == 0, ran.err
    text = (project / "holdfast.toml").read_text()
    assert 'name = "notes"' in text
    assert 'server = "local"' in text
    assert 'domains = ["a.example"]' in text
    assert holdfast("deploy").code == 0


def test_init_writes_down_what_runs(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """After a deploy by options alone, what they said is taken from the app as it runs."""
    known = {**STATUS["apps"][0], "domains": ["notes.example.test"]}
    agent.answers["status"] = {**STATUS, "apps": [known]}
    assert holdfast("init", "--write").code == 0
    text = (project / "holdfast.toml").read_text()
    assert 'server = "local"' in text
    assert 'domains = ["notes.example.test"]' in text


def test_init_does_not_overwrite(holdfast: Run, project: Path) -> None:
    """A file that is there stays, but with --write --yes, and then the old one is kept."""
    mine = '[app]\nname = "mine"\n'
    (project / "holdfast.toml").write_text(mine)
    ran = holdfast("init", "--write")
    assert ran.code == 2
    assert "error: holdfast.toml is there already; nothing was written\n" in ran.err
    assert holdfast("init", "--yes").code == 0
    assert (project / "holdfast.toml").read_text() == mine
    assert holdfast("init", "--write", "--yes", "--server", "local").code == 0
    assert (project / "holdfast.toml.old").read_text() == mine


def test_init_for_a_program(holdfast: Run) -> None:
    """Findings, the text, and whether it was written."""
    (told,) = holdfast("init", "--json").lines
    result = told["result"]
    assert result["app"] == "notes"
    assert result["written"] is False
    assert result["findings"][0]["what"] == "framework"
    assert result["text"].endswith("make it another app\n")


def test_init_in_a_folder_that_is_no_app(holdfast: Run, short_path: Path) -> None:
    """The way out is told."""
    empty = short_path / "empty"
    empty.mkdir()
    ran = holdfast("init", where=empty)
    assert ran.code == 3
    assert "run holdfast in the folder of your project" in ran.err


def commit(project: Path) -> None:
    for argv in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *argv], cwd=project, check=True, timeout=20)


def test_check_of_a_good_project(holdfast: Run, project: Path) -> None:
    """Nothing to say ends with 0."""
    commit(project)
    ran = holdfast("check", "--server", "local")
    assert (ran.code, ran.out) == (0, "nothing makes a deploy fail\n")


def test_check_of_changes(holdfast: Run, project: Path) -> None:
    """Changes that are not committed are a warning: they are not deployed."""
    commit(project)
    (project / "app.py").write_text((project / "app.py").read_text() + "# more\n")
    ran = holdfast("check", "--server", "local")
    assert ran.code == 0
    assert ran.out.startswith("warning: not committed, so not sent: app.py")


def test_check_finds_what_would_fail(holdfast: Run, project: Path) -> None:
    """The fatal ones come first, each with the way out; the exit code is 1."""
    (project / "app.py").write_text(
        "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
        'app.config["PAY"] = os.environ["PAY_TOKEN"]\n'
    )
    ran = holdfast("check")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0].startswith("error: deploy needs a server")
    assert lines[2] == "error: PAY_TOKEN is not set; app.py:4 reads it, and has no default"
    assert lines[3] == "  holdfast env set PAY_TOKEN"
    assert lines[-1] == "2 problems make a deploy fail"


def test_check_names_what_this_machine_lacks(
    holdfast: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, with what installs it; of another server it is not known, and nothing is said."""
    code = 'import subprocess\n\n\ndef pages():\n    subprocess.run(["pdftotext", "x"])\n'
    (project / "convert.py").write_text(code)
    monkeypatch.setattr("holdfast.distribution.here.lacks", lambda part, path=None: True)
    ran = holdfast("check", "--server", "local")
    assert ran.out.count("convert.py:5 runs pdftotext: apt-get install poppler-utils") == 1, ran.out
    assert "pdftotext" not in holdfast("check", "--server", "root@example.org").out


@pytest.mark.parametrize("way", ["server", "config", "file"])
def test_check_knows_variables(holdfast: Run, agent: FakeAgent, project: Path, way: str) -> None:
    """Set on the server, in the config, or about to be set from a file: no problem."""
    (project / "app.py").write_text(
        "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
        'app.config["PAY"] = os.environ["PAY_MODE"]\n'
    )
    options: list[str] = []
    if way == "server":
        agent.answers["env.list"] = {"names": {"PAY_MODE": "***"}}
    elif way == "config":
        (project / "holdfast.toml").write_text('[env]\nPAY_MODE = "test"\n')
    else:
        (project / "x.env").write_text("PAY_MODE=test\n")
        options = ["--env-file", "x.env"]
    ran = holdfast("check", "--server", "local", *options)
    assert ran.code == 0, ran.out


def test_check_of_a_wrong_config(holdfast: Run, project: Path) -> None:
    """A wrong config is a finding like others, not an error of the command."""
    (project / "holdfast.toml").write_text("[web]\nhelth = '/x'\n")
    ran = holdfast("check", "--json")
    assert ran.code == 1
    (told,) = ran.lines
    (problem,) = told["result"]["problems"]
    assert problem["fatal"]
    assert "health" in problem["message"]


def test_check_offline_asks_no_server(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """Without a server, a config or a key: what only a server knows is a warning, not a failure."""
    (project / "app.py").write_text(
        "import os\nfrom flask import Flask\napp = Flask(__name__)\nX = os.environ['MAIL_HOST']\n"
    )
    ran = holdfast("check", "--offline")
    assert ran.code == 0, ran.out + ran.err
    assert "MAIL_HOST may not be set; app.py:4 reads it" in ran.out
    assert not agent.asked


def test_check_names_the_line_of_a_dockerfile_to_change(holdfast: Run, project: Path) -> None:
    """A project that Docker runs is Compose's to read; what makes its builds slow is shown."""
    (project / "compose.yaml").write_text("services:\n  web:\n    build: .\n")
    install = "RUN pip install --no-cache-dir -r requirements.txt"
    text = f"FROM python:3.13-slim\nCOPY requirements.txt .\n{install}\nCOPY . .\n"
    (project / "Dockerfile").write_text(text)
    ran = holdfast("check", "--server", "local")
    assert ran.code == 0, ran.out + ran.err
    assert "Dockerfile, line 3: one changed dependency makes pip unpack and compile all" in ran.out
    assert "RUN --mount=type=cache,target=/root/.cache/uv uv pip install --system -r" in ran.out


DOCKER = """\
services:
  web:
    build: .
    restart: "no"
    ports: ["8000:8000"]
    environment:
      DEBUG: "true"
      SECRET_KEY: ${SECRET_KEY:-changeme}
      MAIL: ${MAIL_HOST}
    volumes:
      - .:/app
"""


def test_check_names_the_dangers_of_a_compose_project(holdfast: Run, project: Path) -> None:
    """The same as a plan's, with their lines, and what is not set; no Docker is needed."""
    (project / "compose.yaml").write_text(DOCKER)
    (project / "Dockerfile").write_text("FROM python:3.13-slim\nCOPY . .\n")
    commit(project)
    ran = holdfast("check", "--server", "local")
    assert ran.code == 1, ran.out + ran.err
    lines = ran.out.splitlines()
    assert lines[:2] == [
        "error: MAIL_HOST is not set; compose.yaml, line 9, uses it",
        "  holdfast env set --server local MAIL_HOST",
    ]
    warned = {line: lines[number + 1] for number, line in enumerate(lines) if ": " in line}
    assert "compose.yaml, line 4" in warned["warning: development value: restart of web"]
    assert "compose.yaml, line 7" in warned["warning: development value: DEBUG"]
    assert "compose.yaml, line 8" in warned["warning: development value: SECRET_KEY"]
    assert "compose.yaml, line 11" in warned["warning: left out: . on /app"]
    assert "compose.yaml, line 5" in warned["warning: closed: port 8000 of web (8000)"]


def test_check_of_a_compose_project_knows_variables(
    holdfast: Run, agent: FakeAgent, project: Path
) -> None:
    """What production sets is no danger; a .env that git ignores is not sent."""
    (project / "compose.yaml").write_text(DOCKER)
    (project / ".gitignore").write_text(".env\n")
    (project / ".env").write_text("MAIL_HOST=localhost\n")
    (project / "x.env").write_text("DEBUG=0\n")
    commit(project)
    assert "MAIL_HOST is not set" in holdfast("check", "--server", "local").out
    agent.answers["env.list"] = {"names": {"MAIL_HOST": "***", "SECRET_KEY": "***"}}
    ran = holdfast("check", "--server", "local", "--env-file", "x.env")
    assert ran.code == 0, ran.out
    assert "development value: restart of web" in ran.out
    assert "DEBUG" not in ran.out
    assert "SECRET_KEY" not in ran.out
    assert "MAIL_HOST may not be set" in holdfast("check", "--offline").out


@pytest.mark.parametrize(
    "text",
    ["services: [web]\n", "services:\n  web: {build: ., healthcheck: 7}\n", "services: {web: 1}\n"],
)
def test_check_of_a_file_that_compose_would_refuse(holdfast: Run, project: Path, text: str) -> None:
    """One error, and no traceback."""
    (project / "holdfast.toml").write_text('[app]\nruntime = "compose"\n')
    (project / "compose.yaml").write_text(text)
    ran = holdfast("check", "--server", "local")
    assert ran.code == 1, ran.out + ran.err
    assert ran.out.startswith("error: compose.yaml: "), ran.out


def test_check_refuses_a_project_without_a_web(holdfast: Run, project: Path) -> None:
    """As a deploy would, before anything is sent."""
    two = "  {}:\n    build: .\n    ports: ['{}:80']\n"
    text = "services:\n" + two.format("shop", 80) + two.format("admin", 81)
    (project / "compose.yaml").write_text(text)
    ran = holdfast("check", "--server", "local")
    assert ran.code == 1
    assert "error: several services may be the web: shop, admin" in ran.out


def test_check_offline_of_a_project_in_profiles(holdfast: Run, project: Path) -> None:
    """Which are on, a variable of the server says, so all of them may be."""
    shutil.copytree(EXAMPLE, project, dirs_exist_ok=True)
    ran = holdfast("check", "--offline")
    assert ran.code == 0, ran.out
    assert "POSTGRES_PASSWORD may not be set; compose.yaml, line 7, uses it" in ran.out
    said = holdfast("check").out
    assert "no service of the app is on: profiles that are off hold web, worker, beat" in said
    assert 'profiles = ["web"]' in said
    two = "services:\n  a: {build: ., profiles: [a]}\n  b: {build: ., profiles: [b]}\n"
    (project / "compose.yaml").write_text(two)
    ran = holdfast("check", "--offline")
    assert ran.code == 0, ran.out
    assert "several services may be the web: a, b (if all profiles are on)" in ran.out


@pytest.mark.parametrize("file", ["configuration.md", "holdfast.example.toml", None])
def test_the_command_that_shows_what_is_detected(
    holdfast: Run, project: Path, file: str | None
) -> None:
    """The command that the files name for it does show the findings."""
    docs = Path(__file__).parents[3] / "docs"
    text = HEADER if file is None else (docs / file).read_text()
    named = re.search(r"holdfast (\w+)`?\s(?:#\s)?shows\s(?:every finding|what was found|it)", text)
    assert named is not None
    assert re.search(r"framework +flask +app.py:2", holdfast(named[1]).out)

"""What the user wrote is taken for what it is, however it is spelled."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast import config, detect
from holdfast.app import AppSpec
from holdfast.detect.answers import Answers
from holdfast.errors import DetectionError

APP = {"app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\n"}

NOTHING = Answers()


def resolved(tree: Path, toml: str, answers: Answers = NOTHING, **files: str) -> AppSpec:
    for name, text in {**APP, **files, "holdfast.toml": f'[app]\nname = "x"\n{toml}'}.items():
        (tree / name).write_text(text)
    said = config.load(tree)
    return detect.resolve(said, detect.scan(tree, said), answers)


def test_a_process_of_the_config_replaces_the_procfiles(tmp_path: Path) -> None:
    """``my_worker`` and ``My-Worker`` are one: two schedulers would run each job twice."""
    spec = resolved(
        tmp_path,
        '[processes]\nmy_worker = "ours"\n',
        Procfile="web: gunicorn app:app\nMy-Worker: theirs\n",
    )
    assert [(one.name, one.command) for one in spec.processes] == [("my_worker", "ours")]


def test_a_procfile_cannot_name_what_the_config_may_not(tmp_path: Path) -> None:
    """Said with the line, before anything is built."""
    with pytest.raises(DetectionError, match=r'Procfile:2: "engine" is Holdfast\'s own'):
        resolved(tmp_path, "", Procfile="web: gunicorn app:app\nEngine: x\n")


def test_a_package_of_the_config_is_one_the_app_depends_on(tmp_path: Path) -> None:
    """A pinned gunicorn is the gunicorn; a second pin beside it could not be satisfied."""
    spec = resolved(tmp_path, '[build]\npackages = ["Gunicorn==22.0.0"]\n')
    assert spec.dependencies.extra == ("Gunicorn==22.0.0",)


def test_a_flask_app_is_a_wsgi_app(tmp_path: Path) -> None:
    """``framework = "wsgi"`` leaves it in."""
    assert resolved(tmp_path, 'framework = "wsgi"\n').web.command.startswith("exec gunicorn")


@pytest.mark.parametrize(
    ("version", "toml", "listen"),
    [
        ("19.7.1", "", "port"),
        ("19.8.0", "", "unix"),
        ("23.0.0", "", "unix"),
        ("19.7.1", '[web]\nlisten = "unix"\n', "unix"),
    ],
)
@pytest.mark.parametrize("procfile", [{}, {"Procfile": "web: gunicorn -w 2 app:app\n"}])
def test_an_old_gunicorn_listens_on_a_port(
    tmp_path: Path, version: str, toml: str, listen: str, procfile: dict[str, str]
) -> None:
    """A unix socket ends it on a kernel of today, unless the config asks for one."""
    web = resolved(tmp_path, toml, Answers(versions={"gunicorn": version}), **procfile).web
    assert web.listen == listen
    assert ('--bind 127.0.0.1:"$PORT"' in web.command) == (listen == "port")

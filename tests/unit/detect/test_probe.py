"""The probe, with apps of plain Python: what it learns, and what it says when it can't."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.app import Persist
from holdfast.command import Command
from holdfast.config import App, Config, Web
from holdfast.detect import Answers, ImportFailed, probe, repaired, resolve, scan
from holdfast.errors import DetectionError
from holdfast.execute import run

CONFIG = Config(app=App(name="site", domains=("site.example.test",)))
CALLABLE = "\ndef application(environ, start_response):\n    return []\n"


def runner(root: Path, timeout: float = 20, **env: str) -> Callable[[str], str]:
    """What a release does: the script on standard input, in the root of the source."""

    def ask(script: str) -> str:
        command = Command(
            (sys.executable, "-"),
            timeout=timeout,
            env={"PATH": "/usr/bin:/bin", **env},
            clean_env=True,
            cwd=root,
            stdin=script.encode(),
        )
        return run(command).output

    return ask


def asked(root: Path, code: str, timeout: float = 20, **env: str) -> Answers:
    (root / "wsgi.py").write_text(code + CALLABLE)
    return probe(scan(root, CONFIG), runner(root, timeout, **env))


def refused(root: Path, code: str, timeout: float = 20) -> DetectionError:
    with pytest.raises(DetectionError) as raised:
        asked(root, code, timeout)
    return raised.value


def persisted(root: Path, answers: Answers) -> list[str]:
    def shown(item: Persist) -> str:
        return item.path + "/" * (item.kind == "directory")

    return [shown(item) for item in resolve(CONFIG, scan(root, CONFIG), answers).persist]


def test_what_the_app_prints_does_not_hide_the_answer(tmp_path: Path) -> None:
    """The answer is found behind its marker, in whatever else is printed."""
    answers = asked(tmp_path, 'import sys\nprint("{}\\nhello", end="")\nsys.stderr.write("x")\n')
    assert answers.candidate is not None
    assert answers.candidate.target == "wsgi:application"


def test_threads_that_the_app_starts_do_not_keep_the_probe_waiting(tmp_path: Path) -> None:
    """A scheduler's thread that never ends is cut off with the answer."""
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    assert asked(tmp_path, code, timeout=10).candidate is not None


def test_files_opened_on_import_are_seen(tmp_path: Path) -> None:
    """SQLite files, files and directories made in the tree on import persist."""
    code = (
        "import sqlite3, os, logging\n"
        "name = 'site'\n"
        "sqlite3.connect(name + '.db')\n"
        "os.makedirs('var/' + name)\n"
        "open('log-' + name + '.txt', 'a')\n"
        "open('/dev/null', 'w'); os.makedirs('cache/x'); open('wsgi.py')\n"
    )
    answers = asked(tmp_path, code)
    assert persisted(tmp_path, answers) == ["site.db", "var/", "log-site.txt"]


def test_what_is_linked_out_of_the_tree_still_counts(tmp_path: Path) -> None:
    """A persistent path that an earlier release has linked is found again, by its own name."""
    root, data = tmp_path / "src", tmp_path / "data"
    root.mkdir()
    data.mkdir()
    (root / "var").symlink_to(data)
    (root / "site.db").symlink_to(data / "site.db")
    code = (
        "import sqlite3, os\nname = 'site.db'\nsqlite3.connect(name)\n"
        "os.makedirs('var', exist_ok=True)\n"
    )
    assert persisted(root, asked(root, code)) == ["site.db", "var/"]


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    """The error names the variable, where it is read, and the command that sets it."""
    error = refused(tmp_path, 'import os\nKEY = os.environ["MAIL_TOKEN"]\n')
    assert error.message == "1 variable is not set: MAIL_TOKEN (wsgi.py:2)"
    assert error.hint == "holdfast env set MAIL_TOKEN"
    assert 'KEY = os.environ["MAIL_TOKEN"]' in (error.detail or "")
    assert "<stdin>" not in (error.detail or "")


def test_variables_of_a_file_that_is_only_named(tmp_path: Path) -> None:
    """A file that no import names (``from_object("conf.cloud")``): all that it wants is told."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "cloud.py").write_text(
        'import os\nUSER = os.environ["CLOUD_USER"]\nNAME = os.environ["CLOUD_NAME"]\n'
    )
    error = refused(tmp_path, 'import importlib\nimportlib.import_module("conf.cloud")\n')
    assert error.message == (
        "2 variables are not set: CLOUD_NAME (conf/cloud.py:3), CLOUD_USER (conf/cloud.py:2)"
    )


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """The package's own name, where it differs from the import's, and the file to add it to."""
    (tmp_path / "requirements.txt").write_text("gunicorn\n")
    error = refused(tmp_path, "import rest_framework\n")
    assert "ModuleNotFoundError" in error.message
    assert (
        error.hint == "rest_framework is not installed: add djangorestframework to requirements.txt"
    )


def test_a_module_that_hides_pythons_own(tmp_path: Path) -> None:
    """It is the project's file that is at fault, and no Python that lacks something."""
    (tmp_path / "queue.py").write_text("")
    error = refused(tmp_path, "from queue import Queue\n")
    assert (error.hint or "").startswith(
        "queue is a module of Python's own, and the project's queue"
    )


def test_a_part_that_a_package_no_longer_has(tmp_path: Path) -> None:
    """It is there, in another version than the code wants: to install it once more is no way."""
    (tmp_path / "requirements.txt").write_text("gunicorn\n")
    error = refused(tmp_path, "import yaml.nonsense_of_holdfast\n")
    assert (error.hint or "").startswith("the version of pyyaml that is installed has no yaml.non")


POETRY = '[tool.poetry]\nname = "Shop.Front"\n[tool.poetry.dependencies]\nflask = "*"\n'
ITS_VERSION = "from importlib.metadata import version as of\nNAME = 'shop' + '_front'\nof(NAME)\n"


@pytest.mark.parametrize(
    ("pyproject", "installed", "extra"),
    [
        ('[project]\nname = "shop-front"\ndependencies = ["flask"]\n[build-system]\n', True, 0),
        (f"{POETRY}[build-system]\n", False, 1),
    ],
)
def test_a_project_that_asks_for_its_own_version_is_installed(
    tmp_path: Path, pyproject: str, installed: bool, extra: int
) -> None:
    """Also where the name in its code is computed, or spelled in another way."""
    (tmp_path / "pyproject.toml").write_text(pyproject)
    error = refused(tmp_path, ITS_VERSION)
    assert isinstance(error, ImportFailed)
    changed = repaired(scan(tmp_path, CONFIG), error)
    assert changed is not None
    assert changed.dependencies.install_project == installed
    assert changed.dependencies.extra.count("./.") == extra
    assert repaired(changed, error) is None


def test_a_project_that_cannot_be_installed_says_so(tmp_path: Path) -> None:
    """Nothing builds it: the message says what would."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop-front"\n')
    error = refused(tmp_path, ITS_VERSION)
    assert isinstance(error, ImportFailed)
    assert repaired(scan(tmp_path, CONFIG), error) is None
    assert "its pyproject.toml needs a [build-system]" in (error.hint or "")


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    """The app reads it as if it were the file itself, and says something of its format."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "model.pkl").write_text(pointer)
    (tmp_path / ".gitattributes").write_text("*.pkl filter=lfs diff=lfs merge=lfs -text\n")
    error = refused(tmp_path, "import pickle\npickle.load(open('model.pkl', 'rb'))\n")
    assert (error.hint or "").startswith("model.pkl is a pointer of Git LFS")


def test_a_module_that_nobody_knows_is_no_package_to_install(tmp_path: Path) -> None:
    """Whatever is called so on the index is a stranger's."""
    error = refused(tmp_path, "import nonsense_of_holdfast\n")
    assert "nonsense_of_holdfast is no package that is well known" in (error.hint or "")


def test_a_module_of_the_projects_own_that_is_not_there(tmp_path: Path) -> None:
    """Most often git was told to ignore it."""
    error = refused(tmp_path, "import wsgi.local_settings\n")
    assert "wsgi.local_settings: is it committed" in (error.hint or "")


@pytest.mark.parametrize(
    ("code", "older"),
    [
        ("from collections import Mapping", "one before 3.10"),
        ("import collections\ncollections.Mapping", "one before 3.10"),
        ("from collections import NeverThere_of_holdfast", "one before 3.10"),
        ("from os import never_there_of_holdfast", "an older one"),
    ],
)
def test_what_python_no_longer_has(tmp_path: Path, code: str, older: str) -> None:
    """It is no dependency that has another version, but Python."""
    error = refused(tmp_path, f"{code}\n")
    said = f"Python {sys.version_info[0]}.{sys.version_info[1]} no longer has it: ask for {older}"
    assert (error.hint or "").startswith(said)


def test_an_import_that_never_ends(tmp_path: Path) -> None:
    """The time-out is told as what it is."""
    error = refused(tmp_path, "import time\ntime.sleep(60)\n", timeout=1)
    assert error.message == "importing wsgi took too long and was stopped"
    assert "must end" in (error.hint or "")


def test_a_server_started_on_import_is_named(tmp_path: Path) -> None:
    """app.run() outside of the main guard is the likely cause, with file and line."""
    code = (
        "import time\nclass Flask:\n    def run(self): time.sleep(60)\napp = Flask()\napp.run()\n"
    )
    (tmp_path / "flask.py").write_text(code.replace("app = Flask()\napp.run()\n", ""))
    (tmp_path / "app.py").write_text("from flask import Flask\napp = Flask()\n\napp.run()\n")
    with pytest.raises(DetectionError) as raised:
        probe(scan(tmp_path, CONFIG), runner(tmp_path, 1))
    assert raised.value.hint == (
        'app.py:4: app.run() runs on import; put it under if __name__ == "__main__":'
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit(3)", "wsgi:application cannot be imported: SystemExit: 3"),
        (
            "import sys\nprint('no REPOSITORY', file=sys.stderr)\nsys.exit(1)",
            "wsgi:application cannot be imported: SystemExit: 1, after it printed: no REPOSITORY",
        ),
        ("import os\nos._exit(0)", "importing wsgi ended Python before it could be asked"),
        ("import os\nos.kill(os.getpid(), 9)", "importing wsgi ended Python with status -9"),
        ("1 / 0", "wsgi:application cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_every_bad_end_has_its_message(tmp_path: Path, code: str, message: str) -> None:
    """However the import ends, one line says so and a hint follows."""
    error = refused(tmp_path, code + "\n")
    assert error.message == message
    assert error.hint


def test_the_next_candidate_is_tried(tmp_path: Path) -> None:
    """Of two that look alike, the one that is the app wins."""
    (tmp_path / "application.py").write_text("import no_such_module_at_all\n" + CALLABLE)
    answers = asked(tmp_path, "")
    assert answers.candidate is not None
    assert answers.candidate.module == "wsgi"
    (tmp_path / "application.py").write_text(CALLABLE)
    (tmp_path / "wsgi.py").write_text("import no_such_module_at_all\n" + CALLABLE)
    again = probe(scan(tmp_path, CONFIG), runner(tmp_path))
    assert again.candidate is not None
    assert again.candidate.module == "application"


def test_a_configured_command_needs_no_answer(tmp_path: Path) -> None:
    """With [web] command an app that can't be imported is a warning, not an error."""
    (tmp_path / "wsgi.py").write_text("import no_such_module_at_all\n" + CALLABLE)
    config = Config(app=App(name="site"), web=Web(command="my-server $HOLDFAST_SOCKET"))
    project = scan(tmp_path, config)
    answers = probe(project, runner(tmp_path), config)
    spec = resolve(config, project, answers)
    assert spec.web.command == "my-server $HOLDFAST_SOCKET"
    assert "not asked" in [item.what for item in spec.findings if item.level == "warning"]


def test_the_import_path_is_the_servers(tmp_path: Path) -> None:
    """A src layout is imported as its server will: from above it, with src on the path."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "web.py").write_text("from shop.more import app\nimport sqlite3\n" + CALLABLE)
    (package / "more.py").write_text("import sqlite3\nsqlite3.connect('x' + '.db')\napp = 1\n")
    project = scan(tmp_path, CONFIG)
    answers = probe(project, runner(tmp_path))
    assert answers.candidate is not None
    assert answers.candidate.target == "shop.web:application"
    assert answers.written == (("x.db", "sqlite"),)


def test_a_broken_module_of_the_app_is_named_with_its_line(tmp_path: Path) -> None:
    """What the app imports and its Python cannot read: the file, the line, what is wrong."""
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "pages.py").write_text("one = 1\ndef index(:\n    pass\n")
    error = refused(tmp_path, "import views.pages\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert error.message.startswith(f"views/pages.py:2: Python {version} cannot read this file: ")
    assert error.hint is not None
    assert "py_compile views/pages.py" in error.hint


def test_a_variable_that_came_out_none_is_named(tmp_path: Path) -> None:
    """``os.getenv`` without a default gives None, and whatever takes it fails: that is said."""
    error = refused(
        tmp_path, 'import os\nPORT = os.getenv("STORE_ADDRESS")\nPARTS = PORT.split(":")\n'
    )
    assert "1 variable is not set: STORE_ADDRESS (wsgi.py:2)" in error.message
    assert error.hint == "holdfast env set STORE_ADDRESS"

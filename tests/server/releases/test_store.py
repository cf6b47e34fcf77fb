"""Whole builds: what a release is, and what stays of one that failed."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.command import Command
from holdfast.errors import BuildError, Cancelled, DetectionError, NotFound
from holdfast.execute import run as execute
from holdfast.protocol import Kind
from holdfast.releases.contract import Source
from holdfast.runtimes.contract import Release
from tests.server.deploy import processes
from tests.server.releases.conftest import BARE, COMMAND, FLASK, Shop


def python(env: Path, code: str) -> str:
    return execute(Command((str(env / "bin" / "python"), "-c", code), timeout=60)).output.strip()


# ── building ─────────────────────────────────────────────────────────────────────────


def test_a_flask_app_becomes_a_release(first_shop: Shop) -> None:
    """Source, environment, generated secret and spec are there; the rest of the archive too."""
    shop = first_shop  # what is compiled is so by this build
    made = shop.build(
        {"app.py": FLASK, "requirements.txt": "flask\n", "templates/a.html": "<p>"},
        commit="3f2a1c9e00",
    )
    assert made.id.endswith("-3f2a1c9")
    assert made.spec.framework == "flask"
    assert (made.source / "templates" / "a.html").read_text() == "<p>"
    assert python(made.env_path, "import flask; print(flask.__name__)") == "flask"
    # A process on a server may not write there: it would compile its server at every boot.
    assert list(made.env_path.glob("lib/python*/site-packages/gunicorn/__pycache__/arbiter.*.pyc"))
    assert len(shop.env.load()["SECRET_KEY"].value) == 50
    assert any("SECRET_KEY" in note for note in shop.notes())
    assert shop.store.get(made.id) == made
    assert shop.store.all() == [made]
    assert any("flask" in line for line in shop.lines())
    assert {event.data["source"] for event in shop.events if event.kind is Kind.LOG} == {"build"}


def test_unchanged_dependencies_cost_nothing(shop: Shop) -> None:
    """The environment is shared; a dependency more makes another one."""
    files = {"app.py": FLASK, "requirements.txt": "flask\n"}
    first = shop.build(files)
    marker = (first.env_path / "holdfast.json").stat().st_mtime_ns
    started = time.monotonic()
    second = shop.build({**files, "app.py": FLASK.replace("one", "two")})
    took = time.monotonic() - started
    assert second.env_path == first.env_path
    assert (second.env_path / "holdfast.json").stat().st_mtime_ns == marker
    assert took < 10
    third = shop.build({**files, "requirements.txt": "flask\nmarkdown\n"})
    assert third.env_path != first.env_path
    assert python(third.env_path, "import markdown, flask; print(1)") == "1"


def test_a_changed_include_makes_another_environment(shop: Shop) -> None:
    files = {"app.py": FLASK, "requirements.txt": "-r base.txt\n", "base.txt": "flask\n"}
    first = shop.build(files)
    second = shop.build({**files, "base.txt": "flask\nmarkdown\n"})
    assert second.env_path != first.env_path


def test_a_locked_project(shop: Shop, tmp_path: Path) -> None:
    """uv.lock is followed to the letter; the development group stays out."""
    pyproject = (
        '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["markupsafe<3"]\n[dependency-groups]\ndev = ["iniconfig"]\n'
    )
    (tmp_path / "pyproject.toml").write_text(pyproject)
    from holdfast.releases import uv

    env = {**os.environ, **uv.environment(shop.layout.uv_cache)}
    subprocess.run([uv.binary(), "lock", "-q"], cwd=tmp_path, env=env, check=True, timeout=120)
    lock = (tmp_path / "uv.lock").read_text()
    made = shop.build({"app.py": BARE, "pyproject.toml": pyproject, "uv.lock": lock}, COMMAND)
    assert python(made.env_path, "import markupsafe; print(markupsafe.__version__[0])") == "2"
    missing = python(
        made.env_path, "from importlib.util import find_spec as f; print(f('iniconfig'))"
    )
    assert missing == "None"


def test_a_project_that_must_be_installed_has_its_own_environment(shop: Shop) -> None:
    """Its environment leads into its source, so it belongs to one release and goes with it."""
    files: dict[str, str | bytes] = {
        "pyproject.toml": (
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
            '[project]\nname = "mine"\nversion = "4.2"\ndependencies = ["markupsafe"]\n'
            '[project.entry-points."mine.plugins"]\na = "mine:app"\n'
        ),
        "mine/__init__.py": BARE,
        "app.py": "import mine\n",
    }
    first, second = shop.build(files, COMMAND), shop.build(files, COMMAND)
    assert first.env_path == first.path / "env"
    assert second.env_path == second.path / "env"
    code = (
        "from importlib.metadata import version; import mine; print(version('mine'), mine.__file__)"
    )
    assert python(second.env_path, code) == f"4.2 {second.source}/mine/__init__.py"


def test_build_commands_run_in_the_release(shop: Shop) -> None:
    """With the app's environment, and when what persists is linked already."""
    config = {
        **COMMAND,
        "build": {
            "commands": [
                "echo $MODE > built",
                "python -c 'import sys; print(sys.prefix)' > prefix",
                "echo more >> uploads/log",
            ]
        },
        "env": {"MODE": "production"},
        "persist": {"paths": ["uploads/"]},
    }
    shop.build({"app.py": BARE}, config)
    made = shop.build({"app.py": BARE}, config)
    assert (made.source / "built").read_text() == "production\n"
    assert (made.source / "prefix").read_text().strip() == str(made.env_path)
    assert (shop.home.data / "uploads" / "log").read_text() == "more\nmore\n"


DJANGO = {
    "requirements.txt": "django\ngunicorn\n",
    "manage.py": "import os, sys\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n"
    "from django.core.management import execute_from_command_line\n"
    "if __name__ == '__main__':\n    execute_from_command_line(sys.argv)\n",
    "site_settings.py": "import os\nfrom pathlib import Path\n"
    "BASE_DIR = Path(__file__).resolve().parent\n"
    "with open(os.environ['COUNT'], 'a') as count:\n    count.write('.')\n"
    "SECRET_KEY, ALLOWED_HOSTS = os.environ['SECRET_KEY'], ['*']\n"
    "INSTALLED_APPS = ['django.contrib.staticfiles']\n"
    "STATIC_URL, STATIC_ROOT = '/static/', BASE_DIR / 'collected'\n"
    "STATICFILES_DIRS, ROOT_URLCONF = [BASE_DIR / 'assets'], 'site_urls'\n"
    "WSGI_APPLICATION = 'wsgi.application'\n",
    "site_urls.py": "urlpatterns = []\n",
    "wsgi.py": "import os\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n"
    "from django.core.wsgi import get_wsgi_application\n"
    "application = get_wsgi_application()\n",
    "assets/app.css": "one",
}


OTHER_SETTINGS = (
    "from django",
    "os.environ['DJANGO_SETTINGS_MODULE'] = 'other_' + 'settings'\nfrom django",
)


@pytest.mark.parametrize(
    ("name", "change", "imports"),
    [
        ("assets/app.css", lambda text: "two", 1),
        ("manage.py", lambda text: text.replace(*OTHER_SETTINGS), 2),
        ("wsgi.py", lambda text: "import os\nos.environ['X'] = 'y'\n" + text, 2),
    ],
    ids=["assets", "other settings", "other variables"],
)
def test_static_files_are_collected_while_the_app_is_asked(
    shop: Shop, tmp_path: Path, name: str, change: Callable[[str], str], imports: int
) -> None:
    """One import of the project does for both; where it would not be the same, it is two."""
    files = {**DJANGO, "other_settings.py": "from site_settings import *\n"}
    count = tmp_path / "count"
    config = {"env": {"COUNT": str(count)}}
    first = shop.build(files, config)
    shop.store.set_current(first)
    count.unlink()
    booted: list[Release] = []
    second = shop.build({**files, name: change(files[name])}, config, ahead=booted.append)
    assert [release.id for release in booted] == [second.id]
    assert len(count.read_text()) == imports, shop.lines()
    assert second.spec.build == first.spec.build == ("python manage.py collectstatic --noinput",)
    wanted = "two" if name == "assets/app.css" else "one"
    assert (second.source / "collected" / "app.css").read_text() == wanted
    assert "$ python manage.py collectstatic --noinput" in shop.lines()
    assert any("1 static file copied" in line for line in shop.lines())


@pytest.mark.parametrize(
    ("name", "change", "anew"),
    [
        ("site_urls.py", lambda text: text + "more = 1\n", False),
        ("assets/app.css", lambda text: "two", True),
        ("assets/sub/other.css", lambda text: "more", True),
        ("manage.py", lambda text: text + "# more\n", True),
        ("site_settings.py", lambda text: text.replace("/static/", "/files/"), True),
    ],
    ids=["code", "a file", "one more", "manage.py", "settings"],
)
def test_static_files_are_those_of_the_release_before(
    shop: Shop, tmp_path: Path, name: str, change: Callable[[str], str], anew: bool
) -> None:
    """Where all that they are made of is the same, and as old as they were."""
    manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings = (
        DJANGO["site_settings.py"] + f"STORAGES = {{'staticfiles': {{'BACKEND': '{manifest}'}}}}\n"
    )
    files = {**DJANGO, "site_settings.py": settings, "assets/page.css": "a { b: url(app.css) }"}
    config = {"env": {"COUNT": str(tmp_path / "count")}}
    for _ in range(2):
        made = shop.build(files, config)
        shop.store.set_current(made)
    before = stamps(made.source / "collected")
    time.sleep(0.01)
    last = shop.build({**files, name: change(files.get(name, ""))}, config)
    after = stamps(last.source / "collected")
    taken = any("static files of the release before" in line for line in shop.lines())
    assert (taken, after == before) == (not anew, not anew), shop.lines()
    shown = json.loads((last.source / "collected" / "staticfiles.json").read_text())["paths"]
    assert {"app.css", "page.css"} <= set(shown)
    assert all((last.source / "collected" / path).is_file() for path in shown.values())


def test_static_files_that_somebody_changed_are_collected_anew(shop: Shop, tmp_path: Path) -> None:
    config = {"env": {"COUNT": str(tmp_path / "count")}}
    for _ in range(2):
        made = shop.build(DJANGO, config)
        shop.store.set_current(made)
    (made.source / "collected" / "app.css").write_text("changed by hand")
    last = shop.build(DJANGO, config)
    assert (last.source / "collected" / "app.css").read_text() == "one"


def stamps(directory: Path) -> dict[str, int]:
    """When each file below was changed, in nanoseconds."""
    return {
        str(path.relative_to(directory)): path.stat().st_mtime_ns
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_builds_see_the_network_settings_and_not_our_secrets(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", os.environ.get("https_proxy", ""))
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/ca.pem")
    monkeypatch.setenv("GITHUB_TOKEN", "of the person who deploys")
    monkeypatch.setenv("HOLDFAST_DEPLOY", "42")
    made = shop.build({"app.py": BARE}, {**COMMAND, "build": {"commands": ["env > seen"]}})
    seen = (made.source / "seen").read_text()
    assert "NODE_EXTRA_CA_CERTS=/ca.pem" in seen
    assert "HOLDFAST_DEPLOY=42" in seen
    assert "GITHUB_TOKEN" not in seen


def test_pip_configuration_of_the_machine_counts(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv does not read pip.conf; a company's index is found all the same."""
    import zipfile

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    info = "inhouse-1.0.dist-info"
    with zipfile.ZipFile(wheels / "inhouse-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("inhouse.py", "name = 'in house'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: inhouse\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    (tmp_path / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    made = shop.build({"app.py": BARE, "requirements.txt": "inhouse\n"}, COMMAND)
    assert python(made.env_path, "import inhouse; print(inhouse.name)") == "in house"


# ── what goes wrong ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("files", "config", "message", "hint"),
    [
        (
            {"requirements.txt": "no-such-package-of-anybody-4711\n"},
            {},
            "install the dependencies",
            "check the name",
        ),
        (
            {"requirements.txt": "markupsafe==99.9\n"},
            {},
            "install the dependencies",
            "check the name",
        ),
        ({}, {"app": {"framework": "command", "python": "3.99"}}, "Python 3.99", "apt-get install"),
        (
            {"requirements.txt": "broken @ https://127.0.0.1:1/broken-1.0-py3-none-any.whl\n"},
            {},
            "install the dependencies",
            "cannot be reached",
        ),
        ({}, {"build": {"commands": ["echo before; exit 3"]}}, "status 3", None),
        ({}, {"build": {"commands": ["no-such-tool"]}}, "status 127", "installed on this machine"),
    ],
)
def test_a_failed_build_says_why_and_leaves_nothing(
    shop: Shop,
    files: dict[str, str | bytes],
    config: dict[str, object],
    message: str,
    hint: str | None,
) -> None:
    with pytest.raises(BuildError) as caught:
        shop.build({"app.py": BARE, **files}, {**COMMAND, **config})
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
    if "3.99" not in message:  # there is no log where nothing was run
        assert caught.value.detail
    assert shop.directories() == []


def test_an_app_that_cannot_be_imported(shop: Shop) -> None:
    with pytest.raises(DetectionError) as caught:
        shop.build({"app.py": f"{FLASK}\nimport nothing_like_it\n", "requirements.txt": "flask\n"})
    assert "nothing_like_it" in f"{caught.value.message} {caught.value.detail}"
    assert shop.directories() == []


def test_secrets_are_masked_in_what_a_build_prints(shop: Shop) -> None:
    shop.env.set({"TOKEN": "s3cr3t-t0ken"})
    config = {**COMMAND, "build": {"commands": ["echo token is $TOKEN", "echo $TOKEN; exit 1"]}}
    with pytest.raises(BuildError) as caught:
        shop.build({"app.py": BARE}, config)
    said = " ".join([*shop.lines(), caught.value.message, caught.value.detail or ""])
    assert "token is ***" in said
    assert "s3cr3t-t0ken" not in said


def test_a_build_can_be_stopped(shop: Shop) -> None:
    """It ends within a second or so, whatever it is at, and leaves nothing."""
    began = time.monotonic()
    with pytest.raises(Cancelled):
        shop.build(
            {"app.py": BARE},
            {**COMMAND, "build": {"commands": ["sleep 60"]}},
            should_stop=lambda: time.monotonic() - began > 2,
        )
    assert time.monotonic() - began < 10
    assert shop.directories() == []


KILLED = """\
import sys
from pathlib import Path
from holdfast.environment import EnvStore
from holdfast.layout import Layout
from holdfast.releases.contract import Source
from holdfast.releases.store import Releases
layout = Layout(Path(sys.argv[1])); home = layout.app("demo")
config = {"app": {"name": "demo", "domains": ["d.localhost"], "framework": "command"},
          "web": {"command": "python app.py"}, "build": {"commands": ["echo ready; sleep 60"]}}
Releases(home, layout).build(Source(Path(sys.argv[2]), None, False), config,
    EnvStore(home.env_file), lambda event: print(event.to_line(), flush=True), lambda: False)
"""


def test_a_killed_build_is_swept_and_a_running_one_is_not(shop: Shop) -> None:
    """Its half-made release never was one; nobody removes it while its builder lives."""
    archive = shop.archive({"app.py": BARE, "uploads/a": "seed"})
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(shop.layout.root), str(archive)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as builder:
        assert builder.stdout is not None
        while "ready" not in builder.stdout.readline():
            assert builder.poll() is None
        half = shop.directories()
        assert len(half) == 1
        assert shop.store.all() == []
        assert shop.store.sweep(5, frozenset()) == []
        assert shop.directories() == half
        builder.kill()
        builder.wait()
        _end_children_of(shop)
    assert shop.store.sweep(5, frozenset()) == half
    assert shop.directories() == []
    assert shop.build({"app.py": BARE}, COMMAND) in shop.store.all()


def _end_children_of(shop: Shop) -> None:
    """The ``sleep`` that the killed builder left (the engine ends such by their mark).

    As long as it lives it holds the lock of the release.
    """
    end = time.monotonic() + 10
    # Again until none is left: its shell may have started the sleep after a look.
    while theirs := [entry for entry in Path("/proc").glob("[0-9]*") if _is_of(entry, shop)]:
        assert time.monotonic() < end, f"{theirs} do not end"
        processes.kill(*(int(entry.name) for entry in theirs))


def _is_of(entry: Path, shop: Shop) -> bool:
    """Whether a process runs in the shop's environment."""
    try:
        return os.fsencode(shop.layout.root) in (entry / "environ").read_bytes()
    except OSError:
        return False


def test_a_half_made_environment_is_made_anew(shop: Shop) -> None:
    """It has no marker: a build that was killed while installing is no trap for the next."""
    files = {"app.py": BARE, "requirements.txt": "markupsafe\n"}
    made = shop.build(files, COMMAND)
    (made.env_path / "holdfast.json").unlink()
    for path in made.env_path.glob("lib/python*/site-packages/markupsafe/*"):
        if path.is_file():
            path.unlink()
    again = shop.build(files, COMMAND)
    assert again.env_path == made.env_path
    assert python(again.env_path, "from markupsafe import Markup; print(Markup('x'))") == "x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_one_clear_error_and_no_loss(shop: Shop, short_path: Path) -> None:
    """The release that serves and its data stay; the build says how much is left."""
    small = short_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=True)
    try:
        tight = Shop(shop.layout.__class__(small))
        config = {**COMMAND, "persist": {"paths": ["db.sqlite3"]}}
        first = tight.build({"app.py": BARE, "db.sqlite3": "rows"}, config)
        tight.store.set_current(first)
        for files, more in (
            ({"app.py": BARE, "requirements.txt": "numpy\n"}, {}),
            ({"app.py": BARE}, {"build": {"commands": ["dd if=/dev/zero of=big bs=1M count=60"]}}),
        ):
            with pytest.raises(BuildError, match="disk is full") as caught:
                tight.build(files, {**config, **more})
            assert "MB are left" in caught.value.message
            assert "keep" in (caught.value.hint or "")
        with pytest.raises((BuildError, OSError)):
            tight.build(
                {"app.py": BARE, "big": b"x" * 20_000_000, "more": b"x" * 9_000_000}, config
            )
        assert tight.directories() == [first.id]
        assert tight.store.current() == first
        assert (first.source / "db.sqlite3").read_text() == "rows"
        for path in tight.home.incoming.iterdir():
            path.unlink()
        assert tight.build({"app.py": BARE}, config).id > first.id
    finally:
        subprocess.run(["umount", str(small)], check=True)


# ── keeping ──────────────────────────────────────────────────────────────────────────


def test_old_releases_go_and_what_serves_stays(shop: Shop) -> None:
    made = [
        shop.build({"app.py": BARE, "requirements.txt": f"markupsafe<{9 - i}\n"}, COMMAND)
        for i in range(4)
    ]
    shop.store.set_current(made[0])
    assert shop.store.current() == made[0]
    assert len(shop.environments()) == 4
    assert shop.store.sweep(1, frozenset({made[1].id})) == [made[2].id]
    assert [item.id for item in shop.store.all()] == [made[3].id, made[1].id, made[0].id]
    assert len(shop.environments()) == 3
    assert made[2].env_path.name not in shop.environments()
    shop.store.discard(made[3].id)
    shop.store.discard(made[3].id)
    with pytest.raises(NotFound):
        shop.store.get(made[3].id)
    assert shop.store.get(made[0].id).env_path.exists()


def test_archives_are_removed_after_an_hour(shop: Shop) -> None:
    """Not sooner: another deploy's archive may be waiting for its turn."""
    made = shop.build({"app.py": BARE}, COMMAND)
    old, new = shop.archive({}), shop.archive({})
    os.utime(old, (time.time() - 4000, time.time() - 4000))
    shop.store.sweep(5, frozenset())
    assert not old.exists()
    assert new.exists()
    assert shop.store.all() == [made]


def test_ids_sort_by_time_also_when_the_clock_is_set_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.build({"app.py": BARE}, COMMAND, commit="fffffff")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    second = shop.build({"app.py": BARE}, COMMAND, commit="0000000")
    third = shop.build({"app.py": BARE}, COMMAND, commit="0000000")
    assert first.id < second.id < third.id
    assert shop.store.all()[0] == third


def test_a_damaged_release_is_none(shop: Shop) -> None:
    made = shop.build({"app.py": BARE}, COMMAND)
    shop.store.set_current(made)
    (made.path / "release.json").write_text('{"spec": ')
    assert shop.store.all() == []
    assert shop.store.current() is None
    with pytest.raises(NotFound, match="cannot be read"):
        shop.store.get(made.id)
    shop.store.sweep(0, frozenset({made.id}))
    assert made.env_path.exists()


def test_the_record_holds_no_secret(shop: Shop) -> None:
    shop.env.set({"TOKEN": "s3cr3t-t0ken"})
    made = shop.build({"app.py": BARE, ".env": "KEY=x"}, COMMAND)
    assert "s3cr3t-t0ken" not in (made.path / "release.json").read_text()
    assert json.loads((made.path / "release.json").read_text())["env"].startswith("envs/")
    assert stat.S_IMODE((made.source / ".env").stat().st_mode) == 0o600


def test_data_survives_deploys_rollback_and_pruning(shop: Shop) -> None:
    """The worst bug there could be: a row that a visitor wrote, gone with an old release."""
    config = {**COMMAND, "persist": {"paths": ["db.sqlite3", "media/"]}}
    files: dict[str, str | bytes] = {"app.py": BARE, "media/logo": "shipped"}
    made = []
    for number in range(4):
        release = shop.build(files, config)
        made.append(release)
        with sqlite3.connect(release.source / "db.sqlite3") as database:
            database.execute("pragma journal_mode=wal")
            database.execute("create table if not exists t (x)")
            database.execute("insert into t values (?)", (number,))
        database.close()
        (release.source / "media" / f"{number}").write_text("upload")
        shop.store.sweep(2, frozenset())
    assert len(shop.store.all()) == 2
    back = shop.store.get(made[2].id)
    with sqlite3.connect(back.source / "db.sqlite3") as database:
        assert database.execute("select x from t").fetchall() == [(0,), (1,), (2,), (3,)]
    database.close()
    shop.store.discard(made[3].id)
    shop.store.discard(made[2].id)
    names = {path.name for path in (shop.home.data / "media").iterdir()}
    assert names == {"logo", "0", "1", "2", "3"}


def test_a_missing_archive(shop: Shop) -> None:
    shop.home.make()
    source = Source(shop.home.incoming / "none.tar", "abc1234", False)
    config = {"app": {"name": "demo", "domains": ["d.localhost"]}}
    with pytest.raises(BuildError, match="not there"):
        shop.store.build(source, config, shop.env, print, lambda: False)
    assert shop.directories() == []

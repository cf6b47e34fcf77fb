"""Each variant does what it says, seen through the app's own commands and server."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.variants import make_variant
from examples.variants.repository import Repository
from tests.server.examples.conftest import Environments
from tests.server.examples.projects import (
    RECIPES,
    Project,
    answers,
    client,
    listens,
    make_environment,
    uv_install,
    wait_until,
)

BOTH = pytest.mark.parametrize("example", ["flask-notes", "django-polls"])


class Site:
    """One app's repository, its database, and what its visitors do."""

    def __init__(self, example: str, home: Path, environments: Environments) -> None:
        self.example = example
        self.socket = home / "web.sock"
        self.tree = home / example
        self.project = Project(self.tree, RECIPES[example], environments(example))

    def make(self, kind: str, version: str) -> None:
        make_variant(self.example, kind, self.tree, version)

    def migrate(self) -> subprocess.CompletedProcess[str]:
        return self.project.run(self.project.recipe.migrate)

    def write(self, visitor: httpx.Client, key: str) -> None:
        if self.example == "flask-notes":
            answer = visitor.post("/api/notes", json={"title": key})
        else:
            answer = visitor.post("/api/questions/1/votes", json={"choice": 1, "token": key})
        assert answer.status_code == 201, answer.text

    def rows(self, visitor: httpx.Client) -> list[dict[str, Any]]:
        if self.example == "flask-notes":
            found: list[dict[str, Any]] = visitor.get("/api/notes").json()["notes"]
        else:
            found = visitor.get("/api/ballots").json()["ballots"]
        return found

    def keys(self) -> list[str]:
        """The keys of all rows, as the version that is there now shows them."""
        with self.project.serving(self.socket) as visitor:
            return [row.get("title") or row["token"] for row in self.rows(visitor)]

    def stored(self) -> list[str]:
        """The keys of all rows, as they are in the file."""
        notes = self.example == "flask-notes"
        path = self.tree / ("instance/notes.db" if notes else "db.sqlite3")
        query = "SELECT title FROM note" if notes else "SELECT token FROM ballots_ballot"
        with closing(sqlite3.connect(path)) as connection:
            return [key for (key,) in connection.execute(query)]

    def log(self) -> str:
        return self.socket.with_suffix(".log").read_text()


@pytest.fixture(scope="session")
def first_version(
    tmp_path_factory: pytest.TempPathFactory, environment_of: Environments
) -> Callable[[str], Path]:
    """The tree of an example's version 1, its database made; to be copied."""

    @cache
    def made(example: str) -> Path:
        site = Site(example, tmp_path_factory.mktemp("first"), environment_of)
        site.make("plain", "1")
        site.project.prepare()
        return site.tree

    return made


@pytest.fixture
def site(
    example: str,
    short_path: Path,
    environment_of: Environments,
    first_version: Callable[[str], Path],
) -> Site:
    made = Site(example, short_path, environment_of)
    shutil.copytree(first_version(example), made.tree, symlinks=True)
    return made


@BOTH
def test_plain_changes_the_version_and_nothing_else(site: Site) -> None:
    before = Repository(site.tree).messages()
    site.make("plain", "2.0-rc1")
    changed = subprocess.run(
        ["git", "diff", "--numstat", before[0][0]], cwd=site.tree, capture_output=True, text=True,
        check=True,
    ).stdout.split()  # fmt: skip
    assert changed[:2] == ["1", "1"]
    assert len(changed) == 3
    with site.project.serving(site.socket) as visitor:
        assert visitor.get("/").headers["X-App-Version"] == "2.0-rc1"


@BOTH
def test_migration_adds_a_column_that_the_old_version_can_live_with(site: Site) -> None:
    """The old version writes rows before and after the migration; the new one marks its own."""
    with site.project.serving(site.socket) as old:
        site.write(old, "before")
        site.make("migration", "2")
        site.project.prepare()
        site.write(old, "between")
    with site.project.serving(site.socket) as new:
        site.write(new, "after")
        assert [row["written_by_2"] for row in site.rows(new)] == [None, None, "2"]


@BOTH
def test_migration_is_one_that_the_authors_would_have_written(site: Site) -> None:
    """With two, one on top of the other, the app's own tests pass: they compare models and
    migrations."""
    for version in ("2", "2.1"):
        site.make("migration", version)
    site.project.must(site.project.recipe.test, site.project.recipe.test_env)
    assert site.migrate().returncode == 0
    with site.project.serving(site.socket) as visitor:
        site.write(visitor, "new")
        (row,) = site.rows(visitor)
    assert (row["written_by_2"], row["written_by_2_1"]) == ("2", "2.1")


@BOTH
def test_slow_migration_takes_a_second_and_tidies(site: Site) -> None:
    with site.project.serving(site.socket) as visitor:
        site.write(visitor, "  blanks ")
    site.make("slow-migration", "2")
    began = time.monotonic()
    assert site.migrate().returncode == 0
    assert 1 < time.monotonic() - began < 60
    assert site.keys() == ["blanks"]


@BOTH
@pytest.mark.parametrize("kind", ["broken-migration", "hanging-migration"])
def test_a_migration_that_stops_halfway_has_changed_data_for_good(site: Site, kind: str) -> None:
    """Nothing but a snapshot undoes it: rows are changed, and run again it fails elsewhere.

    The version after it is made without it, and shows the damage.
    """
    with site.project.serving(site.socket) as visitor:
        site.write(visitor, "key")
    site.make(kind, "2")
    if kind == "broken-migration":
        done = site.migrate()
        assert done.returncode != 0
        assert "this migration fails halfway" in done.stdout
    else:
        log = site.socket.with_name("migrate.log")
        with site.project.running(site.project.recipe.migrate, log) as process:
            wait_until(lambda: site.stored() == ["KEY"])
            time.sleep(0.5)
            assert process.poll() is None
    again = site.migrate()
    assert again.returncode != 0
    assert "half_done" in again.stdout
    site.make("plain", "3")
    assert site.migrate().returncode == 0
    assert site.keys() == ["KEY"]


@BOTH
def test_dependency_is_installed_and_used(site: Site, short_path: Path) -> None:
    """Without it no page is answered; with it the page that uses it is."""
    site.make("dependency", "2")
    with site.project.started(site.socket) as process, client(site.socket) as visitor:
        wait_until(lambda: process.poll() is not None or answers_at_all(visitor))
        assert not answers(visitor)
    assert "No module named 'humanize'" in site.log()
    recipe = site.project.recipe
    with_it = make_environment(short_path / "env", site.tree, recipe.install)
    site.project = Project(site.tree, recipe, with_it)
    with site.project.serving(site.socket) as visitor:
        site.write(visitor, "key")
        page = "/" if site.example == "flask-notes" else "/1/results/"
        assert visitor.get(page).status_code == 200


@BOTH
def test_broken_build_cannot_be_installed(site: Site, environment_of: Environments) -> None:
    site.make("broken-build", "2")
    done = uv_install(environment_of(site.example), site.tree, ("-r", "requirements.txt"))
    assert done.returncode != 0
    assert "humanize==999.0" in done.stdout


@BOTH
def test_broken_import_fails_in_the_frameworks_own_command(site: Site) -> None:
    site.make("broken-import", "2")
    done = site.migrate()
    assert done.returncode != 0
    assert "nothing_of_that_name" in done.stdout


@BOTH
def test_broken_boot_fails_under_the_server_alone(site: Site) -> None:
    """The release command passes, so that the boot is what a deploy fails at."""
    site.make("broken-boot", "2")
    assert site.migrate().returncode == 0
    with site.project.started(site.socket) as process:
        wait_until(lambda: process.poll() is not None)
        assert process.returncode != 0
    assert "this version does not boot" in site.log()


@BOTH
def test_never_listens_is_never_heard_of(site: Site) -> None:
    """Gunicorn's socket is there before the app is loaded: connecting proves nothing."""
    site.make("never-listens", "2")
    assert site.migrate().returncode == 0
    with site.project.started(site.socket) as process:
        wait_until(lambda: listens(site.socket))
        with client(site.socket) as visitor, pytest.raises(httpx.ReadTimeout):
            visitor.get("/", timeout=2)
        assert process.poll() is None


@BOTH
def test_broken_health_answers_500_everywhere(site: Site) -> None:
    site.make("broken-health", "2")
    assert site.migrate().returncode == 0
    with site.project.started(site.socket), client(site.socket) as visitor:
        wait_until(lambda: answers_at_all(visitor))
        assert not answers(visitor)
        for path in ("/", "/healthz", "/nowhere"):
            answer = visitor.get(path)
            assert (answer.status_code, answer.headers["X-App-Version"]) == (500, "2")


def answers_at_all(visitor: httpx.Client) -> bool:
    try:
        visitor.get("/")
    except httpx.TransportError:
        return False
    return True

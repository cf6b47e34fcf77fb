"""What containers write where no volume is, and the place that it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from holdfast.compose import layer
from holdfast.compose.inside import Inside, Kept, mounts_of
from holdfast.compose.mounts import binds
from holdfast.compose.project import read
from holdfast.compose.roles import assign

DOCKERFILE = "FROM python:3.13\nENV HOME=/home/app\nWORKDIR $HOME/web\nCOPY . .\n"
SHIPPED = frozenset({"manage.py", "shop/views.py", "shop/static/a.css", "media/.gitkeep"})


def kept(
    source: Path,
    path: str,
    kind: Literal["file", "directory"] = "file",
    *,
    asked: bool = False,
    **said: Any,
) -> Kept | None:
    build = {"context": str(source), "dockerfile_inline": DOCKERFILE}
    web = {"build": build, "ports": [{"target": 80}], **said}
    made = read({"services": {"web": {k: v for k, v in web.items() if v is not None}}})
    bound = list(binds(made, assign(made), source, SHIPPED))
    web_service = made.services["web"]
    there = Inside(web_service, web_service, bound, source)
    return there.kept(path, kind, "", SHIPPED, asked=asked)


def mount(source: Path, target: str, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "bind", "source": str(source), "target": target, **more}]


@pytest.mark.parametrize(
    ("path", "kind", "place", "where"),
    [
        ("db.sqlite3", "file", "files/db.sqlite3", "/home/app/web/db.sqlite3"),
        ("./shop/a.db", "file", "files/shop/a.db", "/home/app/web/shop/a.db"),
        ("data/a.db", "directory", "folders/data", "/home/app/web/data"),
        ("media", "directory", "folders/media", "/home/app/web/media"),
        ("/data/a.db", "directory", "folders/_/data", "/data"),
        ("/home/app/a.db", "file", "files/_/home/app/a.db", "/home/app/a.db"),
    ],
)
def test_a_place_for_what_is_written(
    tmp_path: Path, path: str, kind: str, place: str, where: str
) -> None:
    """A file among code is linked to; what has a directory of its own is kept with that."""
    asked: Literal["file", "directory"] = "directory" if path == "media" else "file"
    found = kept(tmp_path, path, asked)
    assert found is not None
    assert (found.kind, found.place, found.path) == (kind, f"in-containers/{place}", where)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tmp/a.db", "file"),
        ("shop/static", "directory"),
        ("/home/app", "directory"),
        (".", "directory"),
        ("/etc", "directory"),
    ],
)
def test_what_is_made_anew_with_each_release_is_not_kept(
    tmp_path: Path, path: str, kind: Literal["file", "directory"]
) -> None:
    """Code, all of the app, and the system's own: kept, they would stay as they are for ever."""
    assert kept(tmp_path, path, kind) is None


def test_what_a_volume_has_needs_no_other_place(tmp_path: Path) -> None:
    volume = [{"type": "volume", "source": "data", "target": "/data"}]
    assert kept(tmp_path, "/data/a.db", volumes=volume) is None
    assert kept(tmp_path, "/data/a.db", tmpfs=["/data"]) is None
    assert kept(tmp_path, "/data/a.db") is not None


def test_source_over_the_image_says_where_it_lies(tmp_path: Path) -> None:
    """It is not mounted here; what the app wrote into it is kept all the same."""
    where = "/home/app/web"
    found = kept(tmp_path, f"{where}/db.sqlite3", volumes=mount(tmp_path, where))
    assert found is not None
    assert (found.source, found.mounted) == ("db.sqlite3", False)


def test_source_that_is_mounted_from_the_release_has_the_link(tmp_path: Path) -> None:
    said: dict[str, Any] = {"build": None, "image": "python:3.13", "working_dir": "/code"}
    found = kept(tmp_path, "db.sqlite3", volumes=mount(tmp_path, "/code"), **said)
    assert found is not None
    assert (found.path, found.mounted) == ("/code/db.sqlite3", True)


def test_an_app_below_usr(tmp_path: Path) -> None:
    """``/usr/src/app`` is where many a Dockerfile has it: no directory of the system."""
    found = kept(tmp_path, "/usr/src/app/db.sqlite3", volumes=mount(tmp_path, "/usr/src/app"))
    assert found is not None
    assert (found.kind, found.place) == ("file", "in-containers/files/db.sqlite3")
    assert kept(tmp_path, "/usr/lib/a.db") is None
    assert dict(layer.kept(["/usr/src/app/a.db", "/usr/app/media/b.png", "/usr/lib/c.db"])) == {
        "/usr/src/app/a.db": "file",
        "/usr/app/media": "directory",
    }


def test_a_database_that_is_mounted_as_a_file(tmp_path: Path) -> None:
    """What SQLite puts beside it is kept, too, wherever the containers have it."""
    build = {"context": str(tmp_path), "dockerfile_inline": DOCKERFILE}
    one = mount(tmp_path / "db.sqlite3", "/data/shop.db")
    web = {"build": build, "ports": [{"target": 80}], "volumes": one}
    made = read({"services": {"web": web}})
    (bound,) = binds(made, assign(made), tmp_path, SHIPPED)
    found = Inside(made.services["web"], made.services["web"], [bound], tmp_path).linked(bound)
    assert (found.path, found.place) == ("/data/shop.db", "in-containers/files/db.sqlite3")
    assert (found.target, found.over) == ("/holdfast-kept/db.sqlite3", True)


def test_files_share_one_mount(tmp_path: Path) -> None:
    """So that what SQLite puts beside a database is kept with it."""
    found = [kept(tmp_path, path) for path in ("db.sqlite3", "shop/a.db", "/data/b.db")]
    every = [item for item in found if item is not None]
    assert mounts_of(every) == {
        "web:/holdfast-kept": "in-containers/files",
        "web:/data": "in-containers/folders/_/data",
    }
    assert every[1].target == "/holdfast-kept/shop/a.db"


def test_what_somebody_would_miss_of_a_layer() -> None:
    wrote = [
        "/app", "/app/db.sqlite3", "/app/db.sqlite3-wal", "/app/media", "/app/media/a/b.png",
        "/app/state.json", "/app/__pycache__/x.pyc", "/run/x.db", "/root/.cache/y.db",
        "/app/staticfiles/media/a.png", "/var/lib/app/z.db", "/app/celerybeat-schedule.db",
        "/root/.gunicorn/gunicorn.ctl", "/home/app/.shop/a.db", "/app/static/css/a.css",
    ]  # fmt: skip
    assert dict(layer.kept(wrote)) == {
        "/app/db.sqlite3": "file",
        "/app/media": "directory",
        "/var/lib/app/z.db": "file",
        "/home/app/.shop/a.db": "file",
    }
    assert layer.others(wrote) == ["/app/state.json"]


def test_uploads_among_static_files() -> None:
    """Pictures that visitors sent; not what collects static files, nor the project's own."""
    sent = {"/app", "/app/static", "/app/static/logo.png", "/app/static/css", "/app/app.py"}
    wrote = [
        "/app/static/avatars/1/a.JPG", "/app/static/avatars/b.png", "/app/static/c.pdf",
        "/app/static/admin/x.css", "/app/static/admin/x.png", "/app/static/logo.png",
        "/app/static/css/new.css", "/elsewhere/a.png",
    ]  # fmt: skip
    assert dict(layer.uploaded(wrote, sent.__contains__)) == {
        "/app/static/avatars": "directory",
        "/app/static/c.pdf": "file",
    }


def test_a_file_beside_settings_is_kept_by_itself(tmp_path: Path) -> None:
    """What the project has in that directory goes on to change with each release."""
    build = {"context": str(tmp_path), "dockerfile_inline": DOCKERFILE}
    where = "/home/app/web/config"
    web = {"build": build, "ports": [{"target": 80}], "volumes": mount(tmp_path / "config", where)}
    made = read({"services": {"web": web}})
    shipped = frozenset({"config/app.yaml"})
    bound = list(binds(made, assign(made), tmp_path, shipped))
    assert [item.place for item in bound] == ["release"]
    there = Inside(made.services["web"], made.services["web"], bound, tmp_path)
    found = there.kept(f"{where}/users.json", "file", "", shipped)
    assert found is not None
    assert (found.kind, found.source, found.mounted) == ("file", "config/users.json", True)

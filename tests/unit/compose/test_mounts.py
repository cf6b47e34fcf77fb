"""Where a server keeps what a project mounts, and when two webs may run side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.compose.given import Bind
from holdfast.compose.mounts import alone, binds, lacking, outside
from holdfast.compose.mounts import awaited as made_known
from holdfast.compose.project import Project, read
from holdfast.compose.roles import assign


def project(source: Path, volumes: list[dict[str, Any]], **more: Any) -> Project:
    web = {"build": {"context": str(source)}, "ports": [{"target": 80}], "volumes": volumes}
    db = {"image": "postgres:17", "volumes": more.pop("db", [])}
    return read({"services": {"web": {**web, **more}, "db": db}})


def bind(source: Path, path: str, target: str, **more: Any) -> dict[str, Any]:
    return {"type": "bind", "source": str(source / path), "target": target, **more}


@pytest.mark.parametrize(
    ("path", "shipped", "more", "place"),
    [
        (".", {"app.py"}, {}, "drop"),
        ("app", {"app/main.py"}, {}, "drop"),
        ("data", set(), {}, "data"),
        ("data", {"data/.gitkeep"}, {}, "data"),
        ("conf", {"conf/app.ini"}, {"read_only": True}, "release"),
        ("app.ini", {"app.ini"}, {}, "release"),
        ("media", {"media/logo.png"}, {}, "data"),
        ("templates", {"templates/base.html"}, {}, "release"),
        ("static", {"static/a.css", "static/logo.png"}, {}, "release"),
        ("data", {"data/seed.json", "data/make.py", "data/all.csv"}, {}, "data"),
        ("app_data", {"app_data/defaults.yaml"}, {}, "data"),
        ("posts", {"posts/first.md"}, {}, "data"),
        ("templates", {"templates/base.html"}, {"build": None, "image": "shop:1"}, "data"),
    ],
)
def test_what_the_web_mounts(
    tmp_path: Path, path: str, shipped: set[str], more: dict[str, Any], place: str
) -> None:
    """Source over the image is left out; what is written is kept; what is read comes along."""
    said = {key: more.pop(key) for key in ("build", "image") if key in more}
    made = project(tmp_path, [bind(tmp_path, path, "/there", **more)], **said)
    found = list(binds(made, assign(made), tmp_path, frozenset(shipped)))
    assert [item.place for item in found] == [place]


@pytest.mark.parametrize(
    ("path", "target", "shipped", "place", "awaited"),
    [
        ("db.sqlite3", "/app/db.sqlite3", set(), "link", False),
        ("db.sqlite3", "/app/db.sqlite3", {"db.sqlite3"}, "link", False),
        ("kept.db", "/data/kept.db", set(), "data", False),
        (".env", "/app/.env", set(), "drop", False),
        (".env.production", "/app/.env", set(), "drop", False),
        (".env", "/app/.env", {".env"}, "release", False),
        ("key.json", "/app/key.json", set(), "data", True),
        ("local_settings.py", "/app/shop/local_settings.py", set(), "data", True),
        ("bot.log", "/app/bot.log", set(), "data", False),
        ("conf.d", "/app/conf.d", set(), "data", False),
    ],
)
def test_a_file_that_is_mounted_by_itself(
    tmp_path: Path, path: str, target: str, shipped: set[str], place: str, awaited: bool
) -> None:
    """A database is kept with what lies beside it, whether or not git tracks it; variables come
    as such; of another file that git ignores no directory may be made."""
    volume = {"type": "volume", "source": "data", "target": "/data"}
    made = project(tmp_path, [bind(tmp_path, path, target), volume])
    (found,) = binds(made, assign(made), tmp_path, frozenset(shipped))
    assert (found.place, found.awaited) == (place, awaited)
    data = tmp_path / "data"
    said = [error.message for error in made_known([found], data)]
    assert said == ([f"web mounts the file {path}, which was not sent"] if awaited else [])
    data.mkdir()
    (data / path).touch()
    assert not [*made_known([found], data)]


DEV = "FROM python:3.13\nWORKDIR /code\nCOPY requirements.txt setup.py ./\n"


@pytest.mark.parametrize(
    ("dockerfile", "path", "target", "place"),
    [
        (DEV, ".", "/code", "release"),
        (f"{DEV}COPY . .\n", ".", "/code", "drop"),
        (f"{DEV}COPY shop shop\n", ".", "/code", "drop"),
        (f"{DEV}COPY shop shop\n", "shop", "/code/shop", "drop"),
        (f"{DEV}COPY shop shop\n", "tools", "/tools", "release"),
        (f"{DEV}COPY *.py ./\n", ".", "/code", "drop"),
        ("FROM shop-base\nCOPY . .\n", ".", "/code", "drop"),
        ("FROM a AS b\nWORKDIR /code\nADD . .\nFROM c\nCOPY --from=b /code /code\n", ".", "/code",
         "drop"),
    ],
)  # fmt: skip
def test_source_over_an_image_that_lacks_it(
    tmp_path: Path, dockerfile: str, path: str, target: str, place: str
) -> None:
    """Many a Dockerfile for development copies the list of dependencies and nothing else."""
    for name in ("shop", "tools"):
        (tmp_path / name).mkdir()
    build = {"context": str(tmp_path), "dockerfile_inline": dockerfile}
    made = project(tmp_path, [bind(tmp_path, path, target)], build=build)
    shipped = frozenset({"manage.py", "shop/a.py", "tools/b.py", "requirements.txt", "setup.py"})
    (found,) = binds(made, assign(made), tmp_path, shipped)
    assert found.place == place


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("/data", "data"),
        ("/mosquitto", "data"),
        ("/var/lib/grafana", "data"),
        ("/var/lib/grafana/dashboards", "fixed"),
        ("/etc/mosquitto", "fixed"),
    ],
)
def test_a_directory_that_a_database_writes_to_and_git_tracks(
    tmp_path: Path, target: str, place: str
) -> None:
    """A copy would be another, empty one as soon as the project changes a file of it."""
    made = project(tmp_path, [], db=[bind(tmp_path, "broker", target)])
    (found,) = binds(made, assign(made), tmp_path, frozenset({"broker/redis.conf"}))
    assert found.place == place


def test_a_database_reads_from_a_copy_that_stays(tmp_path: Path) -> None:
    """Its configuration must not move with every release: it would be started again."""
    mount = bind(tmp_path, "initdb", "/docker-entrypoint-initdb.d")
    made = project(tmp_path, [], db=[mount])
    found = list(binds(made, assign(made), tmp_path, frozenset({"initdb/1.sql"})))
    assert [(item.service, item.place) for item in found] == [("db", "fixed")]


def named(source: Path, device: str, shipped: set[str], *, db: bool = False) -> list[Bind]:
    """What is said of a named volume that is a directory, which the web or the database mounts."""
    mount = {"type": "volume", "source": "kept", "target": "/there"}
    made = project(source, [] if db else [mount], db=[mount] if db else [])
    options = {"type": "none", "o": "bind", "device": device}
    raw = {**made.raw, "volumes": {"kept": {"driver": "local", "driver_opts": options}}}
    whole = read(raw)
    return list(binds(whole, assign(whole), source, frozenset(shipped)))


@pytest.mark.parametrize(
    ("device", "shipped", "db", "place"),
    [
        ("./data", set(), False, "data"),
        ("{}/data", {"data/.gitkeep"}, False, "data"),
        ("{}/pgdata", set(), True, "data"),
        ("{}", {"app.py"}, False, "drop"),
        ("conf", {"conf/my.cnf"}, True, "fixed"),
    ],
)
def test_a_volume_that_is_a_directory_of_the_project(
    tmp_path: Path, device: str, shipped: set[str], db: bool, place: str
) -> None:
    """It would lie in a release that is removed some day: it is kept where others are."""
    found = named(tmp_path, device.format(tmp_path), shipped, db=db)
    assert [(item.place, item.volume) for item in found] == [
        (place, "kept" if place == "data" else "")
    ]


def test_a_volume_elsewhere_on_the_server_stays_there(tmp_path: Path) -> None:
    assert named(tmp_path, "/srv/data", set()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_directory_of_the_server_that_is_not_there(tmp_path: Path, there: bool) -> None:
    """Named before anything is built; one that Docker makes itself is none."""
    source, device = tmp_path / "src", tmp_path / "disk" / "media"
    if there:
        device.mkdir(parents=True)
    mount: dict[str, Any] = {"type": "volume", "source": "kept", "target": "/there"}
    binds_: list[dict[str, Any]] = [
        {"type": "bind", "source": "/none", "target": "/n", "bind": {"create_host_path": True}},
        {"type": "bind", "source": str(device), "target": "/m"},
    ]
    made = project(source, [mount, *binds_])
    options = {"type": "none", "o": "bind", "device": str(device)}
    whole = read({**made.raw, "volumes": {"kept": {"driver_opts": options}}})
    said = [str(error) for error in lacking(whole, ["web"], source)]
    assert said == ([] if there else [
        f"the volume kept is {device} of the server, which is not there",
        f"web mounts {device} of the server, which is not there",
    ])  # fmt: skip


def test_what_lies_elsewhere_is_none_of_ours(tmp_path: Path) -> None:
    made = project(tmp_path, [{"type": "bind", "source": "/etc/localtime", "target": "/etc/l"}])
    assert list(binds(made, assign(made), tmp_path, frozenset())) == []


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        ({"type": "volume", "source": "sqlite", "target": "/db"}, "volume sqlite"),
        ({"type": "volume", "source": "media", "target": "/media"}, ""),
        ({"type": "volume", "source": "sqlite", "target": "/db", "read_only": True}, ""),
    ],
)
def test_one_writer_at_a_time(tmp_path: Path, mount: dict[str, Any], why: str) -> None:
    """A volume of the web alone is taken for one that two must not write; uploads are not."""
    made = project(tmp_path, [mount])
    said = alone(made, assign(made), (), tmp_path)
    assert why in said
    assert bool(said) == bool(why)


def test_an_entrypoint_that_migrates_is_named_with_its_line(tmp_path: Path) -> None:
    """Then the old code must not run beside it."""
    (tmp_path / "docker-entrypoint.sh").write_text(
        '#!/bin/sh\n# manage.py migrate\npython manage.py migrate --noinput\nexec "$@"\n'
    )
    made = project(tmp_path, [])
    assert "docker-entrypoint.sh, line 3," in alone(made, assign(made), (), tmp_path)


def test_a_script_that_the_command_names_migrates(tmp_path: Path) -> None:
    """``command: /start``, which the Dockerfile copies there from wherever it lies."""
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose" / "go").write_text("#!/bin/sh\nalembic upgrade head\nexec gunicorn a\n")
    text = "FROM python:3.13\nCOPY compose/go /go\n"
    build = {"context": str(tmp_path), "dockerfile_inline": text}
    made = project(tmp_path, [], build=build, command=["/go"])
    assert "compose/go, line 2," in alone(made, assign(made), (), tmp_path)


def test_the_servers_own_network_is_there_once(tmp_path: Path) -> None:
    made = project(tmp_path, [], network_mode="host")
    assert "own network" in alone(made, assign(made), (), tmp_path)


def test_what_lies_beside_the_project_is_not_sent(tmp_path: Path) -> None:
    """A build or a mount of the folder above has nothing there; what the server has is its own."""
    source = tmp_path / "src"
    beside = [bind(tmp_path, "shared", "/shared"), bind(Path("/srv"), "files", "/files")]
    said = [str(error) for error in outside(project(source, beside), ["web", "db"], source)]
    assert len(said) == 1
    assert said[0].startswith("web mounts ../shared, which is not sent")
    above = project(source, [], build={"context": str(tmp_path)})
    assert [str(error)[:22] for error in outside(above, ["web"], source)] == [
        "web is built from .., "
    ]
    for context in (str(source / "web"), "https://git.example/a.git", "git@git.example:a.git"):
        assert list(outside(project(source, [], build={"context": context}), ["web"], source)) == []

"""A Compose project on a real server with Docker: from its author's machine to visitors."""

from __future__ import annotations

from tests.compose.projects import Shop, strategy

COMPOSE = """\
services:
  web:
    build: .
    container_name: shop-web
    ports: ["8000:8000"]
    env_file: .env
    environment:
      MODE: ${MODE:-plain}
    depends_on: [cache]
  worker:
    build: .
    command: python worker.py
    stop_grace_period: 5s
  cache:
    image: python:3.13-slim-trixie
    command: python -m http.server 6379
    expose: ["6379"]
"""


def test_a_project_goes_live_is_replaced_and_rolled_back(shop: Shop) -> None:
    """Unmodified: no request fails, the cache is not touched, variables arrive as they are."""
    shop.write({"compose.yaml": COMPOSE})
    before = {path.name: path.read_bytes() for path in shop.directory.iterdir()}
    (shop.directory.parent / "production").write_text("MODE='live'\nSECRET='a $b c'\n")
    shop.deploy("--env-file", str(shop.directory.parent / "production"))
    assert {path.name: path.read_bytes() for path in shop.directory.iterdir()} == before
    first = shop.ask()
    assert (first["version"], first["MODE"], first["SECRET"]) == (1, "live", "a $b c")
    cache = shop.docker("inspect", "--format={{.Id}} {{.State.StartedAt}}", _cache(shop))

    shop.version(2)
    with shop.load() as seen:
        assert strategy(shop.deploy())[0] == "handover"
        assert shop.ask()["version"] == 2
        shop.version(3)
        assert strategy(shop.deploy("--strategy", "hold"))[0] == "hold"
        shop.holdfast("rollback", "--yes")
    assert set(seen) == {"version 1", "version 2", "version 3"}, seen
    assert shop.ask()["version"] == 2
    again = shop.docker("inspect", "--format={{.Id}} {{.State.StartedAt}}", _cache(shop))
    assert again == cache

    said = shop.holdfast("status").stdout
    assert "worker" in said
    assert "cache" in said
    assert "worker works" in shop.holdfast("logs", "worker").stdout
    ran = shop.holdfast("run", "--", "python", "-c", "import os; print(os.environ['SECRET'])")
    assert ran.stdout.strip() == "a $b c"
    planned = shop.holdfast("plan").stdout
    assert "a $b c" not in planned
    outlives = shop.docker("info", "--format={{.LiveRestoreEnabled}}") == "true"
    assert ("live-restore is off" in planned) != outlives


def test_a_missing_variable_is_named_before_anything_changes(shop: Shop) -> None:
    """With the line that uses it, and what to do."""
    shop.write({"compose.yaml": COMPOSE.replace("${MODE:-plain}", "${MODE}")})
    done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert done.returncode == 5
    assert "MODE (compose.yaml, line 8)" in done.stderr
    where = f"--server root@{shop.server.name} --name {shop.name}"
    assert f"holdfast env set {where} MODE" in done.stderr


def test_a_project_whose_profiles_are_off_is_told_how_to_switch_them_on(shop: Shop) -> None:
    """Compose leaves out what is off: the app, perhaps, with everything that makes it one."""
    off = (
        "services:\n  web:\n    profiles: [live]\n    build: .\n    ports: ['8000:8000']\n"
        "  worker:\n    profiles: [jobs]\n    build: .\n  cache:\n    image: redis:8\n"
    )
    shop.write({"compose.yaml": off})
    done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "profiles that are off hold web, worker" in done.stderr
    assert 'profiles = ["live"]' in done.stderr


def test_a_release_that_does_not_answer_is_undone(shop: Shop) -> None:
    """The old one serves on, and the error shows what the new one printed."""
    shop.write({"compose.yaml": COMPOSE})
    shop.deploy()
    text = (shop.directory / "app.py").read_text()
    shop.write({"app.py": 'raise SystemExit("no database here")\n'})
    done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "no database here" in done.stdout + done.stderr
    assert shop.ask()["version"] == 1
    shop.write({"app.py": text})


def test_destroy_leaves_nothing(shop: Shop) -> None:
    """No container, network, volume or image of the app."""
    shop.write({"compose.yaml": COMPOSE})
    shop.deploy()
    shop.holdfast("destroy", "--yes")
    label = f"label=holdfast.app={shop.name}"
    assert shop.docker("ps", "--all", "--quiet", "--filter", label) == ""
    assert shop.docker("network", "ls", "--quiet", "--filter", f"name=hf-{shop.name}") == ""
    assert shop.docker("volume", "ls", "--quiet", "--filter", f"name=hf-{shop.name}") == ""
    assert shop.docker("image", "ls", "--quiet", f"holdfast/{shop.name}") == ""


def _cache(shop: Shop) -> str:
    return f"hf-{shop.name}-cache-1"

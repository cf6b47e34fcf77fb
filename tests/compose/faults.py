"""What goes wrong, or is done by hand, with a real Docker; visitors meanwhile where it matters.

``bin/bench compose`` proves all of :data:`FAULTS`, test_faults.py too, but of the steps before
which something is killed a spread. What the visitors saw is what counts: the old release or the
new one answers every one of them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tests.compose import killed
from tests.compose.projects import APP, DOCKERFILE, Shop
from tests.machines.base_images import PYTHON

COMPOSE = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    stop_grace_period: 2s
"""
_IGNORES = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
_ENDS = "signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())"
_ILL = APP.replace("send_response(200)", "send_response(503)").replace(
    "VERSION = 1", 'VERSION = "ill"\nprint("no licence found", flush=True)'
)


def releases_that_go_wrong(shop: Shop) -> None:
    """It ends at once, is never healthy, or its image is not built: one error, with its log's end.

    Then one that ignores TERM is replaced: it is killed when its grace is over, and nobody fails.
    """
    assert _ENDS in APP
    shop.write({"compose.yaml": COMPOSE, "holdfast.toml": '[web]\nboot_timeout = "6s"\n'})
    shop.deploy()
    with shop.load() as seen:
        assert "no database here" in _refused(shop, 'raise SystemExit("no database here")\n', 6)
        said = _refused(shop, _ILL, 6)
        assert "503" in said
        assert "no licence found" in said
        shop.write({"Dockerfile": DOCKERFILE.replace("COPY", "RUN echo no disk; exit 3\nCOPY")})
        assert "no disk" in _refused(shop, APP, 5)
        shop.write({"Dockerfile": DOCKERFILE})
    assert set(seen) == {"version 1"}, seen
    stubborn = APP.replace(_ENDS, _IGNORES).replace("VERSION = 1", "VERSION = 2")
    shop.write({"app.py": stubborn})
    with shop.load() as seen:
        shop.deploy()
        shop.version(3)
        shop.deploy()
    assert set(seen) == {"version 1", "version 2", "version 3"}, seen
    # The old one is left to itself when visitors have gone over; its grace ends it.
    killed.until(shop, f"test $(docker ps -q --filter label=holdfast.app={shop.name} | wc -l) = 1")


def _refused(shop: Shop, app: str, code: int) -> str:
    """Deploy what does not work; what is said, with the old release live after it."""
    shop.write({"app.py": app})
    done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.count("error:") == 1, done.stderr
    assert shop.ask()["version"] == 1
    return done.stdout + done.stderr


_HANDED = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
  worker:
    build: .
    command: python worker.py
  cache:
    image: python:3.13-slim-trixie
    command: sh -c "cp /tuned /tmp/index.html; python -m http.server 6379 --directory /tmp"
    expose: ["6379"]
    stop_grace_period: 1s
    configs: [{source: tuned, target: /tuned}]
configs:
  tuned: {file: ./tuned.conf}
"""


def config_outlives_its_release(shop: Shop) -> None:
    """A cache started by a release that is gone starts again; a changed file is said first."""
    keep = '[deploy]\nkeep = 1\nstrategy = "handover"\n'
    shop.write({"compose.yaml": _HANDED, "tuned.conf": "one", "holdfast.toml": keep})
    shop.deploy()
    cache = _id(shop, "cache")
    for number in (2, 3):
        shop.version(number)
        assert _warnings(shop.deploy()) == []
    assert _id(shop, "cache") == cache
    shop.docker("restart", "--time=0", cache)
    assert shop.docker("exec", cache, "cat", "/tuned") == "one"
    shop.write({"tuned.conf": "two"})
    said = _warnings(shop.deploy())
    assert said[0].startswith("the service cache is started anew"), said
    assert shop.docker("exec", _id(shop, "cache"), "cat", "/tuned") == "two"


def changed_by_hand(shop: Shop) -> None:
    """What was removed, stopped, or started beside us is said; the next deploy puts it right."""
    shop.write({"compose.yaml": _HANDED, "tuned.conf": "one"})
    shop.deploy()
    shop.docker("rm", "--force", _id(shop, "worker"))
    shop.docker("stop", "--time=0", _id(shop, "cache"))
    mark = f"com.docker.compose.project=hf-{shop.name}"
    words = ("--label", mark, "--name", f"{shop.name}-foreign", "python:3.13-slim-trixie")
    shop.docker("run", "--detach", *words, "sleep", "600")
    told = shop.holdfast("status").stdout
    assert "the container of worker was removed" in told
    assert "the service cache does not run" in told
    assert f"{shop.name}-foreign was not started by Holdfast" in told
    shop.docker("rm", "--force", f"{shop.name}-foreign")
    shop.version(2)
    shop.deploy()
    assert "by hand" not in shop.holdfast("status").stdout


def images_pruned(shop: Shop) -> None:
    """By hand: what runs goes on, a rollback says what is gone before anything changes."""
    shop.write({"compose.yaml": COMPOSE})
    shop.deploy()
    shop.version(2)
    shop.deploy()
    killed.until(shop, f"test $(docker ps -q --filter label=holdfast.app={shop.name} | wc -l) = 1")
    shop.docker("container", "prune", "--force")
    tags = shop.docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", f"holdfast/{shop.name}")
    shop.docker("image", "rm", "--force", *sorted(tags.split())[:1])
    with shop.load() as seen:
        done = shop.holdfast("rollback", "--yes", check=False)
        assert done.returncode != 0, done.stdout
        assert "the image of web of release" in done.stderr
        assert done.stderr.count("error:") == 1, done.stderr
        shop.version(3)
        shop.deploy()
    assert set(seen) == {"version 2", "version 3"}, seen


def secret_not_sent(shop: Shop) -> None:
    """Before anything is built; and a variable may be one instead."""
    secret = "secrets:\n  key: {file: ./key.txt}\n"
    text = "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    secrets: [key]\n"
    shop.write({"compose.yaml": text + secret})
    done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert done.returncode == 5, done.stderr
    assert "secrets key of web: key.txt was not sent" in done.stderr
    shop.write({"compose.yaml": text + "secrets:\n  key: {environment: KEY}\n"})
    (shop.directory.parent / "production").write_text("KEY=hunter2\n")
    shop.deploy("--env-file", str(shop.directory.parent / "production"))
    said = shop.holdfast("run", "--", "cat", "/run/secrets/key").stdout
    assert said.strip() == "hunter2"


def _warnings(events: list[dict[str, Any]]) -> list[str]:
    plan = next(item["plan"] for item in events if item.get("event") == "plan.made")
    return list(plan["warnings"])


def _id(shop: Shop, service: str) -> str:
    filters = ("--filter", f"label=holdfast.app={shop.name}")
    return shop.docker("ps", "-q", *filters, "--filter", f"label=holdfast.process={service}")


def made_by_new(shop: Shop) -> None:
    """What ``holdfast new --compose`` makes; never processes of the machine without Docker."""
    # The name that the Dockerfile has; nothing can be pulled for certain where tests run.
    shop.docker("tag", PYTHON.name, "python:3.13-slim")
    home = shop.directory.parent
    make = [sys.executable, "-m", "holdfast", "new", "flask", "made", "--compose"]
    subprocess.run(make, cwd=home, check=True, timeout=60)
    (home / "production").write_text("SECRET_KEY=0a1b2c3d4e5f\n")
    made = Shop(shop.server, home / "made", shop.name, {})
    made.server.ssh("systemctl", "stop", "docker.socket", "docker")
    try:
        done = made.holdfast("deploy", "--domain", made.host, check=False)
    finally:
        made.server.ssh("systemctl", "start", "docker.socket", "docker")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "Docker does not answer on this server" in done.stderr
    made.deploy("--env-file", str(home / "production"))
    assert made.ask("/healthz") == {"status": "ok"}
    assert "worker" in made.holdfast("status").stdout


FAULTS: Mapping[str, Callable[[Shop], None]] = {
    "goes-wrong": releases_that_go_wrong,
    "daemon-killed-in-handover": killed.daemon_killed("handover", killed.HANDOVER),
    "daemon-killed-in-hold": killed.daemon_killed("hold", killed.HOLD),
    "engine-killed-in-handover": killed.engine_killed("handover", killed.HANDOVER),
    "engine-killed-in-hold": killed.engine_killed("hold", killed.HOLD),
    "power-cut": killed.power_cut,
    "build-killed": killed.build_killed,
    "disk-full": killed.disk_full,
    "config": config_outlives_its_release,
    "by-hand": changed_by_hand,
    "pruned": images_pruned,
    "secret": secret_not_sent,
    "new": made_by_new,
}

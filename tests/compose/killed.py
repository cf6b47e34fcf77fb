"""Docker's daemon, a build or the engine is killed, or the disk is full, in the middle of a deploy.

One of the two releases answers every visitor, the deploy ends in one way or the other, nothing is
left half done, and the next deploy goes live.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.compose.projects import DOCKERFILE, Shop
from tests.machines.base_images import PYTHON, load

COMPOSE = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    stop_grace_period: 2s
  worker:
    build: .
    command: python worker.py
    stop_grace_period: 2s
"""

HANDOVER = (
    *("build", "plan", "finish-workers", "boot", "health", "stop-workers", "hold", "drain"),
    *("configure", "open", "start-workers", "keep", "retire-old"),
)
HOLD = (
    *("stop-workers", "hold", "drain", "stop-old", "boot", "health"),
    *("configure", "open", "start-workers", "keep"),
)
"""The steps of each strategy, for an app with workers and without migrations."""

_FAILPOINT = "/var/lib/holdfast/failpoint"
_REACHED = f"{_FAILPOINT}.reached"


def daemon_killed(strategy: str, places: Sequence[str]) -> Callable[[Shop], None]:
    """Kill Docker's daemon before each of these steps of a deploy."""

    def proof(shop: Shop) -> None:
        """Containers go on without it (live-restore); nobody fails, and workers run afterwards."""
        live_restore(shop)
        shop.write({"compose.yaml": COMPOSE})
        shop.deploy()
        with shop.load() as seen:
            for number, place in enumerate(places, 2):
                _one(shop, strategy, place, number)
        assert not [what for what in seen if what.startswith("failed")], seen
        shop.version(100)
        shop.deploy()
        assert shop.ask()["version"] == 100

    return proof


def _one(shop: Shop, strategy: str, place: str, number: int) -> None:
    before = shop.ask()["version"]
    shop.version(number)
    at(shop, f"before:{place}")
    options = ("--domain", shop.host, "--strategy", strategy)
    with shop.start("deploy", *options) as deploy:
        until(shop, f"test -e {_REACHED}")
        kill_daemon(shop)
        shop.server.ssh("rm", _REACHED)
        said, told = deploy.communicate(timeout=150)
    served = shop.ask()["version"]
    ended = (deploy.returncode, served)
    assert ended in ((0, number), (6, before), (5, before)), (place, ended, said, told)
    until(shop, "docker info >/dev/null 2>&1")
    _whole(shop, place)


def engine_killed(strategy: str, places: Sequence[str]) -> Callable[[Shop], None]:
    """Kill what deploys before each of these steps of a deploy."""

    def proof(shop: Shop) -> None:
        """It comes back by itself and finishes or undoes; nobody fails, and workers run."""
        shop.write({"compose.yaml": COMPOSE})
        shop.deploy()
        with shop.load() as seen:
            for number, place in enumerate(places, 2):
                before = shop.ask()["version"]
                shop.version(number)
                shop.server.ssh("sh", "-c", f"echo before:{place} >{_FAILPOINT}")
                options = ("--domain", shop.host, "--strategy", strategy)
                done = shop.holdfast("deploy", *options, check=False)
                ended = (done.returncode, shop.ask()["version"])
                told = (place, ended, done.stdout, done.stderr)
                assert ended in ((0, number), (6, before), (5, before)), told
                _whole(shop, place)
        assert not [what for what in seen if what.startswith("failed")], seen

    return proof


CUTS = (("handover", "boot"), ("handover", "open"), ("hold", "boot"), ("hold", "start-workers"))


def power_cut(shop: Shop, cuts: Sequence[tuple[str, str]] = CUTS) -> None:
    """The server's power is cut in the middle; it boots, and serves one of the two releases."""
    shop.write({"compose.yaml": COMPOSE})
    shop.deploy()
    for number, (strategy, place) in enumerate(cuts, 2):
        before = shop.ask()["version"]
        shop.version(number)
        at(shop, f"before:{place}")
        with shop.start("deploy", "--domain", shop.host, "--strategy", strategy) as deploy:
            until(shop, f"test -e {_REACHED}")
            shop.server.crash()
            deploy.kill()
        shop.server.boot()
        shop.server.wait_for_boot()
        shop.server.ssh("rm", "-f", _REACHED)
        _answers(shop)
        assert shop.ask()["version"] in (before, number), (strategy, place)
        _whole(shop, place)
    shop.version(100)
    shop.deploy()
    assert shop.ask()["version"] == 100


def _answers(shop: Shop, patience: float = 90.0) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            shop.ask()
        except (OSError, AssertionError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def _whole(shop: Shop, place: str) -> None:
    """Web and worker of the release that serves run, and nothing else does."""
    release = shop.ask()["HOLDFAST_RELEASE"]
    wanted = f"{release}\n{release}"
    script = (
        "docker ps -q --filter status=running --filter label=holdfast.app="
        f"{shop.name} | xargs -r docker inspect "
        "--format '{{index .Config.Labels \"holdfast.release\"}}'"
    )
    deadline = time.monotonic() + 120
    while (found := shop.server.ssh("sh", "-c", script).stdout.strip()) != wanted:
        assert time.monotonic() < deadline, (place, found, release)
        time.sleep(0.3)


_SLOW = DOCKERFILE.replace("CMD", "RUN sleep 4 # {}\nCMD")


def build_killed(shop: Shop) -> None:
    """What builds is killed, then the daemon, then the engine: one error at most; then it works."""
    live_restore(shop)
    shop.write({"compose.yaml": COMPOSE})
    shop.deploy()
    client = "kill -KILL $(pgrep -f '[p]rogress=plain build')"
    engine = "systemctl kill --signal=KILL holdfast-engine-{}.service"
    with shop.load() as seen:
        for number, kill in enumerate((client, "", engine.format(shop.name)), 2):
            before = shop.ask()["version"]
            shop.version(number)
            shop.write({"Dockerfile": _SLOW.format(number)})
            with shop.start("deploy", "--domain", shop.host) as deploy:
                until(shop, "pgrep -x sleep")
                shop.server.ssh("sh", "-c", kill) if kill else kill_daemon(shop)
                said, told = deploy.communicate(timeout=150)
            served = shop.ask()["version"]
            assert (deploy.returncode, served) in ((0, number), (5, before)), said + told
            assert told.count("error:") == (deploy.returncode != 0), told
        shop.write({"Dockerfile": DOCKERFILE})
        shop.version(9)
        shop.deploy()
        assert shop.ask()["version"] == 9
    assert not [what for what in seen if what.startswith("failed")], seen


def disk_full(shop: Shop) -> None:
    """Docker's disk is full while an image is built: told, nothing is lost, and then it works."""
    with _small_docker(shop, 700):
        shop.write({"compose.yaml": COMPOSE})
        shop.deploy()
        with shop.load() as seen:
            shop.write({"Dockerfile": DOCKERFILE.replace("CMD", f"{_BIG}\nCMD")})
            shop.version(2)
            done = shop.holdfast("deploy", "--domain", shop.host, check=False)
            assert done.returncode == 5, done.stdout + done.stderr
            assert "the disk is full" in done.stderr
            assert done.stderr.count("error:") == 1, done.stderr
            assert shop.ask()["version"] == 1
            shop.write({"Dockerfile": DOCKERFILE})
            shop.deploy()
            assert shop.ask()["version"] == 2
        assert set(seen) == {"version 1", "version 2"}, seen
        shop.holdfast("destroy", "--yes")


_BIG = "RUN head -c 900M /dev/zero >/big"


@contextmanager
def _small_docker(shop: Shop, megabytes: int) -> Iterator[None]:
    """Docker with a small disk of its own and Python's image, while inside."""
    server, place = shop.server, "/var/lib/docker"
    _restarted(shop, f"mount -t tmpfs -o size={megabytes}m small {place}")
    try:
        load(server, PYTHON)
        yield
    finally:
        _restarted(shop, f"umount -l {place}")


def _restarted(shop: Shop, script: str) -> None:
    shop.server.ssh("systemctl", "stop", "docker.socket", "docker", timeout=120)
    shop.server.ssh("sh", "-c", script)
    shop.server.ssh("systemctl", "reset-failed", "docker.service")
    shop.server.ssh("systemctl", "start", "docker.socket", "docker", timeout=120)


def at(shop: Shop, place: str) -> None:
    """Have the next deploy wait at a place of :mod:`holdfast.deploy.failpoint`."""
    shop.server.ssh("sh", "-c", f"echo wait {place} >{_FAILPOINT}")


def kill_daemon(shop: Shop) -> None:
    """As the kernel does it when memory is out; systemd starts it again."""
    shop.server.ssh("systemctl", "reset-failed", "docker.service")
    shop.server.ssh("systemctl", "kill", "--signal=KILL", "docker")


def live_restore(shop: Shop) -> None:
    shop.server.ssh("sh", "-c", "echo '{\"live-restore\": true}' > /etc/docker/daemon.json")
    shop.server.ssh("systemctl", "reload", "docker")


def until(shop: Shop, script: str, patience: float = 120.0) -> None:
    """Wait until a script ends well on the server."""
    deadline = time.monotonic() + patience
    while shop.server.ssh("sh", "-c", script, check=False).returncode != 0:
        assert time.monotonic() < deadline, script
        time.sleep(0.2)

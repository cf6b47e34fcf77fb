"""What images are built of, and what builds leave behind on the server."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.compose.projects import APP, DOCKERFILE, Shop, strategy
from tests.machines.base_images import PYTHON

_COMPOSE = "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"
_BIG = "RUN head -c 30000000 /dev/urandom >/big # {}\nCOPY . ."
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def test_the_build_cache_is_kept_to_its_budget(shop: Shop) -> None:
    """Of releases that are gone neither images nor layers stay; the newest is still there."""
    said = '[compose]\nbuild_cache = "50MB"\n[deploy]\nkeep = 1\nstrategy = "handover"\n'
    shop.write({"compose.yaml": _COMPOSE, "holdfast.toml": said})
    for number in range(1, 5):
        shop.write({"Dockerfile": DOCKERFILE.replace("COPY . .", _BIG.format(number))})
        shop.version(number)
        shop.deploy()
    # The engine tidies up when the deploy has ended.
    deadline = time.monotonic() + 90
    while (left := _reclaimable(shop)) > 50e6:
        assert time.monotonic() < deadline, left
        time.sleep(0.5)
    assert shop.docker("image", "ls", "--quiet", f"holdfast/{shop.name}").count("\n") <= 1
    events = shop.deploy()
    lines = [str(item.get("line")) for item in events if item.get("event") == "log"]
    assert any("CACHED" in line for line in lines), "the newest layers are gone, too"


_WITH_SECRET = DOCKERFILE.replace(
    "COPY . .",
    "RUN --mount=type=secret,id=token,required=true sha256sum /run/secrets/token >/proof\nCOPY . .",
)


def test_a_build_gets_its_secrets(shop: Shop) -> None:
    """From the server's variables; neither the image nor anything that is said shows one."""
    text = (
        "services:\n  web:\n    build: {context: ., secrets: [token]}\n    ports: ['8000:8000']\n"
    )
    shop.write(
        {
            "compose.yaml": f"{text}secrets:\n  token: {{environment: PACKAGE_TOKEN}}\n",
            "Dockerfile": _WITH_SECRET,
        }
    )
    (shop.directory.parent / "production").write_text("PACKAGE_TOKEN=hunter2-and-more\n")
    events = shop.deploy("--env-file", str(shop.directory.parent / "production"))
    proof = shop.holdfast("run", "--", "cat", "/proof").stdout.split()[0]
    assert proof == hashlib.sha256(b"hunter2-and-more").hexdigest()
    assert "hunter2" not in json.dumps(events)
    image = shop.docker("image", "ls", "--quiet", f"holdfast/{shop.name}").split()[0]
    assert "hunter2" not in shop.docker("history", "--no-trunc", image)
    assert "hunter2" not in shop.docker("image", "inspect", image)


_REGISTRY = """\
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y install --no-install-recommends docker-registry apache2-utils
systemctl disable --now docker-registry
mkdir -p /root/registry
htpasswd -Bbn reader only-for-you >/root/registry/users
cat >/root/registry/config.yml <<END
version: 0.1
storage: {filesystem: {rootdirectory: /root/registry/data}}
http: {addr: "127.0.0.1:5000"}
auth: {htpasswd: {realm: test, path: /root/registry/users}}
END
systemd-run --collect --unit=test-registry docker-registry serve /root/registry/config.yml
for n in $(seq 50); do curl -s -o /dev/null 127.0.0.1:5000 && break || sleep 0.2; done
docker tag python:3.13-slim-trixie 127.0.0.1:5000/base:1
echo only-for-you | docker login --username reader --password-stdin 127.0.0.1:5000
docker push -q 127.0.0.1:5000/base:1
docker logout 127.0.0.1:5000
docker image rm 127.0.0.1:5000/base:1
"""


@contextmanager
def _registry(shop: Shop) -> Iterator[None]:
    """A registry that lets nobody in without a password, while inside; it has a base image."""
    shop.server.ssh("sh", "-c", _REGISTRY, timeout=300)
    try:
        yield
    finally:
        _stop_registry(shop)


def _stop_registry(shop: Shop) -> None:
    shop.server.ssh("systemctl", "stop", "test-registry", check=False)
    shop.docker("logout", "127.0.0.1:5000")


_LOGIN = "echo only-for-you | docker login --username reader --password-stdin 127.0.0.1:5000"


def test_a_private_base_image(shop: Shop) -> None:
    """``docker login`` on the server lets its builds in; without it one error names the image."""
    with _registry(shop):
        private = DOCKERFILE.replace("python:3.13-slim-trixie", "127.0.0.1:5000/base:1")
        shop.write({"compose.yaml": _COMPOSE, "Dockerfile": private})
        done = shop.holdfast("deploy", "--domain", shop.host, check=False)
        assert done.returncode == 5, done.stdout + done.stderr
        assert "127.0.0.1:5000/base:1" in done.stderr
        assert "docker login" in done.stderr
        shop.server.ssh("sh", "-c", _LOGIN)
        shop.deploy()
        assert shop.ask()["version"] == 1


_READY = """\
services:
  web:
    image: 127.0.0.1:5000/shop:latest
    ports: ["8000:8000"]
  worker:
    image: 127.0.0.1:5000/shop:latest
    command: python worker.py
"""


def test_ready_images_are_pulled(shop: Shop) -> None:
    """A name means another image when CI has pushed one; what ran is what a rollback starts.

    Without the registry the one that is here goes on, and that is said. With ``build = "pull"``
    what has a build is pulled as well.
    """
    with _registry(shop):
        shop.server.ssh("sh", "-c", _LOGIN)
        shop.write({"compose.yaml": _READY})
        _push(shop, 1)
        shop.deploy()
        assert shop.ask()["version"] == 1
        _push(shop, 2)
        with shop.load() as seen:
            shop.deploy()
            assert shop.ask()["version"] == 2
            shop.holdfast("rollback", "--yes")
        assert shop.ask()["version"] == 1
        assert set(seen) == {"version 1", "version 2"}, seen
        _push(shop, 3)
        built = _READY.replace("latest", "latest\n    build: .", 1)
        text = (shop.directory / "Dockerfile").read_text()
        said = {"holdfast.toml": '[compose]\nbuild = "pull"\n', "Dockerfile": "FROM nowhere\n"}
        shop.write({"compose.yaml": built, **said})
        shop.deploy()
        assert shop.ask()["version"] == 3
        shop.write({"Dockerfile": text})
        _stop_registry(shop)
        notes = [item["text"] for item in shop.deploy() if item.get("event") == "note"]
        assert any("127.0.0.1:5000/shop:latest that is here is taken" in note for note in notes)
        assert shop.ask()["version"] == 3


def _push(shop: Shop, number: int) -> None:
    """Put a version into the registry, as CI does, and leave nothing of it on the server."""
    shop.version(number)
    home, name = f"/root/ci-{number}", "127.0.0.1:5000/shop:latest"
    shop.server.put(shop.directory, home)
    before = shop.docker("image", "ls", "--quiet", name)
    shop.docker("build", "--quiet", "--tag", name, home)
    shop.docker("push", "--quiet", name)
    shop.docker("image", "rm", name)
    if before:
        shop.docker("tag", before, name)


_FOR_OTHERS = """\
services:
  web:
    build:
      context: .
      platforms: [linux/amd64, linux/arm64]
      cache_from: ["type=registry,ref=127.0.0.1:5000/none:cache"]
      cache_to: ["type=local,dest=/tmp/none"]
      tags: ["registry.example/shop:1"]
    ports: ["8000:8000"]
    network_mode: bridge
    links: [stays]
  stays:
    image: python:3.13-slim-trixie
    network_mode: bridge
    command: python -m http.server 6379
    stop_grace_period: 1s
"""
_REACHES = APP.replace(
    "def extra():\n    return {}\n",
    "def extra():\n    import urllib.request\n"
    "    return {'other': urllib.request.urlopen('http://stays:6379/', timeout=5).status}\n",
)


def test_what_is_said_for_another_builder_and_network(shop: Shop) -> None:
    """Platforms and caches of a registry's builder; Docker's own bridge, in which nobody can be
    reached by an address that stays: live all the same, and replaced."""
    shop.write({"compose.yaml": _FOR_OTHERS, "app.py": _REACHES})
    shop.deploy()
    assert shop.ask()["other"] == 200
    shop.version(2)
    with shop.load() as seen:
        assert strategy(shop.deploy())[0] == "handover"
        assert (shop.ask()["version"], shop.ask()["other"]) == (2, 200)
    assert set(seen) == {"version 1", "version 2"}, seen


_DATABASE = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
  db:
    image: redis:8
    command: python -m http.server 6379
    volumes: ["data:/data"]
    stop_grace_period: 1s
volumes:
  data: {name: shop-data}
"""


def test_two_databases_never_have_one_volume(shop: Shop) -> None:
    """A volume with a name of its own is the same for a second app, and for plain Compose."""
    shop.docker("tag", PYTHON.name, "redis:8")
    shop.write({"compose.yaml": _DATABASE})
    words = ("run", "--detach", "--name", "plain-db", "--volume", "shop-data:/data", "redis:8")
    shop.docker(*words, "sleep", "600")
    try:
        done = shop.holdfast("deploy", "--domain", shop.host, check=False)
        assert done.returncode == 5, done.stdout + done.stderr
        assert "shop-data, and so has the container plain-db" in done.stderr
    finally:
        shop.docker("rm", "--force", "plain-db")
    shop.deploy()
    shop.version(2)
    shop.deploy()
    other = Shop(shop.server, shop.directory, f"{shop.name}-b", {})
    refused = other.holdfast("deploy", "--domain", other.host, check=False)
    other.holdfast("destroy", "--yes", check=False)
    assert f"so has the container hf-{shop.name}-db-1" in refused.stderr
    assert shop.ask()["version"] == 2
    shop.holdfast("destroy", "--yes")
    shop.docker("volume", "rm", "--force", "shop-data")
    shop.docker("image", "rm", "redis:8")


def _reclaimable(shop: Shop) -> float:
    """Bytes that no image needs."""
    for line in shop.docker("system", "df", "--format={{json .}}").splitlines():
        found = json.loads(line)
        if found["Type"] == "Build Cache":
            match = re.match(r"([\d.]+)([kMG]?B)", found["Reclaimable"])
            assert match, found
            return float(match[1]) * _UNITS[match[2]]
    raise AssertionError("docker system df says nothing of a build cache")


_BUILT = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    depends_on:
      bucket: {condition: service_completed_successfully}
  bucket:
    image: python:3.13-slim-trixie
    command: python -c "import urllib.request as r; r.urlopen('http://cache:6379/')"
    depends_on: [cache]
  cache:
    build:
      context: .
      dockerfile_inline: |
        FROM redis:8
        COPY tuned /tuned
    command: python -m http.server 6379
    expose: ["6379"]
    stop_grace_period: 1s
"""


def test_a_database_that_is_built_here_stays_up(shop: Shop) -> None:
    """It is built with each release, and started anew only when something else came of it.

    What works on it and ends, of an image that is nobody's here, has done so once for all.
    """
    shop.docker("tag", PYTHON.name, "redis:8")
    name = f"hf-{shop.name}-cache-1"
    names = (name, f"hf-{shop.name}-bucket-1")
    started = ("inspect", "--format={{.Id}} {{.State.StartedAt}}", *names)
    shop.write({"compose.yaml": _BUILT, "tuned": "one"})
    shop.deploy()
    before = shop.docker(*started)
    assert "does not run" not in shop.holdfast("status").stdout
    shop.version(2)
    shop.deploy()
    assert shop.ask()["version"] == 2
    assert shop.docker(*started) == before
    shop.write({"tuned": "two"})
    plan = next(item["plan"] for item in shop.deploy() if item.get("event") == "plan.made")
    assert plan["warnings"][0].startswith("the service cache is started anew"), plan["warnings"]
    assert shop.docker("exec", name, "cat", "/tuned") == "two"
    shop.docker("image", "rm", "redis:8")

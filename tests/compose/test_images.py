"""What images are built of, and what builds leave behind on the server."""

from __future__ import annotations

import hashlib
import json
import re
import time

from tests.compose.projects import DOCKERFILE, Shop
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
systemd-run --unit=test-registry docker-registry serve /root/registry/config.yml
for n in $(seq 50); do curl -s -o /dev/null 127.0.0.1:5000 && break || sleep 0.2; done
docker tag python:3.13-slim-trixie 127.0.0.1:5000/base:1
echo only-for-you | docker login --username reader --password-stdin 127.0.0.1:5000
docker push -q 127.0.0.1:5000/base:1
docker logout 127.0.0.1:5000
docker image rm 127.0.0.1:5000/base:1
"""


def test_a_private_base_image(shop: Shop) -> None:
    """``docker login`` on the server lets its builds in; without it one error names the image."""
    shop.server.ssh("sh", "-c", _REGISTRY, timeout=300)
    try:
        private = DOCKERFILE.replace("python:3.13-slim-trixie", "127.0.0.1:5000/base:1")
        shop.write({"compose.yaml": _COMPOSE, "Dockerfile": private})
        done = shop.holdfast("deploy", "--domain", shop.host, check=False)
        assert done.returncode == 5, done.stdout + done.stderr
        assert "127.0.0.1:5000/base:1" in done.stderr
        assert "docker login" in done.stderr
        login = "echo only-for-you | docker login --username reader --password-stdin 127.0.0.1:5000"
        shop.server.ssh("sh", "-c", login)
        shop.deploy()
        assert shop.ask()["version"] == 1
    finally:
        shop.server.ssh("systemctl", "stop", "test-registry", check=False)


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

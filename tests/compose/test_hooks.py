"""``post_start`` and ``pre_stop``, which Compose has since 2.30."""

from __future__ import annotations

from tests.compose.projects import Shop

_COMPOSE = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    volumes: ["said:/said"]
    post_start:
      - command: ["sh", "-c", "echo web started >>/said/lines"]
    pre_stop:
      - command: ["sh", "-c", "echo web stops $${HOW} in $(pwd) >>/said/lines"]
        environment: [HOW=well]
        working_dir: /tmp
      - command: ["sh", "-c", "exit 3"]
  worker:
    build: .
    command: python worker.py
    volumes: ["said:/said"]
    pre_stop:
      - command: ["sh", "-c", "echo worker stops >>/said/lines"]
volumes:
  said:
"""


def test_hooks_run_before_a_container_is_stopped(shop: Shop) -> None:
    """Of web and worker, once each, while visitors come; an older Compose refuses them, which is
    told with its version before anything changes."""
    shop.write({"compose.yaml": _COMPOSE})
    version = shop.docker("compose", "version", "--short")
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < (2, 30):
        done = shop.holdfast("deploy", "--domain", shop.host, check=False)
        assert done.returncode == 5, done.stdout + done.stderr
        assert f"this server's Compose is {version}; " in done.stderr
        assert any(f"{name} is misspelt" in done.stderr for name in ("post_start", "pre_stop"))
        return
    shop.deploy()
    with shop.load() as seen:
        for number, strategy in ((2, "handover"), (3, "hold")):
            shop.version(number)
            shop.deploy("--strategy", strategy)
    assert set(seen) == {f"version {number}" for number in (1, 2, 3)}, seen
    lines = shop.holdfast("run", "--", "cat", "/said/lines").stdout.splitlines()
    assert sorted(lines) == sorted(
        ["web started"] * 3 + ["web stops well in /tmp"] * 2 + ["worker stops"] * 2
    )

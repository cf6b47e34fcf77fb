"""``post_start`` and ``pre_stop``, which Compose runs since 2.30."""

from __future__ import annotations

from collections import Counter

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
  cache:
    image: python:3.13-slim-trixie
    command: python -m http.server 6379
    volumes: ["said:/said"]
    stop_grace_period: 1s
    post_start:
      - command: ["sh", "-c", "echo cache started >>/said/lines"]
        user: root
volumes:
  said:
"""


def test_hooks_run_where_their_container_is(shop: Shop) -> None:
    """Of web, worker and what stays up, once each, while visitors come, with any Compose; one
    that fails when a release is started undoes it, and before a stop it stops nothing."""
    shop.write({"compose.yaml": _COMPOSE})
    shop.deploy()
    with shop.load() as seen:
        for number, strategy in ((2, "handover"), (3, "hold")):
            shop.version(number)
            shop.deploy("--strategy", strategy)
        shop.version(4)
        failing = _COMPOSE.replace("echo web started >>/said/lines", "echo too bad; exit 7")
        shop.write({"compose.yaml": failing})
        done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert done.returncode == 8, done.stdout + done.stderr
    assert "post_start of web ended with status 7" in done.stderr
    assert set(seen) == {f"version {number}" for number in (1, 2, 3)}, seen
    lines = shop.holdfast("run", "--", "cat", "/said/lines").stdout.splitlines()
    counted = Counter(line for line in lines if not line.startswith("web stops"))
    # The worker ended for the release that was undone as well, and went on after it.
    assert counted == {"web started": 3, "worker stops": 3, "cache started": 1}, lines
    assert lines.count("web stops well in /tmp") >= 2

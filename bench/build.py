"""One dependency of twenty added: an image built by us, beside the usual Dockerfile's.

A Flask app of some size (``bench/dependency.py`` has its packages), in Docker on a Debian 13
server. *Compose* is ``docker compose build`` with the Dockerfile that most projects have: the list
of requirements is copied, ``pip install --no-cache-dir -r``, then the rest. *Ours* is what
``holdfast plan`` builds (its step "Build the release"), of Dockerfiles with a cache mount, which
``holdfast check`` asks for: with uv and its lock file, with uv and the same list, with pip and the
same list. In every round another package is added, which no cache has yet. ``ratio_*`` say how many
times longer Compose took.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial

from bench.compose import server_with
from bench.dependency import ADDED, APP, REQUIREMENTS, UV
from bench.harness import BenchError, Results, alternate, check, middle, ratio, scratch
from tests.compose.projects import Shop
from tests.machines import inherit
from tests.machines.base_images import PYTHON

ROUNDS = 3

MORE = (ADDED, "XlsxWriter==3.2.0", "tabulate==0.9.0", "python-slugify==8.0.4", "docutils==0.21.2")
"""What is added, a round each; pure Python, below 1 MB."""

_UNCACHED = "RUN pip install --no-cache-dir -r requirements.txt"
_PIP = "RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt"
_UV = (
    "RUN --mount=type=cache,target=/root/.cache/uv uv pip install --system --break-system-packages"
    " --link-mode=copy -r requirements.txt"
)
_LOCKED = (
    "COPY pyproject.toml uv.lock ./\nRUN --mount=type=cache,target=/root/.cache/uv"
    " uv sync --locked --link-mode=copy"
)
_COMPOSE = "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"


def run(rounds: int) -> Results:
    """Each contender has its project, built before; a round adds one package to it."""
    if rounds >= len(MORE):
        raise BenchError(f"at most {len(MORE) - 1} rounds: each needs a package of its own")
    with server_with(PYTHON) as server, scratch() as home:
        ways = {"compose": _UNCACHED, "locked": _LOCKED, "uv": _UV, "pip": _PIP}
        shops = {name: Shop(server, home / name, name, _files(way)) for name, way in ways.items()}
        for name, shop in shops.items():
            _build(name, shop, "")
        added = {name: iter(MORE) for name in ways}
        contenders = {
            name: partial(lambda name: _build(name, shops[name], next(added[name])), name)
            for name in ways
        }
        times = alternate(rounds, contenders)
        named = _checked(shops["compose"])
    return {
        "ratio_vs_compose_build": ratio(times["compose"], times["locked"], 1),
        "ratio_with_uv_unlocked": ratio(times["compose"], times["uv"], 1),
        "ratio_with_pip": ratio(times["compose"], times["pip"], 1),
        "compose_build_s": middle(times["compose"]),
        "build_s": middle(times["locked"]),
        "build_with_uv_unlocked_s": middle(times["uv"]),
        "build_with_pip_s": middle(times["pip"]),
        "check_names_the_line": int(named),
    }


def _files(install: str) -> Mapping[str, str]:
    return {
        "compose.yaml": _COMPOSE,
        "Dockerfile": f"FROM {PYTHON.name}\n{_reaching()}WORKDIR /app\n"
        "RUN pip install --no-cache-dir uv\n"
        f"COPY requirements.txt .\n{install}\nCOPY . .\n"
        'CMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]\n',
        "app.py": APP.decode(),
    }


def _reaching() -> str:
    """What uv in the image needs to reach what pip in it reaches."""
    return "".join(f"ENV {name}={value}\n" for name, value in _variables().items())


def _variables() -> dict[str, str]:
    found = inherit.read()
    variables = {"SSL_CERT_FILE": inherit.BUNDLE, **dict(found.variables)}
    for line in found.pip.splitlines():
        if line.startswith("index-url = "):
            variables.setdefault("UV_DEFAULT_INDEX", line.partition(" = ")[2])
    return variables


def _build(name: str, shop: Shop, more: str) -> float:
    """Build it with one more package; seconds."""
    every = [*REQUIREMENTS, *filter(None, [more])]
    shop.write({"requirements.txt": "\n".join([*every, ""])})
    if name == "compose":
        return _compose_build(shop)
    if name == "locked":
        listed = "".join(f'  "{item}",\n' for item in every)
        head = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n'
        shop.write({"pyproject.toml": f"{head}dependencies = [\n{listed}]\n"})
        # The author does it, as they would with pip-compile: no part of a build.
        check([UV, "lock", "--quiet"], cwd=shop.directory, env={**os.environ, **_variables()})
    return _our_build(shop)


def _our_build(shop: Shop) -> float:
    """Build a release as a deploy does; the seconds of that step alone."""
    done = shop.holdfast("plan", "--domain", shop.host, "--json", timeout=900)
    for event in shop.events(done.stdout):
        if event.get("event") == "step.done" and event["step"] == "build":
            return float(event["seconds"])
    raise BenchError(f"no build among the events of holdfast plan: {done.stdout[-2000:]}")


def _compose_build(shop: Shop) -> float:
    """Send the same files and have plain Compose build them; seconds on the server."""
    place = f"/root/{shop.name}"
    shop.server.ssh("rm", "-rf", place)
    shop.server.put(shop.directory, place)
    began = time.monotonic()
    shop.server.ssh("sh", "-c", f"cd {place} && docker compose build", timeout=900)
    return time.monotonic() - began


def _checked(shop: Shop) -> bool:
    """Whether ``holdfast check`` says which line of the usual Dockerfile to change."""
    lines = (shop.directory / "Dockerfile").read_text().splitlines()
    wanted = f"Dockerfile, line {lines.index(_UNCACHED) + 1}: "
    return wanted in shop.holdfast("check", check=False).stdout

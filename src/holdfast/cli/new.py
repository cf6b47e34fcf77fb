"""``holdfast new``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError

KINDS = ("flask", "django", "fastapi", "one-file")
_WEB = {
    "flask": "gunicorn --bind 0.0.0.0:8000 'app:create_app()'",
    "django": "sh -c 'python manage.py migrate && gunicorn --bind 0.0.0.0:8000 config.wsgi'",
    "fastapi": "uvicorn --host 0.0.0.0 --port 8000 main:app",
    "one-file": "gunicorn --bind 0.0.0.0:8000 app:app",
}
_WORKER = {
    "flask": "python worker.py",
    "django": "python manage.py work",
    "fastapi": "python worker.py",
}
_SERVICE = """  worker:
    build: .
    command: {worker}
    environment: { DATABASE: /data/app.sqlite3 }
    env_file: [{ path: .env, required: false }]
    volumes: ["data:/data"]
    restart: unless-stopped
"""
_PART = re.compile(r"^--- (.+)\n", re.MULTILINE)


@verb(
    "new", "holdfast new flask", "holdfast new django shop", "holdfast new one-file hello --compose"
)
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("folder", default="", metavar="[FOLDER]")
@click.option("--compose", is_flag=True, help="Add a compose.yaml and a Dockerfile.")
@given
def command(invocation: Invocation, kind: str, folder: str, compose: bool) -> None:
    """Make a small app that deploys as it is: KIND is flask, django, fastapi or one-file.

    It has tests, a health path, a page with htmx, its settings from the environment and
    (but in one file) a worker. FOLDER must be new or empty; without it, the folder is
    called as the kind.
    """
    home = invocation.path(folder or kind)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(
            f"{home}: there is something there already; nothing was written",
            hint=f"holdfast new {kind} ANOTHER-FOLDER",
        )
    values = {"name": home.resolve().name}
    written = _write(home, kind, values)
    if compose:
        written += _write(home, "compose", _composed(kind))
    result = {"folder": str(home), "kind": kind, "files": written}
    told = [f"written: {len(written)} files in {home}", f"next: cd {home}"]
    invocation.answer(result, [*told, "      holdfast deploy --server local"])


def _composed(kind: str) -> dict[str, str]:
    """What the Compose file and the Dockerfile of a kind hold."""
    worker = _WORKER.get(kind)
    packages, listed = "-r requirements.txt", "COPY requirements.txt .\n"
    if kind == "one-file":
        packages, listed = "flask gunicorn", ""
    service = _SERVICE.replace("{worker}", worker) if worker else ""
    return {"web": _WEB[kind], "worker": service, "packages": packages, "list": listed}


def _write(home: Path, kind: str, values: Mapping[str, str]) -> list[str]:
    """Lay the starter's files down, ``{name}`` and the like filled in; their paths."""
    text = files("holdfast.cli").joinpath("starters", f"{kind}.txt").read_text(encoding="utf-8")
    _, *parts = _PART.split(text)
    for path, content in zip(parts[::2], parts[1::2], strict=True):
        target = home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        filled = content
        for name, value in values.items():
            filled = filled.replace(f"{{{name}}}", value)
        target.write_text(filled, encoding="utf-8")
    return parts[::2]

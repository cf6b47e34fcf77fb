"""An example, or a variant of one, run as its README says: environment, tests, server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.server.packages import UV_CACHE

UV = Path(sys.executable).with_name("uv")
BOOT = 90.0
"""Seconds that an app may take to answer, on a machine that is busy with other tests."""
COMMAND = 170.0
"""Seconds that one of its commands may take there."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an example is used.

    Attributes:
        install: arguments of ``uv pip install`` for its dependencies, those of its tests too.
        serve: its server, listening on ``SOCKET``.
        test: its own tests.
        migrate: brings its database up to date; empty if it has no migrations.
        prepare: what else a server needs once.
        test_env: variables for its own tests.
    """

    install: tuple[str, ...]
    serve: tuple[str, ...]
    test: tuple[str, ...]
    migrate: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    test_env: Mapping[str, str] = field(default_factory=dict)


def gunicorn(app: str) -> tuple[str, ...]:
    return ("gunicorn", "--graceful-timeout", "1", "--bind", "unix:SOCKET", app)


RECIPES = {
    "flask-notes": Recipe(
        install=("-r", "requirements-dev.txt"),
        serve=gunicorn("notes:create_app()"),
        test=("pytest", "-q"),
        migrate=("flask", "--app", "notes", "db", "upgrade"),
    ),
    "django-polls": Recipe(
        install=("-r", "requirements.txt"),
        serve=gunicorn("config.wsgi"),
        test=("python", "manage.py", "test"),
        migrate=("python", "manage.py", "migrate"),
        prepare=("python", "manage.py", "collectstatic", "--noinput"),
        test_env={"DEBUG": "1"},
    ),
    "one-file-flask": Recipe(
        install=("-r", "requirements.txt", "gunicorn"),
        serve=gunicorn("app:app"),
        test=("python", "-m", "unittest"),
    ),
    "one-file-django": Recipe(
        install=("-r", "requirements.txt", "gunicorn"),
        serve=gunicorn("guestbook:application"),
        test=("python", "-m", "unittest"),
        test_env={"DEBUG": "1"},
    ),
    "asgi-live": Recipe(
        install=("-r", "pyproject.toml", "--group", "dev"),
        serve=("uvicorn", "--uds", "SOCKET", "live.app:app"),
        test=("pytest", "-q"),
    ),
}

FREE_SETTINGS = ("DEBUG", "ALLOWED_HOSTS", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE")


class Project:
    """A source tree and an environment that it runs in."""

    def __init__(self, tree: Path, recipe: Recipe, environment: Path) -> None:
        self.tree = tree
        self.recipe = recipe
        self.environment = environment

    def run(
        self, argv: tuple[str, ...], env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command of the environment, in the tree; how it ends is for the caller to judge."""
        return subprocess.run(
            self._found(argv),
            cwd=self.tree,
            env=self._variables(env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND,
            check=False,
        )

    def must(self, argv: tuple[str, ...], env: Mapping[str, str] | None = None) -> None:
        done = self.run(argv, env)
        assert done.returncode == 0, f"{argv}\n{done.stdout}"

    def prepare(self) -> None:
        """What comes before a server is started."""
        for step in (self.recipe.prepare, self.recipe.migrate):
            if step:
                self.must(step)

    @contextmanager
    def started(self, path: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The server's process, which listens on ``path`` if all is well; ended afterwards."""
        argv = tuple(word.replace("SOCKET", str(path)) for word in self.recipe.serve)
        with self.running(argv, path.with_suffix(".log")) as process:
            yield process

    @contextmanager
    def running(self, argv: tuple[str, ...], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A command that does not end by itself; ended afterwards."""
        with log.open("wb") as stream:
            process = subprocess.Popen(
                self._found(argv),
                cwd=self.tree,
                env=self._variables({}),
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            _end(process)

    @contextmanager
    def serving(self, path: Path) -> Iterator[httpx.Client]:
        """A client of the running app."""
        with self.started(path) as process, client(path) as visitor:
            wait_until(lambda: answers(visitor) or process.poll() is not None)
            assert process.poll() is None, path.with_suffix(".log").read_text()
            yield visitor

    def _found(self, argv: tuple[str, ...] | list[str]) -> list[str]:
        return [str(self.environment / "bin" / argv[0]), *argv[1:]]

    def _variables(self, more: Mapping[str, str]) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name not in FREE_SETTINGS}
        path = f"{self.environment / 'bin'}:{os.environ['PATH']}"
        return {**ours, "PATH": path, "SECRET_KEY": "s" * 50, **more}


def client(path: Path) -> httpx.Client:
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost", timeout=BOOT
    )


def answers(visitor: httpx.Client) -> bool:
    try:
        return visitor.get("/").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(str(path))
        except OSError:
            return False
        return True


def wait_until(true: Callable[[], bool], seconds: float = BOOT) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.01)


def make_environment(path: Path, source: Path, install: tuple[str, ...]) -> Path:
    """A virtual environment with the dependencies of the project in ``source``."""
    made = subprocess.run(
        [UV, "venv", "--quiet", "--python", sys.executable, path], check=False, timeout=60
    )
    assert made.returncode == 0
    installed = uv_install(path, source, install)
    assert installed.returncode == 0, installed.stdout
    return path


def uv_install(
    environment: Path, source: Path, install: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", *install],
        cwd=source,
        env={**os.environ, "UV_CACHE_DIR": str(UV_CACHE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """TERM, a short grace, then KILL for all that it started."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

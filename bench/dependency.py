"""One dependency of twenty added: our build, pip into a new environment, us without a cache."""

from __future__ import annotations

import io
import itertools
import sys
import tarfile
import time
from pathlib import Path

from bench.harness import BenchError, Results, alternate, check, middle, ratio, scratch, seconds
from holdfast.environment import EnvStore
from holdfast.errors import HoldfastError
from holdfast.layout import Layout
from holdfast.releases.contract import Source
from holdfast.releases.store import Releases

ROUNDS = 3

UV = Path(sys.executable).with_name("uv")

ADDED = "openpyxl==3.1.5"
REQUIREMENTS = (
    "alembic==1.13.3",
    "beautifulsoup4==4.12.3",
    "celery==5.4.0",
    "Flask==3.0.3",
    "Flask-Login==0.6.3",
    "Flask-Migrate==4.0.7",
    "Flask-SQLAlchemy==3.1.1",
    "gunicorn==23.0.0",
    "httpx==0.27.2",
    "itsdangerous==2.2.0",
    "lxml==5.3.0",
    "Markdown==3.7",
    "numpy==2.1.2",
    "pandas==2.2.3",
    "Pillow==11.0.0",
    "pydantic==2.9.2",
    "redis==5.2.0",
    "requests==2.32.3",
    "SQLAlchemy==2.0.36",
)
"""What a Flask app of some size asks for; 53 packages with what these need."""

APP = b"from flask import Flask\n\napp = Flask(__name__)\n"


def run(rounds: int) -> Results:
    """Whole builds, from the archive to the finished release, each in a new app."""
    with scratch() as directory:
        python = _pip(directory)
        counter = itertools.count()
        shared = directory / "shared"
        _build(shared, "warm", [*REQUIREMENTS, ADDED])

        def ours() -> float:
            """The cache lacks the added package: it is downloaded, as in life."""
            app = f"app-{next(counter)}"
            _build(shared, app, REQUIREMENTS)
            _forget(shared, ADDED)
            return _build(shared, app, [*REQUIREMENTS, ADDED])

        def without_cache() -> float:
            return _build(directory / f"new-{next(counter)}", "app", [*REQUIREMENTS, ADDED])

        def pip() -> float:
            """pip's own cache holds everything; its time to install itself does not count."""
            return _pip_install(python, directory / f"pip-{next(counter)}")

        times = alternate(rounds, {"ours": ours, "pip": pip, "uncached": without_cache})
    return {
        "build_s": middle(times["ours"], 2),
        "ratio_vs_pip": ratio(times["ours"], times["pip"]),
        "ratio_vs_uncached": ratio(times["ours"], times["uncached"]),
    }


def _build(root: Path, app: str, requirements: list[str] | tuple[str, ...]) -> float:
    """Build a release of an app with these requirements under ``root``; seconds it took."""
    layout = Layout(root)
    place = layout.app(app)
    place.make()
    archive = _archive(place.incoming / "source.tar", requirements)
    started = time.perf_counter()
    try:
        Releases(place, layout).build(
            Source(archive, commit=None, dirty=False),
            {"app": {"name": app, "domains": [f"{app}.localhost"]}},
            EnvStore(place.env_file),
            lambda _: None,
            lambda: False,
        )
    except HoldfastError as error:
        raise BenchError(f"{error}\n{error.detail or ''}") from error
    return time.perf_counter() - started


def _archive(path: Path, requirements: list[str] | tuple[str, ...]) -> Path:
    files = {"app.py": APP, "requirements.txt": "\n".join([*requirements, ""]).encode()}
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def _forget(root: Path, requirement: str) -> None:
    """Take one package out of the shared cache."""
    cache = Layout(root).uv_cache
    check([UV, "cache", "clean", "--cache-dir", cache, requirement.partition("==")[0]])


def _pip(directory: Path) -> Path:
    """A Python with pip that installs into others (``pip --python``)."""
    check([UV, "venv", "--quiet", "--seed", "--python", sys.executable, directory / "pip"])
    return directory / "pip" / "bin" / "python"


def _pip_install(pip: Path, env: Path) -> float:
    requirements = env.with_suffix(".txt")
    requirements.write_text("\n".join([*REQUIREMENTS, ADDED, ""]))

    def work() -> None:
        check([sys.executable, "-m", "venv", "--without-pip", env])
        check(
            [pip, "-m", "pip", "--python", env, "install", "--quiet", "-r", requirements],
            timeout=600,
        )

    return seconds(work)

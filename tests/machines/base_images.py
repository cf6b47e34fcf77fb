"""Base images for Docker, made of Debian's packages: where tests run nothing can be pulled.

Each is a tar archive ``.cache/machines/bases/NAME-KEY.tar``, made once; ``docker import`` brings it
under the name that everybody's Dockerfile or Compose file has. The certificates and the settings
of pip are this machine's, as in every test server: builds in a container reach what it reaches.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.machines import inherit
from tests.machines.host import STATE, locked, run
from tests.machines.image import RELEASES, bootstrap, install, trust
from tests.machines.inherit import BUNDLE, Inheritance
from tests.machines.machine import Machine

_RECIPE = 1
_HERE = Path(__file__).parent / "entrypoints"
_PYTHON = ("python3", "python3-pip", "python3-venv", "ca-certificates")


@dataclass(frozen=True, slots=True)
class Base:
    """An image: its name, what Debian packages it has, and how it is started.

    ``changes`` are instructions of a Dockerfile, as ``docker import --change`` takes them.
    """

    name: str
    packages: tuple[str, ...]
    changes: tuple[str, ...]
    entrypoint: str = ""


PYTHON = Base("python:3.13-slim-trixie", _PYTHON, ('CMD ["python3"]',))
POSTGRES = Base(
    "postgres:17",
    ("postgresql-17",),
    (
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["postgres"]',
        "EXPOSE 5432",
        "ENV LANG=C.UTF-8",
        "ENV PGDATA=/var/lib/postgresql/data",
        "ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "VOLUME /var/lib/postgresql/data",
        "STOPSIGNAL SIGINT",
    ),
    "postgres.sh",
)
REDIS = Base(
    "redis:8",
    ("redis-server",),
    (
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["redis-server", "--bind", "*", "--protected-mode", "no"]',
        "EXPOSE 6379",
        "WORKDIR /data",
        "VOLUME /data",
    ),
    "redis.sh",
)


NGINX = Base(
    "nginx:1.26",
    ("nginx-light",),
    (
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["nginx", "-g", "daemon off;"]',
        "EXPOSE 80",
        "STOPSIGNAL SIGQUIT",
    ),
    "nginx.sh",
)


def load(machine: Machine, *bases: Base) -> None:
    """Bring base images into the Docker of a server that runs."""
    for base in bases:
        there = f"/root/{base.name.replace(':', '-')}.tar"
        here = machine.root / there.lstrip("/")
        shutil.copyfile(archive(base), here)
        changes = [word for change in base.changes for word in ("--change", change)]
        machine.ssh("docker", "import", *changes, there, base.name, timeout=300)
        here.unlink()


def archive(base: Base) -> Path:
    """The archive of a base image, made if need be; all but Python's are made out of Python's."""
    inheritance = inherit.read()
    below = None if base == PYTHON else archive(PYTHON)
    place = STATE / "bases" / f"{base.name.replace(':', '-')}-{_key(base, inheritance)}.tar"
    with locked(STATE / "bases" / "build.lock"):
        if not place.exists():
            for older in place.parent.glob(f"{place.name.rpartition('-')[0]}-*.tar"):
                older.unlink()
            _make(base, inheritance, place, below)
    return place


def _key(base: Base, inheritance: Inheritance) -> str:
    script = (_HERE / base.entrypoint).read_text() if base.entrypoint else ""
    recipe = json.dumps([_RECIPE, base.packages, script, asdict(inheritance)], sort_keys=True)
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _make(base: Base, inheritance: Inheritance, place: Path, below: Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent) as directory:
        root = Path(directory) / "root"
        if below is None:
            _python(root, inheritance)
        else:
            root.mkdir()
            run("tar", "-C", root, "--numeric-owner", "-xpf", below, timeout=300)
            install(root, *base.packages)
            entrypoint = root / "usr/local/bin/docker-entrypoint.sh"
            shutil.copy(_HERE / base.entrypoint, entrypoint)
            entrypoint.chmod(0o755)
        _slim(root)
        beside = place.with_suffix(".part")
        run("tar", "-C", root, "--numeric-owner", "-cf", beside, ".", timeout=300)
        beside.replace(place)


def _python(root: Path, inheritance: Inheritance) -> None:
    bootstrap(root, RELEASES["13"], _PYTHON, inheritance)
    trust(root, inheritance.certificates)
    pip = inheritance.pip or "[global]\n"
    (root / "etc/pip.conf").write_text(f"{pip}break-system-packages = true\ncert = {BUNDLE}\n")
    for name, target in (("python", "python3"), ("pip", "pip3")):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{target}")


def _slim(root: Path) -> None:
    run("chroot", root, "apt-get", "clean")
    for path in ("var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path).mkdir(exist_ok=True)

"""``examples/compose-shop`` on a server: deployed by us, or by plain ``docker compose up``."""

from __future__ import annotations

import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from demo.calls import calls
from load import Account, Load, Profile, account
from load.sites import Orders
from tests.compose.projects import Shop
from tests.machines.host import CHECKOUT, run
from tests.machines.machine import Machine

EXAMPLE = CHECKOUT / "examples" / "compose-shop"
PRODUCTION = """\
COMPOSE_PROFILES=postgres,redis,web,worker
POSTGRES_USER=shop
POSTGRES_PASSWORD=kept-on-the-server
SECRET_KEY=0a1b2c3d4e5f
"""
_LONGEST = 230.0
_RATE = 30.0


class Example(Shop):
    """A copy of the example and its app."""

    def __init__(self, server: Machine, directory: Path, name: str = "orders") -> None:
        super().__init__(server, directory, name, {})
        shutil.copytree(EXAMPLE, directory, dirs_exist_ok=True)
        self.production = directory.parent / "production"
        self.production.write_text(PRODUCTION)

    def version(self, number: int) -> None:
        self.write({"shop/version.py": f'VERSION = "{number}"\n'})

    def calls(self) -> Path:
        """A copy of the edge's access log, where :func:`demo.calls.calls` looks for it."""
        time.sleep(1.5)  # nginx writes it every second
        home = Path(tempfile.mkdtemp(dir=self.directory.parent))
        place = home / "edge" / "logs"
        place.mkdir(parents=True)
        log = f"/var/lib/holdfast/edge/logs/{self.name}.access.log"
        (place / f"{self.name}.access.log").write_text(self.server.ssh("cat", log).stdout)
        return home


class Visits:
    """What visitors saw; complete after the context of :func:`visited`."""

    def __init__(self) -> None:
        self.account: Account | None = None
        self.gap = 0.0

    @property
    def seen(self) -> Account:
        assert self.account is not None
        return self.account


@contextmanager
def visited(
    server: Machine, host: str, versions: Sequence[str], port: int = 80, shop: Shop | None = None
) -> Iterator[Visits]:
    """Orders and looks while inside, then the account of it.

    Args:
        shop: whose edge's log is looked at for the order of the calls.
    """
    profile = Profile(
        host, port, _RATE, seconds=_LONGEST, address=str(server.address), timeout=30.0
    )
    site, visits = Orders(), Visits()
    with Load(profile, site) as load:
        time.sleep(1)
        yield visits
        time.sleep(1)
    made = calls(shop.calls(), shop.name) if isinstance(shop, Example) else ()
    visits.account = account(load.run, versions, site.stored(profile), made)
    visits.gap = _gap([one.answered for one in load.run.records if not one.failed])


def _gap(moments: Sequence[float]) -> float:
    """The longest time without a good answer, in seconds."""
    ordered = sorted(moments)
    return max((then - now for now, then in pairwise(ordered)), default=0.0)


class Plain:
    """The same project as its author runs it on a server: ``docker compose up -d --build``."""

    HOME = "/root/plain"
    PORT = 8100

    def __init__(self, server: Machine, example: Example) -> None:
        self._server = server
        self._example = example

    def send(self) -> None:
        """Put the source there, with the variables as its ``.env``."""
        forward = f"WEB_FORWARD=0.0.0.0:{self.PORT}\n"
        self._example.write({".env": PRODUCTION + forward})
        archive = self._example.directory.parent / "plain.tar"
        run("tar", "-C", self._example.directory, "-cf", archive, ".", timeout=60)
        (self._example.directory / ".env").unlink()
        self._server.put(archive, "/root/plain.tar")
        script = f"mkdir -p {self.HOME} && tar -C {self.HOME} -xf /root/plain.tar"
        self._server.ssh("sh", "-c", script)

    def up(self) -> float:
        """Bring it up; seconds that took."""
        began = time.monotonic()
        script = f"cd {self.HOME} && docker compose up --detach --build"
        self._server.ssh("sh", "-c", script, timeout=300)
        return time.monotonic() - began

    def wait(self, patience: float = 60.0) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + patience
        url = f"http://{self._server.address}:{self.PORT}/up"
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "plain Compose does not answer"
                time.sleep(0.1)

    def down(self) -> None:
        script = f"cd {self.HOME} && docker compose down --volumes"
        self._server.ssh("sh", "-c", script, timeout=120, check=False)

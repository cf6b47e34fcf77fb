"""The servers of one test process, and the removal of what killed test runs left behind."""

from __future__ import annotations

import os
import random
import string
import sys
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.machines import container, disk, host, network
from tests.machines.host import STATE, HostError, locked, run
from tests.machines.image import DOCKER_KEEPS, image
from tests.machines.machine import Machine

_NAME_LETTERS = 5


class Bed:
    """A network and its servers, in a directory of their own.

    Whoever holds the lock on the directory owns it, and all that is named after it: bridge and
    nftables table, mounts, control groups, nspawn processes. The kernel gives the lock up when
    its holder dies, so what can be locked is left over (:func:`remove_leftovers`).
    """

    def __init__(self, state: Path = STATE) -> None:
        # Here, for tests and benches alike: whoever comes first on a machine.
        host.prepare()
        self._state = state
        self._open = ExitStack()
        self._images: dict[tuple[str, bool, bool], Path] = {}
        self._machines: list[Machine] = []
        with locked(state / "beds.lock"):
            # Root's alone: keys and settings of this machine lie in it.
            state.chmod(0o700)
            _remove_leftovers(state)
            self.directory = _new_directory(state / "beds")
            self._lock = self._open.enter_context((self.directory / "owner").open("w"))
            flock(self._lock, LOCK_EX | LOCK_NB)
            self._lock.write(f"{os.getpid()}\n")
            self._lock.flush()
        self._key = self.directory / "id_ed25519"
        try:
            with locked(state / "beds.lock"):
                self.network = network.create(self.directory.name)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test bed", "-f", self._key)
        except BaseException:
            self.close()  # nobody else can: there is no bed yet
            raise

    def machine(
        self,
        version: str,
        *,
        prepared: bool = False,
        docker: bool = False,
        plain: tuple[str, ...] = (),
        ipv6_only: bool = False,
    ) -> Machine:
        """A new server of Debian "12" or "13", switched off.

        The first one of a release on this machine takes a minute: its image is made.

        Args:
            prepared: with nginx, certbot and what else Holdfast needs on a server installed
                (:data:`tests.machines.image.PREPARED`), their services off; else as a provider
                hands a server out.
            docker: prepared, with Docker besides, which runs.
            plain: paths that lie on no overlay; see :meth:`Disk.add_plain`.
            ipv6_only: without an IPv4 address, as the cheapest of some providers; it reaches
                this machine and the other servers, and nothing outside.
        """
        wanted = (version, prepared, docker)
        if wanted not in self._images:
            made = image(version, self._state, prepared=prepared, docker=docker)
            self._images[wanted] = self._open.enter_context(made)
        number = len(self._machines) + 1
        directory = self.directory / str(number)
        directory.mkdir()
        if ipv6_only:
            network.speak_ipv6(self.network)
        machine = Machine(number, version, self.network, directory, self._key, ipv6_only=ipv6_only)
        machine.make(self._images[wanted], *plain, *((DOCKER_KEEPS,) if docker else ()))
        self._machines.append(machine)
        return machine

    def close(self) -> None:
        """Remove all of it, whatever state it is in."""
        for machine in self._machines:
            if machine.running:
                machine.crash()
        with locked(self._state / "beds.lock"):
            _dismantle(self.directory)
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _new_directory(beds: Path) -> Path:
    """A directory whose name can be an interface's: short, and no interface has it yet."""
    beds.mkdir(parents=True, exist_ok=True)
    while True:
        letters = random.choices(string.ascii_lowercase + string.digits, k=_NAME_LETTERS)
        directory = beds / f"hf{''.join(letters)}"
        if not directory.exists() and not (Path("/sys/class/net") / directory.name).exists():
            directory.mkdir()
            return directory


def remove_leftovers(state: Path = STATE) -> None:
    """Remove the beds of this checkout whose owners died."""
    with locked(state / "beds.lock"):
        _remove_leftovers(state)


def _remove_leftovers(state: Path) -> None:
    for directory in (state / "beds").glob("hf*"):
        with (directory / "owner").open("a") as owner:
            try:
                flock(owner, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue  # its owner lives
            try:
                _dismantle(directory)
            except HostError as error:
                # Somebody else's trouble must not fail this run, but be seen.
                print(f"left over in {directory.name}: {error}", file=sys.stderr)


def _dismantle(directory: Path) -> None:
    """Remove all that is named after a bed. Each part first whose absence the next one needs."""
    container.end(f"{directory.name}-*")
    network.remove(directory.name)
    disk.remove(directory)

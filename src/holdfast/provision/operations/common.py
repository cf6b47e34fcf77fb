"""What operations share. All of it is pure: facts in, actions out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

from holdfast.provision.facts import Facts
from holdfast.provision.model import Action, Chmod, Run, WriteFile

WRITTEN = "# Written by holdfast server setup; changed here, it is put back by the next one.\n"


def wants_file(facts: Facts, path: str, text: str, mode: int = 0o644) -> tuple[Action, ...]:
    """Nothing if the file is there, with this text and mode."""
    found = facts.files.get(path)
    if found is not None and (found.text, found.mode) == (text, mode):
        return ()
    return (WriteFile(path, text, mode),)


def wants_mode(facts: Facts, path: str, mode: int) -> tuple[Action, ...]:
    """Take rights away from what is there and has more than ``mode``; never give any."""
    found = facts.files.get(path)
    return (Chmod(path, found.mode & mode),) if found and found.mode & ~mode else ()


def wants_on(facts: Facts, *names: str) -> tuple[Action, ...]:
    """Units that start at boot, and have been started."""
    return tuple(
        Run(("systemctl", "enable", "--now", name)) for name in names if not on(facts, name)
    )


def on(facts: Facts, name: str) -> bool:
    unit = facts.units.get(name)
    return unit is not None and unit.enabled == "enabled" and unit.active == "active"


def template(name: str) -> str:
    """A file of ``provision/templates``; also out of an archive."""
    return (resources.files("holdfast.provision") / "templates" / name).read_text()


def lacking(facts: Facts, packages: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(packages) - set(facts.packages)))


def ports(given: Iterable[str], protocol: str) -> set[int]:
    """Those of ``8443/tcp`` that are of a protocol."""
    split = (item.split("/") for item in given)
    return {int(port) for port, kind in split if kind == protocol}

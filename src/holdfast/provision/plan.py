"""The whole of set-up: every operation in order, what cannot be, and the marker at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from holdfast import __version__
from holdfast.errors import HoldfastError
from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import MARKER, Look
from holdfast.provision.model import (
    REBOOT,
    Item,
    Phase,
    Run,
    Settings,
    State,
    WriteFile,
    settings_json,
)
from holdfast.provision.operations import (
    account,
    docker,
    firewall,
    kernel,
    logins,
    machine,
    packages,
    ssh_others,
    sshd,
    watch,
)

ROOT = "/var/lib/holdfast"
"""Where Holdfast's server side lives on a set-up server: ``layout.default_root`` of root."""

SYSTEMS = {"debian": (12, 13), "ubuntu": (24, 26)}

Operation = Callable[[Facts, Settings], Item]

OPERATIONS: tuple[Operation, ...] = (
    account.admin,
    packages.packages,
    packages.default_site,
    packages.updates,
    packages.restarts,
    packages.edge,
    packages.checksums,
    machine.clock,
    machine.swap,
    machine.journal,
    kernel.sysctl,
    kernel.modules,
    watch.devices,
    watch.accounting,
    logins.defs,
    logins.core_dumps,
    logins.shells,
    logins.banner,
    logins.permissions,
    firewall.firewall,
    sshd.sshd,
    account.only_root,
    account.root_password,
    watch.integrity,
)

_MODULES = (account, docker, firewall, kernel, logins, machine, packages, sshd, watch)


def look() -> Look:
    """What all operations want to see."""
    parts = [module.LOOK for module in _MODULES]
    return Look(
        packages=frozenset().union(*(part.packages for part in parts)),
        files=frozenset().union(*(part.files for part in parts)),
        modes=frozenset().union(*(part.modes for part in parts)),
        units=frozenset().union(*(part.units for part in parts)),
        sysctl=frozenset().union(*(part.sysctl for part in parts)),
    )


def plan(facts: Facts, settings: Settings) -> tuple[Item, ...]:
    """Every item; the marker last."""
    items = [operation(facts, settings) for operation in OPERATIONS]
    if settings.docker:
        # What can cut somebody off, and what proves that it has not, stay last.
        where = next(n for n, item in enumerate(items) if item.key == "firewall")
        items.insert(where, docker.docker(facts, settings))
    return (*items, marker(facts, settings))


def marker(facts: Facts, settings: Settings) -> Item:
    """``/etc/holdfast/server.json``; its time is filled in when it is written."""
    value = {**settings_json(settings), "holdfast": __version__, "root": ROOT}
    there = read_marker(facts.marker)
    before = {"docker": False, "matches": False, **(there or {})}
    same = there is not None and {k: v for k, v in before.items() if k != "set_up"} == value
    text = json.dumps(value, indent=1, sort_keys=True) + "\n"
    return Item(
        key="marker",
        title="Remember that this server is set up",
        why="from now on Holdfast logs in as the admin and works as root there",
        source=MARKER,
        actions=() if same else (Run(("mkdir", "-p", ROOT)), WriteFile(MARKER, text)),
        phase=Phase.PROVEN,
    )


def read_marker(text: str | None) -> dict[str, Any] | None:
    """The marker's values; ``None`` if there is none, or it is damaged."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def score(items: tuple[Item, ...]) -> int:
    """Percent of what can be had that is so already."""
    counted = [item for item in items if item.state is not State.SKIPPED]
    return 100 * sum(item.state is State.OK for item in counted) // len(counted)


def refuse(facts: Facts, settings: Settings) -> None:
    """Refuse a server that would be left worse than it is.

    Raises:
        HoldfastError: another system, or nobody could log in afterwards.
    """
    major = int("".join(facts.release.split(".")[:1]) or 0)
    if major not in SYSTEMS.get(facts.system, ()):
        raise HoldfastError(
            f"the server runs {facts.name or 'an unknown system'}",
            hint="server setup knows Debian 12 and 13 and Ubuntu 24.04; any other server can be"
            " deployed to as it is (docs/servers.md)",
        )
    if not facts.units:
        raise HoldfastError(
            "the server does not run systemd",
            hint="server setup needs it; a machine without it can be deployed to as it is"
            " (docs/servers.md)",
        )
    ssh_others.refuse(facts, settings)
    admin = facts.users.get(settings.admin)
    if not account.keys(facts) and not (admin and admin.keys):
        raise HoldfastError(
            f"{facts.login} has no key in its authorized_keys, and passwords are about to go",
            hint="put your key there first, then run this again: ssh-copy-id",
        )


def choose(given: Mapping[str, Any], facts: Facts) -> Settings:
    """What was asked for; else what was chosen before; else the defaults.

    An account of the provider's that already is an admin (debian, ubuntu) stays the admin.
    """
    before = read_marker(facts.marker) or {}
    default = facts.login if facts.login != "root" else "holdfast"
    opened = given.get("open")
    return Settings(
        admin=str(given.get("admin") or before.get("admin") or default),
        open=tuple(sorted(before.get("open", ()) if opened is None else opened)),
        reboot=str(given.get("reboot") or before.get("reboot") or REBOOT),
        docker=bool(given.get("docker") or before.get("docker")),
        matches=bool(before.get("matches") if given.get("matches") is None else given["matches"]),
    )

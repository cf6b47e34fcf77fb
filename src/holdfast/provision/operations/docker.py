"""Docker for Compose projects, where it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Action, Install, Item, Run, Settings, WriteFile
from holdfast.provision.operations.common import lacking, on

PACKAGES = {
    "debian": ("docker.io", "docker-cli", "docker-compose", "docker-buildx"),
    "ubuntu": ("docker.io", "docker-compose-v2", "docker-buildx"),
}
OWN = "docker-ce"
"""Docker's own package; where it is, nothing is installed beside it."""

DAEMON = "/etc/docker/daemon.json"
SERVICE = "docker.service"

LOOK = Look(
    packages=frozenset({OWN}).union(*PACKAGES.values()),
    files=frozenset({DAEMON}),
    units=frozenset({SERVICE}),
)


def docker(facts: Facts, settings: Settings) -> Item:
    """Engine, Compose 2 and BuildKit; containers go on while the daemon is away."""
    item = Item(
        key="docker",
        title="Docker with Compose and BuildKit, containers that outlive its daemon",
        why="Compose projects run in it; with live-restore an update of Docker stops no app",
        source="the distribution's signed packages; dockerd(8), live-restore",
    )
    if (facts.system, facts.release.split(".")[0]) == ("debian", "12"):
        note = "Debian 12 has no Compose 2; Docker's own packages have (docs.docker.com/engine)"
        return replace(item, note=note, skipped=OWN not in facts.packages)
    wanted = _daemon(facts.text(DAEMON))
    if wanted is None:
        return replace(item, note=f"{DAEMON} is no JSON object, and is left alone")
    own = OWN in facts.packages
    missing = () if own else lacking(facts, PACKAGES.get(facts.system, ()))
    actions: list[Action] = [Install(missing)] if missing else []
    if wanted:
        actions += [Run(("mkdir", "-p", "/etc/docker")), WriteFile(DAEMON, wanted)]
    if not on(facts, SERVICE):
        actions.append(Run(("systemctl", "enable", "--now", SERVICE)))
    elif wanted:
        actions.append(Run(("systemctl", "reload", SERVICE)))
    return replace(item, actions=tuple(actions))


def _daemon(text: str | None) -> str | None:
    """The daemon's settings as they ought to be; empty if they are, ``None`` if unreadable."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    if found.get("live-restore") is True:
        return ""
    return json.dumps({**found, "live-restore": True}, indent=1) + "\n"

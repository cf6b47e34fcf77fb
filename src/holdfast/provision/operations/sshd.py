"""The SSH server: keys alone, nobody as root, no weak cryptography."""

from __future__ import annotations

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.facts.ssh_lines import OURS
from holdfast.provision.model import Item, Phase, Run, Settings
from holdfast.provision.operations.common import WRITTEN, wants_file
from holdfast.provision.operations.ssh_others import contradictions, kept, shut_out
from holdfast.provision.operations.ssh_wanted import differences, differing, wanted

CONFIG = OURS

LOOK = Look(files=frozenset({CONFIG}), units=frozenset({"ssh.service", "ssh.socket"}))

_LONGEST = 48


def sshd(facts: Facts, settings: Settings) -> Item:
    values = wanted(facts)
    text = WRITTEN + "".join(f"{name} {value}\n" for name, value in values.items())
    actions = wants_file(facts, CONFIG, text, 0o600)
    if actions or differing(facts):
        actions = (
            *actions,
            Run(("sshd", "-t")),
            Run(("systemctl", _again(facts), "ssh.service")),
        )
    return Item(
        key="ssh",
        title="SSH: keys only, not as root, strong cryptography",
        why="passwords are guessed all day long on every address there is; what is recorded today"
        " must not be readable tomorrow",
        source="sshd_config(5); ssh-audit; lynis SSH-7408; CIS Debian 12 5.1",
        actions=actions,
        phase=Phase.GUARDED,
        differs=tuple(
            f"{name} is {_short(there)}{who}, not {_short(values[name])}"
            for name, there, who in differences(facts)
        ),
        manual=(*contradictions(facts, settings), *shut_out(facts, settings)),
        note="; ".join(kept(facts, settings)),
    )


def _again(facts: Facts) -> str:
    """How sshd takes up its settings; sessions live through both (KillMode=process).

    Where systemd holds its sockets (Ubuntu since 22.10) a reload would have sshd open them itself;
    connections that come while it is started anew wait in the socket.
    """
    socket = facts.units.get("ssh.socket")
    held = socket is not None and socket.active == "active"
    return "try-restart" if held else "try-reload-or-restart"


def _short(value: str) -> str:
    """Lists of algorithms are longer than a line."""
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"

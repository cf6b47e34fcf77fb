"""The SSH server: keys alone, nobody as root, no weak cryptography."""

from __future__ import annotations

from pathlib import Path

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.facts.ssh_lines import MAIN, OURS
from holdfast.provision.model import Item, Phase, Run, Settings
from holdfast.provision.operations.common import WRITTEN, wants_file

CONFIG = OURS

LOOK = Look(files=frozenset({CONFIG}), units=frozenset({"ssh.service", "ssh.socket"}))

_LOGIN = {
    "PermitRootLogin": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "PermitEmptyPasswords": "no",
    "PubkeyAuthentication": "yes",
    "LoginGraceTime": "30",
    "MaxStartups": "10:30:60",
}
_LESS = {
    "AllowAgentForwarding": "no",
    "AllowTcpForwarding": "local",
    "X11Forwarding": "no",
    "PermitTunnel": "no",
    "PermitUserEnvironment": "no",
    "Compression": "no",
    "TCPKeepAlive": "no",
    "ClientAliveInterval": "60",
    "ClientAliveCountMax": "2",
    "LogLevel": "VERBOSE",
}
"""MaxAuthTries and MaxSessions stay as they are: an agent with four keys would be locked out,
and one connection for a whole command needs more than two sessions."""

_KEX = ("mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com")
_CRYPTO = {
    "Ciphers": "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
    "aes256-ctr,aes192-ctr,aes128-ctr",
    "MACs": "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com",
    "HostKeyAlgorithms": "ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,"
    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,"
    "ssh-ed25519,sk-ssh-ed25519@openssh.com,rsa-sha2-512,rsa-sha2-256",
}

_LONGEST = 48


def wanted(facts: Facts) -> dict[str, str]:
    """The settings, with the key exchanges that this version knows.

    All of them resist somebody who records today and has a quantum computer later.
    """
    version = tuple(int(part) for part in facts.ssh_version.split(".") if part)
    known = _KEX if version >= (9, 9) else _KEX[2:] if version >= (8, 5) else ()
    return {**_LOGIN, **_LESS, **({"KexAlgorithms": ",".join(known)} if known else {}), **_CRYPTO}


def sshd(facts: Facts, settings: Settings) -> Item:
    values = wanted(facts)
    text = WRITTEN + "".join(f"{name} {value}\n" for name, value in values.items())
    actions = wants_file(facts, CONFIG, text, 0o600)
    if actions or differing(facts):
        actions = (
            *actions,
            Run(("sshd", "-t")),
            Run(("systemctl", "try-reload-or-restart", "ssh.service")),
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
            for name, there, who in _differing(facts)
        ),
        manual=contradictions(facts),
    )


def _short(value: str) -> str:
    """Lists of algorithms are longer than a line."""
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"


def differing(facts: Facts) -> list[str]:
    """What sshd would use otherwise than our file says, for the admin or for root: keywords."""
    return [name for name, _, _ in _differing(facts)]


def _differing(facts: Facts) -> list[tuple[str, str, str]]:
    """Keyword, value, and whom it is for, if not for everybody."""
    found = []
    for name, value in wanted(facts).items():
        there = facts.sshd.get(name.lower(), "")
        root = facts.sshd_root.get(name.lower(), there)
        if there.lower() != value.lower():
            found.append((name, there or "unset", ""))
        elif root.lower() != value.lower():
            found.append((name, root, " for root"))
    return found


def contradictions(facts: Facts) -> tuple[str, ...]:
    """The lines of other files that sshd follows in place of ours, each with its place.

    Those are what stands before ours and for everybody, and what a ``Match`` block says, wherever
    it stands: how one logs in for any block, as nobody can list whom it is for (``Match Address``),
    and the rest where sshd itself says that it holds for the admin or root.
    """
    lines, values = facts.ssh_lines, {name.lower(): v for name, v in wanted(facts).items()}
    if not lines:
        return ()
    ours = next((n for n, line in enumerate(lines) if line.path == OURS and not line.match), None)
    if ours is None:
        return (f"{MAIN}, which does not begin with: Include {Path(OURS).parent}/*.conf",)
    settled: set[str] = set()
    found = []
    for place, line in enumerate(lines):
        name = _ALIASES.get(line.keyword.lower(), line.keyword.lower())
        if line.path == OURS or name not in values:
            continue
        counts = _in_block(facts, name) if line.match else place < ours and name not in settled
        if counts and _plain(line.value) != _plain(values[name]):
            found.append(line)
        if not line.match:
            settled.add(name)
    return tuple(str(line) for line in found)


_ALIASES = {"challengeresponseauthentication": "kbdinteractiveauthentication"}
_WAYS_IN = (
    "permitrootlogin",
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "permitemptypasswords",
)
_TIME = {"s": 1, "m": 60, "h": 3600}


def _in_block(facts: Facts, name: str) -> bool:
    """Whether a block that says ``name`` matters: without our file all else differs anyway."""
    written = facts.text(CONFIG) is not None
    return name in _WAYS_IN or (written and name in [one.lower() for one in differing(facts)])


def _plain(value: str) -> str:
    """As ``sshd -T`` prints it: seconds for a time (sshd_config(5), TIME FORMATS), no capitals."""
    value = value.lower()
    number, unit = value[:-1], value[-1:]
    return str(int(number) * _TIME[unit]) if number.isdigit() and unit in _TIME else value

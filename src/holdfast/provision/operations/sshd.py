"""The SSH server: keys alone, nobody as root, no weak cryptography."""

from __future__ import annotations

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Item, Phase, Run, Settings
from holdfast.provision.operations.common import WRITTEN, wants_file

CONFIG = "/etc/ssh/sshd_config.d/00-holdfast.conf"
"""The first value of a keyword counts (sshd_config(5)): ours sorts before cloud-init's."""

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
            f"{name} is {_short(facts.sshd.get(name.lower(), 'unset'))}, not {_short(value)}"
            for name, value in values.items()
            if name.lower() in differing(facts)
        ),
    )


def _short(value: str) -> str:
    """Lists of algorithms are longer than a line."""
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"


def differing(facts: Facts) -> list[str]:
    """The keywords that sshd would use otherwise than our file says, in lower case."""
    return [
        name.lower()
        for name, value in wanted(facts).items()
        if facts.sshd.get(name.lower(), "").lower() != value.lower()
    ]

"""What set-up wants sshd to do, and what of it sshd does otherwise."""

from __future__ import annotations

from holdfast.provision.facts import Facts

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


def wanted(facts: Facts) -> dict[str, str]:
    """The settings, with the key exchanges that this version knows.

    All of them resist somebody who records today and has a quantum computer later.
    """
    version = tuple(int(part) for part in facts.ssh_version.split(".") if part)
    known = _KEX if version >= (9, 9) else _KEX[2:] if version >= (8, 5) else ()
    return {**_LOGIN, **_LESS, **({"KexAlgorithms": ",".join(known)} if known else {}), **_CRYPTO}


def differing(facts: Facts) -> list[str]:
    """What sshd would use otherwise than our file says, for the admin or for root: keywords."""
    return [name for name, _, _ in differences(facts)]


def differences(facts: Facts) -> list[tuple[str, str, str]]:
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

"""Why ssh failed, from what it printed.

ssh(1) tells its own failures by exit status 255 and nothing else, so its words are all
there is; they are the same in every language. What is not recognised is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from holdfast.errors import HoldfastError, TransportError
from holdfast.transport.ssh import known
from holdfast.transport.ssh.destination import Destination

FAILED = 255
"""ssh's own exit status when an error occurred."""

_CHANGED = re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED")
_OFFENDING = re.compile(r"Offending (?:\S+ )?key in (?P<file>.+):(?P<line>\d+)")
_FINGERPRINT = re.compile(r"^((?:SHA256|MD5):\S+?)\.?$", re.MULTILINE)
_MOST_LINES = 12


def failed(server: Destination, said: str) -> TransportError:
    """The error for a connection that did not come about."""
    if _CHANGED.search(said):
        return changed_key(server, said)
    for pattern, make in _KINDS:
        if found := re.search(pattern, said):
            return make(server, found, said)
    return TransportError(
        f"{server.name}: ssh failed", hint=f"see why: {server.typed} -v", detail=_end(said)
    )


def key_has_changed(said: str) -> bool:
    """Whether ssh warned of a changed host key (a configuration may tell it to go on)."""
    return _CHANGED.search(said) is not None


def changed_key(server: Destination, said: str) -> TransportError:
    """The server shows another host key than the one that is known."""
    known = _OFFENDING.search(said)
    shown = _FINGERPRINT.search(said)
    where = f"; the known one is in {known['file']}, line {known['line']}" if known else ""
    now = f", which is now {shown[1]}" if shown else ""
    remove = f"sed -i {known['line']}d {known['file']}" if known else f"ssh-keygen -R {server.host}"
    return TransportError(
        f"{server.name}: the server's host key has CHANGED{where}",
        hint="either the server was installed anew, or somebody stands between you and it.\n"
        f"Compare its key{now}, with what your provider's console shows"
        " (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub).\n"
        f"Only if they are the same, forget the old key: {remove}",
    )


def lost(server: Destination, said: str = "", *, deploying: bool = False) -> TransportError:
    """The error for a connection that ended in the middle.

    Args:
        deploying: a deploy was asked for; it does not depend on the connection.
    """
    return TransportError(
        f"{server.name}: the connection was lost",
        hint="a deploy that has begun goes on there: holdfast deploy --follow"
        if deploying
        else "whether the command was carried out is not known; run it again",
        detail=_end(said),
    )


def no_ssh() -> TransportError:
    return TransportError(
        "ssh is not installed on this machine", hint="install OpenSSH's client: openssh-client"
    )


def no_sudo_said(said: str) -> bool:
    """Whether sudo, or the shell in its place, refused: by the program's name, in any language."""
    return re.search(r"^(?:\S*sh: .*)?sudo: ", said, re.MULTILINE) is not None


def no_sudo(server: Destination, admin: str | None, said: str) -> TransportError:
    """The error for a login on a set-up server that may not become root."""
    user = server.written(admin) if admin else "the admin user that server setup made"
    return TransportError(
        f"{server.name}: this login may not use sudo without a password, and on a server that"
        " was set up Holdfast runs as root",
        hint=f"log in as {user}; for CI: holdfast server deploy-key add",
        detail=_end(said),
    )


Found = re.Match[str]
Make = Callable[[Destination, Found, str], TransportError]


def _unknown_key(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"{server.name}: its host key is not known here",
        hint=f"log in once and compare what is shown with the server's own: {server.typed}\n"
        "in CI: put the server's line into ~/.ssh/known_hosts",
    )


def _denied(server: Destination, found: Found, said: str) -> TransportError:
    ways = f" ({found['ways']})" if found["ways"] else ""
    return TransportError(
        f"{server.name}: permission denied{ways}",
        hint=f"{_admin(server)}the server takes none of your keys for this user: is your public key"
        " in its ~/.ssh/authorized_keys?\n"
        f"ssh-add -l lists the keys of your agent; {server.typed} -v shows which are tried",
    )


def _admin(server: Destination) -> str:
    """Whom to log in as on a server that was set up, where root is refused; a line, or nothing."""
    try:
        found = known.find(server.host, server.port)
    except HoldfastError:  # only this hint is lost
        found = None
    if found is not None and server.user not in (found.admin, "holdfast-deploy"):
        who = server.user or "your own user"
        return f"it was set up from here, and its admin is not {who}: {found.server}\n"
    if found is None and server.user == "root":
        there = server.written("holdfast")
        return (
            f"on a server that was set up nobody logs in as root; its admin, most often: {there}\n"
        )
    return ""


def _another_user(server: Destination, found: Found, said: str) -> TransportError:
    """What cloud-init puts before root's key (its module ssh, ``disable_root``)."""
    there = server.written(found["user"])
    return TransportError(
        f"{server.name}: the server lets nobody in as {server.user or 'this user'}",
        hint=f"its image has another user for that: {there}",
        detail=_end(said),
    )


def _no_name(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"{server.name}: no such host: {found[1]}",
        hint="is it spelled as in ~/.ssh/config or in DNS?",
    )


def _refused(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"{server.name}: connection refused",
        hint="the machine answers, but no SSH server does; another port, or still booting?",
    )


def _no_route(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"{server.name}: {found[0].lower()}",
        hint="is this machine online, and is the address right?",
    )


def _timeout(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"{server.name}: no answer in time",
        hint="is the server running, the address right, and SSH's port open in its firewall?",
    )


def _closed(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"{server.name}: the connection was closed before anybody could log in",
        hint="the server may be refusing us for too many tries, or be busy; wait a minute",
        detail=_end(said),
    )


def _config(server: Destination, found: Found, said: str) -> TransportError:
    return TransportError(
        f"ssh's configuration is wrong: {found[0]}", hint="correct it, and try with: ssh HOST"
    )


_KINDS: tuple[tuple[str, Make], ...] = (
    (r"Please login as the user \"(?P<user>[^\"\s]+)\"", _another_user),
    (r"Host key verification failed|No \S+ host key is known for", _unknown_key),
    (r"Permission denied(?: \((?P<ways>[^)]*)\))?", _denied),
    (r"(?P<ways>)Too many authentication failures", _denied),
    (r"Could not resolve hostname [^:]*: (.*)", _no_name),
    (r"Connection refused", _refused),
    (r"No route to host|Network is unreachable|Network is down|Host is down", _no_route),
    (r"timed out|Timeout, server", _timeout),
    (r"Bad configuration option.*|Bad owner or permissions on .*|line \d+: .*", _config),
    (r"Connection (?:closed|reset) by|kex_exchange_identification", _closed),
)


def _end(said: str) -> str | None:
    lines = [line for line in said.splitlines() if line.strip()]
    return "\n".join(lines[-_MOST_LINES:]) or None

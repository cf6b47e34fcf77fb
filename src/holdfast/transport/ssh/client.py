"""OpenSSH's client as commands; building them runs nothing.

The user's configuration counts as it is (ssh_config(5): "the first obtained value will be
used"): ours is a file that includes theirs and then says what they left unsaid. Options on
the command line are those that must hold whatever they say.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from holdfast.command import Command
from holdfast.records import record
from holdfast.transport.ssh.destination import Destination

_DEFAULTS = """\
Host *
    ConnectTimeout 10
    ServerAliveInterval 15
    ServerAliveCountMax 3
"""
"""Seconds. A connection that is cut without a word is noticed after 45."""

_ALWAYS = (
    "ClearAllForwardings=yes",  # forwardings of theirs would be opened again and again
    "RemoteCommand=none",
    "RequestTTY=no",
    "ControlPersist=no",
    "ForkAfterAuthentication=no",
    "StdinNull=no",
    "SessionType=default",
    "LogLevel=INFO",  # QUIET would keep the reason of a failure from us
)


@record
class Client:
    """How ``ssh`` is called for one server.

    Attributes:
        directory: private, short-lived: our configuration and the control socket.
        batch: nobody can be asked for a passphrase or about a host key.
    """

    destination: Destination
    directory: Path
    batch: bool

    @property
    def config(self) -> Path:
        return self.directory / "config"

    @property
    def control(self) -> Path:
        return self.directory / "c"

    def master(self, remote: Sequence[str]) -> tuple[str, ...]:
        """Opens the connection that the sessions share.

        The shell in front leaves Ctrl-C to us: ssh keeps a signal ignored that it finds
        ignored, and stays in the terminal's foreground, where it may ask for a passphrase.
        """
        ask = ("BatchMode=yes",) if self.batch else ()
        ssh = self._ssh(("ControlMaster=yes", *_ALWAYS, *ask), remote)
        return ("/bin/sh", "-c", "trap '' INT; exec \"$@\"", "ssh", *ssh)

    def session(self, remote: Sequence[str], *, timeout: float, stdin: bytes | None) -> Command:
        """Runs a command over the open connection, and never over another one.

        Without its socket ssh would connect anew; the proxy that does nothing prevents it.
        """
        options = ("ControlMaster=no", *_ALWAYS, "BatchMode=yes", "ProxyCommand=exit 1")
        argv = self._ssh(options, remote)
        return Command(argv, timeout=timeout, stdin=stdin, title=self.destination.name)

    def interactive(self, remote: Sequence[str], *, tty: bool) -> tuple[str, ...]:
        """Runs a command with our own standard streams, on a terminal there with ``tty``."""
        kept = [item for item in _ALWAYS if not item.startswith(("RequestTTY", "LogLevel"))]
        ours = ("LogLevel=ERROR", f"RequestTTY={'force' if tty else 'no'}")
        options = ("ControlMaster=no", *kept, *ours, "BatchMode=yes", "ProxyCommand=exit 1")
        return self._ssh(options, remote)

    def _ssh(self, options: Sequence[str], remote: Sequence[str]) -> tuple[str, ...]:
        given = (f"ControlPath={self.control}", *options)
        flags = [word for option in given for word in ("-o", option)]
        return ("ssh", "-F", str(self.config), *flags, *self.destination.argv, shlex.join(remote))


def config_text(chosen: Path | None) -> str:
    """Our configuration file.

    Args:
        chosen: takes the place of the user's and the system's own, as with ``ssh -F``.
    """
    included = [str(chosen)] if chosen else ["~/.ssh/config", "/etc/ssh/ssh_config"]
    lines = [f'Include "{path}"\n' for path in included]
    return "".join([*lines, _DEFAULTS])

"""What the server is asked first, by a script that needs nothing of ours there."""

from __future__ import annotations

import json

from holdfast.records import record

PROBE = """
s= a=
m=/etc/holdfast/server.json
if [ -n "${HOLDFAST_ROOT-}" ]; then r=$HOLDFAST_ROOT
elif [ -r $m ]; then
    r=$(sed -n 's/.*"root": *"\\([^"]*\\)".*/\\1/p' $m)
    a=$(sed -n 's/.*"admin": *"\\([^"]*\\)".*/\\1/p' $m)
    [ "$(id -u)" = 0 ] || s="sudo -n --"
elif [ "$(id -u)" = 0 ]; then r=/var/lib/holdfast
else r=${XDG_DATA_HOME:-$HOME/.local/share}/holdfast; fi
h=$(readlink "$r/agent/current" || $s readlink "$r/agent/current") || h=none
p=$r/agent/$h/bin/python
[ $h = none ] || [ -x "$p" ] || $s test -x "$p" || h=none
printf "\\nholdfast-server %s %s %s %s\\n" "$h" "${s:+sudo}:" "${a:--}" "$r"
read -r want
[ "$want" != "$h" ] || exec $s env HOLDFAST_ROOT="$r" "$p" -P -m holdfast.agent serve
exec cat >/dev/null
"""
"""Says which agent is installed, where, and how it is reached; then reads the hash of ours,
and becomes the agent if that is it.

The root is that of ``layout.default_root``, or what a set-up server's marker says; there
Holdfast's side runs as root. What stays ends with the connection: its input is closed then.
"""

NAME = "holdfast-probe"
"""The script's ``$0``: how the door of a deploy key knows it, which runs no script."""

SERVER = "holdfast-server "
DOOR = "holdfast-door "


@record
class There:
    """What the server says of itself.

    Attributes:
        root: Holdfast's directory.
        agent: the installed agent's hash, if it has one.
        sudo: it was set up, and this login is not root: everything goes through sudo.
        admin: the user that ``server setup`` made, if it did.
        door: the app that our key is for, if it is a deploy key; it takes requests alone.
        version: of the agent behind a door.
        protocol: likewise.
    """

    root: str
    agent: str | None
    sudo: bool = False
    admin: str | None = None
    door: str | None = None
    version: str = ""
    protocol: int = 0

    def elevated(self, *words: str) -> tuple[str, ...]:
        """The command as the user whom Holdfast's directory belongs to."""
        return ("sudo", "-n", "--", *words) if self.sudo else words

    def argv(self, *words: str) -> tuple[str, ...]:
        """What runs the agent; ``-P`` keeps the working directory off its path."""
        if self.door is not None:
            return ("holdfast-agent", *words)
        python = f"{self.root}/agent/{self.agent}/bin/python"
        root = f"HOLDFAST_ROOT={self.root}"
        return self.elevated("env", root, python, "-P", "-m", "holdfast.agent", *words)


def command() -> tuple[str, ...]:
    return ("/bin/sh", "-c", PROBE, NAME)


def greeting(line: str) -> There | None:
    """What a line of the probe's output says; ``None`` if it is somebody else's."""
    if line.startswith(DOOR):
        said = json.loads(line.removeprefix(DOOR))
        return There("", None, False, None, said["app"], said["version"], said["protocol"])
    if not line.startswith(SERVER):
        return None
    agent, how, admin, root = line.removeprefix(SERVER).split(" ", 3)
    return There(
        root,
        None if agent == "none" else agent,
        sudo=how == "sudo:",
        admin=None if admin == "-" else admin,
    )

"""Commands that stand in what is said: with the options that say which app is meant, and where.

Errors, notes and plans name the command that helps (``holdfast logs web``). Most are written on
the server, which does not know by what name it was reached, so the options that the user typed are
put in here, in one place: what stands there can be typed as it is.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from holdfast.records import record

VERBS = (
    "apps",
    "cert list",
    "cert renew",
    "check",
    "deploy",
    "destroy",
    "dev",
    "edge status",
    "env import",
    "env list",
    "env set",
    "env unset",
    "hold",
    "init",
    "logs",
    "maintenance",
    "open",
    "plan",
    "releases",
    "rollback",
    "run",
    "server deploy-key add",
    "server deploy-key list",
    "server deploy-key remove",
    "ssh",
    "status",
)
"""Those that take the options."""

_COMMAND = re.compile(rf"\bholdfast (?:{'|'.join(VERBS)})(?![\w-])(?P<rest>[^;,\n]*)")
_ALSO = {"--name": ("--name", "--app"), "--server": ("--server",)}


@record
class Typed:
    """The options of a command as it was typed; ``None`` if it was not."""

    server: str | None = None
    name: str | None = None
    overlay: str | None = None
    directory: Path = Path()

    def complete(self, text: str) -> str:
        """The text, each command in it with the options that it lacks."""
        said = {
            "--server": self.server,
            "--name": self.name,
            "--env": self.overlay,
            "-C": str(self.directory) if self.directory != Path() else None,
        }
        given = {name: value for name, value in said.items() if value is not None}
        return _COMMAND.sub(lambda found: _completed(found, given), text) if given else text


def _completed(found: re.Match[str], given: dict[str, str]) -> str:
    words = found["rest"].split()
    if "--server" in words:  # an example of its own, or complete already
        return found[0]
    lacking = [
        f"{name} {shlex.quote(value)}"
        for name, value in given.items()
        if not {*_ALSO.get(name, (name,))} & {*words}
    ]
    head = found[0].removesuffix(found["rest"]) if found["rest"] else found[0]
    return " ".join((head, *lacking)) + found["rest"]

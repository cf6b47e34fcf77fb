"""Ask a program of the server's."""

from __future__ import annotations

import shutil

from holdfast.command import Command
from holdfast.errors import CommandFailed
from holdfast.execute import run


def said(*argv: str, timeout: float = 60) -> str:
    """What a program prints; nothing if it is not there or does not know."""
    try:
        done = run(Command(argv, timeout=timeout, env={"LC_ALL": "C"}), check=False)
    except CommandFailed as error:
        if shutil.which(argv[0]) is None:
            return ""
        raise error
    return done.output if done.returncode == 0 or argv[:2] == ("sshd", "-V") else ""

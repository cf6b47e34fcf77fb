"""How servers of the app's end: sooner than they do by themselves, and as completely.

A gunicorn worker that has finished its last request takes the interpreter apart before it
goes: 0.3 to 0.6 s for a Flask app with SQLAlchemy, in a hold while visitors wait. The
configuration file in this package, which gunicorn reads beside the app's own, ends it as
CPython's ``multiprocessing`` ends its processes: threads joined, exit handlers run, buffers
flushed, and no more; and it has the master see that end within 5 ms, where it would sleep
0.1 s before and after. It lies in the release's directory, never in the app's own tree.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from holdfast.command import Secret
from holdfast.files import write_atomic

_FILE = "ending.py"
_VARIABLE = "GUNICORN_CMD_ARGS"


def write(release: Path) -> None:
    """Lay the file down in a release's directory."""
    write_atomic(release / _FILE, Path(__file__).with_name("gunicorn_conf.py").read_text())


def variables(release: Path, chosen: str | Secret) -> dict[str, str | Secret]:
    """What has gunicorn read the file; nothing for a release without one.

    Args:
        chosen: the ``GUNICORN_CMD_ARGS`` that the app has without it. A configuration file
            named there, or in the command itself, is the only one that gunicorn reads
            (gunicorn's documentation, "Configuration Overview"), and stays so.
    """
    path = release / _FILE
    plain = chosen.value if isinstance(chosen, Secret) else chosen
    if not path.exists() or _names_one(plain):
        return {}
    args = f"--config {shlex.quote(str(path))} {plain}".rstrip()
    return {_VARIABLE: Secret(args) if isinstance(chosen, Secret) else args}


def _names_one(args: str) -> bool:
    """Whether a configuration file is named; what cannot be read is left to gunicorn."""
    try:
        words = shlex.split(args)
    except ValueError:
        return True
    return any(re.match(r"-c|--conf", word) for word in words)

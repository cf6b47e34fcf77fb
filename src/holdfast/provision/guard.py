"""Settings that can lock their user out: put back by themselves unless somebody confirms.

Before the first of them is changed, what was there is saved and two things are arranged that
put it back: a timer, and a unit at boot, should the server lose its power meanwhile. Confirming
and putting back both begin by renaming one directory, which only one of them can (rename(2)).

::

    /etc/holdfast/undo/          what was there, and what was not
    /etc/holdfast/undoing/       the same, while it is being put back
    /etc/holdfast/put-back.sh    puts it back
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.command import Command
from holdfast.errors import HoldfastError
from holdfast.execute import run
from holdfast.files import write_atomic
from holdfast.provision.model import Item, RemoveFile, WriteFile

HOME = Path("/etc/holdfast")
UNDO = HOME / "undo"
SCRIPT = HOME / "put-back.sh"
UNIT = "holdfast-put-back.service"
UNIT_FILE = Path("/etc/systemd/system") / UNIT
TIMER = "holdfast-put-back-timer"

_UNIT = """\
[Unit]
Description=Put back settings of holdfast server setup that nobody confirmed
ConditionPathExists=/etc/holdfast/put-back.sh
Before=ssh.service ssh.socket

[Service]
Type=oneshot
ExecStart=/bin/sh /etc/holdfast/put-back.sh

[Install]
WantedBy=multi-user.target
"""

_HEAD = """\
#!/bin/sh
# Written by holdfast server setup: puts back what nobody confirmed.
cd /etc/holdfast || exit 1
mv undo undoing 2>/dev/null || [ -d undoing ] || exit 0
"""

_TAIL = """\
systemctl daemon-reload
nft delete table inet holdfast 2>/dev/null
if [ -f /etc/systemd/system/holdfast-firewall.service ]; then
    systemctl --no-block restart holdfast-firewall.service
else
    rm -f /etc/systemd/system/*.wants/holdfast-firewall.service
    systemctl --no-block stop holdfast-firewall.service 2>/dev/null
fi
if systemctl --quiet is-active ssh.socket; then
    systemctl --no-block try-restart ssh.service
else
    systemctl --no-block try-reload-or-restart ssh.service
fi
echo "holdfast: nobody confirmed the new SSH and firewall settings; the old ones are back"
rm -rf undoing put-back.sh /etc/systemd/system/holdfast-put-back.service \\
    /etc/systemd/system/multi-user.target.wants/holdfast-put-back.service
"""


def arm(
    items: Iterable[Item], seconds: float, also: Mapping[str, str | None] | None = None
) -> None:
    """Save what the items are about to change, and have it put back after so many seconds.

    Args:
        also: files that were changed before, and what is to be in them then; ``None``: they go.

    Raises:
        HoldfastError: it cannot be arranged; then nothing may be changed.
    """
    put_back()  # of an earlier run that nobody confirmed
    also = also or {}
    paths = sorted(_paths(items) | set(also))
    beside = HOME / "undo.new"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True, mode=0o700)
    HOME.chmod(0o755)
    for number, path in enumerate(paths):
        if path not in also:
            with suppress(FileNotFoundError):
                shutil.copy2(path, beside / str(number))
        elif (text := also[path]) is not None:
            write_atomic(beside / str(number), text, mode=0o440)
    write_atomic(SCRIPT, script(paths), mode=0o700)
    write_atomic(UNIT_FILE, _UNIT)
    beside.rename(UNDO)
    _run("systemctl", "daemon-reload")
    _run("systemctl", "enable", "--quiet", UNIT)
    start = ("systemctl", "start", UNIT)
    when = (f"--on-active={seconds:g}", "--timer-property=AccuracySec=1s")
    _run("systemd-run", "--quiet", f"--unit={TIMER}", "--collect", *when, *start)


def _paths(items: Iterable[Item]) -> set[str]:
    return {
        action.path
        for item in items
        for action in item.actions
        if isinstance(action, WriteFile | RemoveFile)
    }


def script(paths: list[str]) -> str:
    """What puts the files back: those that were there as they were, the others away."""
    lines = [
        f"if [ -e undoing/{number} ]; then cp -p undoing/{number} {shlex.quote(path)};"
        f" else rm -f {shlex.quote(path)}; fi\n"
        for number, path in enumerate(paths)
    ]
    return "".join([_HEAD, *lines, _TAIL])


def armed() -> bool:
    return UNDO.is_dir()


def put_back() -> bool:
    """Put back now what nobody confirmed; false if there was nothing."""
    if not SCRIPT.exists():
        return False
    _run("/bin/sh", str(SCRIPT))
    _disarm()
    return True


def confirm() -> None:
    """Keep the new settings.

    Raises:
        HoldfastError: too late, they have been put back.
    """
    confirmed = HOME / "undo.confirmed"
    shutil.rmtree(confirmed, ignore_errors=True)
    try:
        UNDO.rename(confirmed)
    except FileNotFoundError:
        raise HoldfastError(
            "the confirmation came too late: the old settings are back",
            hint="run the command again",
        ) from None
    _disarm()
    shutil.rmtree(confirmed)


def _disarm() -> None:
    run(Command(("systemctl", "stop", f"{TIMER}.timer"), timeout=30), check=False)
    run(Command(("systemctl", "disable", "--quiet", UNIT), timeout=30), check=False)
    SCRIPT.unlink(missing_ok=True)
    UNIT_FILE.unlink(missing_ok=True)
    _run("systemctl", "daemon-reload")


def _run(*argv: str) -> None:
    run(Command(argv, timeout=60, env={"LC_ALL": "C.UTF-8"}))

"""A person's command in a release (``holdfast run``), as a transient unit in an app's sandbox."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.files import write_atomic
from holdfast.runtimes import base
from holdfast.runtimes.contract import Environment, OneOff
from holdfast.runtimes.systemd import systemctl, units

_STOP_GRACE = 5.0
"""Seconds from TERM to KILL for what goes on when nobody waits for it any more."""

_BY_SIGNAL = 255
"""What systemd-run ends with where a signal ended the unit's main process."""

_OUTLIVED = "HUP INT QUIT PIPE ALRM TERM USR1 USR2"
"""Signals that end a command, and of which the shell around it must not end."""


@contextmanager
def sandboxed(
    sandbox: Sequence[units.Line],
    environment: Environment,
    argv: Sequence[str],
    *,
    directory: Path,
    where: Path,
    app: str,
    tty: bool,
) -> Iterator[OneOff]:
    """See the contract.

    What is run, and its variables, are in a file for root alone, which systemd hands over as a
    credential: a unit's properties can be read by everybody.

    Args:
        sandbox: the lines that an app's unit has.
        directory: for that file.
        where: the command's working directory.
    """
    name = f"{app}-{secrets.token_hex(4)}"
    unit, file = f"holdfast-run-{name}.service", directory / f"run-{name}.env"
    write_atomic(file, _script(environment, argv, where), mode=0o600)
    last = file.with_suffix(".ended")
    try:
        command = _transient(unit, file, sandbox, last, tty=tty)
        yield OneOff(command, _variables(), Path("/"), lambda status: _ended(status, last))
    finally:
        if systemctl.show([unit])[unit]["ActiveState"] not in systemctl.ENDED:
            systemctl.call("stop", unit, timeout=_STOP_GRACE + systemctl.LOOKING)
        file.unlink(missing_ok=True)
        last.unlink(missing_ok=True)


def _ended(status: int, last: Path) -> int:
    """As a shell says it, where a signal ended the unit's shell as well: KILL to the whole group.

    systemd-run then says 255, whichever signal it was (run.c, EXIT_EXCEPTION).
    """
    if status != _BY_SIGNAL:
        return status
    try:
        how, name = last.read_text().split()
        return 128 + signal.Signals[f"SIG{name}"] if how in ("killed", "dumped") else status
    except (OSError, ValueError, KeyError):
        return status


def _script(environment: Environment, argv: Sequence[str], where: Path) -> str:
    """Shell text; the shell stays, so that it can say which signal ended the command.

    It outlives one that all of the terminal's processes get, as by Ctrl-C: a unit whose main
    process HUP, INT, PIPE or TERM has ended counts as one that ended well (systemd.service(5),
    SuccessExitStatus=). What a shell traps is not trapped in the command (POSIX, trap).
    """
    return (
        f"trap : {_OUTLIVED}\n"
        f"{base.exports(environment)}unset CREDENTIALS_DIRECTORY\n"
        f"cd {shlex.quote(str(where))} || exit 111\n/usr/bin/env -- {shlex.join(argv)}\nexit $?\n"
    )


def _transient(
    unit: str, file: Path, sandbox: Sequence[units.Line], last: Path, *, tty: bool
) -> tuple[str, ...]:
    # With root's rights and outside of the sandbox (systemd.service(5), "+").
    told = f"umask 077; echo $EXIT_CODE $EXIT_STATUS > {shlex.quote(str(last))}"
    lines = (
        ("ExecStopPost", f"+/bin/sh -c {shlex.quote(told)}"),
        ("LoadCredential", f"{units.CREDENTIAL}:{file}"),
        ("TimeoutStopSec", f"{_STOP_GRACE:g}s"),
        # A command in a pipe ends when nobody reads it: a person's is not told otherwise.
        ("IgnoreSIGPIPE", "no"),
        *sandbox,
    )
    return (
        *("systemd-run", f"--unit={unit}", "--quiet", "--collect", "--wait", "--no-ask-password"),
        *("--service-type=exec", "--pty" if tty else "--pipe"),
        *(f"--property={name}={value}" for name, value in lines),
        *("/bin/sh", "-c", f'. "$CREDENTIALS_DIRECTORY"/{units.CREDENTIAL}'),
    )


def _variables() -> dict[str, str]:
    """Those of systemd-run itself; it hands the terminal's kind on.

    Since 256 it would give the terminal a title of its own, with the unit's command line
    (systemd's docs/ENVIRONMENT.md; an older one does not know the variable).
    """
    kept = {name: os.environ[name] for name in ("TERM",) if name in os.environ}
    untitled = {"SYSTEMD_ADJUST_TERMINAL_TITLE": "0"}
    return {"PATH": base.SYSTEM_PATH, "LANG": "C.UTF-8", **untitled, **kept}

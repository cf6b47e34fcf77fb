"""A person's command in a release (``holdfast run``), as a transient unit in an app's sandbox."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.files import write_atomic
from holdfast.runtimes import base
from holdfast.runtimes.contract import Environment, OneOff
from holdfast.runtimes.systemd import systemctl, units

_STOP_GRACE = 5.0
"""Seconds from TERM to KILL for what goes on when nobody waits for it any more."""


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
    try:
        yield OneOff(_transient(unit, file, sandbox, tty=tty), _variables(), Path("/"))
    finally:
        if systemctl.show([unit])[unit]["ActiveState"] not in ("inactive", "failed"):
            systemctl.call("stop", unit, timeout=_STOP_GRACE + systemctl.LOOKING)
        file.unlink(missing_ok=True)


def _script(environment: Environment, argv: Sequence[str], where: Path) -> str:
    """Shell text; the shell stays, so that it can say which signal ended the command."""
    return (
        f"{base.exports(environment)}unset CREDENTIALS_DIRECTORY\n"
        f"cd {shlex.quote(str(where))} || exit 111\n/usr/bin/env -- {shlex.join(argv)}\nexit $?\n"
    )


def _transient(
    unit: str, file: Path, sandbox: Sequence[units.Line], *, tty: bool
) -> tuple[str, ...]:
    lines = (
        ("LoadCredential", f"{units.CREDENTIAL}:{file}"),
        ("TimeoutStopSec", f"{_STOP_GRACE:g}s"),
        *sandbox,
    )
    return (
        *("systemd-run", f"--unit={unit}", "--quiet", "--collect", "--wait", "--no-ask-password"),
        *("--service-type=exec", "--pty" if tty else "--pipe"),
        *(f"--property={name}={value}" for name, value in lines),
        *("/bin/sh", "-c", f'. "$CREDENTIALS_DIRECTORY"/{units.CREDENTIAL}'),
    )


def _variables() -> dict[str, str]:
    """Those of systemd-run itself; it hands the terminal's kind on."""
    kept = {name: os.environ[name] for name in ("TERM",) if name in os.environ}
    return {"PATH": base.SYSTEM_PATH, "LANG": "C.UTF-8", **kept}

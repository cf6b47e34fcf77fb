"""A one-off command in a release's environment, on our own standard streams."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence

from holdfast.agent.deploys import known
from holdfast.agent.machine import open_machine
from holdfast.errors import CommandFailed, NotFound
from holdfast.layout import Layout


def exec_command(layout: Layout, app: str, argv: Sequence[str], *, tty: bool) -> int:
    """Run ``argv`` in the app's current release; it has the terminal until it ends.

    Args:
        tty: whether a person sits at it (their Ctrl-C is the command's then, not ours).

    Returns:
        its exit status; 128 plus the signal's number if a signal ended it, as a shell says.

    Raises:
        NotFound: no such app, or it has no release yet.
    """
    machine = open_machine(layout)
    release = machine.releases(known(machine, app)).current()
    if release is None:
        raise NotFound(f"{app} has no release yet", hint="holdfast deploy makes one")
    environment = machine.environment(release)
    machine.journal.close()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with machine.runtime.one_off(release, environment, argv, tty=tty) as how:
            process = subprocess.Popen(
                how.argv,
                cwd=how.cwd,
                env=how.env,
                # No thread of ours runs here, and an ignored signal would stay ignored there.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
            status = how.ended(process.wait())
    except OSError as error:
        raise CommandFailed(
            f"{argv[0]}: cannot be run in {app}: {error.strerror}", returncode=None, output=""
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)
    return status if status >= 0 else 128 - status

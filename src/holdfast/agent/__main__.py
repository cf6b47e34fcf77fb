"""What others start: the engine of an app, one request, one command.

::

    python -m holdfast.agent run APP                        by a supervisor, for each app
    python -m holdfast.agent boot                           by systemd, at boot
    python -m holdfast.agent edge-before-start              by systemd, before nginx is started
    python -m holdfast.agent tls                            by a timer: certificates, updates, logs
    python -m holdfast.agent serve                          over SSH, for each request
    python -m holdfast.agent door APP [host]                by sshd, for a deploy key
    python -m holdfast.agent exec [--tty] APP TOKEN         over SSH, for holdfast run
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import chain

from holdfast.errors import Busy, HoldfastError
from holdfast.layout import Layout, default_root


def main(argv: list[str]) -> int:
    """Do one of them; the root comes from ``HOLDFAST_ROOT``.

    Returns:
        the exit status; of ``run`` it is 0 when there is nothing left to do, so that the
        supervisor leaves it at that.
    """
    match argv:
        case ["run", app]:
            return _told(lambda: _run(app))
        case [("boot" | "edge-before-start" | "tls") as word]:
            return _told({"boot": _boot, "edge-before-start": _before_start, "tls": _tls}[word])
        case ["serve"]:
            from holdfast.agent.serve import serve

            return serve()
        case ["door", app, *more] if more in ([], ["host"]):
            from holdfast.agent.door import door

            return door(app, host=bool(more))
        case ["exec", "--tty", app, token]:
            return _told(lambda: _exec(app, token, tty=True))
        case ["exec", app, token]:
            return _told(lambda: _exec(app, token, tty=False))
        case _:
            print((__doc__ or "").strip(), file=sys.stderr)
            return 2


def _run(app: str) -> int:
    from holdfast.agent.machine import open_machine
    from holdfast.agent.run import run_app

    try:
        run_app(open_machine(Layout(default_root())), app)
    except Busy:
        return 0
    return 0


def _boot() -> int:
    from holdfast.agent.boot import after_boot

    after_boot(Layout(default_root()))
    return 0


def _before_start() -> int:
    from holdfast.edge.client import Edge

    Edge(Layout(default_root()), under_systemd=True).before_start()
    return 0


def _tls() -> int:
    from holdfast.agent.certs import tend
    from holdfast.agent.machine import open_machine
    from holdfast.agent.updates import limit_logs, update_edge

    machine = open_machine(Layout(default_root()), make=False)
    for line in chain(limit_logs(machine), update_edge(machine), tend(machine)):
        print(line, flush=True)
    machine.journal.close()
    return 0


def _exec(app: str, token: str, *, tty: bool) -> int:
    from holdfast.agent.exec import exec_command
    from holdfast.agent.handed import take

    layout = Layout(default_root())
    return exec_command(layout, app, take(layout.app(app), token), tty=tty)


def _told(work: Callable[[], int]) -> int:
    try:
        return work()
    except HoldfastError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    gc.set_threshold(50_000)  # for what it saves see holdfast.__main__
    sys.exit(main(sys.argv[1:]))

"""``python -m holdfast.agent run APP``: what a supervisor starts for each app."""

from __future__ import annotations

import sys

from holdfast.agent.machine import open_machine
from holdfast.agent.run import run_app
from holdfast.errors import Busy, HoldfastError
from holdfast.layout import Layout, default_root


def main(argv: list[str]) -> int:
    """Run one app's engine; the root comes from ``HOLDFAST_ROOT``.

    Returns:
        0 when there is nothing left to do, so that the supervisor leaves it at that.
    """
    match argv:
        case ["run", app]:
            try:
                run_app(open_machine(Layout(default_root())), app)
            except Busy:
                return 0
            except HoldfastError as error:
                print(f"error: {error.message}", file=sys.stderr)
                return error.exit_code
            return 0
        case _:
            print("usage: python -m holdfast.agent run APP", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command ``holdfast``, and the one place where an error becomes text and an exit code.

Exit codes: 0; those of :mod:`holdfast.errors`; 70 for a fault of ours (``EX_SOFTWARE`` of
sysexits.h); 128 + the signal's number where a signal ended us: 130 after Ctrl-C, 141 when
nobody reads our output any more.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.cli.invocation import Connect

INTERNAL_ERROR = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

_RARELY = 50_000
"""Objects made between two looks for garbage; 700 is Python's own."""


def main(argv: Sequence[str] | None = None, connect: Connect | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; ``None`` for our own.
        connect: how a server is reached, for tests; ``None`` for the real ways.

    Returns:
        the exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments, connect)
        sys.stdout.flush()
    except HoldfastError as error:
        _tell(error, arguments)
        return error.exit_code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _stop_writing()
        return BROKEN_PIPE
    except Exception as error:
        return _tell_fault(error, arguments)
    return code


def _run(arguments: list[str], connect: Connect | None) -> int:
    from holdfast.cli.root import run

    return run(arguments, connect)


def _before_dashes(arguments: list[str]) -> list[str]:
    """Our own arguments, less those of a command that ``run`` is given."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _tell(error: HoldfastError, arguments: list[str]) -> None:
    """Say it: as text on standard error, or as one JSON line on standard output.

    The arguments are asked, not the parsed options: they may be what is wrong.
    """
    try:
        if "--json" in _before_dashes(arguments):
            import json

            print(json.dumps({"error": as_json(error)}), flush=True)
        else:
            print(as_text(error, sys.stderr.isatty()), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _stop_writing()


def as_json(error: HoldfastError) -> dict[str, object]:
    """The error as the protocol has it, and its exit code."""
    from holdfast.protocol import error_to_json

    return {**error_to_json(error), "exit_code": error.exit_code}


def as_text(error: HoldfastError, color: bool = False) -> str:
    """``error: …``, the detail indented, ``hint: …``."""
    red, dim, plain = (
        ("\x1b[1;31m", "\x1b[2m", "\x1b[0m")
        if color and not os.environ.get("NO_COLOR")
        else ("", "", "")
    )
    lines = [f"{red}error:{plain} {error.message}"]
    lines += [f"{dim}  {line}{plain}" for line in (error.detail or "").rstrip().splitlines()]
    if error.hint:
        first, *rest = error.hint.splitlines()
        lines += [f"hint: {first}", *(f"      {line}" for line in rest)]
    return "\n".join(lines)


def _tell_fault(error: Exception, arguments: list[str]) -> int:
    """An exception that nobody planned for is a fault of ours: keep what shows where."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    if "--debug" in _before_dashes(arguments) or os.environ.get("HOLDFAST_DEBUG") == "1":
        print(trace, end="", file=sys.stderr)
    fault = HoldfastError(
        f"Holdfast has a fault: {type(error).__name__}: {error}",
        hint=f"please report it with {_keep(trace)}",
    )
    fault.exit_code = INTERNAL_ERROR
    _tell(fault, arguments)
    return INTERNAL_ERROR


def _keep(trace: str) -> str:
    """Write the traceback to a file that only its owner can read; return its path."""
    import tempfile

    try:
        descriptor, path = tempfile.mkstemp(prefix="holdfast-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w") as stream:
            stream.write(trace)
    except OSError:
        return "the output of the same command with --debug"
    return path


def _stop_writing() -> None:
    """Nobody reads: let Python's flush at exit go nowhere (docs.python.org, library/signal)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def command() -> int:
    """The program ``holdfast``: :func:`main`, and no time for garbage that its end takes away.

    Python looks for garbage a dozen times while a command is imported and once more when it
    ends: 45 of the 160 ms of processor time that the parts of a deploy take here (measured).
    """
    gc.set_threshold(_RARELY)
    try:
        return main()
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(command())

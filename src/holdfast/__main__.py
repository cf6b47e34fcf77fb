"""The command ``holdfast``, and the one place where an error becomes text and an exit code.

Exit codes: 0; those of :mod:`holdfast.errors`; 70 for a fault of ours (``EX_SOFTWARE`` of
sysexits.h); 128 + the signal's number where a signal ended us: 130 after Ctrl-C, 141 when
nobody reads our output any more.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" or sys.argv[0].endswith("/holdfast"):
    # Ctrl-C while the rest is imported ends the program, and no traceback shows where it came;
    # `command` gives it back its meaning. Who imports us for `main` keeps their own. This is
    # what the module `signal` is made of, which imports five others first: 5 ms.
    _early = __import__("_signal")
    if _early.getsignal(_early.SIGINT) is _early.default_int_handler:
        _early.signal(_early.SIGINT, _early.SIG_DFL)

import gc
import io
import os
import signal
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, TextIO

from holdfast.errors import HoldfastError, Interrupted

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
    except KeyboardInterrupt as pressed:
        return _tell_interrupted(str(pressed), arguments)
    except BrokenPipeError:
        _stop_writing(sys.stdout)
        return BROKEN_PIPE
    except OSError as error:
        return _tell_refusal(error, arguments)
    except Exception as error:
        if (behind := _ctrl_c_behind(error)) is not None:
            return _tell_interrupted(str(behind), arguments)
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
        if _wants_json(arguments):
            import json

            print(json.dumps({"error": as_json(error)}), flush=True)
            return
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing(sys.stdout)
        if _wants_json(arguments):
            return
    except (OSError, HoldfastError):  # what could not be written is still in its buffer
        _stop_writing(sys.stdout)
    _tell_person(as_text(error, sys.stderr.isatty()))


def _wants_json(arguments: list[str]) -> bool:
    return "--json" in _before_dashes(arguments)


def _tell_person(text: str) -> None:
    """On standard error; where that cannot be written either, nobody is to be told."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _stop_writing(sys.stderr)


def _tell_interrupted(text: str, arguments: list[str]) -> int:
    """After Ctrl-C: a program's last line is the error; a person knows, and gets a new line."""
    if _wants_json(arguments):
        _tell(Interrupted(text or "Ctrl-C ended the command"), arguments)
    else:
        _tell_person(f"\n{text}" if text else "")
    return INTERRUPTED


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


def _ctrl_c_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """Ctrl-C that came out as another exception: what it fell into could not end cleanly.

    A class that is being made says RuntimeError of it (Python 3.11), a lock likewise.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _tell_fault(error: Exception, arguments: list[str]) -> int:
    """An exception that nobody planned for is a fault of ours: keep what shows where."""
    trace = _trace(error, arguments)
    fault = HoldfastError(
        f"Holdfast has a fault: {type(error).__name__}: {error}",
        hint=f"please report it with {_keep(trace)}",
    )
    fault.exit_code = INTERNAL_ERROR
    _tell(fault, arguments)
    return INTERNAL_ERROR


def _tell_refusal(error: OSError, arguments: list[str]) -> int:
    """What the system refused: a file, or else something that is a fault of ours."""
    from holdfast.files import refused
    from holdfast.layout import default_root

    told = refused(error, default_root())
    if told is None:
        return _tell_fault(error, arguments)
    trace = _trace(error, arguments)
    if told.hint is None:
        told.hint = f"unless that explains it, please report it with {_keep(trace)}"
    _tell(told, arguments)
    return told.exit_code


def _trace(error: Exception, arguments: list[str]) -> str:
    """The traceback; shown to whoever asks for it."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    if "--debug" in _before_dashes(arguments) or os.environ.get("HOLDFAST_DEBUG") == "1":
        _tell_person(trace.rstrip("\n"))
    return trace


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


def _stop_writing(stream: IO[str]) -> None:
    """Nobody reads: let Python's flush at exit go nowhere (docs.python.org, library/signal)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_streams() -> None:
    """A standard stream that was closed is one that nobody reads, or nothing comes from.

    Python has ``None`` for it, and the first file that is opened takes its number: what is
    printed, also by a program that we start, would go into our database.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number is it
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


class _Output(io.FileIO):
    """Standard output, which tells what it cannot take from what a file cannot.

    Both are an ``OSError`` without a name, and a full disk has other remedies than a full
    output; ours are read as what they say wherever they come out.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise HoldfastError(f"standard output cannot be written: {error.strerror}") from error


def _output(given: TextIO) -> TextIO:
    """Standard output again, over :class:`_Output`."""
    unbuffered = getattr(given, "write_through", False)  # PYTHONUNBUFFERED
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(given.fileno(), "w", closefd=False)),
        encoding=given.encoding,
        errors=given.errors,
        line_buffering=given.isatty() or unbuffered,
    )


def command() -> int:
    """The program ``holdfast``: :func:`main`, and what holds for the whole process.

    Python looks for garbage a dozen times while a command is imported and once more when it
    ends: 45 of the 160 ms of processor time that the parts of a deploy take here (measured).
    """
    gc.set_threshold(_RARELY)
    _open_streams()
    sys.stdout = _output(sys.stdout)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return main()
    finally:
        gc.freeze()
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # nor a traceback while Python ends


if __name__ == "__main__":
    sys.exit(command())

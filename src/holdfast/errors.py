"""Every error a user can meet, as one tree.

::

    HoldfastError               1   something went wrong that we name
    ├── UsageError              2   the arguments are wrong
    ├── ConfigError             2   holdfast.toml is wrong: file, table, key
    ├── DetectionError          3   the project is not understood
    ├── NotFound                3   no such app, release or process
    ├── Busy                    4   another deploy of this app is under way
    ├── BuildError              5   the release could not be built
    ├── DeployFailed            6   the deploy was undone; the old release serves
    │   └── Cancelled           6   ... because somebody asked for it
    ├── EdgeError               7   nginx or its control socket
    ├── ProcessError            8   a process did not start, stop or answer
    ├── CommandFailed           9   a program we ran ended badly or took too long
    ├── TransportError         10   the server cannot be reached
    ├── CertificateError       11   a certificate or key is wrong, or none can be had
    └── Interrupted           130   Ctrl-C; told to programs alone

The number is the exit code. ``holdfast.__main__`` is the one place where an
error becomes text and an exit code.
"""

from __future__ import annotations


class HoldfastError(Exception):
    """What happened and where (``message``), what to do (``hint``).

    Args:
        message: one sentence that names the file, table, key, step or process.
        hint: what the reader does next; a command to paste where there is one.
        detail: output that explains it (the end of a log), already masked.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class UsageError(HoldfastError):
    exit_code = 2


class ConfigError(HoldfastError):
    """A wrong ``holdfast.toml``; ``where`` is ``file: [table] key``."""

    exit_code = 2

    def __init__(self, where: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{where}: {message}", hint=hint)
        self.where = where


class DetectionError(HoldfastError):
    exit_code = 3


class NotFound(HoldfastError):
    exit_code = 3


class Busy(HoldfastError):
    exit_code = 4


class BuildError(HoldfastError):
    exit_code = 5


class DeployFailed(HoldfastError):
    exit_code = 6


class Cancelled(DeployFailed):
    pass


class EdgeError(HoldfastError):
    exit_code = 7


class ProcessError(HoldfastError):
    exit_code = 8


class CommandFailed(HoldfastError):
    """A program ended with a non-zero status, or was stopped at its time limit.

    Attributes:
        returncode: its exit status; ``None`` when it ran out of time.
        output: the end of what it printed.
    """

    exit_code = 9

    def __init__(
        self, message: str, *, returncode: int | None, output: str, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, detail=output)
        self.returncode = returncode
        self.output = output


class TransportError(HoldfastError):
    exit_code = 10


class CertificateError(HoldfastError):
    exit_code = 11


class Interrupted(HoldfastError):
    exit_code = 130

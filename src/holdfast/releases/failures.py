"""A failed build step as an error that says what to do."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

from holdfast.distribution import headers, here, parts
from holdfast.errors import BuildError, Cancelled, CommandFailed, HoldfastError, ProcessError

_TAIL = 40

_DENIED = re.compile(
    r"failed to authorize|401 unauthorized|no basic auth credentials|pull access denied"
    r"|authorization failed|insufficient_scope",
    re.IGNORECASE,
)
_BASE = re.compile(r"(?:source metadata for|load metadata for) (\S+?):? ")
"""What BuildKit says of an image that a registry does not give, and which one it was."""


def _headers(name: str, packages: str) -> str:
    return (
        f"{name} must be compiled here, which takes a compiler and headers: apt-get install "
        f"build-essential python3-dev {packages}; if they are there, it may be older than this "
        f"Python: an older one, [app] python, or a newer {name}"
    )


_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"Git executable not found",
        "a dependency is fetched from a repository (git+https://...): apt-get install git",
    ),
    (
        r"Missing parentheses in call to 'print'|except \w+, \w+:|use_2to3 is invalid",
        "it is written for Python 2, or for the packaging of that time: ask for a later version",
    ),
    (
        (
            r"No interpreter found|No (?:virtual environment or )?.*Python .*found|"
            r"Requested Python version|is not installed.*Python"
        ),
        (
            "that version of Python is not on this machine: install it with the system's packages "
            "(apt-get install python3.12-venv), or ask for another in [app] python"
        ),
    ),
    (
        r"does not satisfy Python|requires-python|requires Python|not compatible with Python",
        (
            "a package does not support this version of Python: choose another in [app] python, "
            "or another version of the package"
        ),
    ),
    (
        (
            r"was not found in the package registry|no versions? of|There is no version|"
            r"not found in the provided package locations|No solution found"
        ),
        (
            "check the name and version in the dependency file; a private index is read from "
            "pip.conf, PIP_INDEX_URL or UV_INDEX"
        ),
    ),
    *(
        (rf"Failed to build `{name}\b", _headers(name, packages))
        for name, packages in headers.PACKAGES.items()
    ),
    (
        (
            r"gcc|\bcc\b.*(?:No such file|failed)|Python\.h|command '.*(?:cc|g\+\+|clang)|"
            r"pg_config|mysql_config|pkg-config|linker .*not found"
        ),
        (
            "a package must be compiled here: install a compiler and headers (apt-get install "
            "build-essential python3-dev, and libpq-dev or the like), or use a version with a "
            "wheel (psycopg[binary] for psycopg); if one is there, the package may be older than "
            "this Python: an older one, [app] python, or a newer version of it"
        ),
    ),
    (
        (
            r"(?i)could not connect|dns error|failed to fetch|error sending request|timed? ?out|"
            r"connection (?:refused|reset)|network is unreachable|name resolution|certificate"
        ),
        (
            "the package index cannot be reached from here: check the network, the proxy "
            "variables, and SSL_CERT_FILE; then deploy again, what was fetched is kept"
        ),
    ),
    (
        r"OfflineGenerationError|UncompressableFileError|An error occurred during rendering",
        (
            "django-compressor could not make its files: correct the file or template it names, or "
            'leave the step out ([django] leave = ["compress"]) and switch COMPRESS_OFFLINE off, '
            "else pages with {% compress %} answer 500"
        ),
    ),
    (
        r"command not found|: not found|No such file or directory",
        "is it installed on this machine?",
    ),
    (r"ModuleNotFoundError|No module named", "name the missing package in the dependency file"),
)


def explained(step: str, error: HoldfastError, home: Path) -> BuildError:
    """The error of a command as one of the build, with the end of its output.

    Args:
        home: the app's directory, whose disk is looked at.
    """
    output = error.output if isinstance(error, CommandFailed) else (error.detail or "")
    if _full(output):
        return disk_full(home, detail=_end(output))
    reason = error.message
    if isinstance(error, CommandFailed) and error.returncode is not None:
        unbuilt = _UNBUILT.search(output)
        what = f"{unbuilt[1]} could not be built" if unbuilt else ""
        reason = f"{what or f'ended with status {error.returncode}'}{_last_words(output)}"
        if found := _UNSOLVED.search(output):
            reason = f"no versions fit together: {_short(' '.join(found[1].split()))}"
    hint = error.hint or _way_out(output)
    return BuildError(f"{step}: {reason}", hint=hint, detail=_end(output))


def _way_out(output: str) -> str | None:
    part = parts.missed(output)
    if part is not None and not _UNBUILT.search(output):
        return f"{part.name} is not on this machine: {here.command([part])}"
    return next((hint for pattern, hint in _CAUSES if re.search(pattern, output)), None)


_RAISED = re.compile(
    r"^(?:[\w.]*\.)?((?:(?:[A-Z]\w*)?(?:Error|Exception|Configured|NotFound|Exit))(?:: .+)?)$"
)
_LONGEST = 300
_UNSOLVED = re.compile(
    r"No solution found.*?(?:cause: |╰─▶ )(Because .+?)(?:\n\s*\n|\n\s*hint|\Z)", re.DOTALL
)
_UNBUILT = re.compile(r"Failed to (?:download and )?build `([^`]+)`")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _last_words(output: str) -> str:
    """The exception that a program of Python's ended with, on one line; nothing without one."""
    for line in reversed(output.splitlines()[-_TAIL:]):
        if match := _RAISED.match(line.strip()):
            said = match[1]
            return f": {_short(said)}"
    return ""


def of_system(step: str, error: OSError, home: Path) -> BuildError:
    """An error of the operating system as one of the build."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return disk_full(home)
    named = f" {error.filename}" if error.filename else ""
    return BuildError(f"{step}:{named} {error.strerror or error}")


def disk_full(home: Path, detail: str | None = None) -> BuildError:
    """No space left: how much there is, and what may go."""
    return BuildError(
        f"the disk is full: {_megabytes(free_bytes(home))} MB are left for {home}",
        hint="holdfast keeps old releases ([deploy] keep = 2 keeps fewer) and packages "
        f"(rm -r {home.parent.parent / 'cache' / 'uv'} is safe while nothing is deployed); "
        "the release that serves is not touched",
        detail=detail,
    )


def of_image(error: ProcessError, detail: str | None, place: Path | None) -> BuildError:
    """An image that was not built.

    Args:
        detail: its output, without secrets.
        place: where Docker keeps images, if it says so.
    """
    if detail and _full(detail):
        left = f": {_megabytes(free_bytes(place))} MB are left for {place}" if place else ""
        return BuildError(
            f"the disk is full{left}; an image was not built",
            hint="docker system df shows what takes it; docker builder prune gives back what"
            " builds keep, [deploy] keep = 2 keeps fewer releases; the release that serves is not"
            " touched",
            detail=_end(detail),
        )
    if detail and _DENIED.search(detail):
        base = _BASE.search(detail)
        what = f"its base image {base[1]}" if base else "a base image"
        return BuildError(
            f"an image was not built: {what} cannot be had without logging in",
            hint="is its name right? docker login on the server (holdfast ssh) lets builds in to a"
            " private registry",
            detail=detail,
        )
    return BuildError(
        f"an image was not built: {error.message}",
        hint=error.hint or "its output is above; docker compose build says the same",
        detail=detail,
    )


def free_bytes(path: Path) -> int:
    """What an ordinary user can still write where ``path`` lies."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return 0
    return disk.f_bavail * disk.f_frsize


def stopped(should_stop: Callable[[], bool]) -> None:
    """Raise Cancelled if somebody asked for it."""
    if should_stop():
        raise Cancelled("the build was stopped; the running release was not touched")


def _full(output: str) -> bool:
    return bool(re.search("no space left on device|os error 28|enospc", output, re.IGNORECASE))


def _end(output: str) -> str:
    return "\n".join(output.splitlines()[-_TAIL:])


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f}"

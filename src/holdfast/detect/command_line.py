"""Command lines of servers that people wrote (a ``Procfile``, later a ``Dockerfile``).

A known server keeps its own options and loses those that say where to listen, because
where to listen is ours to say; everything else is left as it was written.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from holdfast.records import record

SERVERS = ("gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve")

_LISTEN: dict[str, tuple[str, ...]] = {
    "gunicorn": ("-b", "--bind"),
    "uvicorn": ("--host", "--port", "--uds", "--fd"),
    "hypercorn": ("-b", "--bind", "--insecure-bind"),
    "daphne": ("-b", "--bind", "-p", "--port", "-u", "--unix-socket", "-e", "--endpoint"),
    "granian": ("--host", "--port", "--uds"),
    "waitress-serve": ("--host", "--port", "--listen", "--unix-socket", "--unix-socket-perms"),
}
_ALONE = frozenset({"--reload", "--preload", "--factory", "--proxy-headers", "--no-access-log",
                    "--access-log", "--daemon", "-D", "--call", "--no-proxy-headers",
                    "--capture-output", "--enable-stdio-inheritance", "-R", "--debug",
                    "--no-server-header", "--no-date-header", "--no-sendfile", "--reuse-port",
                    "--no-control-socket", "--no-server-name", "--no-ws",
                    "--use-colors", "--no-use-colors"})  # fmt: skip
_TARGET = re.compile(r"[\w.\-/]+(?::[\w.]+(?:\(.*\))?)?\Z")


@record
class ServerLine:
    """A server's command line, taken apart.

    Attributes:
        before: what stands before it in the same line (``cd x && ``), as written.
        variables: assignments in front of it (``A=1 ``), for ``env``.
        server: the program; ``options``: its options as words, without where to listen.
        target: the app, as written.
        development: options that a production server must not have (``--reload``).
        wrapper: what watches over the server and starts it (``ddtrace-run``).
    """

    before: str
    variables: str
    server: str
    options: tuple[str, ...]
    target: str | None
    development: tuple[str, ...] = ()
    wrapper: str = ""

    @property
    def name(self) -> str:
        """The package that holds the server."""
        return self.server.removesuffix("-serve")

    def has(self, *names: str) -> bool:
        return any(word.partition("=")[0] in names for word in self.options)


def parse(command: str) -> ServerLine | None:
    """The last command of a line, if it is a server we know; else ``None``.

    Lines that a shell must understand (pipes, substitutions) are not taken apart.
    """
    before, last = _split(command)
    if re.search(r"[|<>`]|\$\(|(?<!&)&(?!&)", last):
        return None
    try:
        words = shlex.split(last)
    except ValueError:
        return None
    prefix, words = _without_prefix(words)
    wrapper = next((item for item in _WRAPPERS if words[: len(item)] == list(item)), ())
    words = words[len(wrapper) :]
    if not words or words[0] not in SERVERS:
        return None
    found = _taken_apart(before, prefix, words[0], words[1:])
    return replace(found, wrapper=" ".join((*wrapper, ""))) if wrapper else found


_BACKGROUND = re.compile(r"(?<![&>|])&(?![&>\d])")


def apart(command: str) -> tuple[str, tuple[str, ...]]:
    """The server's command of ``worker & server``, and those that run beside it.

    The line itself where no part of it starts a server we know, or a quote goes across parts.
    """
    parts = [part.strip() for part in _BACKGROUND.split(command)]
    try:
        for part in parts:
            shlex.split(part)
    except ValueError:
        return command, ()
    servers = [part for part in parts if parse(part) is not None]
    if len(parts) == 1 or not servers:
        return command, ()
    others = (part for part in parts if part is not servers[-1])
    return servers[-1], tuple(part for part in others if part and not part.startswith("wait"))


_WRAPPERS = (("newrelic-admin", "run-program"), ("ddtrace-run",), ("opentelemetry-instrument",))


def _split(command: str) -> tuple[str, str]:
    """What stands before the last ``&&`` or ``;``, and the rest."""
    match = re.match(r"(?s)(.*(?:&&|;)\s*)(.+)", command)
    return (match[1], match[2]) if match else ("", command)


def _without_prefix(words: list[str]) -> tuple[str, list[str]]:
    """Without ``exec``, ``NAME=value``, ``python -m``, ``poetry run``, ``uv run``."""
    prefix = ""
    while words:
        if words[0] == "exec" or words[:2] in (
            ["poetry", "run"],
            ["pipenv", "run"],
            ["uv", "run"],
            ["pdm", "run"],
            ["hatch", "run"],
            ["rye", "run"],
        ):
            words = words[1:] if words[0] == "exec" else words[2:]
        elif re.match(r"[A-Za-z_]\w*=", words[0]):
            name, _, value = words[0].partition("=")
            prefix += f"{name}={_quoted(value)} "
            words = words[1:]
        elif words[0] in ("python", "python3") and words[1:2] == ["-m"]:
            words = words[2:]
            if words and words[0] == "waitress":
                words[0] = "waitress-serve"
        else:
            break
    return prefix, words


def _taken_apart(before: str, variables: str, server: str, words: list[str]) -> ServerLine:
    kept: list[str] = []
    development: list[str] = []
    target: str | None = None
    listen = _LISTEN[server]
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        if re.match(r"-\w.", word):  # -w3, -b0.0.0.0:80: the value is stuck to its option
            name, equals = word[:2], word[2:]
        takes_value = word.startswith("-") and not equals and not _stands_alone(server, name)
        value = [words.pop(0)] if takes_value and words else []
        if name in listen or _set_elsewhere(name, word, value):
            continue
        if name in ("--reload", "--daemon", "-D", "--debug"):
            development.append(name)
        elif not word.startswith("-") and target is None and _TARGET.match(word):
            target = word
        else:
            kept += [word, *value]
    return ServerLine(before, variables, server, tuple(kept), target, tuple(development))


_COUNTS = ("-w", "--workers", "--threads", "-t", "--timeout", "-k", "--worker-class")


def _set_elsewhere(name: str, word: str, value: list[str]) -> bool:
    """``--workers $WEB_CONCURRENCY``: a platform sets it; empty, it would swallow what follows."""
    given = value[0] if value else word
    return name in _COUNTS and "$" in given and ":-" not in given


def _stands_alone(server: str, name: str) -> bool:
    if name == "--access-log":
        return server in ("uvicorn", "granian")
    return name in _ALONE or (name == "--ws" and server == "granian")


def quoted(words: tuple[str, ...]) -> str:
    """Words as a shell takes them; ``$NAME`` stays a variable."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if "$" in word:
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`") + '"'
    return shlex.quote(word)

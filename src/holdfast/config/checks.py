"""What only shows when keys are looked at together: contradictions, and what may not be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from holdfast.config.models import Config
from holdfast.config.secrets import looks_secret
from holdfast.config.units import duration_text
from holdfast.config.wrong import Problem, Rank

Path = tuple[str, ...]
_SOCKET = re.compile(r"\$\{?HOLDFAST_SOCKET\b")
_PORT = re.compile(r"\$\{?PORT\b")


class _Order(NamedTuple):
    """``short`` must not be longer than ``long``; both are durations.

    ``adapts`` says that a ``short`` nobody named gives way instead.
    """

    short: Path
    long: Path
    why: str
    adapts: bool = False


_ORDERS = (
    _Order(
        ("deploy", "longest_hold"),
        ("web", "max_wait"),
        "requests would be answered 503 while the deploy still holds",
    ),
    _Order(
        ("deploy", "lease"),
        ("deploy", "longest_hold"),
        "the edge would hold for a dead deploy longer than for a live one",
    ),
    _Order(
        ("deploy", "drain"),
        ("deploy", "longest_hold"),
        "the deploy would give up before its drain is over",
    ),
    _Order(
        ("web", "health_timeout"),
        ("web", "boot_timeout"),
        "the boot would be over before the first answer is",
        adapts=True,
    ),
)


def contradictions(found: dict[str, Any], wrong: set[Path]) -> list[Problem]:
    """Keys that cannot both be meant; those in ``wrong`` are not looked at."""
    problems = []
    for order in _ORDERS:
        if order.short in wrong or order.long in wrong or not (problem := _compare(found, order)):
            continue
        problems.append(problem)
    if not wrong & {("web", "listen"), ("web", "command"), ("web",)}:
        problems += _listening(found)
    return problems


def _compare(found: dict[str, Any], order: _Order) -> Problem | None:
    short, long = _said(found, order.short), _said(found, order.long)
    if short is None and (long is None or order.adapts):
        return None  # the defaults fit each other
    low = _default(order.short) if short is None else short
    high = _default(order.long) if long is None else long
    if low <= high:
        return None
    if short is None:
        text = (
            f"{duration_text(high)} is shorter than {_name(order.short)}, "
            f"which is {duration_text(low)} if nothing is said"
        )
        return Problem(Rank.CONTRADICTION, f"{text}; {order.why}", order.long)
    ending = "" if long is not None else " if nothing is said"
    text = (
        f"{duration_text(low)} is longer than {_name(order.long)}, which is {duration_text(high)}"
    )
    return Problem(Rank.CONTRADICTION, f"{text}{ending}; {order.why}", order.short)


def _said(found: dict[str, Any], path: Path) -> Any:
    return getattr(found.get(path[0]), path[1], None)


def _default(path: Path) -> float:
    """What holds for the key if nothing is said."""
    sections = {item.name: item.default_factory for item in fields(Config)}
    keys = {item.name: item.metadata for item in fields(sections[path[0]])}  # type: ignore[arg-type]
    return float(keys[path[1]]["usual"])


def _name(path: Path) -> str:
    return f"[{path[0]}] {path[1]}"


def _listening(found: dict[str, Any]) -> list[Problem]:
    """A command that listens elsewhere than the edge asks."""
    listen, command = _said(found, ("web", "listen")), _said(found, ("web", "command")) or ""
    socket, port = bool(_SOCKET.search(command)), bool(_PORT.search(command))
    if listen == "port" and socket and not port:
        text = 'is "port", and the command listens on $HOLDFAST_SOCKET; write listen = "unix"'
    elif listen == "unix" and port and not socket:
        text = 'is "unix", and the command listens on $PORT; write listen = "port"'
    else:
        return []
    return [Problem(Rank.CONTRADICTION, text, ("web", "listen"))]


def warnings(config: Config) -> Iterator[tuple[Path, str]]:
    """What is allowed and may not be meant: the key, and the rest of the sentence."""
    for check in _WARNINGS:
        yield from check(config)


def _secrets_in_file(config: Config) -> Iterator[tuple[Path, str]]:
    for name, value in config.env.items():
        if looks_secret(name, value):
            yield (
                ("env", name),
                f"looks like a secret; keep it on the server instead: holdfast env set {name}",
            )


def _deaf_command(config: Config) -> Iterator[tuple[Path, str]]:
    command = config.web.command
    if command and not _SOCKET.search(command) and not _PORT.search(command):
        yield (
            ("web", "command"),
            "names neither $HOLDFAST_SOCKET nor $PORT; it must find one of them by itself",
        )


def _slow_boot(config: Config) -> Iterator[tuple[Path, str]]:
    boot, longest = config.web.boot_timeout, config.deploy.longest_hold
    longest = longest or _default(("deploy", "longest_hold"))
    if config.deploy.strategy == "hold" and boot and boot > longest:
        yield (
            ("web", "boot_timeout"),
            f"is longer than [deploy] longest_hold, {duration_text(longest)}: a hold ends then",
        )


def _everybody(config: Config) -> Iterator[tuple[Path, str]]:
    if {"0.0.0.0/0", "::/0"} & set(config.web.maintenance_allow or ()):
        yield ("web", "maintenance_allow"), "lets everybody in; nobody would see the page"


_WARNINGS: tuple[Callable[[Config], Iterator[tuple[Path, str]]], ...] = (
    _secrets_in_file,
    _deaf_command,
    _slow_boot,
    _everybody,
)

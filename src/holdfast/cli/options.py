"""Options that several verbs share, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.typed import Typed
from holdfast.records import record

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)\Z")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """``500ms``, ``30s``, ``5m``, ``2h``, ``1d``; the value is in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = _DURATION.match(str(value))
        if not found or float(found[1]) == 0:
            self.fail(f"{value!r} is no duration; one such as 30s, 5m or 2h is meant", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


@record
class Where:
    """Which app, and where: ``--name``, ``--server``, ``--env``; ``None`` if not given."""

    name: str | None = None
    server: str | None = None
    overlay: str | None = None


def server_options(function: F) -> F:
    """Add ``--server``, ``--name`` and ``--env``; the function gets them as ``where``."""

    @wraps(function)
    def bundled(
        *args: Any, name: str | None, server: str | None, overlay: str | None, **rest: Any
    ) -> Any:
        click.get_current_context().ensure_object(Invocation).typed = Typed(server, name, overlay)
        return function(*args, where=Where(name, server, overlay), **rest)

    for option in (
        click.option(
            "--env",
            "overlay",
            metavar="NAME",
            help="Read holdfast.NAME.toml over holdfast.toml.",
        ),
        click.option(
            "--name", metavar="APP", help="The app's name. [default: the config's, or the folder's]"
        ),
        click.option(
            "--server",
            metavar="SERVER",
            help="Where it runs: local, or user@host. [default: the config's]",
        ),
    ):
        bundled = option(bundled)
    return cast(F, bundled)


def domain_option(function: F) -> F:
    """``--domain``, as often as there are domains."""
    return click.option(
        "--domain",
        "domains",
        metavar="HOST",
        multiple=True,
        help="A host name the app answers for; repeat it for more. [default: NAME.localhost]",
    )(function)


def strategy_option(function: F) -> F:
    """``--strategy``."""
    return click.option(
        "--strategy",
        type=click.Choice(["auto", "handover", "hold"]),
        help="How the running release is replaced. [default: the config's, or auto]",
    )(function)


def dirty_option(function: F) -> F:
    """``--dirty``."""
    return click.option(
        "--dirty", is_flag=True, help="Send what git tracks as it is now, not as it is committed."
    )(function)


def plan_options(function: F) -> F:
    """What a first plan needs and a file need not say."""
    return server_options(domain_option(strategy_option(dirty_option(function))))


def _set_dry_run(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).dry_run = True


def dry_run_option(function: F) -> F:
    """``--dry-run``: what would change something is shown; questions still reach the server."""
    return click.option(
        "--dry-run",
        is_flag=True,
        expose_value=False,
        callback=_set_dry_run,
        help="Print what would be sent; nothing is sent or changed.",
    )(function)


def yes_option(function: F) -> F:
    """``--yes``: no question is asked."""
    return click.option("-y", "--yes", is_flag=True, help="Ask nothing.")(function)

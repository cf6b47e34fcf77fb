"""The end: one table for people, one object for programs."""

from __future__ import annotations

from typing import Any

from demo.acts import APPS
from demo.performed import Performed
from demo.stage import seconds
from demo.story import Story
from load import Account

_HEAD = (
    "deploy",
    "strategy",
    "ended",
    "took",
    "held",
    "requests",
    "failed",
    "out of order",
    "greatest wait",
)
_LEFT = 3
"""Columns of words; those after them are numbers."""

_ENDED = {"succeeded": "live", "undone": "taken back"}


def table(story: Story) -> list[str]:
    """A line for each deploy under load, and their sum."""
    rows = [_HEAD, *(_row(one, story.during(one)) for one in story.performed)]
    totals = [story.total(app) for app in APPS]
    rows.append(
        (
            *("all the time", "", "", "", ""),
            f"{sum(one.requests for one in totals):,}",
            str(sum(one.failed for one in totals)),
            str(sum(one.out_of_order for one in totals)),
            seconds(max(one.greatest_wait for one in totals)),
        )
    )
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = ["   " + "  ".join(_cells(row, widths)).rstrip() for row in rows]
    rule = "   " + "─" * (sum(widths) + 2 * (len(widths) - 1))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _cells(row: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        cell.ljust(width) if place < _LEFT else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _row(one: Performed, seen: Account | None) -> tuple[str, ...]:
    deployed = one.deployed
    first = seen is None
    return (
        f"{one.act.app.name} {one.act.version}",
        "first" if first else one.strategy,
        _ENDED.get(deployed.outcome, deployed.outcome),
        f"{deployed.seconds:.1f} s",
        "" if first else seconds(deployed.held),
        *(
            ("", "", "", "")
            if seen is None
            else (
                f"{seen.requests:,}",
                str(seen.failed),
                str(seen.out_of_order),
                seconds(seen.greatest_wait),
            )
        ),
    )


def closing(story: Story) -> str:
    """One sentence that sums it up."""
    totals = [story.total(app) for app in APPS]
    posts = sum(one.ledger.sent for one in totals)
    if story.wrong:
        return "Not as promised: " + "; ".join(story.wrong)
    return (
        f"Every request got its one right answer, in order; each of the {posts:,} POSTs is\n"
        "   stored exactly once; no old version answered after a new one had begun."
    )


def as_json(story: Story) -> dict[str, Any]:
    """What ``--json`` prints; ``failed`` counts lost and doubled POSTs as well."""
    totals = [story.total(app) for app in APPS]
    under_load = [one for one in story.performed if story.during(one) is not None]
    return {
        "apps": [app.name for app in APPS],
        "deploys": len(story.performed),
        "requests": sum(one.requests for one in totals),
        "failed": sum(
            one.failed + one.ledger.lost + one.ledger.doubled + one.ledger.unseen for one in totals
        ),
        "out_of_order": sum(one.out_of_order for one in totals),
        "max_wait_ms": round(1000 * max(one.greatest_wait for one in totals), 1),
        "held_ms": [round(1000 * one.deployed.held, 1) for one in under_load],
        "posts": sum(one.ledger.sent for one in totals),
        "wrong": story.wrong,
        "each": [_each(one, story.during(one)) for one in story.performed],
    }


def _each(one: Performed, seen: Account | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "app": one.act.app.name,
        "version": one.act.version,
        "strategy": one.strategy,
        "outcome": one.deployed.outcome,
        "seconds": round(one.deployed.seconds, 3),
        "steps": dict(one.deployed.steps),
    }
    if seen is not None:
        told |= {
            "held_ms": round(1000 * one.deployed.held, 1),
            "requests": seen.requests,
            "failed": seen.failed,
            "out_of_order": seen.out_of_order,
            "max_wait_ms": round(1000 * seen.greatest_wait, 1),
        }
    return told

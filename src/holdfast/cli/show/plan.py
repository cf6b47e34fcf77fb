"""A plan as text: what is going to happen, and the reason for every choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.table import table


def plan_lines(plan: Mapping[str, Any], paint: Paint, *, findings: bool = False) -> list[str]:
    """The plan for a person.

    Args:
        findings: also what detection found (``holdfast plan``; too much for a deploy).
    """
    rows = [("release", _release(plan)), ("strategy", _strategy(plan, paint))]
    rows += [("", f"because {reason}") for reason in plan.get("why") or ()]
    rows += _rows(plan)
    lines = [paint(f"Plan for {plan['app']}", "bold")]
    lines += table([(paint(label, "dim"), text) for label, text in rows], "  ")
    if findings and plan.get("findings"):
        lines += ["", paint("Found", "bold"), *finding_lines(plan["findings"], paint)]
    if findings and plan.get("steps"):
        lines += ["", paint("Steps", "bold")]
        lines += [f"  {number}. {step['title']}" for number, step in enumerate(plan["steps"], 1)]
    if not findings:
        lines += warning_lines(plan.get("findings") or (), paint)
    lines += [f"{paint('note:', 'bold')} {text}" for text in plan.get("notes") or ()]
    lines += [f"{paint('warning:', 'yellow')} {text}" for text in plan.get("warnings") or ()]
    return lines


_NAMED = 3
"""Pending migrations that are named; the first deploy of a Django app has twenty."""

_WIDEST_VALUE = 36
"""Columns; the reason of a longer value stands below it."""


def finding_lines(findings: Sequence[Mapping[str, Any]], paint: Paint) -> list[str]:
    """What was detected, each with the evidence; warnings last, where the eye ends."""
    plain = [item for item in findings if item.get("level") != "warning"]
    values = [str(item["value"]) for item in plain]
    widest = max((len(value) for value in values if len(value) <= _WIDEST_VALUE), default=0)
    rows = []
    for item, value in zip(plain, values, strict=True):
        label, why = paint(str(item["what"]), "dim"), paint(str(item["why"]), "dim")
        if len(value) <= _WIDEST_VALUE:
            rows.append((label, f"{value:<{widest}}  {why}"))
        else:
            rows += [(label, value), ("", f"{'':<{widest}}  {why}")]
    return [*table(rows, "  "), *warning_lines(findings, paint)]


def warning_lines(findings: Sequence[Mapping[str, Any]], paint: Paint) -> list[str]:
    """Those of the findings that the user should act on."""
    return [
        f"{paint('warning:', 'yellow')} {item['what']} {item['value']}: {item['why']}"
        for item in findings
        if item.get("level") == "warning"
    ]


def _release(plan: Mapping[str, Any]) -> str:
    previous = plan.get("previous")
    return f"{plan['release']}" + (f", after {previous}" if previous else ", the first")


def _strategy(plan: Mapping[str, Any], paint: Paint) -> str:
    wait = _wait(plan)
    return paint(str(plan["strategy"]), "bold") + (f", {wait}" if wait else "")


def _wait(plan: Mapping[str, Any]) -> str:
    estimate = plan.get("estimate")
    held = estimate.get("hold_s") if isinstance(estimate, Mapping) else estimate
    if held is None or not plan.get("previous"):
        return ""
    source = estimate.get("from") if isinstance(estimate, Mapping) else None
    return f"requests will wait about {words.seconds(held)}" + (f" ({source})" if source else "")


def _rows(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if plan.get("release_command"):
        rows.append(("migrate", f"{plan['release_command']}{_pending(plan.get('pending'))}"))
    for label, key in (
        ("snapshot", "snapshot"),
        ("persist", "persist"),
        ("static", "static"),
        ("processes", "processes"),
    ):
        if values := plan.get(key):
            rows.append((label, ", ".join(map(str, values))))
    return rows


def _pending(pending: Sequence[str] | None) -> str:
    if pending is None:
        return ""
    if not pending:
        return " (nothing pending)"
    more = f" and {len(pending) - _NAMED} more" if len(pending) > _NAMED else ""
    return f" ({len(pending)} pending: {', '.join(pending[:_NAMED])}{more})"

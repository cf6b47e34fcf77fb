"""``holdfast status`` for a person."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.show import words
from holdfast.cli.show.cert import cert_words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.table import table

_STATES = {"running": "green", "failed": "red", "backoff": "red", "stopped": "dim"}
_GATES = {"open": "green", "hold": "yellow", "maintenance": "yellow"}


def status_lines(
    status: Mapping[str, Any], apps: Sequence[Mapping[str, Any]], paint: Paint
) -> list[str]:
    """All there is to say of ``apps``, and one line on the edge."""
    lines: list[str] = []
    for app in apps:
        lines += [*app_lines(app, paint), ""]
    return [*lines, edge_line(status.get("edge") or {}, paint)]


def app_lines(app: Mapping[str, Any], paint: Paint, now: float | None = None) -> list[str]:
    """One app: its address, gate, last deploy, and a table of its processes."""
    rows = [("release", _release(app)), ("gate", gate_words(app, paint, now))]
    if (cert := app.get("certificate")) and (cert.get("wanted") or cert.get("origin")):
        rows.append(("https", cert_words(cert, paint)))
        if problem := cert.get("problem"):
            rows.append(("", paint(str(problem["message"]), "red")))
    if last := app.get("last_deploy"):
        rows.append(("deploy", _deploy(last, paint, now)))
        if error := _error(last):
            rows.append(("", paint(error, "red")))
    domains = [str(domain) for domain in app.get("domains") or ()]
    if len(domains) > 1:
        rows.append(("domains", ", ".join(domains)))
    head = f"{paint(str(app['app']), 'bold')}  {paint(str(app.get('url') or ''), 'cyan')}".rstrip()
    lines = [head, *table([(paint(label, "dim"), text) for label, text in rows], "  ")]
    if processes := app.get("processes"):
        lines += table([_process(item, paint, now) for item in processes], "  ")
    lines += [f"  {paint('by hand:', 'yellow')} {text}" for text in app.get("drift") or ()]
    return lines


def _release(app: Mapping[str, Any]) -> str:
    """What serves; for an app that never did, that this is so, and how to be rid of it.

    A plan or a first deploy that failed leaves one; variables and data are kept for the next try.
    """
    if release := app.get("release"):
        return str(release)
    forget = f"holdfast destroy --name {app['app']} forgets it"
    return f"none, it was never live; holdfast deploy brings it live, {forget}"


def _process(item: Mapping[str, Any], paint: Paint, now: float | None) -> tuple[str, ...]:
    moment = time.time() if now is None else now
    state = str(item["state"])
    since = item.get("since")
    restarts = int(item.get("restarts") or 0)
    return (
        str(item["name"]),
        paint(state, _STATES.get(state, "yellow")),
        f"for {words.seconds(max(0.0, moment - since))}" if since else "",
        f"pid {item['pid']}" if item.get("pid") else "",
        paint(words.count(restarts, "restart"), "yellow") if restarts else "",
        str(item.get("release") or ""),
    )


def gate_words(app: Mapping[str, Any], paint: Paint, now: float | None = None) -> str:
    """``open, 3 in flight, 0 waiting``."""
    gate, counts = app.get("gate", app) or {}, app.get("counts") or {}
    if not gate.get("mode"):
        return paint("none", "dim")
    mode = str(gate.get("effective") or gate["mode"])
    text = paint(mode, _GATES.get(mode, "dim"))
    if gate.get("lease_until") and mode == "hold":
        left = gate["lease_until"] - (time.time() if now is None else now)
        text += f" for {words.seconds(max(0.0, left))} more"
    parts = [
        f"{sum((counts.get('in_flight') or {}).values()):,} in flight",
        f"{counts.get('waiting') or 0:,} waiting",
    ]
    if long := sum((counts.get("long") or {}).values()):
        parts.append(f"{long:,} long-lived")
    if counts.get("down"):
        parts.append(paint("the app does not answer", "red"))
    return f"{text}, {', '.join(parts)}"


def _deploy(last: Mapping[str, Any], paint: Paint, now: float | None) -> str:
    outcome = last.get("outcome")
    text = {
        "succeeded": paint("succeeded", "green"),
        "undone": paint("undone", "yellow"),
        "failed": paint("failed", "red"),
    }.get(str(outcome), paint("under way", "yellow"))
    if last.get("started"):
        text += f" {words.ago(last['started'], now)}"
    if last.get("strategy"):
        text += f", {last['strategy']}"
    if last.get("seconds") is not None:
        text += f", took {words.seconds(last['seconds'])}"
    return text


def _error(last: Mapping[str, Any]) -> str:
    error = last.get("error")
    return str(error.get("message") if isinstance(error, Mapping) else error or "")


def edge_line(edge: Mapping[str, Any], paint: Paint) -> str:
    """Whether nginx runs, and where it listens."""
    if not edge.get("running"):
        return f"edge  {paint('not running', 'dim')}"
    parts = [
        f"{name} {edge[key]}" for name, key in (("port", "port"), ("pid", "pid")) if edge.get(key)
    ]
    return f"edge  {paint('running', 'green')}" + (f", {', '.join(parts)}" if parts else "")

"""Certificates for a person."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.show.paint import Paint
from holdfast.cli.show.table import table

_SOON = 14
"""Days before the end at which a person should look: it should have been renewed at 30."""


def cert_lines(certificates: Sequence[Mapping[str, Any]], paint: Paint) -> list[str]:
    """One line an app, and what is missing below it."""
    rows: list[tuple[str, ...]] = []
    for item in certificates:
        rows.append((str(item["app"]), cert_words(item, paint)))
        if problem := item.get("problem"):
            rows.append(("", paint(str(problem["message"]), "red")))
            rows.append(("", f"{problem['hint']}{_again(item)}"))
    return table(rows)


def cert_words(item: Mapping[str, Any], paint: Paint) -> str:
    """``until 2027-02-24 (90 days), Let's Encrypt``."""
    days = item.get("days_left")
    if days is None:
        return paint("no certificate", "dim")
    ends = time.strftime("%Y-%m-%d", time.gmtime(float(item["not_after"])))
    left = f"{days} days" if days >= 0 else "over"
    text = paint(f"until {ends} ({left})", "red" if days < _SOON else "green")
    source = "your own" if item.get("origin") == "own" else str(item.get("issuer") or "")
    missing = [name for name in item.get("wanted") or () if name not in item.get("secured", ())]
    more = f"; not for {', '.join(missing)}" if missing else ""
    return f"{text}, {source}{more}"


def _again(item: Mapping[str, Any]) -> str:
    moment = item.get("next_try")
    if not moment:
        return ""
    return f" (tried again after {time.strftime('%Y-%m-%d %H:%M', time.gmtime(moment))} UTC)"

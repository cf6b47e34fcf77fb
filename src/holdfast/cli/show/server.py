"""Servers as text: the plan of a set-up, a check, the list."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.table import table

_WIDTH = 96
_MOST = 5
"""Of what differs in one item, as many are named; the others are counted."""

_SIGNS = {
    "ok": ("ok", "green"),
    "change": ("differs", "yellow"),
    "manual": ("differs", "yellow"),
    "skipped": ("-", "dim"),
}


def plan_lines(shown: Mapping[str, Any], paint: Paint) -> list[str]:
    """What changes, each with its reason and source; then what cannot be had here."""
    items = shown["items"]
    changes = [item for item in items if item["state"] == "change"]
    if not changes:
        return [
            _what(shown),
            _nothing_to_do(items),
            *_manual(items, paint),
            *_skipped(items, paint),
        ]
    lines = [_what(shown), f"{words.count(len(changes), 'change')}:"]
    for item in changes:
        lines.append(f"  {paint(str(item['title']), 'bold')}")
        lines += _indented(f"why: {item['why']}")
        lines += _indented(f"see: {item['source']}")
        if item["note"]:
            lines += [paint(line, "yellow") for line in _indented(f"note: {item['note']}")]
        if shown["set_up"]:
            lines += [paint(line, "yellow") for text in _named(item) for line in _indented(text)]
    return [*lines, *_manual(items, paint), *_skipped(items, paint)]


def _what(shown: Mapping[str, Any]) -> str:
    kind = f", a container ({shown['container']})" if shown["container"] else ""
    return f"{shown['system']}{kind}; logged in as {shown['login']}, admin: {shown['admin']}"


def _nothing_to_do(items: Sequence[Mapping[str, Any]]) -> str:
    if any(item["manual"] for item in items):
        return "no changes; what differs is not for set-up to change:"
    return "no changes: everything is as set-up makes it"


def _manual(items: Sequence[Mapping[str, Any]], paint: Paint) -> list[str]:
    """What set-up leaves to a person."""
    lines = [str(line) for item in items for line in item["manual"]]
    return [paint(f"  left to you: {line}", "yellow") for line in lines]


def _skipped(items: Sequence[Mapping[str, Any]], paint: Paint) -> list[str]:
    return [
        paint(f"  left out: {item['title']}: {item['note']}", "dim")
        for item in items
        if item["state"] == "skipped"
    ]


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 11)


def check_lines(shown: Mapping[str, Any], paint: Paint) -> list[str]:
    """Each item and how it is; the score last."""
    rows = []
    for item in shown["items"]:
        text, style = _SIGNS[item["state"]]
        rows.append((paint(text, style), str(item["key"]), str(item["title"])))
        rows += [("", "", paint(text, "yellow")) for text in _named(item)]
        if item["note"]:
            rows.append(("", "", paint(str(item["note"]), "dim")))
    keys = ", ".join(f"{name} has {n}" for name, n in shown["logins"].items())
    known = [
        f"keys that log in: {keys or 'none'}",
        f"files that give sudo: {', '.join(shown['sudoers']) or 'none'}",
    ]
    return [_what(shown), *table(rows), *known, f"score: {shown['score']} of 100"]


def _named(item: Mapping[str, Any]) -> list[str]:
    """What differs, by name, and else what would be done about it: the first, and how many more."""
    if item["state"] not in ("change", "manual"):
        return []
    found = [str(one) for one in (*item["manual"], *(item["differs"] or item["actions"]))]
    more = len(found) - _MOST
    return [*found[:_MOST], *([f"and {more} more"] if more > 0 else [])]


def list_lines(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            str(item["server"]),
            str(item["system"] or "not set up from here"),
            words.ago(item["set_up"]) if item["set_up"] else "",
        )
        for item in servers
    ]
    return table(rows) or ["no server yet; holdfast server setup root@ADDRESS sets one up"]

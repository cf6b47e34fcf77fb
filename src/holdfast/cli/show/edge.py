"""``holdfast edge status`` for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.cli.show.paint import Paint
from holdfast.cli.show.status import edge_line, gate_words
from holdfast.cli.show.table import table


def edge_lines(result: Mapping[str, Any], paint: Paint) -> list[str]:
    """One line on nginx, one on each app's gate."""
    rows = [
        (
            paint(str(app["app"]), "bold"),
            gate_words(app, paint),
            paint(str(app.get("url") or ", ".join(app.get("domains") or ())), "cyan"),
        )
        for app in result.get("apps") or ()
    ]
    return [edge_line(result.get("edge") or {}, paint), *table(rows, "  ")]

"""``holdfast releases``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.table import table
from holdfast.cli.verb import given, verb


@verb("releases", "holdfast releases", "holdfast releases --name notes --server local --json")
@server_options
@given
def command(invocation: Invocation, where: Where) -> None:
    """List the releases that are kept, newest first; each can be rolled back to."""
    result = find_app(invocation, where).call("releases")
    paint = Paint()
    rows = [_row(release, paint) for release in result["releases"]]
    invocation.answer(result, table(rows) or ["no release yet; holdfast deploy makes one"])


def _row(release: Mapping[str, Any], paint: Paint) -> tuple[str, ...]:
    commit = str(release.get("commit") or "")[:7]
    return (
        paint("*", "green") if release.get("current") else " ",
        str(release["id"]),
        words.ago(release["created"]),
        (commit + (" and changes" if release.get("dirty") else "")) or "no commit",
        str(release.get("framework") or ""),
        paint("serves", "green") if release.get("current") else "",
    )

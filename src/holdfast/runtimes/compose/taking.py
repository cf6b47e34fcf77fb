"""What a container that ran before has in its own layer, copied to where a release keeps it."""

from __future__ import annotations

import json
from pathlib import Path

from holdfast.errors import ProcessError
from holdfast.runtimes.compose import api, layers, records
from holdfast.runtimes.compose.released import Released


def take(one: Released, *, last: bool = True) -> None:
    """Copy it, each place once for a release; what a container still writes to only waits.

    Args:
        last: the release is about to write there itself.

    Raises:
        ProcessError: that container still runs, and it is the last moment.
    """
    if not one.said.taken:
        return
    marks = records.make(one.layout, one.app) / "taken"
    did = json.loads(marks.read_text()) if marks.exists() else []
    for place, where in one.said.taken.items():
        mark = f"{one.release.id} {place}"
        container, _, path = where.partition(":")
        if mark in did:
            continue
        found = api.inspect("container", [container])
        if found and found[0]["State"]["Running"]:
            if last:
                raise ProcessError(
                    f"{one.app}: {path} lies in the container that runs, which still writes to it",
                    hint="holdfast deploy --strategy hold copies it while nobody writes",
                )
            continue
        if found:
            layers.copy(container, path, Path(place))
        did.append(mark)
        records.write(marks, json.dumps(did))

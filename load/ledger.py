"""What the app has stored against what was sent: each POST once, none lost, none doubled."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from load.profile import Profile
from load.records import Record


@dataclass(frozen=True, slots=True)
class Ledger:
    """POSTs sent against rows stored.

    Attributes:
        sent: POSTs with a key.
        lost: answered well, and yet not stored.
        doubled: rows beyond the first of a key.
        unseen: stored, though the visitor was told that it had failed, or nothing at all.
    """

    sent: int
    lost: int
    doubled: int
    unseen: int


def balance(records: Iterable[Record], stored: Iterable[str]) -> Ledger:
    """Compare POSTs with the keys of the rows that the app has.

    Rows whose key was not sent in this run (of another run) do not count.
    """
    times = Counter(stored)
    posts = [record for record in records if record.method == "POST" and record.key]
    return Ledger(
        sent=len(posts),
        lost=sum(not times[record.key or ""] for record in posts if not record.failed),
        doubled=sum(max(times[record.key or ""] - 1, 0) for record in posts),
        unseen=sum(times[record.key or ""] > 0 for record in posts if record.failed),
    )


def fetch_json(profile: Profile, path: str, *, timeout: float = 30.0) -> Any:
    """GET ``path`` from the app and decode its JSON.

    Raises:
        RuntimeError: any status but 200.
        OSError: not connected, or no answer in time.
    """
    connection = http.client.HTTPConnection(profile.address, profile.port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": profile.host})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{profile.host}{path}: status {answer.status}: {body[:200]!r}")
    return json.loads(body)

"""What visitors do on the example apps, and how those tell what they have stored."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlencode

from load.ledger import fetch_json
from load.profile import Profile
from load.records import Planned

JSON = (("Content-Type", "application/json"),)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


class Site(Protocol):
    """Traffic for one app that can be asked afterwards what it stored."""

    def requests(self) -> Iterator[Planned]: ...

    def stored(self, profile: Profile) -> list[str]:
        """The keys of all rows that POSTs made."""
        ...


class Notes:
    """``flask-notes``: read the list, look for something, keep a note with the form."""

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex[:8]

    def requests(self) -> Iterator[Planned]:
        for number in itertools.count():
            key = f"{self._run}-{number}"
            body = urlencode({"title": key, "body": f"Note {number}"}).encode()
            yield Planned("GET", "/", expect=b"<h1>")
            yield Planned("POST", "/notes", FORM, body, key)
            yield Planned("GET", f"/?q={self._run}", expect=b'role="search"')

    def stored(self, profile: Profile) -> list[str]:
        notes = fetch_json(profile, "/api/notes")["notes"]
        return [note["title"] for note in notes]


class Polls:
    """``django-polls``: read the list and a question, vote through the API, see the results."""

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex[:8]

    def requests(self) -> Iterator[Planned]:
        for number in itertools.count():
            key = f"{self._run}-{number}"
            body = json.dumps({"choice": 1 + number % 3, "token": key}).encode()
            yield Planned("GET", "/", expect=b"</html>")
            yield Planned("POST", "/api/questions/1/votes", JSON, body, key, expect=key.encode())
            yield Planned("GET", "/1/results/", expect=b"</html>")

    def stored(self, profile: Profile) -> list[str]:
        ballots = fetch_json(profile, "/api/ballots")["ballots"]
        return [ballot["token"] for ballot in ballots]


class Orders:
    """``compose-shop``: look at the page, order with the form, ask whether it is up."""

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex[:8]

    def requests(self) -> Iterator[Planned]:
        for number in itertools.count():
            key = f"{self._run}-{number}"
            body = urlencode({"token": key, "item": "bread"}).encode()
            yield Planned("GET", "/", expect=b"<h1>")
            yield Planned("POST", "/orders", FORM, body, key)
            yield Planned("GET", "/up", expect=b"up")

    def stored(self, profile: Profile) -> list[str]:
        return [order["token"] for order in fetch_json(profile, "/api/orders")["orders"]]

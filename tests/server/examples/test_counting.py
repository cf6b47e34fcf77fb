"""What load and fault tests stand on: the examples store each row once, and show every row."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from examples.variants import make_variant
from tests.server.examples.conftest import Environments
from tests.server.examples.projects import RECIPES, Project

COUNTED = {
    "flask-notes": ("/api/notes", "/api/notes", "title"),
    "django-polls": ("/api/questions/1/votes", "/api/ballots", "token"),
}
"""Where rows with a key are written, where they are listed, the key's name."""


@pytest.mark.parametrize("example", sorted(COUNTED))
def test_two_processes_write_and_every_row_counts_once(
    example: str, short_path: Path, environment_of: Environments
) -> None:
    """As in a handover: 300 writes to two servers of one SQLite file, and none is refused.

    A request sent twice is two rows, so that a test can see a request that ran twice.
    """
    post, listing, key = COUNTED[example]
    tree = make_variant(example, "plain", short_path / example, "1")
    project = Project(tree, RECIPES[example], environment_of(example))
    project.prepare()

    def write(visitor: httpx.Client, name: str) -> int:
        body = json.dumps({key: name, "choice": 1})
        answer = visitor.post(post, content=body, headers={"Content-Type": "application/json"})
        return answer.status_code

    with (
        project.serving(short_path / "a.sock") as a,
        project.serving(short_path / "b.sock") as b,
        ThreadPoolExecutor(8) as pool,
    ):
        names = [f"key-{number}" for number in range(300)]
        statuses = pool.map(write, [a, b] * 150, names)
        assert Counter(statuses) == {201: 300}
        assert write(a, "key-7") == 201
        answer = b.get(listing).json()
        rows = Counter(row[key] for row in next(v for v in answer.values() if isinstance(v, list)))
        assert rows == {**dict.fromkeys(names, 1), "key-7": 2}
        assert a.get(listing, params={key: "key-7"}).json()["count"] == 2

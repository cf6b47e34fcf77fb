"""Projects nobody prepared, deployed by the real command and asked as a visitor asks them.

A spread of the corpus; ``bin/bench detect`` deploys all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.place import Place
from tests.server.detect import living
from tests.unit.detect.cases import Case

CASES = [case for case in living.every() if case.expect.get("spread")]


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    """One place for all, with an edge of its own."""
    with living.place() as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_goes_live_or_says_why_not(case: Case, here: Place, tmp_path: Path) -> None:
    """With no file edited; what a visitor sees is what the project's text says."""
    assert living.deploy(here, case, tmp_path / "project").unlike(case.expect) is None

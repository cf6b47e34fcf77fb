"""A spread of the small Compose projects; ``bin/bench compose`` has all of them."""

from __future__ import annotations

import pytest

from tests.compose.cases import PROJECTS
from tests.compose.projects import Shop

SPREAD = (
    "nginx-in-front",
    "one-shots",
    "fixed-address",
    "source-mounted",
    "unnamed-volume",
    "sqlite-in-source",
    "sqlite-file",
    "sqlite-hidden",
    "templates",
    "never-healthy",
    "volume-here",
    "container-name",
    "conditions",
    "profiles",
    "non-root",
)


@pytest.mark.parametrize("name", SPREAD)
def test_project(shop: Shop, name: str) -> None:
    """Live unmodified, replaced without a failed request by the strategy it needs, and back."""
    PROJECTS[name](shop)

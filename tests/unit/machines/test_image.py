"""When an image has to be made again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.machines.image import key, prepared_key
from tests.machines.inherit import Inheritance

BASE = Inheritance("http://one.example", None, "", ("A",), "[global]\n", (("A", "b"),))


def test_same_recipe_same_image() -> None:
    """Nothing changed: the image of last time is used."""
    assert key("trixie", BASE) == key("trixie", replace(BASE))


@pytest.mark.parametrize(
    "change",
    [
        {"mirror": "http://two.example"},
        {"security": "http://two.example"},
        {"apt": "Acquire::Check-Date false;\n"},
        {"certificates": ("A", "B")},
        {"pip": "[global]\nindex-url = https://one.example\n"},
        {"variables": (("A", "c"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_another_image(change: dict[str, object]) -> None:
    """An image never has the certificates or the mirror of yesterday."""
    changed = replace(BASE, **change)  # type: ignore[arg-type]
    assert key("trixie", changed) != key("trixie", BASE)
    assert prepared_key("trixie", changed) != prepared_key("trixie", BASE)


def test_releases_differ() -> None:
    """Each release has its own."""
    assert key("trixie", BASE) != key("bookworm", BASE)

"""Which other versions are taken for packages that no Python can have as they are pinned."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from holdfast.app import Dependencies
from holdfast.releases import instead, nearest
from holdfast.releases.another_python import Sign

SIGN = Sign("numpy cannot be built for this Python", ("numpy",), ("1.16.3",))
WHEELS = {"3.8": "1.17.3", "3.9": "1.19.3", "3.11": "1.23.2"}


def choose(
    found: Mapping[str, str],
    dependencies: Dependencies | None = None,
    sign: Sign = SIGN,
    resolving: str = "3.8 3.9 3.11",
) -> tuple[Dependencies, str] | None:
    def lowest(requirement: str, version: str) -> str | None:
        return WHEELS.get(version) if requirement == "numpy>=1.16.3" else None

    return nearest.choose(
        sign,
        dependencies or Dependencies("requirements", ("requirements.txt",)),
        "/python3.11",
        11,
        found=found.get,
        lowest=lowest,
        resolves=lambda version, changed: version in resolving.split(),
    )


@pytest.mark.parametrize(
    ("found", "resolving", "expected", "python"),
    [
        ({"3.8": "/python3.8", "3.9": "/python3.9"}, "3.8 3.9", "numpy==1.17.3", "/python3.8"),
        ({"3.8": "/python3.8", "3.9": "/python3.9"}, "3.9", "numpy==1.19.3", "/python3.9"),
        ({}, "3.8 3.11", "numpy==1.23.2", "/python3.11"),
    ],
)
def test_the_oldest_python_at_hand_comes_closest(
    found: Mapping[str, str], resolving: str, expected: str, python: str
) -> None:
    """It has wheels of the versions next to the one that is pinned, if the rest can be had."""
    chosen = choose(found, resolving=resolving)
    assert chosen is not None
    assert (chosen[0].instead, chosen[1]) == ((expected,), python)


def test_a_python_that_is_asked_for_stays() -> None:
    asked = Dependencies("requirements", ("requirements.txt",), python="3.11")
    chosen = choose({"3.8": "/python3.8"}, asked)
    assert chosen is not None
    assert chosen[1] == "/python3.11"


def test_a_later_one_where_the_next_does_not_go_with_the_rest() -> None:
    """What else is pinned decides."""

    def resolves(version: str, changed: Dependencies) -> bool:
        return changed.instead == ("numpy>=1.16.3",)

    chosen = nearest.choose(
        SIGN,
        Dependencies("requirements", ("requirements.txt",)),
        "/python3.11",
        11,
        found={"3.8": "/python3.8"}.get,
        lowest=lambda requirement, version: WHEELS.get(version),
        resolves=resolves,
    )
    assert chosen is not None
    assert (chosen[0].instead, chosen[1]) == (("numpy>=1.16.3",), "/python3.8")


def test_no_way_is_gone_twice() -> None:
    """Neither for one that was replaced already, nor for one that no wheel was ever made of."""
    done = Dependencies("requirements", ("requirements.txt",), instead=("numpy==1.17.3",))
    assert choose({}, done) is None
    assert choose({}, sign=Sign("no", ("mysqlclient",), ("2.2.7",))) is None


def test_names_that_others_have_taken_over() -> None:
    """Under another name, or in a later version that is the same to those who use it."""
    plain = Dependencies("requirements", ("requirements.txt",))
    changed = instead.of(Sign("no", ("pycrypto",), ("2.6.1",)), plain)
    assert changed is not None
    assert changed[0].extra == ("pycryptodome",)
    later = instead.of(Sign("no", ("markupsafe",), ("1.0",)), plain)
    assert later is not None
    assert later[0].instead == ("markupsafe>=1.1,<2.1",)
    old = instead.of(Sign("no", ("psycopg2",), ("2.6",)), plain)
    assert old is not None
    assert old[0].extra == ("psycopg2-binary>=2.7.4,<2.9",)

"""Records behave as the frozen dataclasses with slots that they stand for."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from holdfast.records import record


@record
class Kept:
    one: int
    two: str = "b"
    many: Mapping[str, int] = field(default_factory=dict)
    hidden: str = field(default="secret", repr=False)
    beside: int = field(default=0, compare=False)
    last: int = field(default=9, kw_only=True)


@dataclass(frozen=True, slots=True)
class Plain:
    one: int
    two: str = "b"
    many: Mapping[str, int] = field(default_factory=dict)
    hidden: str = field(default="secret", repr=False)
    beside: int = field(default=0, compare=False)
    last: int = field(default=9, kw_only=True)


@record
class Below(Kept):
    more: bool = False

    def __repr__(self) -> str:
        return f"Below {self.one}"


CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((1,), {}),
    ((1, "x"), {"last": 3}),
    ((), {"one": 1, "many": {"a": 1}, "beside": 4}),
    ((1, "x", {}, "h", 5), {}),
)

WRONG: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((), {"two": "x"}),
    ((1, "x", {}, "h", 5, 6), {}),
    ((1,), {"one": 1}),
    ((1,), {"other": 1}),
)


@pytest.mark.parametrize(("values", "named"), CALLS)
def test_made_as_a_dataclass_is(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Kept(*values, **named), Plain(*values, **named)
    assert asdict(ours) == asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Plain", "Kept")
    assert [item.name for item in fields(ours)] == [item.name for item in fields(theirs)]


@pytest.mark.parametrize(("values", "named"), WRONG)
def test_wrong_calls_are_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Plain(*values, **named)
    with pytest.raises(TypeError, match=r"Kept\.__init__\(\)"):
        Kept(*values, **named)


def test_each_has_a_default_of_its_own() -> None:
    assert Kept(1).many is not Kept(1).many


def test_compared_and_hashed_by_value() -> None:
    @record
    class Point:
        x: int
        name: str = field(default="", compare=False)

    assert Point(1, "a") == Point(1, "b") != Point(2, "a")
    assert hash(Point(1, "a")) == hash(Point(1, "b"))
    assert Kept(1) != Below(1)
    assert Kept(1).__eq__(1) is NotImplemented


def test_nothing_is_set_or_taken_away() -> None:
    kept: Any = Kept(1)
    for name in ("one", "unheard_of"):
        with pytest.raises(FrozenInstanceError):
            setattr(kept, name, 2)
        with pytest.raises(FrozenInstanceError):
            delattr(kept, name)
    assert not hasattr(kept, "__dict__")


def test_what_a_class_has_of_its_own_stays() -> None:
    below = Below(1, more=True, last=2)
    assert (repr(below), below.last, below.more) == ("Below 1", 2, True)


def test_replaced_and_copied() -> None:
    kept = Kept(1, many={"a": 1}, last=2)
    assert replace(kept, one=3) == Kept(3, many={"a": 1}, last=2)
    assert copy.deepcopy(kept) == copy.copy(kept) == kept


def test_taken_apart_by_match() -> None:
    match Kept(1, "x"):
        case Kept(1, two):
            assert two == "x"
        case _:
            pytest.fail("it is one")

"""The file of gates, and what changes in it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from holdfast.app import Edge as Limits
from holdfast.edge.contract import Gate, Mode, Target
from holdfast.edge.gates import MOST_APPS, Entry, Gates, GatesFile
from holdfast.errors import EdgeError


def target(release: str, slot: str = "a") -> Target:
    return Target(slot, f"unix:/run/{slot}.sock", release, f"/srv/{release}")  # type: ignore[arg-type]


def one_app() -> Gates:
    return Gates(1, {"app": Entry(Gate("app", Mode.OPEN, None), 0, Limits())})


def test_an_absent_file(tmp_path: Path) -> None:
    """No file, no apps."""
    assert GatesFile(tmp_path / "gates.json").read() == Gates()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Everything comes back as it was, and the generation grows by one."""
    file = GatesFile(tmp_path / "gates.json")
    gate = Gate(
        "app", Mode.HOLD, target("r2", "b"), target("r1"), 1234.5, ("10.0.0.0/8", "2001:db8::/33")
    )
    limits = Limits(max_line=5, max_wait=1.5, pace=2, pages="errors")
    with file.changed() as gates:
        gates.entries["app"] = Entry(gate, 3, limits)
    read = file.read()
    assert read.generation == 1
    assert read.entries["app"] == Entry(gate, 3, limits)


def test_networks_for_the_lua_side(tmp_path: Path) -> None:
    """Each network stands there as its bytes and the number of bits that count."""
    file = GatesFile(tmp_path / "gates.json")
    with file.changed() as gates:
        gates.entries["app"] = Entry(
            Gate("app", Mode.MAINTENANCE, None, allow=("10.1.2.3/12", "::1")), 0, Limits()
        )
    app = json.loads((tmp_path / "gates.json").read_text())["apps"]["app"]
    assert app["allow_bits"] == [[[10, 0, 0, 0], 12], [[0] * 15 + [1], 128]]


def test_opening_remembers_the_release_before() -> None:
    """`previous` is the other release that was live last, however often one opens."""
    gates = one_app()
    first, second = target("r1"), target("r2", "b")
    assert gates.open("app", first).previous is None
    assert gates.open("app", second).previous == first
    assert gates.open("app", second).previous == first
    assert gates.open("app", None).previous == first
    assert gates.open("app", target("r2", "a")).previous == first
    assert gates.open("app", first).previous == target("r2", "a")


def test_opening_ends_a_lease() -> None:
    """An open gate has none."""
    gates = one_app()
    gates.change("app", mode=Mode.HOLD, lease_until=5.0)
    gate = gates.open("app", None)
    assert (gate.mode, gate.lease_until) == (Mode.OPEN, None)


def test_unknown_app() -> None:
    """The error names it."""
    with pytest.raises(EdgeError, match="'nope'"):
        one_app().change("nope", mode=Mode.OPEN)


def test_places_are_used_again_and_run_out() -> None:
    """An app has the first free cell of the board; there are 256."""
    gates = Gates()
    for i in range(MOST_APPS):
        assert gates.free_index() == i
        gates.entries[f"a{i}"] = Entry(Gate(f"a{i}", Mode.OPEN, None), i, Limits())
    with pytest.raises(EdgeError, match="256"):
        gates.free_index()
    del gates.entries["a7"]
    assert gates.free_index() == 7


def test_the_board_has_as_many_places() -> None:
    """What Python gives out the Lua side has cells for."""
    lua = Path(__file__).parents[3] / "src/holdfast/edge/lua/holdfast/board.lua"
    assert f"APPS = {MOST_APPS}," in lua.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"generation": 1}', "\0"])
def test_damaged(tmp_path: Path, text: str) -> None:
    """A file that makes no sense is an error that names it, and is not overwritten."""
    path = tmp_path / "gates.json"
    path.write_text(text)
    file = GatesFile(path)
    with pytest.raises(EdgeError, match=r"gates\.json"):
        file.read()
    with pytest.raises(EdgeError, match=r"gates\.json"), file.changed():
        pass
    assert path.read_text() == text


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    """What raises inside `changed` is not written."""
    file = GatesFile(tmp_path / "gates.json")
    file.write_if_missing()
    before = (tmp_path / "gates.json").read_text()
    with pytest.raises(EdgeError), file.changed() as gates:
        gates.change("nope")
    assert (tmp_path / "gates.json").read_text() == before


def test_changes_at_the_same_time(tmp_path: Path) -> None:
    """None of many changes is lost."""
    path = tmp_path / "gates.json"

    def change(name: str) -> None:
        file = GatesFile(path)
        for i in range(20):
            with file.changed() as gates:
                gates.entries[f"{name}{i}"] = Entry(
                    Gate(f"{name}{i}", Mode.OPEN, None), gates.free_index(), Limits()
                )

    threads = [threading.Thread(target=change, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gates = GatesFile(path).read()
    assert gates.generation == 80
    assert sorted(entry.index for entry in gates.entries.values()) == list(range(80))


@pytest.mark.parametrize("target", [None, Target("b", "unix:/b", "2", "/src")])
def test_maintenance_goes_on_over_a_deploy(target: Target | None) -> None:
    """Whatever a hold with a lease ends with, and done twice; a person's own words end it."""
    gates = Gates(
        1, {"app": Entry(Gate("app", Mode.MAINTENANCE, None, allow=("::1",)), 0, Limits())}
    )
    for _ in range(2):
        gate = gates.hold("app", 1e9)
        assert (gate.mode, gate.back) == (Mode.HOLD, Mode.MAINTENANCE)
    for _ in range(2):
        gate = gates.open("app", target)
        assert (gate.mode, gate.back, gate.allow) == (Mode.MAINTENANCE, None, ("::1",))
        assert gate.target == target
    assert gates.open("app", None, end_maintenance=True).mode is Mode.OPEN
    gates.change("app", mode=Mode.MAINTENANCE)
    assert gates.hold("app", None).back is None
    assert gates.open("app", None).mode is Mode.OPEN

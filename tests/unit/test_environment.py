"""Variables kept on the server: for their owner alone, never printed."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from holdfast.command import Secret
from holdfast.environment import EnvStore, databases, split_database
from holdfast.errors import HoldfastError, NotFound, UsageError


@pytest.fixture
def store(tmp_path: Path) -> EnvStore:
    return EnvStore(tmp_path / "notes" / "env.json")


def test_missing_file_holds_nothing(store: EnvStore, tmp_path: Path) -> None:
    """Reading makes no file."""
    assert store.load() == {}
    assert list(tmp_path.iterdir()) == []


def test_what_is_set_is_loaded_as_secrets(store: EnvStore) -> None:
    """Values keep every character, line ends and quotes included, and don't print."""
    values = {"KEY": "hunter2", "_x1": "two\nlines 'and' \"quotes\" $HOME ä", "EMPTY": ""}
    store.set(values)
    loaded = store.load()
    assert loaded == {name: Secret(value) for name, value in values.items()}
    assert "hunter2" not in f"{loaded} {store!r}"


def test_setting_adds_and_replaces(store: EnvStore) -> None:
    """What is not named stays."""
    store.set({"A": "1", "B": "1"})
    store.set({"B": "2", "C": "2"})
    assert {name: value.value for name, value in store.load().items()} == {
        "A": "1",
        "B": "2",
        "C": "2",
    }


def test_file_is_the_owners_alone(store: EnvStore, tmp_path: Path) -> None:
    """0600, from the first write on, also when the file was open before."""
    store.set({"KEY": "hunter2"})
    path = tmp_path / "notes" / "env.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    store.set({"KEY": "hunter3"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for beside in path.parent.iterdir():
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "Ä", "A\n"])
def test_impossible_name_is_refused(store: EnvStore, name: str) -> None:
    """One clear error, without the value; nothing is written."""
    with pytest.raises(UsageError, match="not a variable's name") as caught:
        store.set({"GOOD": "x", name: "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert store.load() == {}


def test_nul_byte_is_refused_without_showing_the_value(store: EnvStore) -> None:
    """No environment can hold it; the message names the variable only."""
    with pytest.raises(UsageError, match="KEY: the value has a NUL byte") as caught:
        store.set({"KEY": "hunter\0two"})
    assert "hunter" not in str(caught.value)


def test_unset_removes(store: EnvStore) -> None:
    """Those named go, the others stay; a name given twice is one."""
    store.set({"A": "1", "B": "2", "C": "3"})
    store.unset(["A", "C", "A"])
    assert set(store.load()) == {"B"}


def test_unset_of_one_unknown_removes_none(store: EnvStore) -> None:
    """All or nothing, and the error says how to see what there is."""
    store.set({"A": "1"})
    with pytest.raises(NotFound, match="B is not set") as caught:
        store.unset(["A", "B"])
    assert caught.value.hint == "holdfast env list shows what is"
    assert set(store.load()) == {"A"}


def test_generated_once_and_kept(store: EnvStore) -> None:
    """The first time makes a long random value, the second finds it; a set one is left alone."""
    store.set({"MINE": "mine"})
    assert store.generate(["SECRET_KEY", "MINE"]) == ["SECRET_KEY"]
    first = store.load()["SECRET_KEY"]
    assert len(first.value) == 50
    assert store.generate(["SECRET_KEY", "MINE"]) == []
    assert store.load() == {"MINE": Secret("mine"), "SECRET_KEY": first}
    assert store.generate(["OTHER"]) == ["OTHER"]
    assert store.load()["OTHER"] != first


@pytest.mark.parametrize("content", ["{", "[]", "null", "", '{"KEY": "hunter2"', "\xff"])
def test_damaged_file_is_an_error_that_shows_nothing_of_it(
    store: EnvStore, tmp_path: Path, content: str
) -> None:
    """The error names the file and what to do; the file is left as it is."""
    path = tmp_path / "notes" / "env.json"
    path.parent.mkdir()
    path.write_bytes(content.encode("latin-1"))
    for call in (store.load, lambda: store.set({"A": "1"}), lambda: store.generate(["A"])):
        with pytest.raises(HoldfastError, match="cannot be read") as caught:
            call()
        assert "hunter2" not in str(caught.value)
        assert caught.value.hint is not None
        assert caught.value.__cause__ is None
    assert path.read_bytes() == content.encode("latin-1")


def test_file_is_plain_json(store: EnvStore, tmp_path: Path) -> None:
    """A person can restore it by hand."""
    store.set({"A": "ä"})
    assert json.loads((tmp_path / "notes" / "env.json").read_text()) == {"A": "ä"}


def _set(path: Path, number: int) -> None:
    EnvStore(path).set({f"NAME_{number}": "x"})


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    """`env set` while a deploy generates a key: both are there afterwards."""
    path = tmp_path / "env.json"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_set, args=(path, number)) for number in range(12)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(20)
    assert set(EnvStore(path).load()) == {f"NAME_{number}" for number in range(12)}


def test_parts_of_an_address_are_filled_from_the_whole() -> None:
    """``DB_HOST`` and the like come from DATABASE_URL; what is set stays as it is."""
    values = {"DATABASE_URL": "postgresql://ann:p%40ss@db.example.com/shop", "DB_USER": "bob"}
    names = ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "SHOP_COLOUR"]
    found = split_database(values, names)
    assert {name: value.value for name, value in found.items()} == {
        "DB_HOST": "db.example.com",
        "DB_PORT": "5432",
        "DB_NAME": "shop",
        "DB_PASSWORD": "p@ss",
    }


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "postgresql://host:port/x", ""])
def test_an_address_without_a_host_fills_nothing(url: str) -> None:
    """A file has no host, and what is no URL is left to the app to complain of."""
    assert split_database({"DATABASE_URL": url}, ["DB_HOST"]) == {}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"DB_URL": "postgresql+psycopg://a:b@c/d", "X": "sqlite:///x.db"}, ("DB_URL",)),
        ({"MONGO_URI": "mongodb+srv://a/b", "DB_HOST": "c"}, ("MONGO_URI",)),
        ({"POSTGRES_HOST": "db", "POSTGRES_PORT": "5432", "REDIS_HOST": "r"}, ("POSTGRES_HOST",)),
        ({"DATABASE_URL": "sqlite:///x.db", "SITE": "https://a.example", "DB_HOST": ""}, ()),
    ],
)
def test_databases_elsewhere(values: dict[str, str], found: tuple[str, ...]) -> None:
    """Known by what a variable holds, or as the host of a database."""
    assert databases({name: Secret(value) for name, value in values.items()}) == found

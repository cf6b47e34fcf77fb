"""The example and the reference name every key of the schema, with the defaults that hold."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfast import app, config
from holdfast.config import Config, Process
from holdfast.config.units import parse_duration, parse_size
from holdfast.errors import ConfigError

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = DOCS / "holdfast.example.toml"
DETECTED = ("listen", "directory")
"""Keys whose default in the app's model only holds where detection finds nothing."""

REFERENCE = (DOCS / "configuration.md").read_text()


def schema() -> Iterator[tuple[str, Any]]:
    """Every table that has keys of its own, and each of its keys."""
    for table in fields(Config):
        model = Process if table.name == "processes" else table.default_factory
        if isinstance(model, type) and is_dataclass(model):
            for key in fields(model):
                yield table.name, key


KEYS = [pytest.param(table, key, id=f"{table}.{key.name}") for table, key in schema()]


@pytest.fixture
def example(tmp_path: Path) -> Config:
    (tmp_path / "holdfast.toml").write_text(EXAMPLE.read_text())
    return config.load(tmp_path)


def test_the_example_loads_without_a_warning(example: Config) -> None:
    """It is what people copy from."""
    assert example.warnings == ()


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_the_example_has_the_key(example: Config, table: str, key: Any) -> None:
    """A key added to the schema is shown in the example, or this fails."""
    found = example.processes["beat"] if table == "processes" else getattr(example, table)
    assert getattr(found, key.name) is not None


def test_the_example_has_every_table() -> None:
    """``[processes]`` and ``[env]`` among them."""
    tables = {item.name for item in fields(Config) if "read" in item.metadata}
    assert set(tomllib.loads(EXAMPLE.read_text())) == tables


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_the_reference_has_the_key_and_its_default(table: str, key: Any) -> None:
    """Each has a row in the section of its table: type, default, meaning, example."""
    section = REFERENCE.split(f"## `[{table}]`")[1].split("\n## ")[0]
    rows = re.findall(
        rf"^\| `{key.name}` \| (.+) \| (.+) \| (.+) \| (.+) \|$", section, re.MULTILINE
    )
    assert len(rows) == 1
    _, default, _, example = rows[0]
    usual = key.metadata.get("usual")
    if usual is not None:
        written = re.match("`(.*?)`", default)
        assert written
        value = tomllib.loads(f"x = {written[1]}")["x"]
        assert usual in (value, parse_duration(str(value)), parse_size(str(value)))
    for written in re.findall("`(.*?)`", example):
        key.metadata["read"](tomllib.loads(f"x = {written}")["x"])


def test_the_reference_has_every_table() -> None:
    """Sections in the order of the schema."""
    tables = [item.name for item in fields(Config) if "read" in item.metadata]
    assert re.findall(r"^## `\[(\w+)\]`", REFERENCE, re.MULTILINE) == tables


@pytest.mark.parametrize(
    ("table", "model"),
    [
        ("web", app.Web),
        ("web", app.Edge),
        ("processes", app.Process),
        ("release", app.ReleaseCommand),
        ("deploy", app.Policy),
    ],
)
def test_defaults_are_those_of_the_app(table: str, model: Any) -> None:
    """What the config says holds if nothing is said does hold."""
    defaults = {item.name: item.default for item in fields(model)}
    for name, key in schema():
        default = defaults.get(key.name, MISSING)
        if name == table and default not in (MISSING, None, ()) and "usual" in key.metadata:
            assert key.metadata["usual"] in (default, None), key.name
            assert key.metadata["usual"] is not None or key.name in DETECTED, key.name


LEARNT = {"reads_static", "health_said"}
"""What the app itself is asked, and nobody says."""


@pytest.mark.parametrize("model", [app.Web, app.Edge])
def test_everything_about_the_web_can_be_said(model: Any) -> None:
    """The resolver lays ``[web]`` over these models by the names of their fields."""
    said = {item.name for item in fields(model)} - LEARNT
    assert said <= {item.name for item in fields(config.Web)}


def test_everything_about_the_deploy_can_be_said() -> None:
    """Likewise ``[deploy]``."""
    assert {item.name for item in fields(app.Policy)} == {
        item.name for item in fields(config.Deploy)
    }


def test_the_configs_in_the_reference_load(tmp_path: Path) -> None:
    """Code that is shown is code that works; the overlay goes over the smaller example."""
    blocks = re.findall(r"```toml\n(.*?)```", REFERENCE, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks[:3]:
        (tmp_path / "holdfast.toml").write_text(block)
        config.load(tmp_path)
    (tmp_path / "holdfast.toml").write_text(blocks[0])
    (tmp_path / "holdfast.staging.toml").write_text(blocks[3])
    assert config.load(tmp_path, "staging").warnings == ()


def test_the_errors_in_the_reference_are_real(tmp_path: Path) -> None:
    """As Holdfast prints them."""
    (tmp_path / "holdfast.toml").write_text('[web]\npace = "16"\n[app]\ndomian = ["a.example"]\n')
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path)
    shown = re.findall(r"^    (holdfast\.toml: .*)$", REFERENCE, re.MULTILINE)
    assert str(caught.value).splitlines() == shown

"""A config travels to the server as JSON and is the same there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast import config
from holdfast.config import Config, Process, Web
from holdfast.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "docs" / "holdfast.example.toml"


def test_an_empty_config_is_an_empty_object() -> None:
    """What was not said does not travel."""
    assert config.to_json(Config()) == {}
    assert config.from_json({}) == Config()


def test_the_example_is_the_same_after_the_journey(tmp_path: Path) -> None:
    """Every key of the schema, through the text of JSON."""
    (tmp_path / "holdfast.toml").write_text(EXAMPLE.read_text())
    there = config.load(tmp_path)
    assert config.from_json(json.loads(json.dumps(config.to_json(there)))) == there


def test_values_travel_in_seconds_and_bytes() -> None:
    """No unit is lost on the way."""
    found = config.from_json({"web": {"max_wait": "1m30s", "max_body": "1MiB", "static": False}})
    assert config.to_json(found) == {
        "web": {"max_body": 1_048_576, "max_wait": 90.0, "static": False}
    }
    assert found.web == Web(max_wait=90.0, max_body=1_048_576, static=False)


def test_a_process_travels_as_a_table() -> None:
    """Also one that was written as a string."""
    found = config.from_json({"processes": {"worker": "celery"}})
    assert found.processes == {"worker": Process("celery")}
    assert config.to_json(found) == {"processes": {"worker": {"command": "celery"}}}


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "config: is no table"),
        (None, "config: is no table"),
        ({"web": {"pace": "16"}}, 'config: [web] pace: "16" is a string; write 16 without quotes'),
        ({"web": {"pace": True}}, "config: [web] pace: true is a boolean; a whole number is meant"),
        ({"web": {"pace": None}}, "config: [web] pace: null is nothing; a whole number is meant"),
        ({"env": {"A": 1}}, 'config: [env] A: is a number; quote it: A = "1"'),
        ({"app": None}, "config: app: null is nothing; [app] is a table"),
    ],
)  # fmt: skip
def test_the_server_reads_as_strictly_as_the_laptop(value: object, error: str) -> None:
    """Nothing is coerced, nothing unknown is passed over."""
    with pytest.raises(ConfigError) as caught:
        config.from_json(value)
    assert str(caught.value) == error

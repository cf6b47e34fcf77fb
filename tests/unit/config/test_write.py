"""The file that ``holdfast init`` writes: small, commented, and loads as what was asked."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pytest

from holdfast import config
from holdfast.config.write import HEADER, render
from holdfast.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "docs" / "holdfast.example.toml"


def test_only_what_was_asked_is_written() -> None:
    """A comment each: the reason given, else what the schema says of the key."""
    text = render(
        {"web": {"health": "/healthz"}, "app": {"name": "notes", "domains": ["n.example.com"]}},
        {"app.name": "the folder's\nname"},
    )
    assert (
        text
        == f"""{HEADER}
[app]
name = "notes"  # the folder's name
domains = ["n.example.com"]  # host names it answers for, the real one first

[web]
health = "/healthz"  # asked until the app answers
"""
    )


def test_nothing_asked_is_a_file_that_says_nothing(tmp_path: Path) -> None:
    """The header alone."""
    (tmp_path / "holdfast.toml").write_text(render({}))
    assert config.load(tmp_path) == config.Config()


@pytest.mark.parametrize(
    "values",
    [
        {"release": {"command": False}, "web": {"static": False, "pace": 4, "compress": True}},
        {"web": {"static": {"/static/": "public"}}},
        {"processes": {"worker": "celery", "beat": {"command": "x", "stop_grace": "10s"}}},
        {"env": {"A": 'quotes " and \\ and\nlines\tand \x7f', "B": "日本 🙂", "C": ""}},
        {"build": {"commands": [f"a command that is long enough to be broken {n}" for n in "abc"]}},
        {"web": {"boot_timeout": 1.5}},
    ],
)
def test_what_is_written_is_read_back(tmp_path: Path, values: dict[str, Any]) -> None:
    """Valid TOML with the same values."""
    text = render(values)
    assert tomllib.loads(text) == values
    (tmp_path / "holdfast.toml").write_text(text)
    assert config.load(tmp_path) == config.from_json(values)


def test_the_whole_example_is_read_back() -> None:
    """Every key of the schema can be written."""
    values = tomllib.loads(EXAMPLE.read_text())
    assert tomllib.loads(render(values)) == values


def test_any_text_is_read_back() -> None:
    """Five hundred random strings, control characters and all planes among them."""
    chance = random.Random(3)
    for _ in range(500):
        codes = [chance.choice([chance.randrange(1, 300), chance.randrange(1, 0xD800), 0x1F600])
                 for _ in range(8)]  # fmt: skip
        values = {"env": {"A": "".join(map(chr, codes))}}
        assert tomllib.loads(render(values)) == values


def test_what_would_not_load_is_not_written() -> None:
    """The error is that of the file it would have been."""
    with pytest.raises(ConfigError) as caught:
        render({"app": {"domains": ["https://notes.example.com"]}})
    assert str(caught.value) == (
        'holdfast.toml: [app] domains: "https://notes.example.com" has a scheme; '
        'write "notes.example.com"'
    )

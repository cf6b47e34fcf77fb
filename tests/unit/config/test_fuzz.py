"""Whatever stands in the file, a user gets a config or one clear error, never a traceback."""

from __future__ import annotations

import contextlib
import random
import tomllib
from pathlib import Path
from typing import Any

from holdfast import config
from holdfast.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "docs" / "holdfast.example.toml"
ODD: list[Any] = [
    *(None, True, False, 0, -1, 10**30, 1.5, float("nan"), float("inf"), ""),
    *(" ", "\0", "\n", "a" * 300, "é", "\ud800", "::", "[", "//", "https://", ".", ".."),
    *("/", "$PORT", "1h", "1MB", [], [[]], [{}], [1, "a"], {}, {"": 1}, {"a.b": {"c": []}}),
]


def test_a_damaged_file_is_a_config_error(tmp_path: Path) -> None:
    """Bytes of the example cut, doubled and replaced, five hundred times."""
    chance = random.Random(4)
    whole = EXAMPLE.read_bytes()
    for _ in range(500):
        start, end = sorted(chance.choices(range(len(whole)), k=2))
        start = max(start, end - 200)
        middle = chance.choice([b"", whole[start:end] * 2, chance.randbytes(3), b'"', b"=", b"["])
        (tmp_path / "holdfast.toml").write_bytes(whole[:start] + middle + whole[end:])
        with contextlib.suppress(ConfigError):
            config.load(tmp_path)


def test_odd_values_anywhere_are_config_errors() -> None:
    """Each of the odd values in the place of each key, each table, and the whole."""
    whole = tomllib.loads(EXAMPLE.read_text())
    for odd in ODD:
        _read(odd)
        for table, keys in whole.items():
            _read({**whole, table: odd})
            for key in [*keys, "odd", ""]:
                _read({**whole, table: {**keys, key: odd}})


def _read(value: Any) -> None:
    with contextlib.suppress(ConfigError):
        found = config.from_json(value)
        assert config.from_json(config.to_json(found)) == found

"""Every wrong config under ``cases/`` is refused with exactly the error written beneath it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import config
from holdfast.errors import ConfigError

CASES = Path(__file__).parent / "cases"


def cases() -> Iterator[Any]:
    """Blocks of ``=== title``, the config, ``--- error``, the error."""
    for file in sorted(CASES.glob("*.txt")):
        for block in file.read_text().split("=== ")[1:]:
            title, _, rest = block.partition("\n")
            text, _, error = rest.partition("--- error\n")
            yield pytest.param(text, error.rstrip("\n"), id=f"{file.stem}: {title}")


@pytest.mark.parametrize(("text", "error"), list(cases()))
def test_the_error_is_exactly_the_one_expected(tmp_path: Path, text: str, error: str) -> None:
    """One error names file, table and key, what is wrong and what would be right."""
    (tmp_path / "holdfast.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path)
    assert str(caught.value) == error
    assert error.startswith(caught.value.where)


def test_there_are_many_cases_and_no_two_are_called_the_same() -> None:
    """The brief asks for at least 45."""
    names = [case.id for case in cases()]
    assert len(names) >= 45
    assert len(set(names)) == len(names)


def test_no_error_shows_a_secret() -> None:
    """Cases with a secret all have ``hunter2`` as its value."""
    texts = [case.values for case in cases()]
    secret = [error for text, error in texts if "hunter2" in text]
    assert len(secret) >= 5
    assert not any("hunter2" in error for error in secret)

"""Lengths of time and sizes: written, read, written again."""

from __future__ import annotations

import random

import pytest

from holdfast.config.units import duration_text, parse_duration, parse_size, size_text


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("1.5h", 5400.0),
        ("1d", 86400.0),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0.0),
        (" 5 s ", 5.0),
        ("0.1s", 0.1),
    ],
)
def test_durations_are_seconds(written: str, seconds: float) -> None:
    """Units d, h, m, s, ms, in that order."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    ["", "30", "s", "30S", "30 sec", "-5s", "30s1m", "30s30s", ".5s", "5.s", "1e3s", "٣s", "1m,2s"],
)
def test_what_is_no_duration(written: str) -> None:
    """Nothing is guessed: a number alone, capitals, signs, other digits."""
    assert parse_duration(written) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("512MB", 512_000_000),
        ("1.5GiB", 1_610_612_736),
        ("50M", 52_428_800),
        ("1k", 1024),
        ("1K", 1024),
        ("1kB", 1000),
        ("1KB", 1000),
        ("10 MiB", 10_485_760),
        ("7B", 7),
        ("0.5kB", 500),
    ],
)
def test_sizes_are_bytes(written: str, number: int) -> None:
    """With B a power of 1000, with iB or alone a power of 1024."""
    assert parse_size(written) == number


@pytest.mark.parametrize("written", ["", "50", "MB", "50mb", "50 megabytes", "-1MB", "1,5MB"])
def test_what_is_no_size(written: str) -> None:
    """``mb`` could be millibits; nothing is guessed."""
    assert parse_size(written) is None


def test_every_duration_is_read_back_as_it_was_written() -> None:
    """Two thousand random milliseconds, from nothing to a week."""
    chance = random.Random(1)
    for _ in range(2000):
        seconds = round(chance.uniform(0, 10 ** chance.uniform(-3, 5.78)), 3)
        assert parse_duration(duration_text(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_every_size_is_read_back_as_it_was_written() -> None:
    """Two thousand random sizes, whole units among them."""
    chance = random.Random(2)
    for _ in range(2000):
        number = chance.randrange(1000) * chance.choice([1, 10**3, 10**6, 2**10, 2**20, 2**30])
        assert parse_size(size_text(number)) == number


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m30s"), (0.25, "250ms"), (86400, "1d")]
)
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    """As short as it can be."""
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0B"), (50_000_000, "50MB"), (2**20, "1MiB"), (1500, "1500B")]
)
def test_a_size_is_written_for_people(number: int, text: str) -> None:
    """In the largest unit that leaves nothing over."""
    assert size_text(number) == text

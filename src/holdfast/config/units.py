"""Lengths of time and sizes: what a person writes, and seconds and bytes."""

from __future__ import annotations

import math
import re

from holdfast.config.values import Reader
from holdfast.config.wrong import shown, wrong, wrong_type

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = r"\s*".join(rf"(?:([0-9]+(?:\.[0-9]+)?)\s*{unit})?" for unit in _SECONDS)
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "k": 2**10,
    "K": 2**10,
    "M": 2**20,
    "G": 2**30,
    "T": 2**40,
}
_SIZE = r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)"


def duration(least: float, most: float) -> Reader[float]:
    """Seconds, ``least`` to ``most``, from ``"30s"``, ``"1h30m"`` or a plain number of seconds."""

    def read(value: object) -> float:
        seconds = _seconds(value)
        if seconds < least:
            raise wrong(f"{shown(value)} is too short; {duration_text(least)} is the least")
        if seconds > most:
            raise wrong(f"{shown(value)} is too long; {duration_text(most)} is the most")
        return seconds

    return read


def _seconds(value: object) -> float:
    meant = 'a time such as "30s", "500ms" or "1h30m" is meant'
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong_type(value, meant)
    if isinstance(value, str):
        seconds = parse_duration(value)
        if seconds is None:
            raise wrong(f"{shown(value)} is no length of time; {_time_hint(value) or meant}")
        return seconds
    if not math.isfinite(value) or value < 0:
        raise wrong(f"{shown(value)} is no length of time; {meant}")
    return float(value)


def parse_duration(written: str) -> float | None:
    """Seconds, or ``None``: units d, h, m, s, ms, each once, in that order."""
    found = re.fullmatch(_DURATION, written.strip())
    if not written.strip() or not found:
        return None
    pairs = zip(found.groups(), _SECONDS.values(), strict=True)
    return round(sum(float(number) * unit for number, unit in pairs if number), 6)


def _time_hint(written: str) -> str | None:
    """What somebody meant who wrote ``30``, ``30S``, ``5 minutes`` or ``30 sec``."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\.?", written.strip())
    if not found:
        return None
    number, word = found[1], found[2].lower()
    if not word:
        return f'did you mean "{number}s"?'
    names = {"ms": "mil", "s": "sec", "m": "min", "h": "ho", "d": "da"}
    unit = next(
        (unit for unit, start in names.items() if word == unit or word.startswith(start)), None
    )
    return f'did you mean "{number}{unit}"?' if unit else None


def duration_text(seconds: float) -> str:
    """The shortest writing that :func:`parse_duration` reads back: ``90.0`` is ``1m30s``."""
    left = round(seconds * 1000, 3)  # in milliseconds
    parts = []
    for unit, length in _SECONDS.items():
        step = round(length * 1000)
        number = left / step if unit in ("s", "ms") else left // step
        if left >= step or (unit == "ms" and left):
            parts.append(f"{number:.15g}{unit}")
            left = round(left - number * step, 3)
    return "".join(parts) or "0s"


def size(least: int, most: int) -> Reader[int]:
    """Bytes, ``least`` to ``most``, from ``"512MB"``, ``"1.5GiB"`` or a plain number of bytes."""

    def read(value: object) -> int:
        number = _bytes(value)
        if number < least:
            raise wrong(f"{shown(value)} is too small; {size_text(least)} is the least")
        if number > most:
            raise wrong(f"{shown(value)} is too large; {size_text(most)} is the most")
        return number

    return read


def _bytes(value: object) -> int:
    meant = 'a size such as "50MB" or "1.5GiB" is meant'
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong_type(value, meant)
    if isinstance(value, int):
        if value < 0:
            raise wrong(f"{value} is no size; {meant}")
        return value
    number = parse_size(value)
    if number is None:
        raise wrong(f"{shown(value)} is no size; {_size_hint(value) or meant}")
    return number


def parse_size(written: str) -> int | None:
    """Bytes, or ``None``.

    ``kB MB GB TB`` are powers of 1000, ``KiB MiB GiB TiB`` of 1024 (IEC 80000-13); a lone
    ``K M G T`` is a power of 1024, as in nginx, systemd and coreutils.
    """
    found = re.fullmatch(_SIZE, written.strip())
    if not found or found[2] not in _BYTES:
        return None
    return round(float(found[1]) * _BYTES[found[2]])


def size_text(number: int) -> str:
    """The shortest writing in whole units that :func:`parse_size` reads back: ``50MB``."""
    units = [(unit, factor) for unit, factor in _BYTES.items() if unit != "KB" and len(unit) != 1]
    for unit, factor in sorted(units, key=lambda pair: -pair[1]):
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}B"


def _size_hint(written: str) -> str | None:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)", written.strip())
    if not found:
        return None
    if not found[2]:
        return f'did you mean "{found[1]}MB"?'
    same = [unit for unit in _BYTES if unit.lower() == found[2].lower()]
    return f'did you mean "{found[1]}{same[0]}"?' if same else None

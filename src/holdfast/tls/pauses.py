"""How long to wait before a certificate is asked for again: minutes first, at most a day."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

_FIRST = {
    # Only DNS is asked: that costs nobody anything, and a person may be changing it right now.
    "pointing": 5 * MINUTE,
    "unreachable": 5 * MINUTE,
    "client": 15 * MINUTE,
}
_USUAL = 15 * MINUTE
"""At most four an hour: Let's Encrypt allows five failed validations of a name an hour
(https://letsencrypt.org/docs/rate-limits/)."""

_LONGEST = {"pointing": HOUR, "unreachable": 6 * HOUR}


def pause(kind: str, failures: int, told: float | None = None) -> float:
    """Seconds until the next try, after so many ``failures`` in a row (1 for the first).

    Args:
        told: what the CA asked for; it is never asked sooner.
    """
    longest = _LONGEST.get(kind, DAY)
    doubled = _FIRST.get(kind, _USUAL) * 2.0 ** min(max(failures - 1, 0), 20)
    return max(min(doubled, longest), told or 0.0)

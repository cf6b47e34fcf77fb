"""Networks and volumes that a project does not make itself: ``external: true``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def networks(document: Mapping[str, Any], services: Iterable[str]) -> list[str]:
    """The names on the server of those that services are in."""
    used = (name for one in services for name in document["services"][one].get("networks") or ())
    return _external(document.get("networks"), used)


def volumes(document: Mapping[str, Any], services: Iterable[str]) -> list[str]:
    """The names on the server of those that services mount."""
    mounts = (item for one in services for item in document["services"][one].get("volumes") or ())
    used = (str(item.get("source")) for item in mounts if item.get("type") == "volume")
    return _external(document.get("volumes"), used)


def _external(defined: Mapping[str, Any] | None, used: Iterable[str]) -> list[str]:
    said = ((key, (defined or {}).get(key) or {}) for key in dict.fromkeys(used))
    return [str(item.get("name") or key) for key, item in said if item.get("external")]

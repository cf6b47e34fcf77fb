"""The firewall that is loaded, and in what it is not the one of its file.

``nft`` prints rules in words of its own, others in each version. So the file is loaded once more,
into a network namespace that nothing is in and that ends with the command (unshare(1)), and the
two are compared as the same ``nft`` prints them: nothing need be kept from when they were loaded,
and neither a reload nor a reboot nor a newer ``nft`` looks like a change.
"""

from __future__ import annotations

from pathlib import Path

from holdfast.provision.facts import parse
from holdfast.provision.facts.ask import said

RULES = "/etc/holdfast/firewall.nft"
"""Where set-up keeps the rules of its table."""

# Without what comes and goes: counters, and the addresses that the rate limit remembers (nft(8)).
_LIST = ("nft", "--stateless", "--terse", "list", "table", "inet", "holdfast")
_LOAD = 'nft -f "$0" 2>/dev/null && exec "$@"'


def loaded() -> str:
    """Our table as the kernel has it; empty if there is none."""
    return said(*_LIST)


def strays(table: str) -> tuple[str, ...] | None:
    """In what a loaded table is not what its file makes: lines that are too many, then too few.

    Returns:
        ``None`` where that cannot be told: the file is gone or broken, or no network namespace
        may be made here.
    """
    if not table or not Path(RULES).exists():
        return None
    ought = said("unshare", "--net", "sh", "-c", _LOAD, RULES, *_LIST)
    return parse.strays(table, ought) if ought else None

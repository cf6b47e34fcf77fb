"""What apt uses of its settings, and which of its files speak of them (apt.conf(5))."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.provision.facts import parse
from holdfast.provision.facts.ask import said
from holdfast.provision.facts.model import AptValue

PERIODIC = ("Enable", "Update-Package-Lists", "Unattended-Upgrade")
UNATTENDED = ("Automatic-Reboot", "Automatic-Reboot-Time", "Origins-Pattern", "Allowed-Origins")
NAMES = (
    *(f"APT::Periodic::{name}" for name in PERIODIC),
    *(f"Unattended-Upgrade::{name}" for name in UNATTENDED),
)
_FILE = re.compile(r"[\w-]+|[\w.-]+\.conf", re.ASCII)


def values() -> dict[str, AptValue]:
    """Those that decide whether security updates come by themselves."""
    found = parse.apt_values(said("apt-config", "dump"), NAMES)
    lines = [(place, line) for path in _files() for place, line in _lines(path)]
    return {name: AptValue(found.get(name, ""), places(name, lines)) for name in NAMES}


def _files() -> list[Path]:
    """In the order in which apt reads them: what comes later counts."""
    apt = Path("/etc/apt")
    parts = [path for path in apt.glob("apt.conf.d/*") if _FILE.fullmatch(path.name)]
    return [*sorted(parts), apt / "apt.conf"]


def _lines(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [(f"{path}:{number}", line) for number, line in enumerate(lines, 1)]


def places(name: str, lines: list[tuple[str, str]]) -> tuple[str, ...]:
    """Where the last part of a name stands: what is around it may be braces of earlier lines."""
    above, _, leaf = name.rpartition("::")
    speaks = re.compile(
        rf"^(?!\s*(?://|#(?!clear))).*\b{leaf}\b(?![-:])|^\s*#clear\s+{above}\s*;", re.IGNORECASE
    )
    return tuple(place for place, line in lines if speaks.search(line))

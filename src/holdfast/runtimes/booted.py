"""What this machine's init is."""

from __future__ import annotations

from pathlib import Path


def has_systemd() -> bool:
    """Whether systemd is this machine's init (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()

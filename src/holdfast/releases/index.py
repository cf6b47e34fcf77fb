"""The machine's pip configuration for uv, which does not read it.

People and companies say in ``pip.conf`` or ``PIP_…`` where packages come from. uv has its
own variables for the same; those that are set already are left as they are.
(pip: "Configuration"; uv: "Compatibility with pip", "Environment variables".)
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_SECTIONS = ("global", "install")
_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "no-index": "UV_NO_INDEX",
}
_SAME = {
    "UV_DEFAULT_INDEX": ("UV_INDEX_URL",),
    "UV_INDEX": ("UV_EXTRA_INDEX_URL",),
}
"""Older names that say the same."""

_COMMAS = ("UV_FIND_LINKS", "UV_INSECURE_HOST")


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """uv's variables for what pip's configuration says and uv was not told itself.

    The values may hold passwords: for an environment only.
    """
    settings = _settings(environ)
    if settings.get("index-url") or settings.get("extra-index-url"):
        # pip takes the best version of all its indexes, uv the first index that has any.
        settings["strategy"] = "unsafe-best-match"
    found = {}
    for key, name in (*_NAMES.items(), ("strategy", "UV_INDEX_STRATEGY")):
        value = " ".join(settings.get(key, "").split())
        if value and not any(environ.get(same) for same in (name, *_SAME.get(name, ()))):
            found[name] = value.replace(" ", ",") if name in _COMMAS else value
    return found


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's settings; later files win, and variables win over files."""
    found: dict[str, str] = {}
    for file in _files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text())
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in _SECTIONS:
            if parser.has_section(section):
                found |= {
                    key.replace("_", "-"): value for key, value in parser.items(section) if value
                }
    for key in _NAMES:
        if value := environ.get(f"PIP_{key.replace('-', '_').upper()}"):
            found[key] = value
    if found.get("no-index", "").lower() in ("0", "false", "no", "off"):
        del found["no-index"]
    return found


def _files(environ: Mapping[str, str]) -> list[Path]:
    """Where pip looks, least important first; ``PIP_CONFIG_FILE=/dev/null`` means nowhere."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = Path(environ.get("HOME") or Path.home())
    shared = [
        Path(item) / "pip" / "pip.conf"
        for item in reversed(environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"))
        if item
    ]
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    mac = [Path("/Library/Application Support/pip/pip.conf")] if sys.platform == "darwin" else []
    own = home / "Library/Application Support/pip/pip.conf"
    return [
        *mac,
        *shared,
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        *([own] if sys.platform == "darwin" and own.parent.is_dir() else []),
        config / "pip" / "pip.conf",
        *([Path(chosen)] if chosen else []),
    ]

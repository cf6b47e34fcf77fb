"""Tiny projects as text: what they are about, their files, what is expected.

::

    What this is a case of, in a line or two.
    --- app.py
    from flask import Flask
    --- config
    [web]                      (the user's holdfast.toml, if any)
    --- expect
    framework = "flask"        (TOML; the keys are those of test_projects.py)
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.config import Config, from_json

PROJECTS = Path(__file__).parent / "projects"
_PART = re.compile(r"^--- (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    files: dict[str, str]
    config: dict[str, Any]
    expect: dict[str, Any]

    def write(self, directory: Path) -> Path:
        """Lay the files down in ``directory / "site"``."""
        root = directory / "site"
        root.mkdir(parents=True)
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode("utf-16") if name.endswith("utf16.txt") else content.encode()
            path.with_name(path.name.replace("utf16.txt", "txt")).write_bytes(data)
        return root

    def settings(self) -> Config:
        return from_json({**self.config, "app": {"name": "site", **self.config.get("app", {})}})


def load(path: Path) -> Case:
    about, *parts = _PART.split(path.read_text())
    named = dict(zip(parts[::2], parts[1::2], strict=True))
    config = tomllib.loads(named.pop("config", ""))
    expect = tomllib.loads(named.pop("expect"))
    return Case(path.stem, about.strip(), named, config, expect)


def every() -> list[Case]:
    return [load(path) for path in sorted(PROJECTS.glob("*.txt"))]

"""Names of what can be made again, and so is nothing that has to outlive a release."""

from __future__ import annotations

DIRECTORIES = frozenset({"cache", ".cache", "tmp", ".tmp", "temp", "staticfiles", "static_root",
                         "__pycache__", "node_modules", "dist", "build", ".git"})  # fmt: skip
"""Of these names, wherever they are in an app's tree."""

FILES = (".py", ".pyc", ".lock", ".pid", ".sock", ".toml", ".html", ".css", ".js")
"""Ends of the names of files."""


def so_named(path: str) -> bool:
    """Whether a path of an app's tree is one of such a file, or in such a directory."""
    return bool(DIRECTORIES & set(path.split("/"))) or path.endswith(FILES)

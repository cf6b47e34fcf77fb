"""Scripts that ask a framework, run by the app's own Python; never imported into ours.

They must work on every Python from 3.8 and need nothing but the standard library.
``common.py`` and one or two others are put together by :mod:`holdfast.detect.probing`.
"""

from __future__ import annotations

from pathlib import Path


def text(name: str) -> str:
    """The text of a script: ``common``."""
    return (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")

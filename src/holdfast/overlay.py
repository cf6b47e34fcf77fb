"""Modules of ours beside a release's source: laid down once, found by whatever runs the app.

They lie in ``overlay/`` of the release's directory, never in the app's own tree, so what runs
is what was sent, and a rollback has the modules that its release had.
"""

from __future__ import annotations

import json
from pathlib import Path

from holdfast.app import Overlay
from holdfast.command import Secret
from holdfast.files import write_atomic, write_json

FOLDER = "overlay"
_VARIABLES = "variables.json"


def write(release: Path, overlay: Overlay) -> None:
    """Lay the modules down; nothing is written where there are none."""
    if not overlay.modules:
        return
    home = release / FOLDER
    home.mkdir(exist_ok=True)
    for name, text in overlay.modules.items():
        write_atomic(home / name, text)
    write_json(home / _VARIABLES, dict(overlay.env))


def variables(release: Path, python_path: str | Secret) -> dict[str, str]:
    """The variables of a release's overlay; none where it has none.

    Args:
        python_path: the ``PYTHONPATH`` that the app has without it.
    """
    home = release / FOLDER
    try:
        env = json.loads((home / _VARIABLES).read_text())
    except (OSError, ValueError):
        return {}
    plain = python_path.value if isinstance(python_path, Secret) else python_path
    path = f"{plain}:{home}" if plain else str(home)
    return {**{str(name): str(value) for name, value in env.items()}, "PYTHONPATH": path}

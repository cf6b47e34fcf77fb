"""What detection finds in the project's files, for ``init`` and ``check``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.cli.project import Beginning

if TYPE_CHECKING:
    from holdfast.app import AppSpec
    from holdfast.detect import Project


def find(directory: Path, beginning: Beginning) -> tuple[Project, AppSpec]:
    """The project, and the app as far as files say; the framework itself is not asked.

    Raises:
        DetectionError: the project is not understood.
    """
    from holdfast.detect import Answers, resolve, scan

    app = replace(beginning.config.app, name=beginning.name, domains=beginning.domains or None)
    config = replace(beginning.config, app=app)
    project = scan(directory, config)
    return project, resolve(config, project, Answers())

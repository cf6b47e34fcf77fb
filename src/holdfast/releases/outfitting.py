"""What an app loads and runs of the system is there before it is asked, where we may see to it.

On a server apt installs it; elsewhere it is named. What takes hundreds of megabytes is only named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.distribution import here, parts
from holdfast.releases.system_packages import SystemPackages

if TYPE_CHECKING:
    from holdfast.detect.project import Project


def outfit(project: Project, env_path: Path, system: SystemPackages) -> Project:
    """The project with what its virtual environment holds, and warnings of what the system lacks.

    Raises:
        Cancelled: the build was stopped.
    """
    from holdfast.detect import system as detected

    known = replace(project, installed=frozenset(_installed(env_path)))
    wanted = detected.needs(known)
    path = f"{env_path / 'bin'}:{os.environ.get('PATH', os.defpath)}"
    for need in wanted:
        lacking = [part for part in need.parts if here.lacks(part, path)]
        small = [part for part in lacking if part.package not in parts.LARGE]
        system.install(here.packages(small), need.why)
    said = [item for item in project.findings if item.what != detected.LACKING]
    return replace(known, findings=(*said, *detected.lacking(wanted, path)))


def _installed(env_path: Path) -> Iterator[str]:
    """Normalised names of what a virtual environment holds (``python_magic-0.4.dist-info``)."""
    from holdfast.detect.lines import normalise

    for found in env_path.glob("lib/python3*/site-packages/*.dist-info"):
        yield normalise(found.name.partition("-")[0])


def provided(said: str, system: SystemPackages) -> bool:
    """Whether what an error is for the want of was missing, and is there now.

    Raises:
        Cancelled: the build was stopped.
    """
    part = parts.missed(said)
    if part is None or part.package in parts.LARGE:
        return False
    return system.install((here.package(part),), f"the app cannot be imported without {part.name}")

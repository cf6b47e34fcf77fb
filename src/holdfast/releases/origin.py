"""Which project lies in a folder, so that none takes the place of another of the same name.

Without a name in the config an app has its folder's, and people have more than one ``backend``.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from holdfast.records import record
from holdfast.releases import git


@record
class Origin:
    """Where a project was deployed from.

    Attributes:
        host: the name of the machine.
        folder: the project's, absolute.
        roots: the first commits of its repository; none without git, and in a shallow clone.
        within: the folder below the top of its repository.
        git: whether it is in a repository.
    """

    host: str
    folder: str
    roots: tuple[str, ...] = ()
    within: str = ""
    git: bool = False


def origin(directory: Path, known: Origin | None = None) -> Origin:
    """The project in a folder.

    Args:
        known: where the app of its name was deployed from; git is not asked again for the same.

    Raises:
        UsageError: the folder is in a git repository, but git is not installed or refuses to look.
    """
    folder = directory.resolve()
    here = Origin(os.uname().nodename, str(folder))
    if known is not None and known.roots and _place(known) == _place(here):
        return known
    repository = git.repository(directory)
    if repository is None or repository.commit() is None:
        return here
    within = str(folder.relative_to(repository.top))
    return Origin(here.host, here.folder, repository.roots(), within, git=True)


def is_other(known: Origin, here: Origin) -> bool:
    """Whether these are two projects, as far as that can be told.

    One that was moved, cloned again or deployed from another machine is the same; so is one of
    which too little is known.
    """
    if _place(known) == _place(here):
        return False
    if known.roots and here.roots:
        top = Path(here.folder)
        for _ in PurePath(here.within).parts:
            top = top.parent
        apart = known.within != here.within and (top / known.within).is_dir()
        return apart or not {*known.roots} & {*here.roots}
    if known.git and here.git:
        return False
    return known.host == here.host and Path(known.folder).is_dir()


def _place(one: Origin) -> tuple[str, str]:
    return one.host, one.folder

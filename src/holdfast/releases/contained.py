"""What would be lost with a container that goes: found when a release is built, given a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.compose import unnamed
from holdfast.compose.mounts import Bind
from holdfast.compose.project import Project
from holdfast.compose.roles import Roles
from holdfast.records import record
from holdfast.runtimes.compose import images, steady


@record
class Volumes:
    """The volumes without a name: those that get one, and those that are left out.

    Both by ``service:target``; what is left out with its path.
    """

    named: Mapping[str, str]
    masks: Mapping[str, str]


def volumes(
    app: str,
    project: Project,
    roles: Roles,
    bound: Iterable[Bind],
    built: Mapping[str, str],
    on_line: images.Line,
) -> Volumes:
    """Find them by the images of all services; those of services that stay up are pulled.

    Args:
        built: the ids of images that were built or pulled for the release, by service.

    Raises:
        BuildError: an image cannot be pulled.
        ProcessError: Docker does not answer.
    """
    stay = {name: project.services[name].image for name in roles.steady if name not in built}
    declared = images.declared({**built, **stay}, on_line)
    masks = unnamed.masks(project, roles, bound)
    names = unnamed.named(project, roles, declared, (*masks, *steady.unnamed(app)))
    return Volumes(names, masks)

"""A release that is run here: its project as Compose resolves it, and calls for parts of it.

A part is the web of a slot (``web.a``), which is a project of its own, or everything beside it
(``others``). Each is written down as Compose is given it (:mod:`records`): project and override.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from holdfast.app import ComposeApp
from holdfast.command import Command, Secret
from holdfast.compose import override, overrides, unnamed
from holdfast.compose.variables import here
from holdfast.errors import ProcessError
from holdfast.layout import Layout
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import api, docker, hooks, records, resolving
from holdfast.runtimes.contract import Environment, Release

_ABOUT = "Written by Holdfast, for release {release}. holdfast plan --override shows it."


class Released:
    """One release with its variables.

    Raises:
        ProcessError: it is no Compose project.
    """

    def __init__(self, layout: Layout, release: Release, env: Environment) -> None:
        if release.spec.compose is None:
            raise ProcessError(f"{release.spec.name}: release {release.id} is no Compose project")
        self.layout = layout
        self.release = release
        self.app = release.spec.name
        self.said: ComposeApp = release.spec.compose
        self._env = env

    @cached_property
    def document(self) -> dict[str, Any]:
        """The project with the release's variables in what runs the app's code."""
        said = self.said
        # Marks of ours differ from call to call: a database whose env_file is .env would, too.
        theirs = {
            name: value for name, value in self._env.items() if not name.startswith("HOLDFAST_")
        }
        document = resolving.resolve(
            overrides.project_name(self.app),
            self.release.source,
            said.files,
            said.profiles,
            theirs,
        )
        document = unnamed.put_in(document, said.named)
        given = {name: plain(value) for name, value in variables(self.release, self._env).items()}
        for name in said.released:
            service = document["services"].get(name)
            if service is None:
                raise ProcessError(f"{self.app}: its project has no service {name} now")
            before = service.get("environment") or {}
            files = here(before, given, document["services"])
            wins = {name: value for name, value in given.items() if name not in files}
            ours = {name: value.replace("$", "$$") for name, value in wins.items()}
            service["environment"] = {**before, **ours}
        return document

    @cached_property
    def others(self) -> dict[str, Any]:
        """The override of everything beside the web."""
        return overrides.for_others(self.document, self.app, self.said, self.release.id)

    def starts_alone(self, service: str) -> bool:
        """Whether Docker itself starts a container of it: Compose puts nothing in before."""
        definition = self.document["services"][service]
        return not any(definition.get(key) for key in ("configs", "secrets"))

    def check_images(self) -> None:
        """See that what it starts is still there.

        Raises:
            ProcessError: somebody removed one of its images.
        """
        there = {str(item["Id"]) for item in api.inspect("image", [*self.said.images.values()])}
        gone = [name for name, image in self.said.images.items() if image not in there]
        if gone:
            raise ProcessError(
                f"{self.app}: the image of {gone[0]} of release {self.release.id} was removed"
                " from this server's Docker (docker image prune --all does that)",
                hint="holdfast deploy builds one of that commit anew: git checkout it first",
            )

    def write(self, part: str, ours: Mapping[str, Any]) -> bool:
        """Write a part down, with its override; whether that changed anything."""
        project, over = records.files(self.layout, self.app, part)
        text = override.text(ours, _ABOUT.format(release=self.release.id))
        hooks.remember(self.layout, self.app, part, self.document)
        wrote = records.write(project, hooks.aside(self.document))
        return records.write(over, text) or wrote

    def command(self, part: str, *argv: str, timeout: float = docker.STARTING) -> Command:
        """A call of Compose for a part; a secret of the project may say ``environment: NAME``."""
        slot = part.partition(".")[2]
        name = overrides.project_name(self.app)
        return docker.compose(
            overrides.slot_project(self.app, slot) if slot else name,
            self.release.source,
            records.files(self.layout, self.app, part),
            *argv,
            timeout=timeout,
            # What such a secret may name; no settings of Compose itself.
            env={key: value for key, value in self._env.items() if not key.startswith("COMPOSE_")},
        )

    def call(self, part: str, *argv: str, timeout: float = docker.STARTING) -> str:
        """Make such a call; what it printed."""
        return docker.call(self.command(part, *argv, timeout=timeout))


def variables(release: Release, env: Environment) -> dict[str, str | Secret]:
    """What runs the app's code gets: the variables, and which release it is."""
    return {**env, "HOLDFAST_APP": release.spec.name, "HOLDFAST_RELEASE": release.id}

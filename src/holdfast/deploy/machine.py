"""The parts of one machine that a deploy works with, put together in one place."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.command import Secret
from holdfast.deploy.journal import Journal
from holdfast.edge.contract import EdgeControl
from holdfast.environment import EnvStore, split_database
from holdfast.layout import Layout
from holdfast.records import record
from holdfast.releases.contract import ReleaseStore
from holdfast.runtimes.contract import Environment, Release, Runtime


@record
class Machine:
    """What runs, serves, keeps and remembers on this machine.

    Attributes:
        releases: gives the release store of an app by its name.
    """

    layout: Layout
    runtime: Runtime
    edge: EdgeControl
    journal: Journal
    releases: Callable[[str], ReleaseStore]

    def env_store(self, app: str) -> EnvStore:
        return EnvStore(self.layout.app(app).env_file)

    def environment(self, release: Release) -> Environment:
        """The variables of a release: the config's, then what is kept on the server."""
        kept = self.env_store(release.spec.name).load()
        values: dict[str, str | Secret] = {**release.spec.env, **kept}
        return {**values, **split_database(values, release.spec.split)}

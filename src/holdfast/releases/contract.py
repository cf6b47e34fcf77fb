"""What the engine asks of whatever makes and keeps releases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from holdfast.environment import EnvStore
from holdfast.protocol import Emit
from holdfast.records import record
from holdfast.runtimes.contract import Release


@record
class Source:
    """Source that has arrived on the server: a tar archive, and what it was made of.

    Attributes:
        confined: a deploy key brought it, which may not reach the server itself.
    """

    archive: Path
    commit: str | None
    dirty: bool
    confined: bool = False


@record
class Carried:
    """What a release has written and the next one was given, relative to the source.

    Attributes:
        files: all of it.
        replaced: of those, what the next one had of its own; its processes may have that open.
    """

    files: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


class ReleaseStore(Protocol):
    """The releases of one app. Errors are :class:`~holdfast.errors.BuildError`."""

    def build(
        self,
        source: Source,
        config: Mapping[str, object],
        env: EnvStore,
        emit: Emit,
        should_stop: Callable[[], bool],
        ahead: Callable[[Release], None] | None = None,
    ) -> Release:
        """Unpack, detect, install dependencies, link what persists, run build commands.

        Args:
            ahead: called while the app is still asked what it is, with the release as it will
                be if the app is what it was in the current one.

        What is half made when it fails or is killed has no ``release.json`` and is
        removed by :meth:`sweep`.
        """

    def get(self, release_id: str) -> Release:
        """A release that was built. Raises NotFound."""

    def all(self) -> list[Release]:
        """All that are whole, newest first."""

    def current(self) -> Release | None:
        """The one that serves, by the ``current`` link."""

    def set_current(self, release: Release, since: float | None = None) -> None:
        """From now on it is the one that serves; ``since``: Unix time from which it has."""

    def carry(self, old: Release, new: Release, since: float | None = None) -> Carried:
        """Give ``new`` what ``old`` has written in its own tree since ``new`` was built.

        Args:
            since: ``new`` has been serving, and this is when its deploy began (Unix time): then
                what it has already is left as it is.
        """

    def furnish(self, release: Release) -> None:
        """Give a release that was built long ago what has been found to persist since."""

    def discard(self, release_id: str) -> None:
        """Remove a release that never served; nothing happens if there is none."""

    def sweep(self, keep: int, never: frozenset[str]) -> list[str]:
        """Remove half-made releases, all but the newest ``keep``, and unused environments.

        Args:
            never: ids that stay whatever their age.

        Returns:
            the ids removed.
        """

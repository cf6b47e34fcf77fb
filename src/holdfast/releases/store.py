"""The releases of one app on disk: made, found, kept, pruned.

A release is there from the moment ``release.json`` is in its directory, and gone from the
moment that file is removed; directories without it are what a killed build or a killed
removal left, and are swept.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.account import Account, acting_as
from holdfast.app import AppSpec
from holdfast.codec import from_json, to_json
from holdfast.environment import EnvStore
from holdfast.errors import BuildError, NotFound
from holdfast.files import symlink_atomic, write_json
from holdfast.layout import AppLayout, Layout
from holdfast.protocol import Emit
from holdfast.releases import carrying, persist
from holdfast.releases.contract import Carried, Source
from holdfast.releases.failures import of_system
from holdfast.runtimes.contract import Release

if TYPE_CHECKING:
    from holdfast.releases.build import Before, Built

INCOMING_AGE = 3600.0
"""Seconds after which an archive is removed. Not at once when it was built: a deploy that
is killed builds again, and another's archive may have arrived before its turn."""

_FILE = "release.json"
_STAMP = "%Y%m%d-%H%M%S"


class Releases:
    """Implements :class:`~holdfast.releases.contract.ReleaseStore`.

    Args:
        account: whom the app's code runs as; asked when something is built.
        runtime: what runs processes on this machine; empty for any.
    """

    def __init__(
        self,
        home: AppLayout,
        layout: Layout,
        account: Callable[[], Account | None] = lambda: None,
        runtime: str = "",
    ) -> None:
        self._home = home
        self._layout = layout
        self._account = account
        self._runtime = runtime

    def build(
        self,
        source: Source,
        config: Mapping[str, object],
        env: EnvStore,
        emit: Emit,
        should_stop: Callable[[], bool],
        ahead: Callable[[Release], None] | None = None,
    ) -> Release:
        from holdfast.config import from_json as read_config
        from holdfast.releases import under_docker
        from holdfast.releases.build import Build

        said = read_config(config)
        under_docker.check_runtime(said, self._runtime)
        self._layout.make()
        self._home.make()
        docker = under_docker.wanted(said, source, emit)
        account = None if docker else self._account()
        with self._building():
            path = self._new_directory(source)
            _give(path, account)
            try:
                if docker:
                    from holdfast.releases.composed import ComposedBuild

                    made = ComposedBuild(
                        self._home, path, said, env, emit, should_stop, self._runtime, self.all
                    )
                    return self._finish(path, source, made.run(source))
                before = self._before(path, source, ahead)
                build = Build(self._home, path, said, env, emit, should_stop, before, account)
                built = build.run(source)
                if account is not None:
                    # From here on nobody can put another release.json there.
                    os.chown(path, 0, account.gid)
                    _open_data(self._home.data, built.spec, account)
                return self._finish(path, source, built)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)
                raise

    def _before(
        self, path: Path, source: Source, ahead: Callable[[Release], None] | None
    ) -> Before | None:
        """The release that serves, if this one is made in its manner."""
        from holdfast.releases.build import Before, Built

        current = self.current()
        if current is None or current.spec.compose is not None:
            return None
        if ahead is None:
            return Before(current.spec, current.source)
        return Before(
            current.spec,
            current.source,
            lambda spec, env_path: ahead(_release(path, source, Built(spec, env_path, None))),
        )

    def get(self, release_id: str) -> Release:
        path = self._home.releases / release_id
        try:
            return self._read(path)
        except OSError:
            raise NotFound(
                f"{self._home.name}: there is no release {release_id}",
                hint="holdfast releases lists those that are kept",
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise NotFound(
                f"{self._home.name}: release {release_id} cannot be read: {type(error).__name__}",
                hint="holdfast deploy makes a new one",
            ) from None

    def all(self) -> list[Release]:
        found = []
        for path in self._whole():
            try:
                found.append(self.get(path.name))
            except NotFound:
                continue
        return found

    def current(self) -> Release | None:
        try:
            name = self._home.current.readlink().name
            return self.get(name)
        except (OSError, NotFound):
            return None

    def set_current(self, release: Release, since: float | None = None) -> None:
        symlink_atomic(Path("releases") / release.id, self._home.current, made=since)

    def carry(self, old: Release, new: Release, since: float | None = None) -> Carried:
        if not self._looks(old, new):
            return Carried()
        if since is None:
            return carrying.carry(self._home, old, new, self._began(old))
        return carrying.carry_late(self._home, old, new, since)

    def _began(self, release: Release) -> float:
        """When it began to serve; where that was not written down, when it was built."""
        current = self.current()
        if current is None or current.id != release.id:
            return release.created
        return self._home.current.lstat().st_mtime

    def furnish(self, release: Release) -> None:
        if self._looks(release):
            carrying.furnish(self._home, release)

    def _looks(self, *releases: Release) -> bool:
        """Whether their trees are looked at for what was written: systemd has them read-only."""
        kept = (one.spec.compose is None and one.spec.keeps_written for one in releases)
        return all(kept) and self._account() is None

    def discard(self, release_id: str) -> None:
        if release_id and "/" not in release_id:
            self._remove(self._home.releases / release_id)

    def sweep(self, keep: int, never: frozenset[str]) -> list[str]:
        current = self.current()
        stays = never | ({current.id} if current else set())
        old = [path for path in self._whole()[max(keep, 0) :] if path.name not in stays]
        for path in old:
            self._remove(path)
        self._sweep_incoming()
        with self._nobody_builds() as alone:
            if alone:
                half = [path for path in self._directories() if not (path / _FILE).exists()]
                for path in half:
                    shutil.rmtree(path, ignore_errors=True)
                self._sweep_environments()
                self._sweep_images()
                persist.sweep(self._home.data)
                old += half
        return [path.name for path in old]

    # ── making ───────────────────────────────────────────────────────────────────────

    def _new_directory(self, source: Source) -> Path:
        """A directory whose name sorts behind all others, also if the clock was set back."""
        label = self._label(source)
        newest = max((path.name for path in self._directories()), default="")
        moment = time.time()
        while True:
            stamp = time.strftime(_STAMP, time.gmtime(moment))
            if stamp > newest[: len(stamp)]:
                break
            moment = max(moment, _moment(newest)) + 1
        path = self._home.releases / f"{stamp}-{label}"
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise of_system("build the release", error, self._home.home) from None
        return path

    def _label(self, source: Source) -> str:
        if source.commit and not source.dirty:
            return source.commit[:7]
        try:
            with source.archive.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()[:7]
        except OSError as error:
            raise BuildError(
                f"the source is not there: {source.archive.name}: {error.strerror}",
                hint="deploy again",
            ) from None

    def _finish(self, path: Path, source: Source, built: Built) -> Release:
        release = _release(path, source, built)
        try:
            write_json(
                path / _FILE,
                {
                    "id": release.id,
                    "commit": release.commit,
                    "dirty": release.dirty,
                    "created": release.created,
                    "env": str(built.env_path.relative_to(self._home.home)),
                    "spec": to_json(built.spec),
                },
            )
        except OSError as error:
            raise of_system("write the release down", error, self._home.home) from None
        return release

    # ── finding ──────────────────────────────────────────────────────────────────────

    def _read(self, path: Path) -> Release:
        value: dict[str, Any] = json.loads((path / _FILE).read_text())
        return Release(
            path.name,
            path,
            from_json(value["spec"], AppSpec),
            value["commit"],
            value["dirty"],
            value["created"],
            self._home.home / value["env"],
        )

    def _directories(self) -> list[Path]:
        try:
            return [path for path in self._home.releases.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []

    def _whole(self) -> list[Path]:
        """Directories of releases that are there, newest first."""
        found = [path for path in self._directories() if (path / _FILE).exists()]
        return sorted(found, key=lambda path: path.name, reverse=True)

    # ── removing ─────────────────────────────────────────────────────────────────────

    def _remove(self, path: Path) -> None:
        (path / _FILE).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)

    def _sweep_incoming(self) -> None:
        limit = time.time() - INCOMING_AGE
        for path in self._home.incoming.glob("*"):
            if path.lstat().st_mtime < limit:
                path.unlink(missing_ok=True)

    def _sweep_environments(self) -> None:
        used = set()
        for path in self._whole():
            try:
                used.add(json.loads((path / _FILE).read_text())["env"])
            except (OSError, ValueError, KeyError):
                return  # a release we cannot read may need any of them
        for path in self._home.envs.glob("*"):
            if f"envs/{path.name.removesuffix('.lock')}" in used:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _sweep_images(self) -> None:
        """Images of releases that are gone, and what builds have left behind beyond the budget."""
        if (self._layout.compose / self._home.name).is_dir():
            from holdfast.runtimes.compose import images

            images.sweep(self._home.name, frozenset(path.name for path in self._whole()))
            current = self.current()
            if current is not None and current.spec.compose is not None:
                images.trim(current.spec.compose.build_cache)

    @contextmanager
    def _building(self) -> Iterator[None]:
        """Keep sweepers away; the lock dies with its holder."""
        with self._lock_file() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield

    @contextmanager
    def _nobody_builds(self) -> Iterator[bool]:
        with self._lock_file() as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                alone = True
            except BlockingIOError:
                alone = False
            yield alone

    @contextmanager
    def _lock_file(self) -> Iterator[int]:
        descriptor = os.open(self._home.releases / ".building", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _release(path: Path, source: Source, built: Built) -> Release:
    return Release(
        path.name,
        path,
        built.spec,
        source.commit,
        source.dirty,
        time.time(),
        built.env_path,
        built.pending,
    )


def _give(path: Path, account: Account | None) -> None:
    """Let the app's user build in a release's directory; nginx, in its group, may enter."""
    if account is not None:
        os.chown(path, account.uid, account.gid)
        path.chmod(0o750)


def _open_data(data: Path, spec: AppSpec, account: Account) -> None:
    """Where nginx serves files that persist (uploads), its workers may enter the data."""
    kept = [item.path for item in spec.persist]
    served = [item.directory.strip("/") for item in spec.static]
    if any(_overlap(one, other) for one in kept for other in served):
        with acting_as(account):
            data.chmod(0o750)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _moment(name: str) -> float:
    """The time in a release's name; 0 for a name that is none."""
    from calendar import timegm

    try:
        return float(timegm(time.strptime(name[:15], _STAMP)))
    except ValueError:
        return 0.0

"""The making of one release, from its archive to ``release.json``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from holdfast import ending, overlay
from holdfast.account import Account, acting_as, as_ourselves
from holdfast.app import AppSpec, Persist
from holdfast.command import Secret, shell
from holdfast.config import Config
from holdfast.environment import EnvStore, split_database
from holdfast.errors import BuildError, CommandFailed, DetectionError
from holdfast.execute import run
from holdfast.layout import AppLayout, Layout
from holdfast.masking import masking
from holdfast.protocol import Emit, Event, Kind
from holdfast.records import record
from holdfast.releases import carrying, dated, persist, written
from holdfast.releases.asking import Asking, collecting, in_step
from holdfast.releases.contract import Source
from holdfast.releases.failures import explained, of_system, stopped
from holdfast.releases.outfitting import outfit, provided
from holdfast.releases.system_packages import SystemPackages
from holdfast.releases.unpack import unpack
from holdfast.releases.venv import Environments
from holdfast.runtimes import base

if TYPE_CHECKING:
    from holdfast.detect.answers import Answers
    from holdfast.detect.project import Project


COMMAND_TIMEOUT = 1800.0
"""Seconds for each of ``[build] commands``."""

_MOST_REPAIRS = 6
"""Packages that are added one after the other because an import failed without them."""


@record
class Built:
    """What a build gives: the app, its virtual environment, the migrations pending now."""

    spec: AppSpec
    env_path: Path
    pending: tuple[str, ...] | None


@record
class Before:
    """The release that serves while another is built.

    Attributes:
        ahead: boots the other one as this one was, in the virtual environment given.
    """

    spec: AppSpec
    source: Path
    ahead: Callable[[AppSpec, Path], None] | None = None


class Build:
    """One build; ``path`` is the release's own directory, made and empty.

    Args:
        before: the release that serves; what persists for it is linked before the app is
            asked anything.
        config: what the user said; nothing guessed yet.
        store: the app's variables; secrets that are missing are generated into it.
        account: who owns what is built, and runs the app's code; ``None``: we ourselves.
    """

    def __init__(
        self,
        home: AppLayout,
        path: Path,
        config: Config,
        store: EnvStore,
        emit: Emit,
        should_stop: Callable[[], bool],
        before: Before | None = None,
        account: Account | None = None,
    ) -> None:
        self._before = before
        self._built_before = before.spec.build if before and not before.spec.overlay.modules else ()
        self._ask_pending = before is not None
        self._layout = Layout(home.root)
        self._home = home
        self._path = path
        self._source = path / "src"
        self._config = config
        self._store = store
        self._emit = as_ourselves(emit)
        self._should_stop = as_ourselves(should_stop)
        self._account = account
        self._cache = home.cache / "uv" if account else self._layout.uv_cache
        self._masked = masking(())
        self._split: tuple[str, ...] = ()
        # Another user has a home and a name of its own.
        person = ("HOME", "USER", "LOGNAME", "XDG_", "TMPDIR") if account else ()
        self._not_theirs = ("PYTHON", "HOLDFAST_", "VIRTUAL_ENV", *person)
        allowed = account is not None and config.build.system_packages is not False
        self._system = SystemPackages(self._line, self._note, self._should_stop, allowed=allowed)

    def run(self, source: Source) -> Built:
        """Build.

        Raises:
            BuildError: what failed, with the end of its output.
            DetectionError: the project is not understood, or cannot be imported.
            Cancelled: ``should_stop`` said so.
        """
        try:
            return self._run(source)
        except OSError as error:
            raise of_system("build the release", error, self._home.home) from None

    def _run(self, source: Source) -> Built:
        from holdfast import detect

        if self._account:
            os.chown(source.archive, -1, self._account.gid)
            source.archive.chmod(0o640)
        with acting_as(self._account):
            shipped = unpack(source.archive, self._source)
            ending.write(self._path)
        if self._account is None:
            carrying.note_shipped(self._path, shipped)
        stopped(self._should_stop)
        with acting_as(self._account):
            project = detect.scan(self._source, self._config)
        self._split = project.split
        self._generate(project.generate)
        environments = self._environments()
        asked = self._config.build.system_packages
        self._system.provide(asked if isinstance(asked, tuple) else ())
        env_path = self._provide(environments, project, source)
        # With its data in place the app can say in one go what it is and what is pending;
        # importing a large app twice is what a deploy would take longest for.
        sent = shipped | persist.directories(shipped)
        wrote = [item for item in self._written(shipped) if item.path not in sent]
        linked = [item for item in self._persisted() if item.path not in sent]
        linked += _besides(linked, wrote)
        self._link(linked, shipped)
        project, env_path, answers = self._ask(environments, project, env_path, source)
        spec = detect.resolve(self._config, project, answers)
        self._generate(spec.generate)
        known = self._environment(env_path, spec.env)
        unset = {item.name: str(item.evidence) for item in detect.unset(project, known)}
        spec = replace(spec, unset=unset)
        spec = replace(spec, persist=(*spec.persist, *_besides(spec.persist, wrote)))
        wanted = {item.path for item in spec.persist}
        with acting_as(self._account):
            for item in linked:
                if item.path not in wanted:
                    (self._source / item.path).unlink()
        self._link(spec.persist, shipped)
        with acting_as(self._account):
            overlay.write(self._path, spec.overlay)
        knew = wanted == {item.path for item in linked}
        if not (knew and self._collected(spec, answers)):
            for command in spec.build:
                self._command(command, env_path, spec)
        return Built(spec, env_path, answers.pending if knew else None)

    def _environments(self) -> Environments:
        return Environments(
            self._home,
            self._cache,
            self._line,
            self._should_stop,
            self._note,
            self._system,
            self._account,
        )

    def _written(self, shipped: frozenset[str]) -> tuple[Persist, ...]:
        """What the app has written where nobody had found it, kept from now on."""
        before = self._before
        if self._account or self._config.persist.detect is False:
            return ()
        if before is None:  # the first release, of an app that was here before perhaps
            return written.known(self._home.written)
        since = self._home.current.lstat().st_mtime
        left: list[str] = []
        static = before.spec.static
        found = list(written.found(before.source, since, shipped, static, left.append))
        if left:
            self._note(
                f"{persist.some(left)}: written by the app that serves, and not kept, for it looks"
                " like what is made again; [persist] paths keeps it"
            )
        new = carrying.take(self._home, found, before.source, before.spec.persist).new
        if new:
            self._note(
                f"{persist.some(new)} {'was' if len(new) == 1 else 'were'} written by the app"
                " that serves: kept from release to release from now on ([persist] paths names such"
                " places)"
            )
        return written.known(self._home.written)

    def _persisted(self) -> tuple[Persist, ...]:
        return self._before.spec.persist if self._before else ()

    def _provide(self, environments: Environments, project: Project, source: Source) -> Path:
        with acting_as(self._account):
            return environments.provide(
                project.dependencies, self._source, self._path, source.commit
            )

    def _ask(
        self, environments: Environments, project: Project, env_path: Path, source: Source
    ) -> tuple[Project, Path, Answers]:
        """Ask the app; where it lacks a package that is well known, install that and ask again."""
        from holdfast import detect

        first: detect.ImportFailed | None = None
        for _ in range(_MOST_REPAIRS):
            project = outfit(project, env_path, self._system)
            try:
                return self._fitted(environments, project, env_path, source)
            except detect.ImportFailed as error:
                first = first or error
                if self._make(error.lacks):
                    continue
                repaired = detect.repaired(project, error)
                if repaired is None and provided(error.said, self._system):
                    continue
                repaired = repaired or dated.as_of(project, error, source.archive)
                if repaired is None:
                    raise
            repair = repaired.findings[-1]
            if repair.what == "as of":
                self._note(f"{repair.why}: versions from before {repair.value} are installed")
            if repair.what in ("added", "in its place"):
                is_added = "is added" if repair.what == "added" else "is installed in its place"
                self._note(f"{repair.why}: {repair.value} {is_added}")
            project = repaired
            self._generate(project.generate)
            try:
                env_path = self._provide(environments, project, source)
            except BuildError as error:
                self._note(f"{repair.why}, but: {error.message}")
                raise first from None
            if repair.what == "python":
                self._note(f"{repair.why}: Python {repair.value} is used")
        project = outfit(project, env_path, self._system)
        return self._fitted(environments, project, env_path, source)

    def _make(self, directories: Sequence[str]) -> bool:
        """Make directories that the app looks for and that were not sent; whether any is new."""
        paths = [PurePosixPath(name) for name in directories]
        inside = [path for path in paths if not path.is_absolute() and ".." not in path.parts]
        missing = [path for path in inside if not (self._source / path).is_dir()]
        with acting_as(self._account):
            for path in missing:
                (self._source / path).mkdir(parents=True, exist_ok=True)
        for path in missing:
            self._note(f"{path}/ is not in what was sent, and the app looks for it: it was made")
        return bool(missing)

    def _fitted(
        self, environments: Environments, project: Project, env_path: Path, source: Source
    ) -> tuple[Project, Path, Answers]:
        """The app's answers; with another server if it speaks another protocol than it seemed."""
        from holdfast import detect

        fitted, answers = detect.fitted(project, self._probe(env_path, project))
        if fitted.dependencies != project.dependencies:
            env_path = self._provide(environments, fitted, source)
        return fitted, env_path, answers

    def _link(self, kept: Sequence[Persist], shipped: frozenset[str]) -> None:
        with acting_as(self._account):
            persist.link(kept, self._source, self._home.data, shipped, self._note)

    def _generate(self, names: Iterable[str]) -> None:
        said = self._config.env or {}
        new = self._store.generate(name for name in names if name not in said)
        for name in new:
            self._note(f"{name} was not set: a random value was made, and is kept on the server")
        self._masked = masking(secret.value for secret in self._store.load().values())

    def _probe(self, env_path: Path, project: Project) -> Answers:
        """Ask the app; it may be booted from then on, where it is what it was before."""
        boot: Callable[[], None] | None = None
        early = False
        before = self._before
        if before is not None and before.ahead is not None and in_step(before.spec, project):
            boot = partial(before.ahead, before.spec, env_path)
            early = not before.spec.web.reads_static
        asking = Asking(
            self._source,
            self._account,
            self._masked,
            self._should_stop,
            self._ask_pending,
            before.source if before else None,
        )
        environment = self._environment(env_path, self._config.env or {})
        collect = collecting(self._built_before, project)
        try:
            return asking.ask(
                project, env_path, environment, collect, boot, self._config, early=early
            )
        except DetectionError:
            stopped(self._should_stop)
            raise

    def _collected(self, spec: AppSpec, answers: Answers) -> bool:
        """Whether the build's one command was run while the app was asked; tell what it said."""
        if answers.collected is None or spec.build != self._built_before or spec.overlay.modules:
            return False
        for line in (f"$ {spec.build[0]}", *answers.collected.splitlines()):
            self._line(line)
        return True

    def _command(self, command: str, env_path: Path, spec: AppSpec) -> None:
        """Run one of the build commands in the release, as a process of the app would run."""
        from holdfast.detect import building

        self._line(f"$ {command}")
        prepared = shell(
            command,
            timeout=COMMAND_TIMEOUT,
            env=self._environment(env_path, spec.env),
            clean_env=True,
            cwd=self._source,
            user=self._account,
        )
        try:
            run(prepared, on_line=self._line, should_stop=self._should_stop)
        except CommandFailed as error:
            stopped(self._should_stop)
            error.output = self._masked(error.output)
            ours = command not in (self._config.build.commands or ())
            if ours and (lost := building.without(command, error.output)) is not None:
                self._note(lost)
                return
            raise explained(f"build command {command!r}", error, self._home.home) from None

    def _environment(self, env_path: Path, plain: Mapping[str, str]) -> Mapping[str, str | Secret]:
        """The app's variables and, behind them, how this machine reaches the network."""
        ours = {
            name: value
            for name, value in base.machine_environment().items()
            if not name.startswith(self._not_theirs)
        }
        mark = {name: os.environ[name] for name in ("HOLDFAST_DEPLOY",) if name in os.environ}
        env: dict[str, str | Secret] = {**ours, **plain, **self._store.load(), **mark}
        env |= split_database(env, self._split)
        release = self._path.name
        return base.app_environment(
            self._layout, self._home.name, release, env_path, env, self._account
        )

    def _line(self, line: str) -> None:
        self._emit(Event(Kind.LOG, {"source": "build", "line": self._masked(line)}))

    def _note(self, text: str) -> None:
        self._emit(Event(Kind.NOTE, {"text": text}))


def _besides(persist: Iterable[Persist], wrote: Iterable[Persist]) -> list[Persist]:
    """What was written elsewhere than what persists in any case."""
    there = {item.path for item in persist}
    return [item for item in wrote if item.path not in there]

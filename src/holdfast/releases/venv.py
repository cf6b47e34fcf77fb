"""Virtual environments: one for each set of dependencies, shared by the releases that have it.

An environment is made where it is going to stay (its scripts have absolute paths) and is
whole when ``holdfast.json`` is in it, written last. One without it was left by a build
that was killed, and is made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from holdfast.account import Account
from holdfast.app import Dependencies
from holdfast.command import Command
from holdfast.errors import BuildError, CommandFailed
from holdfast.execute import Completed, run
from holdfast.files import write_json
from holdfast.layout import AppLayout
from holdfast.releases import another_python, bytecode, dated, uv
from holdfast.releases.failures import explained, of_system, stopped
from holdfast.releases.interpreters import Interpreters
from holdfast.releases.other_ways import OtherWays
from holdfast.releases.pythons import Pythons
from holdfast.releases.system_packages import SystemPackages
from holdfast.runtimes.base import machine_environment

MARKER = "holdfast.json"
FORMAT = "1"
"""Part of every key: a change in how environments are made gives new ones."""

_LOCAL_REQUIREMENT = re.compile(
    r"^\s*(?:-e\b|--editable\b|\.{1,2}(?:/|\s|$)|file:|[\w.-]+\s*@\s*(?:file:|\.))", re.MULTILINE
)
_LOCAL_LOCKED = re.compile(r"(?:editable|directory|path) = \"(?!\.\")")
_LOCAL_SOURCE = re.compile(r"^\s*[\w\"'.-]+\s*=\s*\{[^}\n]*\bpath\s*=", re.MULTILINE)


class Environments:
    """Makes and finds the virtual environments of one app."""

    def __init__(
        self,
        home: AppLayout,
        cache: Path,
        line: Callable[[str], None],
        should_stop: Callable[[], bool],
        note: Callable[[str], None],
        system: SystemPackages,
        account: Account | None = None,
    ) -> None:
        self._note = note
        self._account = account
        self._home = home
        self._pythons = Pythons(cache.with_name("pythons.json"))
        self._env = uv.environment(cache)
        self._line = line
        self._should_stop = should_stop
        self._interpreters = Interpreters(
            home.home, self._pythons, self._env, self._execute, line, note
        )
        self._system = system
        self._chosen: dict[str, str] = {}
        self._learned: list[tuple[Dependencies, Dependencies, str]] = []

    def provide(
        self, dependencies: Dependencies, source: Path, release: Path, commit: str | None
    ) -> Path:
        """The environment for ``dependencies``: one that is there, or a new one.

        Args:
            release: where one goes that belongs to this release alone, because it holds
                the project itself or other parts of its source.

        Returns:
            its path.

        Raises:
            BuildError: no such Python, or something cannot be installed. Where another Python
                would do it is used instead, unless ``holdfast.toml`` asks for this one.
        """
        ways = OtherWays(
            self._interpreters, self._system, self._env, self._execute, self._listed, self._note
        )
        return self._by(ways, dependencies, source, release, commit)

    def _by(
        self,
        ways: OtherWays,
        dependencies: Dependencies,
        source: Path,
        release: Path,
        commit: str | None,
    ) -> Path:
        """The same; what does not do is tried in another of those ways."""
        usual, other = self._interpreters.choose(dependencies)
        first = key(dependencies, source, usual)
        otherwise = self._pythons.otherwise(first, dependencies)
        if otherwise != dependencies:
            return self._by(ways, otherwise, source, release, commit)
        if (learned := self._as_learned(dependencies, source, usual)) != dependencies:
            made = self._by(ways, learned, source, release, commit)
            self._pythons.set_otherwise(first, learned)
            return made
        python = usual
        if not dependencies.exact and (known := self._known(first)) is not None:
            python, other = known, False
        try:
            made = self._provided(dependencies, source, release, python, commit, other)
        except another_python.Unfit as unfit:
            changed, path = ways.after(unfit, dependencies, source, python)
            self._chosen[key(changed, source, usual)] = path
            made = self._by(ways, changed, source, release, commit)
            self._learned.append((dependencies, changed, path))
            if changed != dependencies:
                self._pythons.set_otherwise(first, changed)
        if first in self._chosen and python != usual:
            self._pythons.set_interpreter(first, python)
        return made

    def _as_learned(self, dependencies: Dependencies, source: Path, usual: str) -> Dependencies:
        """As the same without what is added now were had: nothing is built in vain once more."""
        for before, after, path in self._learned:
            same = replace(before, extra=dependencies.extra) == dependencies
            if same and set(before.extra) < set(dependencies.extra):
                besides = (item for item in after.extra if item not in dependencies.extra)
                found = replace(after, extra=(*dependencies.extra, *besides))
                self._chosen.setdefault(key(found, source, usual), path)
                return found
        return dependencies

    def _known(self, first: str) -> str | None:
        """The interpreter that does where the usual one did not, by this build or earlier ones."""
        return self._chosen.get(first) or self._pythons.interpreter(first)

    def _provided(
        self,
        dependencies: Dependencies,
        source: Path,
        release: Path,
        python: str,
        commit: str | None,
        other: bool,
    ) -> Path:
        if dependencies.install_project or _has_local_parts(dependencies, source):
            path = release / "env"
            self._make(path, dependencies, source, python, commit, other)
            return path
        path = self._home.envs / key(dependencies, source, python)
        if not (path / MARKER).exists():
            with self._locked(path):
                if not (path / MARKER).exists():
                    self._make(path, dependencies, source, python, commit, other)
        return path

    def _as_user(self, command: Command) -> Command:
        """What builds packages runs their code: it does so as the app's user."""
        if self._account is None:
            return command
        who = {"USER": self._account.name, "LOGNAME": self._account.name}
        ours = {**machine_environment(), "HOME": str(self._account.home), **who}
        env = {**ours, **command.env}
        return replace(command, user=self._account, env=env, clean_env=True)

    def _make(
        self,
        path: Path,
        dependencies: Dependencies,
        source: Path,
        python: str,
        commit: str | None,
        other: bool,
    ) -> None:
        shutil.rmtree(path, ignore_errors=True)
        began = time.monotonic()
        env = {**self._env, **pretended(dependencies, source, commit)}
        overrides = self._listed(dependencies.instead)
        building = self._listed(dependencies.building)
        for command in commands(
            path,
            dependencies,
            source,
            python,
            env,
            other=other,
            overrides=overrides,
            building=building,
        ):
            self._run(command)
        if (earlier := self._newest(python)) is not None:
            bytecode.carry(earlier, path)
        if (compiling := bytecode.compile_servers(path)) is not None:
            with suppress(CommandFailed):  # then each boot does it
                self._execute(compiling)
        try:
            write_json(path / MARKER, {"python": python, "files": list(dependencies.files)})
        except OSError as error:
            raise of_system("install the dependencies", error, self._home.home) from None
        self._line(f"environment made in {time.monotonic() - began:.1f} s")

    def _listed(self, lines: tuple[str, ...]) -> Path | None:
        """Lines as a file, by its content's name; ``None`` if there are none."""
        if not lines:
            return None
        text = "".join(f"{line}\n" for line in lines)
        path = self._home.envs / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.lines.txt"
        try:
            path.write_text(text)
        except OSError as error:
            raise of_system("install the dependencies", error, self._home.home) from None
        return path

    def _newest(self, python: str) -> Path | None:
        """The last environment made with the same interpreter."""
        made = sorted(
            self._home.envs.glob(f"*/{MARKER}"), key=lambda file: file.stat().st_mtime, reverse=True
        )
        for file in made:
            with suppress(OSError, ValueError):
                if json.loads(file.read_text())["python"] == python:
                    return file.parent
        return None

    def _run(self, command: Command) -> None:
        said: list[str] = []

        def told(line: str) -> None:
            said.append(line)
            self._line(line)

        try:
            self._execute(command, told)
        except CommandFailed as error:
            problem = explained("install the dependencies", error, self._home.home)
            # What it failed for stands before the output of a build, which may be long.
            if (sign := another_python.sign("\n".join(said))) is not None:
                raise another_python.Unfit(problem, sign) from None
            raise problem from None

    def _execute(self, command: Command, line: Callable[[str], None] | None = None) -> Completed:
        """Run it as whoever builds; raises CommandFailed, or Cancelled."""
        try:
            return run(self._as_user(command), on_line=line, should_stop=self._should_stop)
        except CommandFailed:
            stopped(self._should_stop)
            raise

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Alone with one environment; the lock dies with its holder."""
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    stopped(self._should_stop)
                    time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)


_NAME = re.compile(r"(?m)^\s*name\s*=\s*['\"]?([\w.-]+)")


def pretended(dependencies: Dependencies, source: Path, commit: str | None) -> dict[str, str]:
    """The version of the project, for builds that ask git, as variables: there is no ``.git``.

    Where the project alone is built its name is told with it: what else is built for want of a
    wheel has a version of its own.
    """
    beside = _has_local_parts(dependencies, source)
    if not (dependencies.install_project or beside):
        return {}
    if "SETUPTOOLS_SCM_PRETEND_VERSION" in os.environ:
        return {}
    folder = source / PurePosixPath(next(iter(dependencies.files), ".")).parent
    files = (folder / name for name in ("pyproject.toml", "setup.cfg", "setup.py"))
    texts = (file.read_text(errors="replace") for file in files if file.is_file())
    name = next((found[1] for text in texts if (found := _NAME.search(text))), "")
    ending = f"_FOR_{re.sub(r'[-_.]+', '_', name).upper()}" if name and not beside else ""
    version = f"0.0.0+g{(commit or 'unknown')[:12]}"
    return {f"SETUPTOOLS_SCM_PRETEND_VERSION{ending}": version}


def commands(
    path: Path,
    dependencies: Dependencies,
    source: Path,
    python: str,
    env: dict[str, str],
    *,
    other: bool = False,
    overrides: Path | None = None,
    building: Path | None = None,
) -> list[Command]:
    """What fills a new environment, in order; everything is resolved in one go where uv can.

    Args:
        other: the interpreter is not what the project asks for. ``uv sync`` would refuse it,
            the same versions as a list install.
        overrides: a file of requirements that take the place of others; ``uv sync`` has none.
        building: a file of requirements of what packages are built with.
    """
    first = dependencies.files[0] if dependencies.files else "."
    project = source / PurePosixPath(first).parent
    made = [uv.make_venv(path, python, source, env)]
    wanted = list(dependencies.extra)
    if dependencies.source == "uv.lock" and (other or overrides or building):
        listed = path.with_name(f"{path.name}.txt")
        made.append(uv.export(listed, project, env))
        wanted = ["-r", str(listed), *wanted]
    elif dependencies.source == "uv.lock":
        made.append(uv.sync(path, python, project, env, project=dependencies.install_project))
    else:
        if dependencies.install_project:
            wanted = ["-e", str(project), *wanted]
        if dependencies.source == "requirements" or (
            dependencies.source == "pyproject" and not dependencies.install_project
        ):
            wanted = ["-r", first, *wanted]
    if wanted:
        wanted = [*dated.options(dependencies), *wanted]
        installed = uv.install(path, wanted, source, env, overrides=overrides, building=building)
        made.append(installed)
    return made


def key(dependencies: Dependencies, source: Path, python: str) -> str:
    """What an environment depends on, as 20 hexadecimal digits.

    The content of all dependency files counts, not their names in a release's directory;
    an upgrade of the interpreter behind the same path (3.12.1 to 3.12.2) does not need a
    new environment, one of its real path (3.12 to 3.13) does.
    """
    digest = hashlib.sha256()
    said = (FORMAT, os.path.realpath(python), platform.machine(), dependencies.source)
    changed = (
        *(f"={line}" for line in dependencies.instead),
        *(f"<{line}" for line in dependencies.building),
        *((f"@{dependencies.until}",) if dependencies.until else ()),
    )
    for part in (*said, *dependencies.extra, *changed):
        digest.update(part.encode() + b"\0")
    for name in dependencies.files:
        digest.update(name.encode() + b"\0")
        try:
            digest.update((source / name).read_bytes() + b"\0")
        except OSError as error:
            raise BuildError(f"{name}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()[:20]


def _has_local_parts(dependencies: Dependencies, source: Path) -> bool:
    """Whether dependencies lie in the source itself, so that each release has its own."""
    patterns = {"uv.lock": _LOCAL_LOCKED, "requirements": _LOCAL_REQUIREMENT}
    pattern = patterns.get(dependencies.source, _LOCAL_SOURCE)
    for name in dependencies.files:
        chosen = _LOCAL_SOURCE if name.endswith("pyproject.toml") else pattern
        try:
            text = (source / name).read_text(errors="replace")
        except OSError:
            continue
        if chosen.search(text):
            return True
    return any(_LOCAL_REQUIREMENT.match(item) for item in dependencies.extra)

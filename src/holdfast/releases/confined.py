"""A Compose project that a deploy key brings: nothing of it may reach the server.

Root reads such a project, hands its variables to Docker's programs and makes its directories, so it
is not enough to look at what its services say (:mod:`holdfast.compose.reach`).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from holdfast.account import Account
from holdfast.app import AppSpec
from holdfast.command import Secret
from holdfast.compose.overrides import project_name
from holdfast.compose.reach import Reached, reaching, used
from holdfast.compose.roles import Roles
from holdfast.compose.variables import line_of
from holdfast.errors import BuildError
from holdfast.runtimes.compose import api, images, resolving

_MOST_SAID = 8
_LARGE = 1 << 20
_READER = 65533
"""A user that owns nothing: Debian and Ubuntu give nobody this number (Debian Policy, 9.2.2)."""

_STEERS = re.compile(
    r"LD_(?!(?:SDK|CLIENT|MOBILE|API)_)\w+"
    r"|DOCKER_(?!(?:IMAGE|TAG|REGISTRY|REPO|NAMESPACE|USERNAME|VERSION|HUB)(?:_|\Z))\w+"
    r"|COMPOSE_(?!PROFILES\Z)\w+|BUILD(?:X|KIT)_\w+|(?:SSH|XDG)_\w+"
    r"|GIT_(?!(?:COMMIT|SHA|HASH|REV|REF|BRANCH|TAG|VERSION))\w+"
    r"|PATH|HOME|TMPDIR|BASH_ENV|GCONV_PATH|GLIBC_TUNABLES|MALLOC_\w+|LOCPATH|NLSPATH|HOSTALIASES"
    r"|SSL_CERT_\w+|GODEBUG"
)
"""Variables by which Docker's programs, and those that they start, can be led to run others."""


def check_variables(env: Iterable[str]) -> None:
    """See that no variable of the config steers the programs that read the project.

    Raises:
        BuildError: one does.
    """
    if found := sorted(name for name in env if _STEERS.fullmatch(name)):
        raise BuildError(
            f"[env] sets {', '.join(found)}, which Docker's own programs on the server obey; a"
            " deploy key may not set that",
            hint=f"in compose.yaml, environment: {found[0]}: … gives it to a container alone",
        )


def check_readable(
    source: Path,
    files: Sequence[str],
    profiles: Sequence[str],
    env: Mapping[str, str | Secret],
    app: str,
) -> None:
    """See that Compose reads no file that only root can read, as a user who has none.

    ``env_file``, ``include`` and ``extends`` may name any file of the server, and what is in it
    would stand in an error, or in a container. Only root can be somebody else.

    Raises:
        BuildError: in Compose's words, which are about files that everybody can read.
    """
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-") as directory:
        home = Path(directory)
        shutil.copytree(source, home / "src", symlinks=True, ignore=_read_by_nobody)
        for path in (home, *home.rglob("*")):
            os.chown(path, _READER, _READER, follow_symlinks=False)
        reader = Account("reader", _READER, _READER, home)
        resolving.check(project_name(app), home / "src", files, profiles, env, reader)


def _read_by_nobody(directory: str, names: list[str]) -> set[str]:
    """What Compose does not read: images that were sent, and what is too large for its files."""
    paths = (Path(directory, name) for name in names)
    large = {path.name for path in paths if path.is_file() and path.stat().st_size > _LARGE}
    return {*large, images.DIRECTORY}


def check_reach(
    document: Mapping[str, Any], roles: Roles, source: Path, files: Sequence[Path], app: str
) -> None:
    """See that nothing of the project reaches the server.

    Raises:
        BuildError: with everything that does, and how it can be allowed.
    """
    found = [*reaching(document, roles.everything, source, app)]
    found += _of_others(document, roles.everything, app)
    if not found:
        return
    said = [_told(item, source, files) for item in found[:_MOST_SAID]]
    more = f"; and {len(found) - _MOST_SAID} more" if found[_MOST_SAID:] else ""
    raise BuildError(
        f"this reaches the server itself, and a deploy key is for {app} alone:"
        f" {'; '.join(said)}{more}",
        hint="take it out of what is deployed, or let the server's admin allow it: by deploying"
        f" it, or with holdfast server deploy-key add KEY.pub --app {app} --allow-host (a key"
        " that is as good as root's)",
    )


def _told(item: Reached, source: Path, files: Sequence[Path]) -> str:
    where = line_of(item.word, files, item.service or None, item.key if item.service else None)
    value = item.value.replace(f"{source}/", "")
    whose = f"{item.key} of {item.service}" if item.service else item.key
    return f"{where or files[0].name}: {whose}: {value}"


def _of_others(document: Mapping[str, Any], names: Iterable[str], app: str) -> Iterator[Reached]:
    """Volumes and networks by a name of somebody else's, which Compose would take as they are."""
    names = tuple(names)
    for kind, key in (("volume", "volumes"), ("network", "networks")):
        called = {
            str(((document.get(key) or {}).get(name) or {}).get("name") or ""): name
            for name in used(document, names, key)
        }
        for item in api.inspect(kind, [name for name in called if name]):
            labels = item.get("Labels") or {}
            owner = labels.get("com.docker.compose.project")
            if owner != project_name(app):
                name = called[str(item["Name"])]
                yield Reached("", f"{kind} {name}", f"{item['Name']} is not {app}'s", name)


def check_places(spec: AppSpec, earlier: Iterable[AppSpec], data: Path) -> None:
    """See that what root makes in the app's data, and mounts, is where it seems to be.

    A container that was there before may have put a link in a directory that it writes to, or
    may do so while we look: a place inside another one is refused, and so is a link.

    Raises:
        BuildError: one leads elsewhere.
    """
    ours = {*_places(spec, data)}
    every = ours.union(*(_places(one, data) for one in earlier))
    for place in sorted(ours):
        parts = PurePosixPath(place).parts
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
        if wide := next((item for item in above if item in every), None):
            raise BuildError(
                f"{place} is kept inside {wide}, where containers write: a deploy key may not"
                " mount a part of that",
                hint=f"mount {wide} itself; the server's admin may deploy it as it is",
            )
        if link := next((item for item in (*above, place) if (data / item).is_symlink()), None):
            raise BuildError(
                f"{data / link} is a link, and what leads through it is not the app's",
                hint="remove it as the server's admin",
            )


def _places(spec: AppSpec, data: Path) -> Iterator[str]:
    """What of an app's data is mounted or linked, relative to it."""
    yield from (item.path.rstrip("/") for item in spec.persist)
    if spec.compose is not None:
        paths = (*spec.compose.fixed.values(), *spec.compose.kept.values(), *spec.compose.taken)
        for path in filter(None, paths):
            if Path(path).is_relative_to(data):
                yield Path(path).relative_to(data).as_posix()

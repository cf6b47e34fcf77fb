"""What a project means by a path of its own that a service mounts: source, settings, or data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from holdfast.compose import dockerfile
from holdfast.compose.project import Mount
from holdfast.records import record

Place = Literal["release", "data", "link", "fixed", "drop"]

_PLACEHOLDERS = frozenset({".gitkeep", ".keep", ".gitignore", "README.md", "README"})
_DATABASE = (".sqlite3", ".sqlite", ".db", ".db3")
_MADE_EMPTY = (*_DATABASE, ".log")
"""Files that whoever writes to them begins with nothing in them."""

_FILE = re.compile(
    r"\.(?:json|ya?ml|toml|ini|conf|cfg|pem|key|crt|cer|cert|p12|pfx|txt|py|xml|csv|sql|sh"
    r"|properties|log|sqlite3?|db3?)\Z|\A\.(?:htpasswd|netrc|pgpass|npmrc|pypirc)\Z"
)
"""Names that nobody gives to a directory."""

_VARIABLES = re.compile(r"\.env(?:[.-][\w.-]+)?|[\w-]+\.env")
_READ = (
    *(".py", ".html", ".htm", ".jinja", ".jinja2", ".j2", ".css", ".scss", ".sass", ".less"),
    *(".js", ".mjs", ".ts", ".jsx", ".tsx", ".vue", ".svelte", ".po", ".sh", ".sql", ".xml"),
    *(".yml", ".yaml", ".toml", ".ini", ".conf", ".cfg"),
)
"""What people write and programs read, where no program writes the like."""

_WRITTEN = re.compile(
    r"(?:.*[-_.])?(?:data|db|databases?|media|uploads?|uploaded|instance|storage|backups?|files|var"
    r"|tmp|cache|volumes?|outputs?|out|results?|reports?|downloads?|exports?|persist\w*|logs?"
    r"|state|sqlite)",
    re.IGNORECASE,
)
"""What people call a directory that a program writes to."""

_STATE = re.compile(
    r"/var/lib/[\w.-]+/?|/bitnami/.*|(?:/.*)?/data/?|/config/?|/mosquitto/?", re.IGNORECASE
)
"""Where images of databases and their like write; what else is there they get from the project."""


@record
class Bind:
    """A path of the project that a service mounts.

    Attributes:
        path: relative to the project.
        place: ``release``: from the release's own source; ``data``: kept from release to release;
            ``link``: kept, with what is written beside it, and a link in the image leads there;
            ``fixed``: a copy that stays the same while its content does, so that a database whose
            configuration it is goes on; ``drop``: not at all.
        file: it is a file, not a directory.
        volume: the named volume that is kept there: one that is a directory of the project
            (``driver_opts`` with ``o: bind``).
        awaited: a file that was not sent, and that nobody but a person can put there.
        writable: the service may write to it.
    """

    service: str
    path: str
    target: str
    place: Place
    why: str
    file: bool = False
    volume: str = ""
    awaited: bool = False
    writable: bool = True


@record
class Given:
    """A mount of a path of the project, and what the project has there.

    Attributes:
        shipped: the files of the source, relative to it.
        contexts: the directories that images are built from.
        over: other mounts of the service in which this one lies.
    """

    service: str
    path: str
    mount: Mount
    source: Path
    shipped: frozenset[str]
    contexts: set[str]
    over: tuple[Mount, ...] = ()

    @property
    def _below(self) -> list[str]:
        if self.path == ".":
            return [*self.shipped]
        return [item for item in self.shipped if item.startswith(f"{self.path}/")]

    @property
    def _real(self) -> list[str]:
        return [item for item in self._below if PurePosixPath(item).name not in _PLACEHOLDERS]

    def fixed(self) -> Bind:
        """Of what outlives a release: a copy that does, too; what it writes to is data."""
        writes = not self.mount.read_only and _STATE.fullmatch(self.mount.target)
        return self._data() if self._real and writes else self._had("fixed")

    def read(self) -> Bind:
        """Of what reads its configuration, or pages, whether or not that is said."""
        return self._had("release")

    def bind(self, build: Mapping[str, Any] | None) -> Bind:
        """Of what runs the app's code.

        Args:
            build: how its image is built here; ``None`` if it is somebody else's.
        """
        if self._is_database and not self.mount.read_only:
            inside = all(self._is_context(mount) for mount in self.over)
            return self._bind("link", self._writes, file=True) if inside else self._data()
        if self._is_code:
            if build is None or dockerfile.lacks(build, self.source / self.path, self.mount.target):
                return self.read()
            return self._bind("drop", "the image has this source already")
        if self.path in self.shipped or (self._real and self.mount.read_only):
            return self.read()
        return self.read() if build is not None and self._is_read else self._data()

    @property
    def _is_database(self) -> bool:
        return not self._below and PurePosixPath(self.path).suffix in _DATABASE

    def _is_context(self, mount: Mount) -> bool:
        path = Path(mount.source)
        inside = mount.kind == "bind" and path.is_relative_to(self.source)
        return inside and path.relative_to(self.source).as_posix() in self.contexts

    @property
    def _is_code(self) -> bool:
        code = [item for item in self._real if item.endswith(".py")]
        few = self._is_called_written and len(code) * 2 < len(self._real)
        return self.path in self.contexts or (bool(code) and not few)

    @property
    def _is_read(self) -> bool:
        """Whether it has what programs read, and is called nothing that they write to."""
        return not self._is_called_written and any(item.endswith(_READ) for item in self._real)

    @property
    def _is_called_written(self) -> bool:
        names = (PurePosixPath(self.path).name, PurePosixPath(self.mount.target).name)
        return any(map(_WRITTEN.fullmatch, names))

    def _had(self, place: Literal["fixed", "release"]) -> Bind:
        """As the project has it there, if it has anything."""
        if self.path in self.shipped:
            return self._bind(place, "a file of it", file=True)
        return self._bind(place, "read from it") if self._real else self._data()

    def _data(self) -> Bind:
        name, there = PurePosixPath(self.path).name, PurePosixPath(self.mount.target).name
        if not self._below and _VARIABLES.fullmatch(name) and _VARIABLES.fullmatch(there):
            why = "not sent; the container gets what holdfast env keeps as variables"
            return self._bind("drop", why, file=True)
        file = not self._below and bool(_FILE.search(name) and _FILE.search(there))
        made = not self.mount.read_only and name.endswith(_MADE_EMPTY)
        awaited = file and not made and self.path not in self.shipped
        return self._bind("data", self._writes, file=file, awaited=awaited)

    @property
    def _writes(self) -> str:
        return f"{self.service} writes to {self.mount.target}"

    def _bind(self, place: Place, why: str, *, file: bool = False, awaited: bool = False) -> Bind:
        return Bind(
            self.service,
            self.path,
            self.mount.target,
            place,
            why,
            file,
            awaited=awaited,
            writable=not self.mount.read_only,
        )

"""Our own package for a server: what the agent imports, from where this command runs.

Nothing in it is compiled (that is why the run-time dependencies are what they are), so
one archive fits every machine and every Python it can run on. uv is not in it: the server
gets its own (:mod:`~holdfast.transport.ssh.setup_there`).
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from holdfast.errors import HoldfastError
from holdfast.records import record

MODULES = ("holdfast", "supervisor", "uv")
LEFT_OUT = frozenset(
    {"holdfast/cli", "holdfast/provision", "holdfast/servers", "holdfast/transport"}
    | {"supervisor/tests"}
)
"""Directories that the server's side never imports."""

_NEVER = (".pyc", ".so", ".pyd")


@record
class Bundle:
    """The files by their path in the archive.

    Attributes:
        hash: of every path and content; names the installation.
        uv: the version of uv that goes with it.
    """

    files: tuple[tuple[str, bytes], ...]
    hash: str
    uv: str

    def archive(self) -> bytes:
        """A gzipped tar."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6) as tar:
            for name, data in self.files:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
        return stream.getvalue()


@cache
def bundle() -> Bundle:
    """What this command would install (20 ms)."""
    files = tuple(sorted(item for module in MODULES for item in _files(module)))
    version = metadata.version("uv")
    digest = hashlib.sha256(f"uv {version}\0".encode())
    for name, data in files:
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return Bundle(files, digest.hexdigest()[:16], version)


def _files(module: str) -> Iterator[tuple[str, bytes]]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise HoldfastError(
            f"Holdfast's own dependency {module} is missing here", hint="install Holdfast again"
        )
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        yield origin.name, origin.read_bytes()
        return
    base = origin.parent.parent
    for path in _walk(origin.parent, base):
        yield path.relative_to(base).as_posix(), path.read_bytes()


def _walk(directory: Path, base: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.is_dir():
            if path.name != "__pycache__" and path.relative_to(base).as_posix() not in LEFT_OUT:
                yield from _walk(path, base)
        elif path.suffix not in _NEVER:
            yield path

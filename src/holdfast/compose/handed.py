"""Files of the project that Compose hands to services as ``configs`` and ``secrets``.

Compose mounts them from where they lie. A database lives longer than the release that started it,
so what it is handed must not lie in that release (https://docs.docker.com/reference/compose-file/configs/).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from holdfast.errors import BuildError
from holdfast.records import record

KINDS = ("configs", "secrets")


@record
class Handed:
    """A file; ``path`` is relative to the project, ``kind`` is ``configs`` or ``secrets``."""

    kind: str
    name: str
    path: str
    service: str

    @property
    def key(self) -> str:
        """Its name among the fixed mounts: theirs have a slash behind the colon."""
        return f"{self.kind}:{self.name}"


def used(definition: Mapping[str, Any], kind: str) -> list[str]:
    """The names of the configs or secrets that a service is handed."""
    return [str(item["source"]) for item in definition.get(kind) or ()]


def files(document: Mapping[str, Any], services: Iterable[str], source: Path) -> Iterator[Handed]:
    """What the services are handed of the files below ``source``, each file once."""
    told = set()
    for service in services:
        definition = document["services"].get(service) or {}
        for kind in KINDS:
            for name in used(definition, kind):
                path = Path(str(((document.get(kind) or {}).get(name) or {}).get("file") or "/"))
                if (kind, name) in told or not path.is_relative_to(source):
                    continue
                told.add((kind, name))
                yield Handed(kind, name, path.relative_to(source).as_posix(), service)


def not_sent(
    document: Mapping[str, Any], services: Iterable[str], source: Path
) -> Iterator[Handed]:
    """Those of :func:`files` that are not in the source."""
    return (item for item in files(document, services, source) if not (source / item.path).exists())


def lacking(item: Handed) -> BuildError:
    """What to say of one that is not there, before anything is built: Docker says it much later."""
    return BuildError(
        f"{item.kind} {item.name} of {item.service}: {item.path} was not sent",
        hint="what git ignores stays on your machine; with environment: NAME instead"
        f" of file: {item.path} it comes from holdfast env set NAME",
    )

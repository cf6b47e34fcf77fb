"""What the framework answered, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from holdfast.detect.facts import Interface
from holdfast.detect.project import Candidate
from holdfast.errors import DetectionError
from holdfast.records import record


@record
class DjangoAnswers:
    """Django's settings, as far as a deploy needs them.

    Attributes:
        insecure_key: what is wrong with ``SECRET_KEY``; empty if nothing is.
        local_static: collected static files are plain files on this machine's disk.
        compress: when django-compressor needs its files made beforehand: ``always``,
            ``unless DEBUG``, or (empty) never.
        reads_static: the app may look at collected files as early as when it is imported.
    """

    settings: str | None
    debug: bool
    allowed_hosts: tuple[str, ...]
    apps: frozenset[str]
    middleware: tuple[str, ...]
    static_url: str
    static_root: str | None
    media_url: str
    media_root: str | None
    ssl_redirect: bool
    proxy_ssl_header: bool
    insecure_key: str
    local_static: bool = True
    trusted_origins: tuple[str, ...] = ()
    version: tuple[int, int] = (5, 0)
    compress: str = ""
    reads_static: bool = True


@record
class Answers:
    """What the probe learnt. Paths inside the project are relative to its root.

    Attributes:
        candidate: the one that really is the app; ``None`` if nothing was asked.
        versions: of the servers, and of Flask, that are installed.
        sqlite: files of SQLite databases and what names them.
        databases: other databases (``postgresql``).
        static: URL prefixes and directories that the app serves itself.
        written: paths opened to write while the app was imported, and their kind
            (``sqlite``, ``file``, ``directory``).
        routes: paths without arguments that the app answers.
        instance: Flask's instance folder; ``instance_used``: it is there, or the app's
            config is relative to it; ``upload``: its ``UPLOAD_FOLDER``.
        migrate: Flask-Migrate's directory.
        models: Flask-SQLAlchemy knows of tables.
        pending: migrations that the database has not seen; ``None`` if that was not asked.
        interface: the protocol that the object speaks, whatever it looks like.
        collected: what ``collectstatic`` printed; ``None`` if it was not run while asking.
        failed: why nothing could be learnt, where that is no reason to stop.
    """

    candidate: Candidate | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    sqlite: tuple[tuple[str, str], ...] = ()
    databases: tuple[str, ...] = ()
    static: tuple[tuple[str, str], ...] = ()
    written: tuple[tuple[str, str], ...] = ()
    routes: tuple[str, ...] = ()
    instance: str | None = None
    instance_used: bool = False
    upload: str | None = None
    migrate: str | None = None
    models: bool = False
    pending: tuple[str, ...] | None = None
    collected: str | None = None
    django: DjangoAnswers | None = None
    interface: Interface | None = None
    failed: DetectionError | None = None


def from_json(value: Mapping[str, Any], candidate: Candidate | None) -> Answers:
    """The answers that the script in ``asks/`` printed."""
    return Answers(
        candidate=candidate,
        versions={str(name): str(item) for name, item in value.get("versions", {}).items()},
        sqlite=_pairs(value.get("sqlite")),
        databases=tuple(map(str, value.get("databases", ()))),
        static=_pairs(value.get("static")),
        written=_pairs(value.get("written")),
        routes=tuple(map(str, value.get("routes", ()))),
        instance=value.get("instance"),
        instance_used=bool(value.get("instance_used")),
        upload=value.get("upload"),
        migrate=value.get("migrate"),
        models=bool(value.get("models")),
        pending=None if value.get("pending") is None else tuple(map(str, value["pending"])),
        interface=value.get("interface"),
        collected=value.get("collected"),
        django=_django(value) if "allowed_hosts" in value else None,
    )


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(one), str(two)) for one, two in value or () if one and two)


def _django(value: Mapping[str, Any]) -> DjangoAnswers:
    return DjangoAnswers(
        settings=value["settings"],
        debug=value["debug"],
        allowed_hosts=tuple(map(str, value["allowed_hosts"])),
        apps=frozenset(map(str, value["apps"])),
        middleware=tuple(map(str, value["middleware"])),
        static_url=value["static_url"],
        static_root=value["static_root"],
        media_url=value["media_url"],
        media_root=value["media_root"],
        ssl_redirect=value["ssl_redirect"],
        proxy_ssl_header=value["proxy_ssl_header"],
        insecure_key=str(value["insecure_key"]),
        local_static=bool(value["local_static"]),
        trusted_origins=tuple(map(str, value["trusted_origins"])),
        version=(int(value["version"][0]), int(value["version"][1])),
        compress=str(value["compress"]),
        reads_static=bool(value["reads_static"]),
    )

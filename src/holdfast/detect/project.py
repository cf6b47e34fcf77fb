"""What a project is, as far as its files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TypeVar

from holdfast.app import Dependencies, Finding
from holdfast.detect.facts import (
    Confidence,
    Evidence,
    Fact,
    Framework,
    Interface,
    ProcessLine,
    ToolApp,
)
from holdfast.records import record

F = TypeVar("F", bound=Fact)


@record
class Candidate:
    """One thing that may be the app.

    Attributes:
        module, attribute: how a server imports it: ``notes``, ``create_app``.
        factory: it must be called to get the app.
        file: where it stands.
        directory: the working directory it needs, relative to the root.
        pythonpath: directories that must be importable besides, relative to ``directory``.
        asked: it was called, and spoke this protocol; it does not look like it.
        entry: the text of a module of ours that has it, to be put beside the release.
        score: what the resolver gave it; more is better.
        why: the reasons, best first.
    """

    framework: Framework
    interface: Interface
    module: str
    attribute: str
    evidence: Evidence
    factory: bool = False
    directory: str = "."
    pythonpath: tuple[str, ...] = ()
    score: int = Confidence.LIKELY
    why: tuple[str, ...] = ()
    asked: bool = False
    entry: str = ""

    @property
    def target(self) -> str:
        return f"{self.module}:{self.attribute}"


@record
class ServerChoice:
    """Which program serves the app.

    Attributes:
        name: ``gunicorn``, ``uvicorn``, …
        depended_on: the app's dependencies name it; else it is in ``Dependencies.extra``.
    """

    name: str
    depended_on: bool
    why: str


@record
class Project:
    """A project as :func:`holdfast.detect.scan` found it.

    Attributes:
        framework: ``django``, ``flask``, ``asgi``, ``wsgi`` or ``command``.
        candidates: what may be the app, best first; none for ``command``.
        directory: working directory of its processes, relative to the root.
        dependencies: how its virtual environment is filled, the server included.
        packages: normalised names of what it depends on, as far as files say.
        server: the program that serves it; ``None`` for ``command``.
        settings: Django's settings module.
        manage: path of Django's ``manage.py``, relative to the root.
        env: variables the project needs to be found (``DJANGO_SETTINGS_MODULE``).
        generate: secrets that any random value satisfies.
        processes: the lines of its ``Procfile``.
        tool: the command's name of a framework that serves itself (``streamlit``), its file.
        split: variables that hold parts of one database's address (``DB_HOST``, ...).
        loaded: files that are read when the app is imported, as far as imports say.
        directories: those of the project, as they were sent.
        installed: normalised names of all that its virtual environment holds, once there is one.
        facts: everything the recognisers found.
        findings: what was decided, and why, most important first.
    """

    framework: Framework
    candidates: tuple[Candidate, ...]
    directory: str
    dependencies: Dependencies
    packages: frozenset[str] = frozenset()
    server: ServerChoice | None = None
    settings: str | None = None
    manage: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    generate: tuple[str, ...] = ()
    processes: tuple[ProcessLine, ...] = ()
    tool: ToolApp | None = None
    split: tuple[str, ...] = ()
    loaded: frozenset[str] = frozenset()
    directories: frozenset[str] = frozenset()
    installed: frozenset[str] = frozenset()
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()

    def all(self, kind: type[F]) -> list[F]:
        """The facts of one kind, in the order found."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

"""What recognisers find: facts, each with its evidence. They decide nothing.

A recogniser yields facts, the resolver alone chooses among them; so a new recogniser
can't break an old one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field
from enum import IntEnum
from typing import Literal

from holdfast.distribution.parts import Part
from holdfast.records import record

Framework = Literal["django", "flask", "asgi", "wsgi", "command"]
Interface = Literal["wsgi", "asgi"]


@record
class Evidence:
    """Where it stands: a file of the project and a line, if one line says it."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Confidence(IntEnum):
    """How sure a recogniser is, in points that the resolver adds up."""

    GUESS = 20
    LIKELY = 50
    SURE = 80


@record
class Fact:
    evidence: Evidence
    confidence: Confidence = field(default=Confidence.SURE, kw_only=True)


@record
class AppObject(Fact):
    """Something a server could call: an object, or a factory that makes one.

    Attributes:
        framework: what it is made of.
        attribute: its name in its module.
        factory: it must be called, without arguments, to get the app.
        needs: arguments a factory can't be called without; then it is no candidate.
        made_by: what is called to make it, for the explanation (``flask.Flask``).
        entry: the text of a module of ours that makes it, where it is no object of a file's.
    """

    framework: Framework
    interface: Interface
    attribute: str
    factory: bool = False
    needs: tuple[str, ...] = ()
    made_by: str = ""
    entry: str = ""


@record
class DjangoProject(Fact):
    """A Django project.

    Attributes:
        settings: the settings module's name; ``None`` when one file configures itself.
        manage: path of ``manage.py``, or of the one file that can be run in its place.
        wsgi, asgi: paths of the modules that make the application.
        attribute: the application's name in the module ``wsgi``/``asgi``.
        forces: its wsgi.py or asgi.py sets the settings module whatever the environment says.
    """

    settings: str | None
    manage: str | None
    wsgi: str | None = None
    asgi: str | None = None
    attribute: str = "application"
    forces: bool = False


@record
class DependencyFile(Fact):
    """A file that says what to install.

    Attributes:
        source: as in :class:`~holdfast.app.Dependencies`, or ``script`` (PEP 723).
        packages: normalised names, as far as the file names them itself.
        requirements: its requirement lines, where uv can't read the file itself.
        besides: lines that are installed beside what uv reads in the file.
        left_out: packages that cannot be installed here, whatever the file says.
        pinned: every line fixes one version.
        also: other files that it includes.
    """

    source: Literal[
        "uv.lock",
        "pyproject",
        "requirements",
        "script",
        "poetry",
        "pdm",
        "pipenv",
        "conda",
        "setup",
    ]
    packages: frozenset[str]
    direct: frozenset[str] = frozenset()
    requirements: tuple[str, ...] = ()
    pinned: bool = False
    also: tuple[str, ...] = ()
    python: str | None = None
    besides: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@record
class PythonRequest(Fact):
    """A Python that the project asks for; ``elsewhere``: of another platform."""

    version: str
    elsewhere: bool = False


@record
class Translations(Fact):
    """A folder of translations (``locale``) that are not compiled.

    Attributes:
        languages, domains: of the files: ``de``; ``django``, ``messages``.
        of_django: they are named as Django names its own.
    """

    folder: str
    languages: tuple[str, ...]
    domains: tuple[str, ...]
    of_django: bool


@record
class NeedsInstalling(Fact):
    """The project itself must be installed, not only what it depends on."""

    why: str


@record
class OwnPackage(Fact):
    """The project can itself be built into a package of that name; the evidence says from where."""

    name: str


@record
class BrokenFile(Fact):
    """A file that decides something and can't be read."""

    problem: str


@record
class UnparsedApp(Fact):
    """A Python file that may well make the app, and has a syntax error."""

    problem: str


@record
class EnvRead(Fact):
    """The code reads a variable from the environment.

    Attributes:
        required: it has no default; without the variable the app fails.
        literal_default: the default that stands in the code.
        bare: it is asked for without any default, and is ``None`` where it is missing.
        streamlit: it is one of ``st.secrets``, which we fill from the environment.
        unless: variables of which none may be set: else this one is not read.
    """

    name: str
    required: bool
    literal_default: str | None = None
    bare: bool = False
    streamlit: bool = False
    unless: frozenset[str] = frozenset()

    def is_missing(self, known: Collection[str]) -> bool:
        """Whether the code cannot do without it and nobody has set it."""
        return self.required and self.name not in known and self.unless.isdisjoint(known)


@record
class OldCall(Fact):
    """The code calls a library as its newest version no longer takes.

    Attributes:
        requirement: what keeps it working: ``starlette<1``.
        libraries: those whose version would decide otherwise if a file said one.
    """

    requirement: str
    libraries: tuple[str, ...]
    why: str


@record
class SampleValue(Fact):
    """A sample of the environment names a variable; ``value`` shows how it looks."""

    name: str
    value: str


@record
class CommittedEnv(Fact):
    """A ``.env`` that is sent with the app, which reads it itself: ``names`` of its variables."""

    names: tuple[str, ...]
    reader: Evidence


@record
class HardCodedSecret(Fact):
    """A secret key that stands in the code."""

    name: str


@record
class ProcessLine(Fact):
    """A line of a ``Procfile``; ``directory`` is where the file lies."""

    name: str
    command: str
    directory: str = "."


@record
class Stale(Fact):
    """A start command names an app that is nowhere; ``target`` as it stands there."""

    target: str


@record
class GunicornSettings(Fact):
    """A configuration file of gunicorn: the names it sets; its worker, if that is written out."""

    names: frozenset[str]
    worker: str


@record
class AppHint(Fact):
    """Somebody named the app: ``FLASK_APP``, ``[tool.fastapi] entrypoint``.

    ``target`` is as written there: ``notes``, ``notes:create_app``, ``notes.py``.
    """

    target: str
    says: str


@record
class HealthRoute(Fact):
    path: str


@record
class Migrations(Fact):
    """Migrations that a tool other than Django runs; ``directory`` is where they lie."""

    tool: Literal["flask-migrate", "alembic", "aerich", "piccolo", "yoyo"]
    directory: str


@record
class Prepares(Fact):
    """Something that is run once by hand before the app answers.

    Attributes:
        what: statements of the main guard, or the name of a command of the app.
        harm: why it is not run unasked; empty where it only makes what is missing.
        script: it is the file itself that is run (``create_db.py``).
    """

    what: str
    harm: str
    in_guard: bool
    script: bool = False


@record
class MakesTables(Fact):
    """Somewhere the code makes its tables itself."""


@record
class StartsWith(Fact):
    """What a module does besides to start its server, under its main guard, and the app needs."""

    code: str


@record
class FrontEnd(Fact):
    """A ``package.json`` with a build script.

    Attributes:
        program: ``npm``, ``yarn`` or ``pnpm``; ``install``: how it installs by its lock.
        skipped: why it is not built; empty where the app serves what is not there yet.
        fetched: the program as a package of npm's, for a machine that has npm alone.
    """

    directory: str
    program: str
    install: str
    skipped: str
    fetched: str = ""


@record
class MemoryState(Fact):
    """The app keeps something in memory that a second worker would not see."""

    what: str


@record
class SocketServer(Fact):
    """A Socket.IO server of WSGI; ``mode``: how it was told to work (``eventlet``), else empty."""

    mode: str


@record
class StreamsAnswers(Fact):
    """The app has WebSockets or event streams."""

    what: Literal["websocket", "event stream"]


@record
class WritesTo(Fact):
    """The app writes to a path in its own tree.

    Attributes:
        path: from where the app runs; from the root where a slash stands before it.
        only_loaded: it counts only in a file that the app imports.
    """

    path: str
    kind: Literal["directory", "file"]
    what: str
    only_loaded: bool = False


@record
class InTemporary(Fact):
    """The app keeps a database where the system throws things away; ``name``: of its file."""

    name: str


@record
class Pointer(Fact):
    """A file that Git LFS has the content of; here is only what points to it."""


@record
class StartsServer(Fact):
    """The module starts its own server when it is imported: importing it never ends."""

    call: str


@record
class ToolApp(Fact):
    """A script that a framework's own command serves: ``streamlit run``.

    Attributes:
        last: it serves by itself, and counts only where no app was found.
        directory: where it is run; empty: beside the script.
    """

    tool: str
    last: bool = False
    directory: str = ""


@record
class NeedsPart(Fact):
    """The code wants parts of the system; ``how``: it ``loads`` libraries, ``runs`` programs."""

    who: str
    parts: tuple[Part, ...]
    how: str = "runs"


@record
class AsksForPackage(Fact):
    """A list for another platform names a package of the distribution's that is not known here."""

    name: str


@record
class OtherProject(Fact):
    """A sign that this is something else: a JavaScript app, a PHP site."""

    what: str

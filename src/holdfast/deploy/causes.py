"""The likely cause of a release that does not come up: read from its log and its answer.

Each finding is a sentence and what to do. They are guesses from what programs print; the log
stands beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from holdfast import environment
from holdfast.app import AppSpec
from holdfast.distribution import here, parts
from holdfast.records import record


@record
class Failure:
    """What is known of it.

    Attributes:
        status: of its answer; ``None`` when there was none.
        text: the start of the answer's body.
        location: where a redirect led.
        scheme: what it was told of the visitor's.
        log: the end of what it printed.
        exit_status: of the process that ended; ``None`` while it runs.
        address: where it was told to listen; ``unix:/path`` or ``127.0.0.1:PORT``.
    """

    log: str
    status: int | None = None
    text: str = ""
    location: str | None = None
    scheme: str = "http"
    exit_status: int | None = None
    address: str | None = None


@record
class Cause:
    cause: str
    do: str


def likely(spec: AppSpec, failure: Failure) -> Cause | None:
    """The first cause that fits; what is certain comes before what is only usual."""
    return next((found for look in _LOOKS if (found := look(spec, failure))), None)


def _redirects_to_itself(spec: AppSpec, failure: Failure) -> Cause | None:
    if failure.location is None or failure.scheme != "https":
        return None
    return Cause(
        f"it redirects to itself ({failure.location}): it does not believe that the request came"
        " by HTTPS",
        "have it believe X-Forwarded-Proto, which the edge alone sets; Django:"
        ' SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")',
    )


def _host_check(spec: AppSpec, failure: Failure) -> Cause | None:
    both = failure.log + failure.text
    named = re.search(r"Invalid HTTP_HOST header: '([^']+)'", both)
    told = named or "DisallowedHost" in both or "Invalid host header" in both
    if failure.status != 400 and not told:
        return None
    host = named[1] if named else _host(spec)
    return Cause(
        f"its host check refuses {host}" if told else f"a host check may refuse {host}",
        f'Django: ALLOWED_HOSTS = ["{host}"]; Starlette: TrustedHostMiddleware; Flask:'
        " TRUSTED_HOSTS",
    )


def _no_page(spec: AppSpec, failure: Failure) -> Cause | None:
    if failure.status != 404 or not spec.web.wants_page:
        return None
    return Cause(
        f"the app has no page {spec.web.health}",
        "does [web] health name the right one, with its last slash? without it / is asked, where"
        " a 404 is no illness",
    )


def _variable(spec: AppSpec, failure: Failure) -> Cause | None:
    name = environment.missed(failure.log)
    if name is None:
        return None
    return Cause(f"the variable {name} is not set", f"holdfast env set {name}, then deploy")


def _module(spec: AppSpec, failure: Failure) -> Cause | None:
    found = re.findall(r"ModuleNotFoundError: No module named '([\w.]+)'", failure.log)
    if not found:
        return None
    name = found[-1].partition(".")[0]
    return Cause(
        f"the module {found[-1]} is not there",
        f"add {name} to the dependencies, if it is no module of the app's own",
    )


def _part_of_the_system(spec: AppSpec, failure: Failure) -> Cause | None:
    part = parts.missed(failure.log) or parts.missed(failure.text)
    if part is None:
        return None
    if spec.compose is not None:
        return Cause(
            f"its image lacks {part.name}", f"in its Dockerfile: RUN {here.command([part])}"
        )
    return Cause(f"it wants {part.name}, which is not installed", here.command([part]))


_CODE = re.compile(r"^\s*((?:ImportError|SyntaxError|IndentationError): .+)$", re.MULTILINE)


def _code(spec: AppSpec, failure: Failure) -> Cause | None:
    found = _CODE.findall(failure.log)
    if not found:
        return None
    return Cause(f"its code cannot be imported: {found[-1]}", "the log says where")


def _table(spec: AppSpec, failure: Failure) -> Cause | None:
    found = re.search(
        r"no such table: ([\w.]+)|relation \"([\w.]+)\" does not exist"
        r"|Table '([\w.]+)' doesn't exist",
        failure.log + failure.text,
    )
    if found is None:
        return None
    table = next(name for name in found.groups() if name)
    if spec.release is None and any(item.what == "not run" for item in spec.findings):
        do = (
            "nothing makes the tables; what is named below may: holdfast run it once, and let"
            " [web] health name a path that needs none until then"
        )
    elif spec.release is None:
        do = "nothing makes the tables: [release] command, such as flask db upgrade"
    else:
        do = f"does {spec.release.command} make it? are all migrations in the commit?"
    return Cause(f"the database has no table {table}", do)


_UNREACHED = re.compile(
    r"OperationalError.*(?:refused|could not connect|failed|timeout|denied|unknown)"
    r"|ConnectionRefusedError|ServerSelectionTimeoutError|redis[\w.]*\.ConnectionError"
    r"|could not translate host name|Name or service not known"
)


_WHERE = (
    r"Cannot connect to host ([\w.-]+:\d+)",
    r"host='([\w.-]+)', port=\d+",
    r"connection to server at \"([\w.:-]+)\"",
    r"could not translate host name \"([\w.-]+)\"",
    r"connecting to ([\w.-]+:\d+)\.",
    r"Can't connect to (?:MySQL )?server on '([\w.-]+)'",
    r"([\w.-]+:\d+): \[Errno -?\d+\]",
)
"""How libraries name whom they did not reach."""


def _silent(said: str) -> Cause:
    """Who does not answer, by the library's own words."""
    found = next((match for item in _WHERE if (match := re.search(item, said))), None)
    if found is None:
        return Cause("its database does not answer", "is its URL right? holdfast env list")
    return Cause(
        f"{found[1]} does not answer",
        "is it meant, and can the server reach it? holdfast env list shows what is set",
    )


def unreached(spec: AppSpec, said: str) -> Cause | None:
    """Something outside does not answer, and which variables that name it nobody has set."""
    if not _UNREACHED.search(said):
        return None
    if not spec.unset:
        return _silent(said)
    read = next(iter(spec.unset.values()))
    names = sorted(spec.unset)
    parts = [name for name in names if name in spec.split]
    lines = [f"holdfast env set {name}" for name in names if name not in parts or len(parts) < 3]
    if len(parts) >= 3:
        lines.insert(0, f"holdfast env set DATABASE_URL   # fills {', '.join(parts)}")
    count = "1 variable is" if len(names) == 1 else f"{len(names)} variables are"
    return Cause(
        f"what it connects to does not answer, and {count} not set: {', '.join(names)} ({read})",
        "\n".join(lines),
    )


def _database(spec: AppSpec, failure: Failure) -> Cause | None:
    return unreached(spec, failure.log)


def _taken(spec: AppSpec, failure: Failure) -> Cause | None:
    if not re.search(r"[Aa]ddress already in use|Errno 98", failure.log):
        return None
    return Cause("what it listens on is taken", _listen(spec))


_LISTENS = re.compile(
    r"(?:Listening at:|Running on|running on|Serving on|Starting development server at"
    r"|Listening on(?: TCP address)?)\s+\(?((?:https?|tcp|unix)[:\w./\[\]-]*|[\d.]+:\d+)"
)


def _elsewhere(spec: AppSpec, failure: Failure) -> Cause | None:
    """It says where it listens, and that is not where it was told to."""
    found = _LISTENS.findall(failure.log)
    if failure.status is not None or failure.address is None or not found:
        return None
    if failure.address.rpartition(":")[2] in found[-1]:
        return None
    return Cause(f"it listens elsewhere: {found[-1]}", _listen(spec))


def _killed(spec: AppSpec, failure: Failure) -> Cause | None:
    if failure.exit_status not in (-9, 137):
        return None
    return Cause("it was killed: memory may be too small", "start fewer workers in [web] command")


_RAISED = re.compile(r"^((?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Configured)\b.*)$", re.MULTILINE)


def _exception(spec: AppSpec, failure: Failure) -> Cause | None:
    found = _RAISED.findall(failure.log)
    return Cause(f"it fails with {found[-1][:200]}", "the log says where") if found else None


_LOOKS: tuple[Callable[[AppSpec, Failure], Cause | None], ...] = (
    _redirects_to_itself,
    _host_check,
    _no_page,
    _variable,
    _module,
    _part_of_the_system,
    _code,
    _table,
    _database,
    _taken,
    _elsewhere,
    _killed,
    _exception,
)


def _host(spec: AppSpec) -> str:
    return spec.domains[0] if spec.domains else "localhost"


def _listen(spec: AppSpec) -> str:
    if spec.compose is not None:
        return f"it must listen on 0.0.0.0:{spec.compose.port} in its container"
    where = "$HOLDFAST_SOCKET" if spec.web.listen == "unix" else "127.0.0.1:$PORT"
    return f"its command must listen on {where}: {spec.web.command}"

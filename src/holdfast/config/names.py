"""Readers of names: apps, processes, variables, hosts, networks, packages."""

from __future__ import annotations

import re

from holdfast.config.values import text
from holdfast.config.wrong import Problem, Rank, Wrong, kind, shown, wrong, wrong_type

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_PROCESS = re.compile(r"[a-z][a-z0-9_-]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_PYTHON = re.compile(r"(?:(?:[<>]=?|[=!~]=)\s*)?3(?:\.[0-9]+){0,2}\Z")
_SPECIFIER = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+"
_PACKAGE = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*"
    rf"(?:@\s*\S+|{_SPECIFIER}(?:\s*,\s*{_SPECIFIER})*)?\s*(?:;.+)?\Z"
)
_SERVER = re.compile(
    r"(?:[A-Za-z0-9._][A-Za-z0-9._-]*@)?"
    r"(?:\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\](?::[0-9]{1,5})?|[A-Za-z0-9][A-Za-z0-9.:_-]*)\Z"
)
"""``user@host``, ``user@host:port``, ``user@[IPv6]:port``; whoever connects reads it closely."""

_LONGEST_NAME = 32
_LONGEST_HOST = 253  # RFC 1035, without the dot at the end
_LONGEST_LABEL = 63

TAKEN = {
    "web": "is the web process; its command belongs in [web]",
    "release": "is run once per release; it belongs in [release] command",
    "build": "is the build; it belongs in [build] commands",
    "engine": "is Holdfast's own; choose another name",
}
"""Words that are no names of processes, and the rest of the sentence why."""

_OF_PROCESSES = frozenset({"PORT", "VIRTUAL_ENV"})
SET_BY_US = "set by Holdfast itself"


def app_name(value: object) -> str:
    name = text(value)
    if len(name) > _LONGEST_NAME or not _NAME.match(name):
        rule = f"lower-case letters, digits and hyphens, at most {_LONGEST_NAME}"
        near = slug(name)
        raise wrong(f"{shown(name)} is no app name; {rule}" + (f": {shown(near)}" if near else ""))
    return name


def slug(written: str) -> str:
    """The nearest name that an app can have; ``""`` if there is none."""
    return re.sub(r"[^a-z0-9]+", "-", written.lower())[:_LONGEST_NAME].strip("-")


def process_name(name: str) -> None:
    """Refuse what no process can be called.

    Raises:
        Wrong: a reserved word, or characters that supervisors and file names do not take.
    """
    if remark := TAKEN.get(name):
        raise wrong(f"{shown(name)} {remark}")
    if len(name) > _LONGEST_NAME or not _PROCESS.match(name):
        raise wrong(
            f"{shown(name)} is no process name; "
            f"lower-case letters, digits, - and _, a letter first, at most {_LONGEST_NAME}"
        )


def domain(value: object) -> str:
    """A host name, lower case, without a dot at its end, in ASCII (punycode)."""
    written = text(value)
    _only_a_host(written)
    name = written.lower().rstrip(".")
    if not name.isascii():
        name = _punycode(written, name)
    if "_" in name:
        raise wrong(f"{shown(written)} has an underscore, which no host name has; use hyphens")
    if name.startswith("*."):
        raise wrong(f"{shown(written)} is a wildcard; name each domain")
    labels = name.split(".")
    if labels[-1].isdecimal():
        raise wrong(f"{shown(written)} is an IP address; a host name is meant")
    if any(len(label) > _LONGEST_LABEL for label in labels):
        raise wrong(f"{shown(written)} has a part longer than {_LONGEST_LABEL} characters")
    if len(name) > _LONGEST_HOST:
        raise wrong(f"{shown(written)} is longer than {_LONGEST_HOST} characters")
    if not all(_LABEL.match(label) for label in labels):
        raise wrong(f'{shown(written)} is no host name; one such as "app.example.com" is meant')
    return name


def _only_a_host(written: str) -> None:
    """Refuse what is more than a host name, and say which part is enough."""
    if "," in written or re.search(r"\s", written):
        raise wrong(f"{shown(written)} has a space or comma; write each domain as its own string")
    rest = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*:/*|^//", "", written) if "//" in written else written
    host = re.split(r"[/?#]", rest)[0]
    if rest != written:
        raise wrong(f"{shown(written)} has a scheme; write {shown(host)}")
    if host != rest:
        raise wrong(f"{shown(written)} has a path; write {shown(host)}")
    if host.startswith("[") or host.count(":") > 1:
        raise wrong(f"{shown(written)} is an IP address; a host name is meant")
    if ":" in host:
        raise wrong(f"{shown(written)} has a port; write {shown(host.split(':')[0])}")


def _punycode(written: str, name: str) -> str:
    """The ASCII form (RFC 3490; the four letters that RFC 5891 maps otherwise are refused)."""
    if any(letter in name for letter in "ßς\u200c\u200d"):
        raise wrong(
            f"{shown(written)} has a letter that old and new rules encode differently; "
            'write the form that your registrar shows ("xn--…")'
        )
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        raise wrong(
            f"{shown(written)} cannot be encoded; "
            'write the form that your registrar shows ("xn--…")'
        ) from None


def server(value: object) -> str:
    """``local``, or a machine as ssh(1) takes it."""
    name = text(value)
    host = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", name)
    if host != name:
        raise wrong(f'{shown(name)} has a scheme; write "local" or "user@host"')
    if name in ("localhost", "127.0.0.1", "::1", "this", "."):
        raise wrong(f'{shown(name)} is this machine; write "local"')
    if not _SERVER.match(name):
        raise wrong(f'{shown(name)} is no server; "local" or "user@host" is meant')
    return name


def python(value: object) -> str:
    """A version for uv: ``3.12``, ``3.12.4``, ``>=3.11,<3.14``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise wrong_type(value, f'write it in quotes: "{value}" (3.10 as a number is 3.1)')
    version = text(value)
    if not all(_PYTHON.match(part.strip()) for part in version.split(",")):
        raise wrong(f'{shown(version)} is no version of Python 3; one such as "3.12" is meant')
    return version


def network(value: object) -> str:
    """An address or a network in CIDR notation, as its network."""
    import ipaddress  # late: 4 ms that few configs need

    written = text(value)
    try:
        return str(ipaddress.ip_network(written))
    except ValueError:
        pass
    try:
        near = str(ipaddress.ip_network(written, strict=False))
    except ValueError:
        raise wrong(
            f"{shown(written)} is no address or network; "
            'one such as "203.0.113.7" or "203.0.113.0/24" is meant'
        ) from None
    raise wrong(f"{shown(written)} has bits set after the slash's; did you mean {shown(near)}?")


def package(value: object) -> str:
    """A requirement (PEP 508): ``gunicorn``, ``uvicorn[standard]>=0.30``."""
    written = text(value)
    if written.startswith("-"):
        raise wrong(f"{shown(written)} is an option; names of packages are meant")
    if _PACKAGE.match(written):
        return written
    if re.fullmatch(r"[A-Za-z0-9._-]+\s*=\s*[0-9][\w.]*", written):
        near = re.sub(r"\s*=\s*", "==", written)
        raise wrong(f"{shown(written)} has one equals sign; write {shown(near)}")
    if all(map(_PACKAGE.match, written.split())):
        raise wrong(f"{shown(written)} names several packages; write each as its own string")
    raise wrong(f'{shown(written)} is no package; one such as "gunicorn>=23" is meant')


_DISTRIBUTION_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")
"""Debian Policy 5.6.7."""


def distribution_package(value: object) -> str:
    """A package of the distribution, as apt has it: ``libreoffice-writer-nogui``."""
    written = text(value)
    if _DISTRIBUTION_PACKAGE.match(written):
        return written
    if all(map(_DISTRIBUTION_PACKAGE.match, written.split())):
        raise wrong(f"{shown(written)} names several packages; write each as its own string")
    raise wrong(
        f'{shown(written)} is no package of Debian or Ubuntu; one such as "ffmpeg" is meant'
    )


def variables(value: object) -> dict[str, str]:
    """A table of variables. No message shows a value that may be a secret."""
    if not isinstance(value, dict):
        message = f'is {kind(value)}; a table is meant: APP_MODE = "production"'
        raise Wrong([Problem(Rank.TYPE, message)])
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, item in value.items():
        try:
            found[_variable_name(name)] = _variable_value(name, item)
        except Wrong as error:
            problems.extend(problem.under(name) for problem in error)
    if problems:
        raise Wrong(problems)
    return found


def _variable_name(name: str) -> str:
    if not _VARIABLE.match(name):
        raise wrong("is no variable's name; letters, digits and _, not starting with a digit")
    if reserved(name):
        raise wrong(f"is {SET_BY_US}; leave it out")
    return name


def reserved(name: str, *, in_docker: bool = False) -> bool:
    """Whether Holdfast itself sets this variable, so that nobody else's value would count.

    Args:
        in_docker: the app is a Compose project. A container is given neither a port nor a
            virtual environment; ``${PORT}`` is the project's own there.
    """
    return name.startswith("HOLDFAST_") or (name in _OF_PROCESSES and not in_docker)


def _variable_value(name: str, value: object) -> str:
    if isinstance(value, str):
        if "\0" in value:
            raise wrong("has a NUL byte, which no environment can hold")
        return value
    if isinstance(value, bool | int | float):
        from holdfast.config.secrets import secret_name

        quoted = "…" if secret_name(name) else shown(value)
        raise Wrong([Problem(Rank.TYPE, f'is {kind(value)}; quote it: {name} = "{quoted}"')])
    if isinstance(value, dict):
        near = f"holdfast.{name}.toml"
        raise Wrong(
            [Problem(Rank.TYPE, f"is a table; what is said for one environment goes in {near}")]
        )
    raise Wrong([Problem(Rank.TYPE, f"is {kind(value)}; a string in quotes is meant")])

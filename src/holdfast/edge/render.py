"""nginx's configuration, from templates: one file for the edge, one for each app."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from holdfast.app import AppSpec, Persist, Static
from holdfast.edge import tls as tls_parts
from holdfast.edge.binary import Program
from holdfast.edge.settings import Settings
from holdfast.edge.tls import Secured
from holdfast.errors import EdgeError
from holdfast.records import record

_PLACE = re.compile(r"\{\{(\w+)\}\}")
_SAFE = re.compile(r"[\w./+~@:,=-]+\Z", re.ASCII)
_DOMAIN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\Z")
_UTF8 = (
    # The table of RFC 3629, section 4; nginx's expressions see bytes.
    r"[\x00-\x7F]++|[\xC2-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]"
    r"|[\xE1-\xEC\xEE\xEF][\x80-\xBF]{2}|\xED[\x80-\x9F][\x80-\xBF]"
    r"|\xF0[\x90-\xBF][\x80-\xBF]{2}|[\xF1-\xF3][\x80-\xBF]{3}|\xF4[\x80-\x8F][\x80-\xBF]{2}"
)

CONNECTIONS = 16384
"""A worker's connections: a full line of 10,000 and what goes to the apps."""

_COMPRESSED = (
    "text/css text/plain text/xml text/javascript text/csv text/markdown text/calendar text/vtt"
    " application/javascript application/json application/ld+json application/manifest+json"
    " application/problem+json application/vnd.api+json application/geo+json"
    " application/xml application/xhtml+xml application/atom+xml application/rss+xml"
    " application/wasm font/ttf font/otf image/svg+xml image/vnd.microsoft.icon"
)


def package_directory(name: str) -> Path:
    """A directory of data files beside this module: ``lua``, ``pages``, ``templates``."""
    return Path(__file__).parent / name


def fingerprint(settings: Settings, binary: str) -> str:
    """What the configuration is made of, as a hash; under one ms.

    Our templates, Lua and pages, this module, the settings, and which file nginx is.
    """
    digest = hashlib.sha256()
    for path in sorted(_package_files()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    found = Path(binary).stat()
    digest.update(f"{settings} {binary} {found.st_size} {found.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _package_files() -> Iterable[Path]:
    yield Path(__file__)
    yield Path(tls_parts.__file__)
    for name, pattern in (("lua", "holdfast/*.lua"), ("pages", "*.html"), ("templates", "*")):
        yield from package_directory(name).glob(pattern)


def main_config(edge: Path, settings: Settings, program: Program, stamp: str) -> str:
    """``nginx.conf``; ``stamp`` is the :func:`fingerprint`, kept in its first line."""
    return _fill(
        "nginx.conf",
        stamp=stamp,
        modules="\n".join(f"load_module {path};" for path in program.modules),
        user=f"user {program.user};" if program.user else "",
        workers=str(settings.workers),
        files=str(program.files),
        connections=str(min(CONNECTIONS, program.files - 512)),
        edge=_safe(str(edge)),
        listen_default=_listen(settings, program, " default_server"),
        tls=_tls_defaults(settings, program),
        acme=_acme(edge),
        forward=_forward("$hf_connection", "$hf_upgrade", "$server_port", "$scheme"),
        **{f"utf8_{name}": f"~^(?<hf_{name}>(?:{_UTF8})*+)" for name in "hurg"},
    )


def app_config(
    edge: Path,
    settings: Settings,
    program: Program,
    spec: AppSpec,
    secured: Secured | None = None,
) -> str:
    """The server blocks of one app: one, or with TLS the app's and the way there.

    Raises:
        EdgeError: a domain or a static path that nginx cannot serve.
    """
    names = domains(spec.name, spec.domains)
    plain = _Way(_listen(settings, program, ""), "http", f"{settings.port}")
    head = _fill("upstreams.conf", app=_safe(spec.name), id=_id(spec))
    if secured is None:
        acme = _acme(edge)
        return head + _app_server(edge, program, spec, plain, names=names, acme=acme)
    told = tls_parts.server(secured)
    addresses = _addresses(settings, program, settings.tls)
    blocks = [
        _app_server(
            edge,
            program,
            spec,
            _Way(tls_parts.listen(program, addresses, first=False), "https", f"{settings.tls}"),
            names=tuple(name for name in names if name in secured.names),
            tls=told,
            headers=tls_parts.headers(),
        ),
        _fill(
            "redirect.conf",
            app=_safe(spec.name),
            listen=plain.listen,
            names=" ".join(secured.names),
            access_log=_access_log(edge, spec),
            acme=_acme(edge),
            port=tls_parts.redirect_port(settings),
        ),
    ]
    if others := tuple(name for name in names if name not in secured.names):
        blocks.append(_app_server(edge, program, spec, plain, names=others, acme=_acme(edge)))
    return head + "\n".join(blocks)


@record
class _Way:
    """How requests come to a server block: its ``listen`` directives, and what they amount to."""

    listen: str
    scheme: str
    port: str


def _app_server(
    edge: Path,
    program: Program,
    spec: AppSpec,
    way: _Way,
    *,
    names: Iterable[str],
    tls: str = "",
    acme: str = "",
    headers: Sequence[str] = (tls_parts.REQUEST_ID,),
) -> str:
    return _fill(
        "app.conf",
        app=_safe(spec.name),
        id=_id(spec),
        listen=way.listen,
        names=" ".join(names),
        tls=tls,
        access_log=_access_log(edge, spec),
        log=spec.edge.access_log,
        max_body=str(spec.edge.max_body),
        compress=_compress(spec.edge.compress),
        open=_fill(
            "open.conf",
            app=_safe(spec.name),
            id=_id(spec),
            forward=_forward('""', '""', way.port, way.scheme),
        ),
        read_timeout=f"{max(round(spec.edge.read_timeout * 1000), 1)}ms",
        static=acme + "".join(_static(spec, item, program, headers) for item in spec.static),
    )


def _forward(connection: str, upgrade: str, port: str, scheme: str) -> str:
    """What a location says to the app; a location with a header of its own has to say all again."""
    return _fill(
        "forward.conf", connection=connection, upgrade=upgrade, port=port, scheme=scheme
    ).rstrip()


def _id(spec: AppSpec) -> str:
    """The app's name as a part of nginx's names, which know no hyphen; an app's knows no ``_``."""
    return _safe(spec.name).replace("-", "_")


def _access_log(edge: Path, spec: AppSpec) -> str:
    if spec.edge.access_log == "off":
        return "access_log off;"
    log = f"{edge}/logs/{spec.name}.access.log"
    return f"access_log {_safe(log)} hf_{spec.edge.access_log} buffer=32k flush=1s;"


def _tls_defaults(settings: Settings, program: Program) -> str:
    if settings.tls is None:
        return ""
    addresses = _addresses(settings, program, settings.tls)
    return _fill(
        "tls.conf",
        ciphers=tls_parts.CIPHERS,
        listen_default=tls_parts.listen(program, addresses, first=True),
    )


def _acme(edge: Path) -> str:
    return _fill("acme.conf", webroot=_safe(f"{edge.parent}/tls/webroot"))


def domains(app: str, given: Iterable[str]) -> tuple[str, ...]:
    """An app's domains as nginx compares them: lower case, no dot at the end, each once.

    Raises:
        EdgeError: there is none, or one is no host name.
    """
    names = tuple(dict.fromkeys(name.lower().rstrip(".") for name in given))
    if not names:
        raise EdgeError(f"{app}: no domain", hint='set [app] domains = ["app.example.com"]')
    for name in names:
        if not _DOMAIN.match(name):
            raise EdgeError(
                f"{app}: the domain {name!r} is no host name",
                hint="letters, digits and hyphens between dots; *. in front for all below",
            )
    return names


def _listen(settings: Settings, program: Program, suffix: str) -> str:
    addresses = _addresses(settings, program, settings.port)
    return " ".join(f"listen {address}{suffix};" for address in addresses)


def _addresses(settings: Settings, program: Program, port: int | None) -> list[str]:
    addresses = [f"{settings.bind}:{port}"]
    if settings.bind == "127.0.0.1" and program.ipv6:
        # Browsers resolve NAME.localhost to ::1 first.
        addresses.append(f"[::1]:{port}")
    elif settings.bind == "0.0.0.0" and program.ipv6:  # noqa: S104 - asked for by the user
        addresses.append(f"[::]:{port}")
    return [_address(address) for address in addresses]


def _address(text: str) -> str:
    if not re.fullmatch(r"[\w.:\[\]*-]+", text, re.ASCII):
        raise EdgeError(f"the edge cannot listen on {text!r}", hint="HOLDFAST_BIND is an address")
    return text


def _static(spec: AppSpec, item: Static, program: Program, headers: Sequence[str]) -> str:
    url, directory = item.url, str(PurePosixPath(item.directory))
    if not url.startswith("/") or not url.endswith("/") or url == "/":
        raise EdgeError(
            f"{spec.name}: static files cannot be served below {url!r}",
            hint="a path such as /static/ is meant",
        )
    if directory.startswith("/") or ".." in PurePosixPath(directory).parts:
        raise EdgeError(f"{spec.name}: {item.directory!r} is not inside the release")
    return _fill(
        "static.conf",
        app=_lua(spec.name),
        url=_quoted(url),
        prefix=_lua(url),
        directory=_lua(directory),
        kept="{ " + ", ".join(_lua(path) for path in _kept(spec.persist, directory)) + " }",
        gzip_static="on" if program.gzip_static else "off",
        headers="\n".join(f"            {line}" for line in headers),
    )


def _kept(persist: Iterable[Persist], directory: str) -> list[str]:
    """Directories that persist, as far as they are served from ``directory``.

    They are links out of the release, and what lies in them changes under its name.
    """
    static = PurePosixPath(directory)
    paths = [PurePosixPath(item.path) for item in persist if item.kind == "directory"]
    whole = [directory] if any(static.is_relative_to(path) for path in paths) else []
    inside = [str(path) for path in paths if path != static and path.is_relative_to(static)]
    return whole + sorted(inside)


def _compress(wanted: bool) -> str:
    if not wanted:
        return "gzip off;"
    return (
        "gzip on; gzip_comp_level 5; gzip_min_length 512; gzip_proxied any; gzip_vary on;"
        f" gzip_types {_COMPRESSED};"
    )


def _safe(text: str) -> str:
    """Text that means nothing else in nginx's configuration.

    Raises:
        EdgeError: it holds a space, a quote or another character that could.
    """
    if not _SAFE.match(text):
        raise EdgeError(
            f"{text!r} cannot stand in nginx's configuration",
            hint="use ASCII letters, digits and . / _ - in HOLDFAST_ROOT",
        )
    return text


def _quoted(text: str) -> str:
    """Any text as one word of nginx's configuration, where that knows no variables."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise EdgeError(f"{text!r} has control characters")
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _lua(text: str) -> str:
    """Any text as a string of Lua: whatever could mean something else as ``\\ddd``."""
    return '"' + "".join(map(_lua_byte, text.encode())) + '"'


def _lua_byte(byte: int) -> str:
    harmless = re.match(r"[\w./-]", chr(byte), re.ASCII)
    return chr(byte) if harmless else f"\\{byte:03d}"


def _fill(template: str, **values: str) -> str:
    text = (package_directory("templates") / template).read_text()
    return _PLACE.sub(lambda match: values[match[1]], text)

"""Proxies of a project's own: whom they ask, by the files that configure them.

nginx, Caddy, HAProxy and their like are configured by files that a service mounts, or that its
Dockerfile copies. Read is what decides how a release follows another: the services that it passes
requests on to, and whether it ends HTTPS itself, which the edge does already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from holdfast.compose import dockerfile, kinds
from holdfast.compose.project import Project, Service, elsewhere
from holdfast.records import record

_PROXIES = re.compile(
    r"(?:^|/)(?:[\w-]*nginx[\w-]*|caddy|haproxy|httpd|envoy|openresty|traefik)(?:[:@-]|$)",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"^(?:docker\.io/)?(?:library/|nginxinc/)?"
    r"(?:nginx(?:-unprivileged)?|caddy|haproxy|httpd)(?:[:@]|$)"
)
"""Images that ask nobody as long as nobody configures them."""

_NAMES = re.compile(
    r"(?:^|[-_.])(?:nginx|proxy|gateway|caddy|haproxy|ingress|router|lb)(?:$|[-_.])"
)
_FILES = re.compile(
    r"\.(?:conf|cfg|template|tmpl|j2|inc|vhost)$|caddyfile|nginx|haproxy|traefik.*\.(?:ya?ml|toml)$"
    r"|default$",
    re.IGNORECASE,
)
"""Names of files that configure a proxy."""

_SECURE = re.compile(
    r"(?:^|[{;\s])(?:ssl_certificate\s|(?:listen|bind)\s.*\bssl\b|SSLEngine\s+on)", re.IGNORECASE
)
_SITE = re.compile(r"^(?:https://)?(?:[\w*-]+\.)+[a-z]{2,}(?:\s*,.*)?\s*\{", re.IGNORECASE)
"""A site of Caddy by its domain: it gets a certificate for it."""

_ASKS_DNS = re.compile(r"^\s*resolver\s+127\.0\.0\.11")
_SOCKET = re.compile(r"\bunix:/(?!/?dev)")
_NAMED = re.compile(
    r"(://|\bserver\s+(?:\S+\s+)?|_pass\s+)?(?<![\w.-])([A-Za-z0-9][\w.-]*)(?::(\d+))?"
)
_PASSES = re.compile(r"_pass\s|reverse_proxy\s|ProxyPass\s")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_LARGEST, _MOST = 200_000, 60


@record
class Front:
    """A proxy.

    Attributes:
        asks: the services it passes requests on to, each with its port, 0 where none is said.
        secure: where it says that it ends HTTPS itself; empty if it does not.
        mixes: why two copies, each with what is behind it, would get at each other's; empty if
            they would not.
        proxy: it is one by its image; otherwise its own code passes requests on.
    """

    asks: Mapping[str, int]
    secure: str = ""
    mixes: str = ""
    proxy: bool = True


def find(project: Project, source: Path) -> dict[str, Front]:
    """The proxies of a project by their names."""
    known = dict(_known(project))
    found = {}
    for name, item in project.services.items():
        others = {called: other for called, other in known.items() if other != name}
        if (front := _front(project, item, others, source)) is not None:
            found[name] = front
    return found


def passes_on(image: str) -> bool:
    """Whether it is an image of a proxy, by its name."""
    return bool(_PROXIES.search(image))


def _front(
    project: Project, item: Service, others: Mapping[str, str], source: Path
) -> Front | None:
    image = kinds.made_of(item)
    proxy = passes_on(image)
    passes = proxy or _NAMES.search(item.name) or _runs(item)
    texts = list(_texts(project, item, source)) if passes else []
    asks: dict[str, int] = {}
    secure = mixes = ""
    for path, text in texts:
        for number, line in _lines(text):
            said = _VARIABLE.sub(lambda m: str(item.environment.get(m[1]) or m[0]), line)
            for name, port in _named(said, others):
                asks[name] = asks.get(name) or port
            if _SECURE.search(line) or ("caddyfile" in path.lower() and _SITE.search(line)):
                secure = secure or f"{path}, line {number}"
            if _ASKS_DNS.search(line) or _SOCKET.search(line):
                mixes = mixes or f"{path}, line {number}"
    passes_unnamed = item.build is not None and any(_PASSES.search(text) for _, text in texts)
    if not asks and (_hidden(item, image, proxy) or (proxy and passes_unnamed)):
        asks = dict.fromkeys((others[name] for name in _waits_for(item) if name in others), 0)
    return Front(asks, secure, mixes, proxy or bool(texts)) if asks else None


def _runs(item: Service) -> bool:
    return bool(re.search(r"\b(?:nginx|caddy|haproxy)\b", item.said))


def _hidden(item: Service, image: str, proxy: bool) -> bool:
    """Whether what configures it cannot be read here: its image has it, or a volume."""
    if not proxy:
        return bool(_NAMES.search(item.name)) and bool(item.published)
    configured = any("/etc/" in mount.target or "/conf" in mount.target for mount in item.mounts)
    return configured or (item.build is None and not _BARE.search(image))


def _waits_for(item: Service) -> list[str]:
    links = [str(link).partition(":")[0] for link in item.raw.get("links") or ()]
    return [*dict.fromkeys([*item.depends, *links])]


def _known(project: Project) -> Iterator[tuple[str, str]]:
    """Every name that a service is reached by, with the service."""
    for name, item in project.services.items():
        yield name, name
        if called := item.raw.get("container_name"):
            yield str(called), name
        networks = item.raw.get("networks")
        for said in networks.values() if isinstance(networks, Mapping) else ():
            for alias in (said or {}).get("aliases") or ():
                yield str(alias), name
        for link in item.raw.get("links") or ():
            other, _, alias = str(link).partition(":")
            if alias:
                yield alias, other


def _named(line: str, others: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The services that a line asks: ``http://web:8000``, ``server web:8000``, ``web:8000``."""
    for match in _NAMED.finditer(line):
        if match[2] in others and (match[1] or match[3]):
            yield others[match[2]], int(match[3] or 0)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#"):
            yield number, line


def _texts(project: Project, item: Service, source: Path) -> Iterator[tuple[str, str]]:
    """What configures it, by the name of each file."""
    for path in list(dict.fromkeys(_paths(project, item, source)))[:_MOST]:
        if path.is_file() and path.stat().st_size < _LARGEST and _FILES.search(path.name):
            yield path.relative_to(source).as_posix(), path.read_text(errors="replace")
    for name in (str(given.get("source")) for given in item.raw.get("configs") or ()):
        said = (project.raw.get("configs") or {}).get(name) or {}
        if "content" in said:
            yield f"configs {name}", str(said["content"])
    if item.build is not None and _PASSES.search(whole := dockerfile.text(item.build)):
        yield "its Dockerfile", whole
    if item.command:
        yield "its command", item.said


def _paths(project: Project, item: Service, source: Path) -> Iterator[Path]:
    for given in item.raw.get("configs") or ():
        said = (project.raw.get("configs") or {}).get(str(given.get("source"))) or {}
        if "file" in said:
            yield from _below(Path(str(said["file"])), source)
    for mount in item.mounts:
        if mount.kind == "bind":
            yield from _below(Path(mount.source), source)
    if item.build is not None:
        context = str(item.build.get("context") or "")
        if not elsewhere(context):
            for name in dockerfile.copies(item.build):
                for path in sorted(Path(context).glob(name.lstrip("/"))) if name != "." else ():
                    yield from _below(path, source)
            if "." in dockerfile.copies(item.build):
                yield from _below(Path(context), source)


def _below(path: Path, source: Path) -> Iterable[Path]:
    """A file, or those of a directory of the project."""
    if not path.is_relative_to(source):
        return ()
    if path.is_dir():
        return sorted(found for found in path.rglob("*") if _FILES.search(found.name))[:_MOST]
    return (path,)

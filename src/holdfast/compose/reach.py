"""What of a project reaches the server itself, past the walls of its containers.

Whoever may say such a thing is root on the server, or can read what others have there. It is asked
of a deploy that a deploy key makes: such a key is for one app and nothing else. Known are the
settings that stay inside (https://docs.docker.com/reference/compose-file/services/); one that is
not known here does not, so a newer Compose opens nothing.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.compose.project import elsewhere
from holdfast.records import record

_SETTINGS = (
    "attach blkio_config cap_drop command container_name cpu_count cpu_percent cpu_period cpu_quota"
    " cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset depends_on develop dns dns_opt dns_search"
    " domainname entrypoint env_file environment expose extra_hosts group_add healthcheck hostname"
    " init labels links mac_address mem_limit mem_reservation mem_swappiness memswap_limit networks"
    " pids_limit platform ports profiles pull_policy read_only restart scale shm_size stdin_open"
    " stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits user working_dir"
)
_INSIDE = frozenset(_SETTINGS.split())
"""Settings of a service that stay in its container, whatever they say."""

_OF_BUILDS = (
    "args dockerfile_inline extra_hosts labels no_cache platforms provenance pull sbom secrets"
    " shm_size target ulimits"
)
_IN_A_BUILD = frozenset(_OF_BUILDS.split())
_LOGS = frozenset({"local", "json-file", "journald", "none"})
"""Drivers that speak to nobody else."""

_WITH_OTHERS = ("service:",)
_BRIDGE = frozenset({"com.docker.network.driver.mtu", "com.docker.network.bridge.enable_icc"})
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE_6 = ipaddress.IPv6Network("fc00::/7")


@record
class Reached:
    """A setting that reaches the server.

    Attributes:
        service: whose; empty for a volume, a network, … of the whole project.
        key: its name as the file has it.
        value: what it says, short.
        word: what stands in its line of the file.
    """

    service: str
    key: str
    value: str
    word: str


def reaching(
    document: Mapping[str, Any], names: Iterable[str], source: Path, app: str
) -> Iterator[Reached]:
    """Everything of these services, and of those that they cannot do without, as Compose resolved.

    Args:
        source: the release's source, which they may mount and build.
    """
    services = [*_together(document["services"], names)]
    for name in services:
        for key, said in document["services"][name].items():
            if key not in _INSIDE and said not in (None, "", [], {}, False):
                for value in _judged(key, said, source, app):
                    yield Reached(name, key, value, _word(key, value))
    yield from _of_the_project(document, services, source)


def _word(key: str, value: str) -> str:
    """What to look for in the file: paths are made absolute there, so their last part."""
    return value.rsplit("/", 1)[-1] if key in ("volumes", "build", "file") and value else key


def _together(services: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The services, and those that Compose starts with them whatever is asked for."""
    found = [*dict.fromkeys(names)]
    for name in found:
        service = services[name]
        modes = (str(service.get(key) or "") for key in ("network_mode", "ipc", "pid"))
        named = [mode[8:] for mode in modes if mode.startswith("service:")]
        named += [str(item).partition(":")[0] for item in service.get("volumes_from") or ()]
        found += [one for one in dict.fromkeys(named) if one in services and one not in found]
    return found


def _judged(key: str, said: Any, source: Path, app: str) -> Iterator[str]:
    """The values of a setting that reach the server."""
    judge = _JUDGES.get(key)
    if judge is not None:
        yield from judge(said)
    elif key == "volumes":
        yield from _mounts(said, source)
    elif key == "build":
        yield from _build(said, source, app)
    elif key == "image":
        yield from _image(str(said), app)
    elif key in ("configs", "secrets"):
        return  # what they are is said for the whole project
    else:
        yield _short(said)


def _mode(*allowed: str) -> Callable[[Any], Iterator[str]]:
    def judge(said: Any) -> Iterator[str]:
        if str(said) not in allowed and not str(said).startswith(_WITH_OTHERS):
            yield str(said)

    return judge


def _security(said: Sequence[object]) -> Iterator[str]:
    harmless = {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"}
    yield from (str(item) for item in said if str(item) not in harmless)


def _hooks(said: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if any(item.get("privileged") for item in said):
        yield "privileged"


def _logging(said: Mapping[str, Any]) -> Iterator[str]:
    if (driver := str(said.get("driver") or "local")) not in _LOGS:
        yield driver


def _deploy(said: Mapping[str, Any]) -> Iterator[str]:
    resources = said.get("resources") or {}
    for kind in ("reservations", "limits"):
        if (resources.get(kind) or {}).get("devices"):
            yield "devices"


def _from_others(said: Sequence[object]) -> Iterator[str]:
    yield from (str(item) for item in said if str(item).startswith("container:"))


_JUDGES: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "network_mode": _mode("none", "bridge", "default"),
    "ipc": _mode("none", "private", "shareable"),
    "pid": _mode(),
    "cgroup": _mode("private"),
    "security_opt": _security,
    "post_start": _hooks,
    "pre_stop": _hooks,
    "logging": _logging,
    "deploy": _deploy,
    "volumes_from": _from_others,
}


def _mounts(said: Sequence[Mapping[str, Any]], source: Path) -> Iterator[str]:
    for item in said:
        kind, where = str(item.get("type")), str(item.get("source") or "")
        if (kind == "bind" and not _is_inside(where, source)) or kind not in (
            "bind",
            "volume",
            "tmpfs",
        ):
            yield where or kind


def _build(said: Mapping[str, Any], source: Path, app: str) -> Iterator[str]:
    context = str(said.get("context") or source)
    away = elsewhere(context)
    if not away and not _is_inside(context, source):
        yield context
    named = str(said.get("dockerfile") or "")
    if named and not away and not _is_inside(str(Path(context, named)), source):
        yield named
    for value in (said.get("additional_contexts") or {}).values():
        yield from _context(str(value), source, app)
    for key in ("cache_from", "cache_to"):
        yield from (str(item) for item in said.get(key) or () if "type=local" in str(item))
    if said.get("network") not in (None, "", "default", "none"):
        yield f"network: {said['network']}"
    known = {"context", "dockerfile", "additional_contexts", "cache_from", "cache_to", "network"}
    for key in said.keys() - known - _IN_A_BUILD:
        if said[key] not in (None, "", [], {}, False):
            yield f"{key}: {_short(said[key])}"


def _context(said: str, source: Path, app: str) -> Iterator[str]:
    if said.startswith("docker-image://"):
        yield from _image(said.removeprefix("docker-image://"), app)
    elif not said.startswith(("service:", "target:", "https://", "http://")):
        if not _is_inside(said, source):
            yield said


def _image(said: str, app: str) -> Iterator[str]:
    """An image that was built here for another app has its code."""
    if said.startswith("holdfast/") and not said.startswith(f"holdfast/{app}:"):
        yield said


def _of_the_project(
    document: Mapping[str, Any], services: Sequence[str], source: Path
) -> Iterator[Reached]:
    for kind in ("volumes", "networks", "configs", "secrets"):
        for name in used(document, services, kind):
            said = (document.get(kind) or {}).get(name) or {}
            for value in _shared(kind, said, source):
                yield Reached("", f"{kind.removesuffix('s')} {name}", value, name)


def used(document: Mapping[str, Any], services: Iterable[str], kind: str) -> list[str]:
    """The volumes, networks, configs or secrets of the whole project that services use."""
    found: dict[str, None] = {}
    for name in services:
        service = document["services"][name]
        said = service.get(kind) or ()
        if kind == "secrets":
            said = [*said, *((service.get("build") or {}).get(kind) or ())]
        found |= dict.fromkeys(
            str(item.get("source") or "") if isinstance(item, Mapping) else str(item)
            for item in said
        )
    return [name for name in found if name in (document.get(kind) or {})]


def _shared(kind: str, said: Mapping[str, Any], source: Path) -> Iterator[str]:
    if kind == "volumes":
        yield from _volume(said, source)
    elif kind == "networks":
        yield from _network(said)
    elif (file := str(said.get("file") or "")) and not _is_inside(file, source):
        yield file


def _volume(said: Mapping[str, Any], source: Path) -> Iterator[str]:
    if said.get("external"):
        yield "external"
    if (driver := str(said.get("driver") or "local")) != "local":
        yield f"driver: {driver}"
    options = said.get("driver_opts") or {}
    device, how = str(options.get("device") or ""), str(options.get("o") or "").split(",")
    bound = bool({"bind", "rbind"} & {*how}) and _is_inside(str(source / device), source)
    if device and options.get("type") != "tmpfs" and not bound:
        yield f"device: {device}"


def _network(said: Mapping[str, Any]) -> Iterator[str]:
    if said.get("external"):
        yield "external"
    if (driver := str(said.get("driver") or "bridge")) != "bridge":
        yield f"driver: {driver}"
    yield from (key for key in said.get("driver_opts") or {} if key not in _BRIDGE)
    for pool in (said.get("ipam") or {}).get("config") or ():
        subnet = str(pool.get("subnet") or "")
        if subnet and not _is_private(subnet):
            yield f"subnet: {subnet}"


def _is_private(subnet: str) -> bool:
    """Whether nobody else of the internet has these addresses: the server would not find them."""
    try:
        asked = ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False
    if isinstance(asked, ipaddress.IPv4Network):
        return any(asked.subnet_of(wide) for wide in _PRIVATE)
    return asked.subnet_of(_PRIVATE_6)


def _is_inside(path: str, source: Path) -> bool:
    return Path(os.path.normpath(path)).is_relative_to(source)


def _short(said: Any) -> str:
    items = said if isinstance(said, list) else [said]
    named = (item.get("source", item) if isinstance(item, Mapping) else item for item in items)
    return ", ".join(map(str, named))[:80]

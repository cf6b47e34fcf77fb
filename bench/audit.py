"""A set-up server as an attacker and as auditors see it: SSH, TLS, ports, lynis, sandboxes.

Bare servers of Debian 12 and 13 (tests/machines) are scanned, set up by ``holdfast server setup``,
given an app with HTTPS, and scanned again. Debian 13 then gets Docker with a published port, too
(what lynis thinks of that is a figure of its own), and is rebooted before its ports are scanned,
from the other server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bench.audited import DOMAIN, Audited
from bench.harness import Results, say, scratch
from bench.host_scan import exposures, listening, lynis, open_ports, worst
from bench.ssh_scan import ssh_findings
from bench.tls_scan import tls_findings
from tests.machines import host
from tests.machines.bed import Bed
from tests.machines.image import DOCKER_KEEPS

ROUNDS = 1
_WITH_DOCKER = "13"
_OURS = "holdfast-*"
_EDGE = "holdfast-edge.service"

T = TypeVar("T")


def run(rounds: int) -> Results:
    """The worst of both releases, and each one's own figures; a second round says nothing new."""
    with scratch() as home, Bed() as bed:
        plain = {_WITH_DOCKER: (DOCKER_KEEPS,)}
        machines = {name: bed.machine(name, plain=plain.get(name, ())) for name in ("12", "13")}
        for machine in machines.values():  # all kinds of host keys, as from a provider
            host.run("ssh-keygen", "-q", "-A", "-f", machine.root)
        servers = [Audited(machine, home / name) for name, machine in machines.items()]
        before = _each(servers, _look_before)
        indexes = _each(servers, _make)
        ports = [
            open_ports(neighbour.login, server.machine)
            for server, neighbour in zip(servers, reversed(servers), strict=True)
        ]
        after = _each(servers, _look_after)
    for one, found, index in zip(after, ports, indexes, strict=True):
        one["open_ports"] = found
        one["lynis_index"] = index
    for name, first, then in zip(machines, before, after, strict=True):
        _tell(name, "before", first)
        _tell(name, "after", then)
    return _results(list(machines), before, after)


def _each(servers: Iterable[Audited], work: Callable[[Audited], T]) -> list[T]:
    """The same with all of them at once: most of it is waiting for the other side."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, servers))


def _look_before(server: Audited) -> dict[str, Any]:
    server.boot()
    say(f"  Debian {server.release} is bare and runs; lynis takes a minute or more")
    return {"lynis_index": lynis(server.login), "ssh": ssh_findings(server.address)}


def _make(server: Audited) -> int:
    """From bare to live; the index that lynis gives what set-up and a deploy made."""
    say(f"  Debian {server.release} is set up after {server.set_up()} s")
    server.deploy()
    server.prove_https()
    say(f"  Debian {server.release} is live")
    index = lynis(server.login)
    if server.release == _WITH_DOCKER:
        server.run_docker()
        say(f"  Debian {server.release} runs Docker")
    return index


def _look_after(server: Audited) -> dict[str, Any]:
    docker = server.release == _WITH_DOCKER
    return {
        "ssh": ssh_findings(server.address),
        "tls": tls_findings(server.address, 443, DOMAIN, private_ca=True),
        "exposure": exposures(server.login, _OURS),
        "listening": listening(server.login),
        "drift": server.drift(),
        **({"lynis_index_with_docker": lynis(server.login)} if docker else {}),
    }


def _tell(release: str, when: str, found: dict[str, Any]) -> None:
    for name, value in found.items():
        shown = f"{len(value)}: {'; '.join(map(str, value))}" if isinstance(value, list) else value
        say(f"  Debian {release}, {when}, {name}: {shown}")


def _results(
    releases: list[str], before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> Results:
    apps = [[level for unit, level in one["exposure"].items() if unit != _EDGE] for one in after]
    results: Results = {
        "ssh_audit_findings_before": max(len(one["ssh"]) for one in before),
        "ssh_audit_findings": max(len(one["ssh"]) for one in after),
        "lynis_index_before": min(one["lynis_index"] for one in before),
        "lynis_index": min(one["lynis_index"] for one in after),
        "exposure_max": worst([level for levels in apps for level in levels]),
        "exposure_edge": worst([one["exposure"][_EDGE] for one in after]),
        "tls_findings": max(len(one["tls"]) for one in after),
        "open_ports": sorted({port for one in after for port in one["open_ports"]}),
        "drift": max(len(one["drift"]) for one in after),
    }
    for release, first, then in zip(releases, before, after, strict=True):
        results[f"debian{release}_lynis_index_before"] = first["lynis_index"]
        results[f"debian{release}_lynis_index"] = then["lynis_index"]
        results[f"debian{release}_open_ports"] = then["open_ports"]
        if "lynis_index_with_docker" in then:
            results[f"debian{release}_lynis_index_with_docker"] = then["lynis_index_with_docker"]
    return results

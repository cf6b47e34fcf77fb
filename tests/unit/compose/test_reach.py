"""What of a Compose project reaches the server itself, as a deploy key may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.compose.reach import reaching

SOURCE = Path("/srv/release/src")


def found(service: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    """Of a project with one service, as Compose printed it."""
    document = {"services": {"web": service}, **more}
    return [(i.service, i.key, i.value) for i in reaching(document, ["web"], SOURCE, "notes")]


def mount(source: str, kind: str = "bind") -> dict[str, Any]:
    return {"volumes": [{"type": kind, "source": source, "target": "/x"}]}


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [
        (mount("/"), "volumes", "/"),
        (mount("/var/run/docker.sock"), "volumes", "/var/run/docker.sock"),
        (mount(f"{SOURCE}/../../etc"), "volumes", f"{SOURCE}/../../etc"),
        (mount("//./pipe/docker_engine", "npipe"), "volumes", "//./pipe/docker_engine"),
        ({"privileged": True}, "privileged", "True"),
        ({"pid": "host"}, "pid", "host"),
        ({"pid": "container:other"}, "pid", "container:other"),
        ({"ipc": "host"}, "ipc", "host"),
        ({"uts": "host"}, "uts", "host"),
        ({"cgroup": "host"}, "cgroup", "host"),
        ({"userns_mode": "host"}, "userns_mode", "host"),
        ({"network_mode": "host"}, "network_mode", "host"),
        ({"network_mode": "container:other"}, "network_mode", "container:other"),
        ({"cap_add": ["SYS_ADMIN"]}, "cap_add", "SYS_ADMIN"),
        ({"devices": ["/dev/sda:/dev/sda"]}, "devices", "/dev/sda:/dev/sda"),
        ({"devices": [{"source": "/dev/sda", "target": "/dev/sda"}]}, "devices", "/dev/sda"),
        ({"device_cgroup_rules": ["b 8:* rwm"]}, "device_cgroup_rules", "b 8:* rwm"),
        ({"security_opt": ["apparmor:unconfined"]}, "security_opt", "apparmor:unconfined"),
        ({"cgroup_parent": "/"}, "cgroup_parent", "/"),
        ({"runtime": "other"}, "runtime", "other"),
        ({"volumes_from": ["container:other"]}, "volumes_from", "container:other"),
        ({"external_links": ["other"]}, "external_links", "other"),
        ({"annotations": {"org.systemd.property.Slice": "x"}}, "annotations", ""),
        ({"use_api_socket": True}, "use_api_socket", "True"),
        ({"provider": {"type": "./evil"}}, "provider", ""),
        ({"a_new_setting": "x"}, "a_new_setting", "x"),
        ({"post_start": [{"command": "x", "privileged": True}]}, "post_start", "privileged"),
        ({"logging": {"driver": "syslog"}}, "logging", "syslog"),
        (
            {"deploy": {"resources": {"reservations": {"devices": [{"driver": "cdi"}]}}}},
            "deploy",
            "devices",
        ),
        ({"image": "holdfast/other:1.web"}, "image", "holdfast/other:1.web"),
        ({"build": {"context": "/root"}}, "build", "/root"),
        ({"build": {"context": str(SOURCE), "dockerfile": "/etc/shadow"}}, "build", "/etc/shadow"),
        (
            {"build": {"context": f"{SOURCE}/a", "dockerfile": "../../x"}},
            "build",
            "../../x",
        ),
        ({"build": {"additional_contexts": {"x": "/root"}}}, "build", "/root"),
        (
            {"build": {"additional_contexts": {"x": "docker-image://holdfast/other:1.web"}}},
            "build",
            "holdfast/other:1.web",
        ),
        ({"build": {"cache_to": ["type=local,dest=/etc"]}}, "build", "type=local,dest=/etc"),
        ({"build": {"network": "host"}}, "build", "network: host"),
        ({"build": {"privileged": True}}, "build", "privileged: True"),
        ({"build": {"ssh": ["default"]}}, "build", "ssh: default"),
        ({"build": {"entitlements": ["network.host"]}}, "build", "entitlements: network.host"),
        ({"build": {"tags": ["postgres:17"]}}, "build", "tags: postgres:17"),
    ],
)
def test_what_reaches_the_server_is_named(service: dict[str, Any], key: str, value: str) -> None:
    """Each setting by its service, its key and what it says."""
    ((name, named, said),) = found(service)
    assert (name, named) == ("web", key)
    assert said == value or not value


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("volumes", {"external": True}, "external"),
        ("volumes", {"driver": "sshfs"}, "driver: sshfs"),
        ("volumes", {"driver_opts": {"o": "bind", "device": "/"}}, "device: /"),
        ("volumes", {"driver_opts": {"type": "ext4", "device": "/dev/sda1"}}, "device: /dev/sda1"),
        ("networks", {"external": True}, "external"),
        ("networks", {"driver": "macvlan"}, "driver: macvlan"),
        (
            "networks",
            {"driver_opts": {"com.docker.network.bridge.name": "docker0"}},
            "com.docker.network.bridge.name",
        ),
        ("networks", {"ipam": {"config": [{"subnet": "9.9.9.0/24"}]}}, "subnet: 9.9.9.0/24"),
        ("configs", {"file": "/etc/shadow"}, "/etc/shadow"),
        ("secrets", {"file": "/root/.ssh/id_ed25519"}, "/root/.ssh/id_ed25519"),
    ],
)
def test_what_the_whole_project_has_counts_where_it_is_used(
    kind: str, said: dict[str, Any], value: str
) -> None:
    """A volume, a network, a config or secret."""
    uses: dict[str, Any] = {
        "volumes": [{"type": "volume", "source": "it", "target": "/x"}],
        "networks": {"it": None},
        "configs": [{"source": "it"}],
        "secrets": [{"source": "it"}],
    }
    assert found({}, **{kind: {"it": said}}) == []
    assert found({kind: uses[kind]}, **{kind: {"it": said}}) == [
        ("", f"{kind.removesuffix('s')} it", value)
    ]


def test_a_secret_of_a_build_counts() -> None:
    secrets = {"it": {"file": "/etc/shadow"}}
    build = {"build": {"secrets": [{"source": "it"}]}}
    assert found(build, secrets=secrets) == [("", "secret it", "/etc/shadow")]


def test_what_stays_inside_is_nothing() -> None:
    """All that ordinary projects say."""
    service = {
        "image": "holdfast/notes:1.web",
        "build": {"context": str(SOURCE), "dockerfile": "docker/Dockerfile", "target": "web"},
        "command": ["gunicorn"],
        "environment": {"A": "/etc"},
        "user": "0",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "network_mode": "service:db",
        "privileged": False,
        "devices": None,
        "deploy": {"resources": {"limits": {"memory": "1g"}}, "replicas": 1},
        "volumes": [
            {"type": "bind", "source": f"{SOURCE}/uploads", "target": "/uploads"},
            {"type": "volume", "source": "data", "target": "/data"},
            {"type": "tmpfs", "target": "/tmp"},
        ],
        "networks": {"default": None},
        "logging": {"driver": "json-file"},
    }
    document = {
        "services": {"web": service, "db": {"image": "postgres:17"}},
        "volumes": {"data": {"name": "hf-notes_data", "driver_opts": {}}},
        "networks": {"default": {"name": "hf-notes_default", "ipam": {}}},
    }
    assert [*reaching(document, ["web"], SOURCE, "notes")] == []


def test_a_service_that_comes_along_counts() -> None:
    """Compose starts what another takes volumes or a network from; the rest is not started."""
    other = {"image": "x", **mount("/")}
    services = {"web": {"volumes_from": ["helper:ro"]}, "helper": other, "traefik": other}
    document = {"services": services}
    assert [i.service for i in reaching(document, ["web"], SOURCE, "notes")] == ["helper"]

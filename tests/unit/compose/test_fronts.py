"""Proxies of a project's own: whom they ask, and what becomes of them and of the app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.compose import fronts, mounts
from holdfast.compose.fronts import Front
from holdfast.compose.project import read
from holdfast.compose.roles import Roles, assign

_CONF = (
    "upstream app {{ server {0}; }}\n"
    "server {{ listen 80; location / {{ proxy_pass http://app; }} }}\n"
)


def _mount(home: Path, path: str, target: str) -> dict[str, str]:
    return {"type": "bind", "source": str(home / path), "target": target}


def _project(home: Path, services: dict[str, Any], **files: str) -> tuple[dict[str, Front], Roles]:
    for name, text in files.items():
        path = home / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = read({"services": services})
    found = fronts.find(project, home)
    return found, assign(project, fronts=found)


def _built(home: Path, context: str = "app", **more: Any) -> dict[str, Any]:
    return {"build": {"context": str(home / context)}, **more}


def test_nginx_and_the_app_behind_it_are_one_web(tmp_path: Path) -> None:
    """The way of the tutorials: nginx publishes the port, the app is called web."""
    services = {
        "web": _built(tmp_path, expose=["8000"]),
        "db": {"image": "postgres:17"},
        "nginx": _built(
            tmp_path, "nginx", ports=[{"target": 80, "published": "1337"}], depends_on={"web": {}}
        ),
    }
    files = {
        "nginx__Dockerfile": "FROM nginx:1.25\nRUN rm /etc/nginx/conf.d/default.conf\n"
        "COPY nginx.conf /etc/nginx/conf.d\n",
        "nginx__nginx.conf": _CONF.format("web:8000"),
        "nginx__other.conf": _CONF.format("db:80"),
    }
    found, roles = _project(tmp_path, services, **files)
    assert found == {"nginx": Front({"web": 8000})}
    assert (roles.web, roles.port, roles.behind, roles.ports) == (
        "nginx", 80, ("web",), {"web": 8000},
    )  # fmt: skip
    assert (roles.proxy, roles.workers, roles.steady) == (True, (), ("db",))


def test_a_template_that_a_script_fills_in(tmp_path: Path) -> None:
    """Whom it asks nobody says here: it is taken to be what it waits for."""
    services = {
        "flask": _built(tmp_path, ports=[{"target": 8000, "published": "8000"}]),
        "proxy": _built(
            tmp_path, "nginx", ports=[{"target": 80, "published": "80"}], depends_on={"flask": {}}
        ),
    }
    files = {
        "nginx__Dockerfile": "FROM nginx:1.25\nCOPY nginx.conf /tmp/\nCMD /start.sh\n",
        "nginx__nginx.conf": "server { location / { proxy_pass http://$SERVER_ADDR; } }\n",
    }
    _, roles = _project(tmp_path, services, **files)
    assert (roles.web, roles.behind) == ("proxy", ("flask",))


@pytest.mark.parametrize(
    ("said", "environment"),
    [
        ("server { location / { proxy_pass http://shop-app:8000; } }", {}),
        ("server { location / { proxy_pass http://$TO; } }", {"TO": "app:8000"}),
        ("location / { include uwsgi_params; uwsgi_pass app:8000; }", {}),
        ("backend b\n  server one app:8000 check\n", {}),
    ],
)
def test_a_mounted_configuration(tmp_path: Path, said: str, environment: dict[str, str]) -> None:
    """By the service's name, its container's, or a variable's value."""
    services = {
        "app": _built(tmp_path, container_name="shop-app"),
        "front": {
            "image": "nginx:alpine",
            "environment": environment,
            "ports": [{"target": 80, "published": "80"}],
            "volumes": [_mount(tmp_path, "conf", "/etc/nginx/conf.d")],
        },
    }
    found, roles = _project(tmp_path, services, **{"conf__site.conf": said})
    assert found["front"].asks == {"app": 8000}
    assert (roles.web, roles.behind) == ("front", ("app",))


def test_a_proxy_that_ends_https_is_left_out(tmp_path: Path) -> None:
    """Its certificates are on its author's machine; the edge has some, and asks the app."""
    conf = "server { listen 443 ssl;\n ssl_certificate /etc/certs/x.pem;\n" + _CONF.format(
        "app:5000"
    )
    services = {
        "app": _built(tmp_path),
        "nginx": {
            "image": "nginx",
            "ports": [{"target": 80, "published": "80"}, {"target": 443, "published": "443"}],
            "volumes": [_mount(tmp_path, "nginx.conf", "/etc/nginx/nginx.conf")],
        },
    }
    _, roles = _project(tmp_path, services, **{"nginx.conf": conf})
    assert (roles.web, roles.port, roles.behind, roles.left_out) == ("app", 5000, (), ("nginx",))
    warned = [item for item in roles.findings if item.level == "warning"]
    assert "nginx.conf, line 1" in warned[0].why
    assert "static files" in warned[0].why


def test_a_router_that_is_built_names_the_web_and_its_port(tmp_path: Path) -> None:
    """Flower publishes a port, and is no site; the app says its port nowhere else."""
    services = {
        "django": _built(tmp_path, image="x_django"),
        "flower": _built(tmp_path, ports=[{"target": 5555, "published": "5555"}]),
        "traefik": _built(tmp_path, "traefik", ports=[{"target": 80, "published": "80"}]),
    }
    files = {
        "traefik__Dockerfile": "FROM docker.io/traefik:3\nCOPY ./traefik.yml /etc/traefik\n",
        "traefik__traefik.yml": "http:\n services:\n  d:\n   servers:\n   - url: http://django:5000\n",
    }
    _, roles = _project(tmp_path, services, **files)
    assert (roles.web, roles.port, roles.left_out) == ("django", 5000, ("traefik",))
    assert roles.workers == ("flower",)


def test_labels_of_a_router_elsewhere(tmp_path: Path) -> None:
    """Nothing publishes a port: Traefik, of another project, leads visitors there."""
    label = {"traefik.http.services.s.loadbalancer.server.port": "8000"}
    _, roles = _project(
        tmp_path, {"jobs": _built(tmp_path), "backend": _built(tmp_path, labels=label)}
    )
    assert (roles.web, roles.port) == ("backend", 8000)


def test_what_a_proxy_shows_besides_goes_its_own_way(tmp_path: Path) -> None:
    """A worker that it waits for stays a worker, a bucket store stays up."""
    conf = _CONF.format("api:8000") + "location /files { proxy_pass http://minio:9000; }\n"
    services = {
        "api": _built(tmp_path),
        "worker": _built(tmp_path, command=["celery", "worker"]),
        "minio": {"image": "minio/minio"},
        "nginx": {
            "image": "nginx",
            "ports": [{"target": 80, "published": "80"}],
            "depends_on": {"api": {}, "worker": {}, "minio": {}},
            "volumes": [_mount(tmp_path, "default.conf", "/etc/nginx/conf.d/default.conf")],
        },
    }
    _, roles = _project(tmp_path, services, **{"default.conf": conf})
    assert (roles.behind, roles.workers, roles.steady) == (("api",), ("worker",), ("minio",))


def test_an_image_of_somebody_elses_behind_its_proxy(tmp_path: Path) -> None:
    """No build at all: the proxy's image has its configuration, a link says whom it asks."""
    app = {"image": "redash/redash:10"}
    services = {
        "server": {**app, "ports": [{"target": 5000, "published": "5000"}]},
        "adhoc_worker": {**app, "command": ["worker"]},
        "nginx": {
            "image": "redash/nginx",
            "ports": [{"target": 80, "published": "80"}],
            "links": ["server:redash"],
        },
    }
    _, roles = _project(tmp_path, services)
    assert (roles.web, roles.behind, roles.workers) == ("nginx", ("server",), ("adhoc_worker",))


def test_pages_without_a_proxy_are_no_front(tmp_path: Path) -> None:
    """nginx with built pages alone passes nothing on."""
    services = {
        "backend": _built(tmp_path, ports=[{"target": 8000, "published": "8000"}]),
        "frontend": _built(tmp_path, "pages", depends_on={"backend": {}}),
    }
    files = {"pages__Dockerfile": "FROM node AS b\nFROM nginx\nCOPY --from=b /x /usr/share/nginx\n"}
    found, roles = _project(tmp_path, services, **files)
    assert (found, roles.web) == ({}, "backend")


def test_two_fronts_that_share_a_socket_are_not_run_side_by_side(tmp_path: Path) -> None:
    conf = "upstream app { server unix:/run/app.sock; }\n"
    services = {
        "app": _built(tmp_path),
        "nginx": {
            "image": "nginx",
            "ports": [{"target": 80, "published": "80"}],
            "depends_on": {"app": {}},
            "volumes": [_mount(tmp_path, "nginx.conf", "/etc/nginx/nginx.conf")],
        },
    }
    found, roles = _project(tmp_path, services, **{"nginx.conf": conf})
    assert (roles.behind, found["nginx"].mixes) == (("app",), "nginx.conf, line 1")


def test_a_proxys_configuration_is_read_from_the_release(tmp_path: Path) -> None:
    """Though nobody says that it is not written to: it must change with the code."""
    services = {
        "app": _built(tmp_path),
        "nginx": {
            "image": "nginx",
            "ports": [{"target": 80, "published": "80"}],
            "volumes": [_mount(tmp_path, "conf", "/etc/nginx/conf.d")],
        },
    }
    _, roles = _project(tmp_path, services, **{"conf__site.conf": _CONF.format("app:8000")})
    shipped = frozenset({"conf/site.conf"})
    bound = list(mounts.binds(read({"services": services}), roles, tmp_path, shipped))
    assert [(item.service, item.place) for item in bound] == [("nginx", "release")]
    assert mounts.alone(read({"services": services}), roles, bound, tmp_path) == ""

"""Which service is what, from what Compose prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.compose.project import read, seconds
from holdfast.compose.roles import assign, check_profiles
from holdfast.errors import DetectionError

BUILT = {"build": {"context": "/src"}}
PORT = {"ports": [{"target": 8000, "published": "80"}]}
SHOP: dict[str, Any] = {
    "web": {**BUILT, **PORT, "depends_on": {"db": {"condition": "service_healthy"}}},
    "worker": {**BUILT, "command": ["celery", "worker"]},
    "db": {"image": "postgres:17", "ports": [{"target": 5432, "published": "5432"}]},
    "redis": {"image": "redis:8"},
}


def test_the_web_publishes_a_port_and_databases_never_are_it() -> None:
    """What runs the app's code is restarted with it; the rest stays up."""
    found = assign(read({"services": SHOP}))
    assert (found.web, found.port) == ("web", 8000)
    assert found.workers == ("worker",)
    assert found.steady == ("db", "redis")
    why = {item.value: item.why for item in found.findings}
    assert why["web"] == "it publishes port 8000, is built here, is called so"


def test_a_database_that_alone_publishes_a_port_is_no_web() -> None:
    services = {"db": SHOP["db"]}
    with pytest.raises(DetectionError, match="looks like the web"):
        assign(read({"services": services}))


def test_two_that_look_alike_are_asked_about() -> None:
    """One clear error that names both and the line to write; with the line it goes on."""
    services = {"shop": {**BUILT, **PORT}, "blog": {**BUILT, **PORT}}
    with pytest.raises(DetectionError, match="several services may be the web: shop, blog"):
        assign(read({"services": services}))
    assert assign(read({"services": services}), web="blog").web == "blog"


def test_a_service_that_is_named_and_not_there() -> None:
    with pytest.raises(DetectionError, match="has no service 'site'"):
        assign(read({"services": SHOP}), web="site")


def test_a_health_check_says_where_the_web_is() -> None:
    """Of an image of somebody else's whose port only ``compose.override.yaml`` publishes."""
    check = {
        "healthcheck": {"test": ["CMD-SHELL", "curl -f http://localhost:8080/login/ || exit 1"]}
    }
    ps = {"healthcheck": {"test": ["CMD-SHELL", "ps -aux | grep -q rqworker"]}}
    box = {"image": "netboxcommunity/netbox:v4"}
    waits = {"depends_on": {"netbox": {"condition": "service_healthy"}}}
    services = {
        "netbox": {**box, **check},
        "netbox-worker": {**box, **ps, **waits},
        "netbox-housekeeping": {**box, **check, **waits, "command": ["/housekeeping.sh"]},
        "db": SHOP["db"],
    }
    found = assign(read({"services": services}))
    assert (found.web, found.port) == ("netbox", 8080)
    assert found.workers == ("netbox-worker", "netbox-housekeeping")


def test_what_shares_the_network_of_the_web_goes_with_it() -> None:
    """Another network would be none; a web that has somebody else's is refused."""
    side = {"image": "sidecar", "network_mode": "service:web", "expose": ["9000"]}
    found = assign(read({"services": {**SHOP, "side": side}}))
    assert (found.slot, found.steady) == (("web", "side"), ("db", "redis"))
    with pytest.raises(DetectionError, match="web has the network of vpn"):
        assign(read({"services": {"web": {**SHOP["web"], "network_mode": "service:vpn"}}}))


@pytest.mark.parametrize(
    ("dockerfile", "said", "left"),
    [
        ('FROM amazon/aws-cli:2\nENTRYPOINT []\nCMD ["/bin/bash"]\n', {}, True),
        ("FROM garland/aws-cli-docker:1.16\nCOPY . .\n", {}, True),
        ("FROM python:3.13\nCOPY . .\n", {}, True),
        ("FROM python:3.13\nCMD python worker.py\n", {}, False),
        ("FROM shop/base:1\nCOPY . .\n", {}, False),
        ("FROM python:3.13\n", {"command": ["python", "worker.py"]}, False),
    ],
)
def test_what_a_person_runs_is_left_out(dockerfile: str, said: dict[str, Any], left: bool) -> None:
    """cookiecutter-django's ``awscli``: it would be started for ever, and end each time."""
    build = {"build": {"context": "/src", "dockerfile_inline": dockerfile}}
    found = assign(read({"services": {**SHOP, "awscli": {**build, **said}}}))
    assert ("awscli" in found.left_out) is left


def test_a_script_says_the_port(tmp_path: Path) -> None:
    """cookiecutter-django's ``/start``, copied to where the command says."""
    script = tmp_path / "compose" / "start"
    script.parent.mkdir()
    script.write_text("#!/bin/bash\nexec gunicorn config.wsgi --bind 0.0.0.0:5000\n")
    text = "FROM python:3.13\nWORKDIR /app\nCOPY ./compose/start /start\nCOPY . .\n"
    build = {"build": {"context": str(tmp_path), "dockerfile_inline": text}}
    services = {"django": {**build, "command": ["/start"]}, "db": SHOP["db"]}
    assert assign(read({"services": services})).port == 5000


def test_what_a_provider_makes_is_refused() -> None:
    services = {**SHOP, "ai": {"provider": {"type": "model"}}}
    with pytest.raises(DetectionError, match="ai is made by a provider"):
        assign(read({"services": services}))


def test_a_label_decides() -> None:
    services = {
        "shop": {**BUILT, **PORT},
        "blog": {**BUILT, "labels": {"holdfast.web": "true", "holdfast.port": "9000"}},
    }
    found = assign(read({"services": services}))
    assert (found.web, found.port) == ("blog", 9000)


def test_what_runs_to_its_end_before_the_web_is_the_release_command() -> None:
    wait = {"migrate": {"condition": "service_completed_successfully"}}
    services = {
        "web": {**BUILT, **PORT, "depends_on": wait},
        "migrate": {**BUILT, "command": ["python", "manage.py", "migrate"]},
    }
    found = assign(read({"services": services}))
    assert found.once == ("migrate",)
    assert found.workers == ()


def test_an_image_that_another_service_builds_is_the_apps_own() -> None:
    """``image: shop`` beside a service that builds ``shop`` is a worker, no database."""
    services = {
        "web": {**BUILT, **PORT, "image": "shop"},
        "worker": {"image": "shop", "command": ["celery"]},
    }
    assert assign(read({"services": services})).workers == ("worker",)


@pytest.mark.parametrize(
    "service",
    [
        {"image": "axllent/mailpit:v1"},
        {"image": "dpage/pgadmin4"},
        {"image": "node:22", "command": ["npm", "run", "dev"]},
        {**BUILT, "command": ["tailwindcss", "-i", "a.css", "-o", "b.css", "--watch"]},
        {"image": "redis:8", "deploy": {"replicas": 0}},
        {**BUILT, "scale": 0},
    ],
)
def test_tools_and_watchers_stay_out(service: dict[str, Any]) -> None:
    """They are for development; the plan says so."""
    found = assign(read({"services": {**SHOP, "tool": service}}))
    assert found.left_out == ("tool",)
    assert "tool" not in (*found.workers, *found.steady)


@pytest.mark.parametrize(
    ("text", "value"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1h0m0s", 3600)]
)
def test_durations_as_compose_prints_them(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


def test_an_app_whose_services_are_off_is_told_how_they_are_switched_on() -> None:
    """Profiles that nobody has named leave nothing that could be the web."""
    cache = {"image": "redis"}
    web = {"build": {}, "ports": [{"target": 80}], "profiles": ["live", "all"]}
    jobs = {"build": {}, "profiles": ["jobs"]}
    every = read({"services": {"jobs": jobs, "web": web, "cache": cache}})
    off = read({"services": {"cache": cache}})
    with pytest.raises(DetectionError, match="off hold web, jobs") as told:
        check_profiles(off, every)
    assert told.value.hint is not None
    assert 'profiles = ["live"]' in told.value.hint
    assert "there are live, all, jobs" in told.value.hint
    check_profiles(every, every)
    check_profiles(off, off)


def test_a_program_of_somebody_elses_in_front_of_the_app() -> None:
    """It waits for the app, and publishes the port: the two are one web. The app's own is none."""
    app: dict[str, Any] = {"build": {}}
    guard = {"image": "oauth2-proxy", "ports": [{"target": 80}], "depends_on": {"app": {}}}
    chosen = assign(read({"services": {"jobs": app, "guard": guard, "app": app}}))
    assert (chosen.web, chosen.behind, chosen.proxy) == ("guard", ("app",), False)
    own = {"build": {}, "ports": [{"target": 80}], "depends_on": {"jobs": {}}}
    assert assign(read({"services": {"jobs": app, "web": own}})).behind == ()


def test_pages_that_ask_an_api_by_its_name_are_replaced_with_it() -> None:
    """Next.js before FastAPI: what asks, and whom it asks, by a variable."""
    front = {**BUILT, "ports": [{"target": 3000}], "environment": {"API_URL": "http://api:8000/v1"}}
    services = {"frontend": {**front, "expose": ["1"]}, "api": BUILT, "jobs": BUILT}
    chosen = assign(read({"services": services}), web="frontend")
    assert (chosen.behind, chosen.workers) == (("api",), ("jobs",))


def test_what_ends_by_itself_is_no_worker() -> None:
    """A migration goes before the release; a seed runs once for it; a bucket is made once."""
    services = {
        "web": {**BUILT, **PORT},
        "migrate": {**BUILT, "command": ["python", "manage.py", "migrate"]},
        "seed": {**BUILT, "command": ["python", "seed.py"], "restart": "no"},
        "assets": {**BUILT, "command": ["cp", "-r", "dist/.", "/static/"]},
        "jobs": {**BUILT, "command": ["celery", "-A", "x", "worker"], "restart": "no"},
        "migrating": {**BUILT, "command": ["sh", "-c", "manage.py migrate && gunicorn x"]},
        "createbuckets": {"image": "minio/mc", "entrypoint": ["sh", "-c", "mc mb x"]},
        "test": {**BUILT, "entrypoint": ["pytest"]},
    }
    chosen = assign(read({"services": services}))
    assert chosen.once == ("migrate",)
    assert chosen.ending == ("seed", "assets", "createbuckets")
    assert (chosen.workers, chosen.steady) == (("jobs", "migrating"), ("createbuckets",))
    assert chosen.left_out == ("test",)


def test_a_database_that_is_built_here_stays_up(tmp_path: Path) -> None:
    """What its Dockerfile begins with says what it is, whatever it is called."""
    (tmp_path / "Dockerfile.db").write_text("ARG V=17\nFROM docker.io/postgres:${V} AS made\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.13\n")
    db = {"context": str(tmp_path), "dockerfile": "Dockerfile.db"}
    services = {
        "store": {"build": db, "image": "shop_production_store", "ports": [{"target": 5432}]},
        "app": {"build": {"context": str(tmp_path)}},
    }
    chosen = assign(read({"services": services}))
    assert (chosen.web, chosen.steady, chosen.workers) == ("app", ("store",), ())


def test_what_leads_domains_to_services_is_left_out(tmp_path: Path) -> None:
    """The edge does that; built here or not."""
    build = {"dockerfile_inline": "FROM traefik:3\nCOPY x /etc/traefik\n"}
    ports = [{"target": 80}, {"target": 443}]
    for traefik in ({"image": "traefik:v3"}, {"build": build, "image": "shop_traefik"}):
        services = {"traefik": {**traefik, "ports": ports, "depends_on": {"app": {}}}, "app": BUILT}
        chosen = assign(read({"services": services}))
        assert (chosen.web, chosen.left_out) == ("app", ("traefik",))


def test_what_runs_of_the_webs_image_is_the_apps() -> None:
    """Where nothing is built: another tag of the image is another release of both."""
    services = {
        "web": {"image": "shop:4", "ports": [{"target": 80}]},
        "jobs": {"image": "shop:4", "command": ["jobs"]},
        "search": {"image": "searcher:1"},
    }
    chosen = assign(read({"services": services}))
    assert (chosen.workers, chosen.steady) == (("jobs",), ("search",))


def test_everything_that_is_waited_for_runs_first_and_in_order() -> None:
    """Of the web, of workers, and of what runs first itself; a circle ends."""

    def after(*names: str) -> dict[str, Any]:
        return {name: {"condition": "service_completed_successfully"} for name in names}

    services = {
        "seed": {**BUILT, "depends_on": after("migrate")},
        "web": {**BUILT, **PORT, "depends_on": after("seed")},
        "assets": {**BUILT, "depends_on": after("assets")},
        "worker": {**BUILT, "depends_on": after("assets", "migrate")},
        "migrate": BUILT,
    }
    chosen = assign(read({"services": services}))
    assert chosen.once == ("migrate", "seed", "assets")
    assert chosen.workers == ("worker",)


@pytest.mark.parametrize(
    ("ports", "port"),
    [
        ([{"target": 25}, {"target": 443}, {"target": 80}], 80),
        ([{"target": 443}], 443),
        ([{"target": 5678}, {"target": 5000}], 5000),
        ([{"target": 9000}, {"target": 8081, "app_protocol": "http"}], 8081),
        ([{"target": 9000}, {"target": 8081, "name": "http"}], 8081),
    ],
)
def test_the_port_of_several_is_the_one_for_http(ports: list[dict[str, Any]], port: int) -> None:
    assert assign(read({"services": {"web": {**BUILT, "ports": ports}}})).port == port

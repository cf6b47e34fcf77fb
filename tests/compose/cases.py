"""Small Compose projects, each with one hard thing in it: live, replaced under load, back.

``bin/bench compose`` proves all of :data:`PROJECTS`, test_projects.py a spread of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from tests.compose.projects import APP, Shop, strategy

_REDIRECT = """\
def extra():
    return {}
class Redirecting(Handler):
    def do_GET(self):
        if self.path != "/health":
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", "/login")
        self.send_header("Content-Length", "0")
        self.end_headers()
Handler = Redirecting
"""

_COUNTS = """\
def extra():
    with open("/data/visits", "a+") as file:
        file.write("x")
        file.seek(0)
        return {"visits": len(file.read())}
"""

_KEEPS = """\
def extra():
    import os, sqlite3
    database = sqlite3.connect(os.path.join(os.path.dirname(__file__), "db.sqlite3"))
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS visits (version)")
        database.execute("INSERT INTO visits VALUES (?)", [VERSION])
    visits = database.execute("SELECT count(*) FROM visits").fetchone()[0]
    database.close()
    return {"visits": visits}
"""

_HIDES = _KEEPS.replace('"db.sqlite3"', '"".join(["hidden", ".db"])')

_SHOWS = """\
def extra():
    said = open("/usr/src/app/templates/greeting.html").read().strip()
    return {"greeting": said, "files": sorted(__import__("os").listdir("/usr/src/app/data"))}
"""

_IN_WAL = """\
database = __import__("sqlite3").connect("/usr/src/app/db.sqlite3", check_same_thread=False)
database.execute("PRAGMA journal_mode=wal")
database.execute("PRAGMA wal_autocheckpoint=0")
lock = threading.Lock()
def extra():
    with lock, database:
        database.execute("CREATE TABLE IF NOT EXISTS visits (version)")
        database.execute("INSERT INTO visits VALUES (?)", [VERSION])
        return {"visits": database.execute("SELECT count(*) FROM visits").fetchone()[0]}
"""

_REACHES = """\
def extra():
    import urllib.request
    return {"other": urllib.request.urlopen("http://stays:6379/", timeout=5).status}
"""

_NGINX = """\
server {
    listen 80;
    location /static/ { alias /static/; }
    location / { proxy_pass http://web:8000; proxy_set_header Host $host; }
}
"""

_SAYS_SEEDED = """\
def extra():
    return {"seeded": open("/seeds/log").read().count("seeded")}
"""

_CACHE = """\
    image: python:3.13-slim-trixie
    command: python -m http.server 6379
    expose: ["6379"]
"""


@dataclass(frozen=True)
class Case:
    """A project: its ``compose.yaml``, more files, and what the app says besides.

    Attributes:
        extra: code that replaces the app's ``extra()``.
        strategy: how a release of it follows another.
        why: a part of the plan's reason.
    """

    compose: str
    extra: str = ""
    files: dict[str, str] = field(default_factory=dict)
    strategy: str = "handover"
    why: str = ""
    said: dict[str, object] = field(default_factory=dict)


CASES = {
    "nginx-in-front": Case(
        "services:\n  web:\n    build: .\n    expose: ['8000']\n"
        "    volumes: ['static:/app/static']\n"
        "  worker:\n    build: .\n    command: python worker.py\n    depends_on: [web]\n"
        "  nginx:\n    image: nginx:1.26\n    ports: ['80:80']\n    depends_on: [web]\n"
        "    volumes: ['./nginx:/etc/nginx/conf.d', 'static:/static']\nvolumes:\n  static:\n",
        files={"nginx/default.conf": _NGINX},
    ),
    "source-mounted": Case(
        "services:\n  web:\n    image: python:3.13-slim-trixie\n    working_dir: /code\n"
        "    volumes: ['.:/code']\n    command: python app.py\n    ports: ['8000:8000']\n",
        _HIDES,
        strategy="hold",
        why="hidden.db lies in a container",
    ),
    "one-shots": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    volumes: ['media:/seeds']\n"
        "  seed:\n    build: .\n    restart: 'no'\n    volumes: ['media:/seeds']\n"
        "    command: sh -c 'echo seeded >>/seeds/log'\n"
        "  bucket-init:\n    image: python:3.13-slim-trixie\n    command: sh -c 'exit 3'\n"
        "volumes:\n  media:\n",
        _SAYS_SEEDED,
        said={"seeded": 1},
    ),
    "fixed-address": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    networks:\n"
        "      inside: {ipv4_address: 172.29.7.5}\n    links: ['cache:redis']\n"
        f"  cache:\n    networks: [inside]\n{_CACHE}"
        "networks:\n  inside: {ipam: {config: [{subnet: 172.29.7.0/24}]}}\n",
        _REACHES.replace("stays:", "redis:"),
        strategy="hold",
        why="fixed address",
        said={"other": 200},
    ),
    "fixed-port": Case('services:\n  web:\n    build: .\n    ports: ["8000:8000"]\n'),
    "container-name": Case(
        "services:\n  web:\n    build: .\n    container_name: shop\n    ports: ['8000:8000']\n"
        f"  cache:\n    container_name: stays\n{_CACHE}",
        _REACHES,
        said={"other": 200},
    ),
    "bind-mount": Case(
        "services:\n  web:\n    build: .\n    expose: ['8000']\n    volumes: ['./data:/data']\n",
        _COUNTS,
        strategy="hold",
        why="web writes to data",
    ),
    "sqlite-in-source": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    volumes: ['.:/app']\n"
        "    user: '1234:1234'\n  worker:\n    build: .\n    command: python worker.py\n"
        "    volumes: ['.:/app']\n",
        _KEEPS,
    ),
    "sqlite-file": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    volumes:\n"
        "      - .:/usr/src/app\n      - ./db.sqlite3:/usr/src/app/db.sqlite3\n"
        "    user: '1234:1234'\n",
        _IN_WAL,
        files={
            "db.sqlite3": "",
            "Dockerfile": "FROM python:3.13-slim-trixie\nWORKDIR /usr/src/app\n"
            'COPY requirements.txt ./\nCMD ["python", "app.py"]\n',
            "requirements.txt": "",
        },
    ),
    "templates": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    volumes:\n"
        "      - ./templates:/usr/src/app/templates\n      - ./data:/usr/src/app/data\n",
        _SHOWS,
        files={
            "templates/greeting.html": "good day",
            "data/seed.json": "{}",
            "Dockerfile": "FROM python:3.13-slim-trixie\nWORKDIR /usr/src/app\n"
            'COPY . .\nCMD ["python", "app.py"]\n',
        },
        strategy="hold",
        why="web writes to data",
        said={"greeting": "good day", "files": ["seed.json"]},
    ),
    "sqlite-hidden": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n",
        _HIDES,
        strategy="hold",
        why="hidden.db lies in a container",
    ),
    "unnamed-volume": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    volumes: ['.:/app']\n",
        _COUNTS,
        files={
            "Dockerfile": "FROM python:3.13-slim-trixie\nWORKDIR /app\nCOPY . .\n"
            'VOLUME /data\nCMD ["python", "app.py"]\n'
        },
        strategy="hold",
        why="the volume kept-web-data",
    ),
    "volume-here": Case(
        "services:\n  web:\n    build: .\n    expose: ['8000']\n    volumes: ['kept:/data']\n"
        "  worker:\n    build: .\n    command: python worker.py\n    volumes: ['kept:/data']\n"
        "volumes:\n  kept:\n    driver: local\n"
        '    driver_opts: {type: none, o: bind, device: "${PWD}/data"}\n',
        _COUNTS,
        files={"data/.gitkeep": ""},
        strategy="hold",
        why="web writes to data",
    ),
    "network-of-web": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"
        "  side:\n    image: python:3.13-slim-trixie\n    network_mode: service:web\n"
        "    command: python -m http.server 6379\n",
        _REACHES.replace("stays:", "localhost:"),
        said={"other": 200},
    ),
    "external-network": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    networks: [proxy]\n"
        f"  stays:\n    networks: [proxy]\n{_CACHE}"
        "networks:\n  proxy:\n    name: traefik_public\n    external: true\n",
        _REACHES,
        said={"other": 200},
    ),
    "networks": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    networks: [front, back]\n"
        f"  stays:\n    networks: [back]\n{_CACHE}"
        "networks:\n  front:\n  back:\n    internal: true\n",
        _REACHES,
        said={"other": 200},
    ),
    "profiles": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"
        "    environment:\n      HELLO: ${GREETING:?is missing}\n"
        "  jobs:\n    build: .\n    command: python worker.py\n    profiles: [jobs]\n",
        files={".env": '# for all\nexport COMPOSE_PROFILES=jobs\nexport GREETING="good day"\n'},
        said={"HELLO": "good day"},
    ),
    "extends": Case(
        "include:\n  - cache.yaml\n"
        "services:\n  web:\n    extends:\n      file: common.yaml\n      service: base\n"
        "    ports: ['8000:8000']\n",
        files={
            "common.yaml": "services:\n  base:\n    build: .\n    environment: {HELLO: common}\n",
            "cache.yaml": f"services:\n  cache:\n{_CACHE}",
        },
        said={"HELLO": "common"},
    ),
    "entrypoint": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"
        "    entrypoint: ['/app/entrypoint.sh']\n    command: ['python', 'app.py']\n",
        files={
            "entrypoint.sh": '#!/bin/sh\npython manage.py migrate --noinput\nexec "$@"\n',
            "manage.py": "print('migrated')\n",
        },
        strategy="hold",
        why="entrypoint.sh, line 2, migrates",
    ),
    "read-only": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    read_only: true\n"
        "    tmpfs: ['/tmp']\n"
    ),
    "non-root": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    user: '1234:1234'\n"
        "    volumes: ['./uploads:/data']\n",
        _COUNTS,
    ),
    "redirect": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    healthcheck:\n"
        "      test: ['CMD', 'curl', '-f', 'http://localhost:8000/health']\n",
        _REDIRECT,
    ),
    "never-healthy": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    depends_on: [late]\n"
        "  stays:\n    image: python:3.13-slim-trixie\n    expose: ['6379']\n"
        "    command: sh -c 'sleep 5; exec python -m http.server 6379'\n"
        "    healthcheck: {test: curl -f http://localhost:6379, interval: 1s, retries: 2}\n"
        "  late:\n    image: python:3.13-slim-trixie\n    expose: ['6380']\n"
        "    depends_on: [stays]\n    command: sh -c \"python -c 'import urllib.request as r;"
        ' r.urlopen(\\"http://stays:6379\\")\' && exec python -m http.server 6380"\n',
        _REACHES.replace("stays:6379", "late:6380"),
        said={"other": 200},
    ),
    "conditions": Case(
        "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n    depends_on:\n"
        "      stays: {condition: service_healthy}\n"
        "      migrate: {condition: service_completed_successfully}\n"
        "  migrate:\n    build: .\n    command: python -c 'print(\"migrated\")'\n"
        f"  stays:\n{_CACHE}"
        "    healthcheck:\n      interval: 1s\n      test: ['CMD', 'python', '-c',"
        " 'import urllib.request as r; r.urlopen(\"http://localhost:6379\")']\n",
        _REACHES,
        strategy="hold",
        why="the release command",
        said={"other": 200},
    ),
}


def prove(case: Case, shop: Shop) -> None:
    """Live unmodified, replaced without a failed request by the strategy it needs, and back."""
    app = APP.replace("def extra():\n    return {}\n", case.extra) if case.extra else APP
    shop.write({"compose.yaml": case.compose, "app.py": app, **case.files})
    for path in shop.directory.glob("*.sh"):
        path.chmod(0o755)
    shop.deploy()
    first = shop.ask()
    assert {"version": 1, **case.said}.items() <= first.items()
    shop.version(2)
    with shop.load() as seen:
        used, why = strategy(shop.deploy())
        second = shop.ask()
        assert (second["version"], second.get("visits", 1) > first.get("visits", 0)) == (2, True)
        # Once more: what was found in a container is in none of them by now.
        shop.version(3)
        asked = ("--strategy", "hold") if case.strategy == "handover" else ()
        again = strategy(shop.deploy(*asked))[0]
        third = shop.ask()
        shop.holdfast("rollback", "--yes")
    assert set(seen) == {"version 1", "version 2", "version 3"}, seen
    assert (used, case.why in why) == (case.strategy, True), why
    assert (again == "hold" or not asked, third["version"]) == (True, 3)
    assert third.get("visits", 1) > second.get("visits", 0)
    last = shop.ask()
    assert last["version"] == 2
    assert last.get("visits", 1) > third.get("visits", 0)


def prove_image(shop: Shop) -> None:
    """What only names an image is replaced when its definition says something else."""
    text = (
        "services:\n  web:\n    image: python:3.13-slim-trixie\n    ports: ['8000:8000']\n"
        "    working_dir: /app\n    volumes: ['./app.py:/app/app.py:ro']\n"
        "    command: python app.py\n    environment: {MODE: one}\n"
    )
    shop.write({"compose.yaml": text})
    shop.deploy()
    assert shop.ask()["MODE"] == "one"
    shop.write({"compose.yaml": text.replace("one", "two")})
    shop.deploy()
    assert shop.ask()["MODE"] == "two"
    shop.holdfast("rollback", "--yes")
    assert shop.ask()["MODE"] == "one"


_TWO_WEBS = """\
services:
  shop:
    build: .
    ports: ["8000:8000"]
    environment: {HELLO: shop}
  admin:
    build: .
    ports: ["8001:8000"]
    environment: {HELLO: admin}
"""


def prove_two_webs(shop: Shop) -> None:
    """Two webs on two domains are two apps of one project; nobody guesses which is meant."""
    shop.write({"compose.yaml": _TWO_WEBS})
    asked = shop.holdfast("deploy", "--domain", shop.host, check=False)
    assert "several services may be the web: admin, shop" in asked.stderr, asked.stdout[-500:]
    for name in ("shop", "admin"):
        shop.write({f"holdfast.{name}.toml": f'[compose]\nweb = "{name}"\n'})
    other = Shop(shop.server, shop.directory, f"{shop.name}-admin", {})
    try:
        shop.deploy("--env", "shop")
        other.deploy("--env", "admin")
        shop.version(2)
        with shop.load() as seen, other.load() as seen_there:
            shop.deploy("--env", "shop")
            other.deploy("--env", "admin", "--strategy", "hold")
            assert (shop.ask()["HELLO"], other.ask()["HELLO"]) == ("shop", "admin")
            other.holdfast("rollback", "--yes")
        assert set(seen) == set(seen_there) == {"version 1", "version 2"}, (seen, seen_there)
        assert (shop.ask()["version"], other.ask()["version"]) == (2, 1)
    finally:
        other.holdfast("destroy", "--yes", check=False)


PROJECTS: Mapping[str, Callable[[Shop], None]] = {
    **{name: partial(prove, case) for name, case in CASES.items()},
    "image": prove_image,
    "two-webs": prove_two_webs,
}

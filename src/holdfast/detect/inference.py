"""Packages from imports, where no file says what to install.

Only names of this list are ever installed: to install whatever a name in the code may
happen to be called on the index would run a stranger's code.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from holdfast.app import Finding
from holdfast.detect.facts import Evidence
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree

PACKAGES = {
    **{
        name: name
        for name in (
            "aiofiles", "aiohttp", "alembic", "anyio", "arrow", "attrs", "babel", "bcrypt",
            "bleach", "blinker", "bottle", "boto3", "cachetools", "celery", "channels", "click",
            "cryptography", "dash", "databases", "django", "dynaconf", "environs", "eve",
            "falcon", "fastapi", "feedparser", "flask", "gevent", "granian", "gunicorn", "h11",
            "httpx", "huey", "humanize", "hypercorn", "itsdangerous", "jinja2", "lxml",
            "litestar", "loguru", "markdown", "markupsafe", "marshmallow", "matplotlib",
            "mistune", "msgspec", "nltk", "numpy", "openpyxl", "orjson", "pandas", "passlib",
            "peewee", "pendulum", "plotly", "polars", "psutil", "psycopg", "pydantic",
            "pygments", "pymongo", "pymysql", "pytz", "quart", "redis", "requests", "rich",
            "rq", "scipy", "seaborn", "sqlalchemy", "sqlmodel", "starlette", "structlog",
            "stripe", "tabulate", "tenacity", "tornado", "tqdm", "typer", "unidecode",
            "uvicorn", "uvloop", "waitress", "websockets", "werkzeug", "whitenoise", "wtforms",
        )
    },
    "PIL": "pillow", "yaml": "pyyaml", "bs4": "beautifulsoup4", "dotenv": "python-dotenv",
    "sklearn": "scikit-learn", "jwt": "pyjwt", "dateutil": "python-dateutil",
    "rest_framework": "djangorestframework", "environ": "django-environ",
    "decouple": "python-decouple", "corsheaders": "django-cors-headers",
    "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient", "Crypto": "pycryptodome",
    "jose": "python-jose", "socketio": "python-socketio", "multipart": "python-multipart",
    "pydantic_settings": "pydantic-settings", "flask_sqlalchemy": "flask-sqlalchemy",
    "flask_migrate": "flask-migrate", "flask_login": "flask-login", "flask_wtf": "flask-wtf",
    "flask_cors": "flask-cors", "flask_caching": "flask-caching", "flask_mail": "flask-mail",
    "flask_session": "flask-session", "flask_socketio": "flask-socketio",
    "flask_bcrypt": "flask-bcrypt", "flask_restful": "flask-restful",
    "flask_limiter": "flask-limiter", "flask_jwt_extended": "flask-jwt-extended",
    "sse_starlette": "sse-starlette", "dash_bootstrap_components": "dash-bootstrap-components",
    "django_htmx": "django-htmx", "crispy_forms": "django-crispy-forms",
    "debug_toolbar": "django-debug-toolbar", "allauth": "django-allauth",
    "dj_database_url": "dj-database-url", "django_filters": "django-filter",
    "apscheduler": "apscheduler", "slugify": "python-slugify", "docx": "python-docx",
}  # fmt: skip
"""Import names and the packages that hold them."""


@dataclass(frozen=True, slots=True)
class Inferred:
    packages: tuple[str, ...]
    findings: tuple[Finding, ...]


def infer(tree: Tree) -> Inferred:
    """What the code of a tree imports that is neither Python's own nor the tree's."""
    known: dict[str, Evidence] = {}
    unknown: dict[str, Evidence] = {}
    for path in tree.python:
        source = tree.source(path)
        for module in source.imported_modules if source and not _aside(path) else ():
            top = module.partition(".")[0]
            if top in sys.stdlib_module_names or _is_local(tree, source, top):
                continue
            package = PACKAGES.get(top)
            (known if package else unknown).setdefault(package or top, Evidence(path))
    return Inferred(tuple(sorted(known)), tuple(_findings(known, unknown)))


def _aside(path: str) -> bool:
    return bool({"tests", "test", "docs", "examples"} & set(path.split("/")[:-1]))


def _is_local(tree: Tree, source: Source | None, name: str) -> bool:
    directory = source.path.rpartition("/")[0] if source else ""
    for base in {"", f"{directory}/" if directory else "", "src/"}:
        if tree.has(f"{base}{name}.py") or tree.has_directory(f"{base}{name}"):
            return True
    return any(path.endswith((f"/{name}.py", f"/{name}/__init__.py")) for path in tree.python)


def _findings(known: dict[str, Evidence], unknown: dict[str, Evidence]) -> list[Finding]:
    names = ", ".join(sorted(known)) or "none"
    found = [
        Finding(
            "dependencies",
            names,
            "no uv.lock, pyproject.toml or requirements.txt; taken from the imports, "
            "in their newest versions",
        )
    ]
    for name, evidence in sorted(unknown.items()):
        why = f"{evidence} imports it, and no file says which package that is"
        found.append(Finding("unknown package", name, why, level="warning"))
    return found

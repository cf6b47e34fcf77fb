"""What is right, in all the ways it can be written; and what is right but may not be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast import config
from holdfast.config import Config


def load(directory: Path, text: str) -> Config:
    (directory / "holdfast.toml").write_text(text)
    return config.load(directory)


@pytest.mark.parametrize(
    ("text", "table", "key", "value"),
    [
        ('[app]\ndomains = ["Notes.Example.COM."]', "app", "domains", ("notes.example.com",)),
        ('[app]\ndomains = ["bücher.example"]', "app", "domains", ("xn--bcher-kva.example",)),
        ('[app]\ndomains = ["intranet"]', "app", "domains", ("intranet",)),
        ("[app]\ndomains = []", "app", "domains", ()),
        ('[app]\nserver = "deploy@203.0.113.7"', "app", "server", "deploy@203.0.113.7"),
        ('[app]\nserver = "deploy@box:2222"', "app", "server", "deploy@box:2222"),
        ('[app]\nserver = "a@[2001:db8::7]:2222"', "app", "server", "a@[2001:db8::7]:2222"),
        ('[app]\npython = ">=3.11, <3.14"', "app", "python", ">=3.11, <3.14"),
        ('[app]\nname = "7"', "app", "name", "7"),
        ('[web]\ndirectory = "./backend//src/"', "web", "directory", "backend/src"),
        ('[web]\ndirectory = "."', "web", "directory", "."),
        ('[web]\nhealth = "/up?full=1"', "web", "health", "/up?full=1"),
        ("[web]\nboot_timeout = 90", "web", "boot_timeout", 90.0),
        ("[web]\nhealth_timeout = 0.5", "web", "health_timeout", 0.5),
        ("[web]\nmax_body = 1_000_000", "web", "max_body", 1_000_000),
        ('[web]\nmax_body = "50M"', "web", "max_body", 52_428_800),
        ('[web.static]\nstatic = "public/"', "web", "static", {"/static/": "public"}),
        ('[web.static]\n"/a/b" = "c"', "web", "static", {"/a/b/": "c"}),
        ("[web]\nstatic = false", "web", "static", False),
        ("[web]\nstatic = {}", "web", "static", None),
        (
            '[web]\nmaintenance_allow = ["203.0.113.7", "2001:db8::/32"]',
            "web",
            "maintenance_allow",
            ("203.0.113.7/32", "2001:db8::/32"),
        ),
        ("[release]\ncommand = false", "release", "command", False),
        (
            '[build]\npackages = ["uvicorn[standard]>=0.30,<1", "a @ https://x.org/a.whl"]',
            "build",
            "packages",
            ("uvicorn[standard]>=0.30,<1", "a @ https://x.org/a.whl"),
        ),
        (
            '[persist]\npaths = ["./instance/", "notes.db"]',
            "persist",
            "paths",
            ("instance/", "notes.db"),
        ),
        ("[deploy]\nlease = 2", "deploy", "lease", 2.0),
        (
            "[web]\ncommand = '''\nexec gunicorn \\\n  x'''",
            "web",
            "command",
            "exec gunicorn \\\n  x",
        ),
    ],
)
def test_values_are_normalised(
    tmp_path: Path, text: str, table: str, key: str, value: object
) -> None:
    """What a person may write in several ways is one value in the model."""
    assert getattr(getattr(load(tmp_path, text), table), key) == value


@pytest.mark.parametrize(
    "text",
    [
        '[web]\nlisten = "port"\ncommand = "app --port $PORT"',
        '[web]\nlisten = "port"\ncommand = "app --port ${PORT:-$HOLDFAST_SOCKET}"',
        '[web]\ncommand = "app --port $PORT"',
        '[web]\nlisten = "unix"\ncommand = "app $HOLDFAST_SOCKET"',
        '[web]\nmax_wait = "60s"',
        '[deploy]\nlongest_hold = "90s"\nlease = "90s"',
        '[deploy]\nlongest_hold = "5s"\nlease = "5s"\ndrain = "5s"',
        '[env]\nAPP_MODE = ""\nTOKEN_TTL = "3600"\nSECRET_KEY_FILE = "/run/x"\nUSE_TOKEN = "true"',
        '[env]\nDATABASE_URL = "postgres://localhost/notes"',
        "",
    ],
)
def test_what_fits_together_passes_without_a_word(tmp_path: Path, text: str) -> None:
    """No error, no warning."""
    assert load(tmp_path, text).warnings == ()


SECRET = "looks like a secret; keep it on the server instead: holdfast env set"
DEAF = "names neither $HOLDFAST_SOCKET nor $PORT; it must find one of them by itself"


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('[env]\nSECRET_KEY = "hunter2"', f"[env] SECRET_KEY: {SECRET} SECRET_KEY"),
        ('[env]\nDB_URL = "postgres://a:hunter2@db/a"', f"[env] DB_URL: {SECRET} DB_URL"),
        ('[env]\nSTRIPE = "sk_live_hunter2"', f"[env] STRIPE: {SECRET} STRIPE"),
        ('[web]\ncommand = "gunicorn --bind 0.0.0.0:80 a:b"', f"[web] command: {DEAF}"),
        (
            '[web]\nboot_timeout = "3m"\n[deploy]\nstrategy = "hold"',
            "[web] boot_timeout: is longer than [deploy] longest_hold, 1m: a hold ends then",
        ),
        (
            '[web]\nmaintenance_allow = ["0.0.0.0/0"]',
            "[web] maintenance_allow: lets everybody in; nobody would see the page",
        ),
    ],
)
def test_what_may_not_be_meant_is_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    """It loads; the warning names the place and never a secret."""
    assert load(tmp_path, text).warnings == (f"holdfast.toml: {warning}",)


def test_a_config_is_frozen(tmp_path: Path) -> None:
    """What was read stays what was said."""
    found: Any = load(tmp_path, '[app]\nname = "notes"')
    with pytest.raises(AttributeError):
        found.app.name = "memos"

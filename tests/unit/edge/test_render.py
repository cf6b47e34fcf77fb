"""nginx's configuration as text; what nginx makes of it is tested in tests/edge."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.app import AppSpec, Dependencies, Edge, Persist, Static, Web
from holdfast.edge.binary import Program
from holdfast.edge.render import app_config, domains, fingerprint, main_config
from holdfast.edge.settings import Settings
from holdfast.errors import EdgeError

PROGRAM = Program(
    "/usr/sbin/nginx", (1, 22, 1), ("/m/ndk.so", "/m/lua.so"), True, "www-data", 65536, True
)
SPEC = AppSpec("notes", ("notes.test",), "flask", Dependencies("none"), Web("serve"))
EDGE = Path("/srv/edge")
DEFAULT = Settings()


def app(spec: AppSpec = SPEC, settings: Settings = DEFAULT, program: Program = PROGRAM) -> str:
    return app_config(EDGE, settings, program, spec)


def static(directory: str, url: str = "/static/", persist: tuple[Persist, ...] = ()) -> str:
    return app(replace(SPEC, static=(Static(url, directory),), persist=persist))


def test_main() -> None:
    """The program's modules, user and limits stand in the main configuration."""
    text = main_config(EDGE, Settings(workers=2), PROGRAM, "abc")
    assert text.splitlines()[0].endswith("[abc]")
    for line in (
        "load_module /m/ndk.so;",
        "user www-data;",
        "worker_processes 2;",
        "worker_rlimit_nofile 65536;",
        "include /srv/edge/apps/*.conf;",
    ):
        assert line in text
    assert "{{" not in text


def test_openresty_as_an_ordinary_user() -> None:
    """Lua compiled in needs no modules, and who is not root names no user."""
    text = main_config(EDGE, Settings(), replace(PROGRAM, modules=(), user=None), "abc")
    assert "load_module" not in text
    assert not re.search(r"^user ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("settings", "ipv6", "listen"),
    [
        (Settings(), True, "listen 127.0.0.1:8080; listen [::1]:8080;"),
        (Settings(), False, "listen 127.0.0.1:8080;"),
        (Settings(80, 1, "0.0.0.0"), True, "listen 0.0.0.0:80; listen [::]:80;"),
        (Settings(80, 1, "10.0.0.1"), True, "listen 10.0.0.1:80;"),
        (Settings(80, 1, "[fd00::1]"), True, "listen [fd00::1]:80;"),
    ],
)
def test_listen(settings: Settings, ipv6: bool, listen: str) -> None:
    """Loopback and all addresses are meant in both families; one address is that address."""
    found = re.search(r"listen .*", app(settings=settings, program=replace(PROGRAM, ipv6=ipv6)))
    assert found is not None
    assert found[0] == listen


def test_bind_is_an_address() -> None:
    """What comes from the environment is no way into nginx's configuration."""
    with pytest.raises(EdgeError, match="cannot listen"):
        app(settings=Settings(80, 1, "1.2.3.4; include /etc/passwd"))


def test_limits() -> None:
    """Each limit is in nginx's units."""
    text = app(replace(SPEC, edge=Edge(max_body=1234, read_timeout=0.25, access_log="json")))
    assert "client_max_body_size 1234;" in text
    assert "proxy_read_timeout 250ms;" in text
    assert "access_log /srv/edge/logs/notes.access.log hf_json" in text


def test_domains() -> None:
    """Domains are compared as DNS does: without case, without the root's dot, each once."""
    spec = replace(SPEC, domains=("Notes.test.", "notes.TEST", "*.x-1.test", "127.0.0.1"))
    assert domains(spec.name, spec.domains) == ("notes.test", "*.x-1.test", "127.0.0.1")
    assert "server_name notes.test *.x-1.test 127.0.0.1;" in app(spec)
    with pytest.raises(EdgeError, match="no domain"):
        domains("notes", ())


@pytest.mark.parametrize("url", ["/", "static/", "/static", ""])
def test_no_prefix(url: str) -> None:
    """A prefix that would hide the app, or is none, is refused."""
    with pytest.raises(EdgeError, match="cannot be served below"):
        static("public", url)


@pytest.mark.parametrize("directory", ["/etc", "../other", "a/../../b"])
def test_no_directory_of_the_release(directory: str) -> None:
    """Directories outside the release are refused."""
    with pytest.raises(EdgeError, match="is not inside the release"):
        static(directory)


def test_strange_names() -> None:
    """Names are quoted as nginx and Lua read them."""
    text = static('my "files"]]\\ü/$x', '/a "b"\\/')
    assert 'location ^~ "/a \\"b\\"\\\\/" {' in text
    assert '"my\\032\\034files\\034\\093\\093\\092\\195\\188/\\036x"' in text


@pytest.mark.parametrize(
    ("directory", "persist", "kept"),
    [
        ("media", ("media",), '{ "media" }'),
        ("media/big", ("media",), '{ "media/big" }'),
        ("public", ("public/up", "public/a/b", "other"), '{ "public/a/b", "public/up" }'),
        ("public", ("pub", "public2"), "{  }"),
        ("./public/", ("public/up",), '{ "public/up" }'),
    ],
)
def test_what_persists(directory: str, persist: tuple[str, ...], kept: str) -> None:
    """Directories that persist are followed where they are linked in, files are not."""
    items = (
        *(Persist(path, "directory", "") for path in persist),
        Persist(f"{directory}/db.sqlite3", "file", ""),
    )
    assert f", {kept})" in static(directory, persist=items)


def test_fingerprint(tmp_path: Path) -> None:
    """Another setting or another nginx is another configuration."""
    binary = tmp_path / "nginx"
    binary.write_text("one")
    first = fingerprint(Settings(), str(binary))
    assert first == fingerprint(Settings(), str(binary))
    assert first != fingerprint(Settings(port=81), str(binary))
    binary.write_text("other")
    assert first != fingerprint(Settings(), str(binary))

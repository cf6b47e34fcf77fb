"""Static files: from the release, cached rightly, and nothing that is not meant to be served."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.app import Persist, Static
from tests.edge.backend import reply
from tests.edge.site import Site

FILES = Static("/static/", "public")
YEAR = "public, max-age=31536000, immutable"

Put = Callable[..., Path]


@pytest.fixture
def put(site: Site) -> Put:
    """Write a file of a release's static directory."""

    def write(name: str, text: str | bytes = "", release: str = "r-a") -> Path:
        path = site.root / release / "public" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_served_by_the_edge(site: Site, put: Put) -> None:
    """A file is served without the app; with type, charset, id and how long to keep it."""
    put("css/a.css", "body {}")
    backend = site.serve(static=(FILES,))
    answer = site.ask("/static/css/a.css?v=1")
    assert (answer.status, answer.text) == (200, "body {}")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert len(answer.headers["x-request-id"]) == 32
    head = site.ask("/static/css/a.css", "HEAD")
    assert (head.status, head.headers["content-length"]) == (200, "7")
    assert backend.requests == []


def test_everything_else_is_the_apps(site: Site, put: Put) -> None:
    """Missing files, directories, hidden files and other methods are the app's to answer."""
    put("a.txt", "a")
    put(".env", "secret")
    put(".git/config", "secret")
    put("x/.htpasswd", "secret")
    (site.root / "r-a" / "secret.py").write_text("secret")
    backend = site.serve(static=(FILES,))
    backend.answer = lambda request: reply("the app's 404", 404)
    targets = [
        "/static/missing.css",
        "/static/",
        "/static/x",
        "/static/x/",
        "/static/a.txt/",
        "/static",
        "/static/.env",
        "/static/.git/config",
        "/static/x/.htpasswd",
        "/static/%2eenv",
        "/static/../secret.py",
        "/static/%2e%2e/secret.py",
        "/static/..%2fsecret.py",
        "/static/..%5csecret.py",
        "/static/x/%2e./%2e%2e/secret.py",
        "/static/" + "n" * 300,
        "/static/" + "long/" * 1000,
    ]
    for target in targets:
        answer = site.ask(target)
        assert (answer.status, answer.text) == (404, "the app's 404"), target
    assert backend.targets == targets
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert site.ask("/static/a.txt", method).status == 404
    assert site.ask("/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd").status == 400
    assert site.ask("/static//../../secret.py").status == 400
    assert site.ask("/static/a.txt%00.css").status == 400


def test_well_known(site: Site, put: Put) -> None:
    """/.well-known/ is what dots in names are allowed for (RFC 8615)."""
    put(".well-known/security.txt", "mail us")
    put(".well-known/.hidden", "secret")
    site.serve(static=(FILES,))
    assert site.ask("/static/.well-known/security.txt").text == "mail us"
    assert site.ask("/static/.well-known/.hidden").text == "/static/.well-known/.hidden"


NAMES = [
    ("a b.txt", "/static/a%20b.txt"),
    ("ü/日本.txt", "/static/%C3%BC/%E6%97%A5%E6%9C%AC.txt"),
    ("100%.txt", "/static/100%25.txt"),
    ("%20.txt", "/static/%2520.txt"),
    ("q?.txt", "/static/q%3F.txt"),
    ("plus+$host.txt", "/static/plus+$host.txt"),
    ("a..b.txt", "/static/a..b.txt"),
    ("back\\slash.txt", "/static/back%5Cslash.txt"),
]


def test_names(site: Site, put: Put) -> None:
    """Names with spaces, signs and other scripts are found as their URLs say."""
    site.serve(static=(FILES,))
    for name, target in NAMES:
        put(name, "found")
        assert site.ask(target).text == "found", name


def test_directories_with_strange_names(site: Site) -> None:
    """Also directories and prefixes may have names that nginx's configuration would trip over."""
    for number, directory in enumerate(("my files", 'q"uo\\te', "$host", "ünï", "]]")):
        path = site.root / "r-a" / directory / "x.txt"
        path.parent.mkdir(parents=True)
        path.write_text(directory)
        site.configure(f"app{number}", static=(Static("/it's 50% {x};/", directory),))
        site.open(site.backend(), app=f"app{number}", release="r-a")
        found = site.ask("/it's%2050%25%20%7Bx%7D;/x.txt", host=f"app{number}.test")
        assert found.text == directory


def test_several_prefixes(site: Site, put: Put) -> None:
    """The longest prefix that fits is the one that counts."""
    put("a.txt", "static")
    (site.root / "r-a" / "media").mkdir()
    (site.root / "r-a" / "media" / "a.txt").write_text("media")
    site.serve(static=(FILES, Static("/static/media/", "media")))
    assert site.ask("/static/a.txt").text == "static"
    assert site.ask("/static/media/a.txt").text == "media"


def test_follows_the_gate(site: Site, put: Put) -> None:
    """Files come from the release the gate leads to, or else the one before; nothing reloads."""
    put("new.txt", "old", "r1")
    put("only-old.0123456789ab.css", "old css", "r1")
    put("new.txt", "new", "r2")
    site.configure(static=(FILES,))
    backend = site.backend()
    site.open(backend, "a", "r1")
    assert site.ask("/static/new.txt").text == "old"
    workers = site.edge._control.status()["workers"]
    site.open(backend, "b", "r2")
    assert site.ask("/static/new.txt").text == "new"
    old = site.ask("/static/only-old.0123456789ab.css")
    assert (old.text, old.headers["cache-control"]) == ("old css", YEAR)
    assert site.ask("/static/neither").text == "/static/neither"
    assert site.edge._control.status()["workers"] == workers


def test_served_whatever_the_gate_says(site: Site, put: Put) -> None:
    """Static files do not wait in line, and a maintenance page may have pictures."""
    put("a.txt", "a")
    site.serve(static=(FILES,))
    site.hold()
    assert site.ask("/static/a.txt").text == "a"
    site.edge.maintenance("app")
    assert site.ask("/static/a.txt").text == "a"
    assert site.ask("/static/b.txt").status == 503


def test_conditional(site: Site, put: Put) -> None:
    """A client that has the file is told so; one that has half of it gets the other half."""
    put("a.txt", "0123456789")
    site.serve(static=(FILES,))
    first = site.ask("/static/a.txt").headers
    assert site.ask("/static/a.txt", If_None_Match=first["etag"]).status == 304
    assert site.ask("/static/a.txt", If_None_Match='"other"').status == 200
    since = site.ask("/static/a.txt", If_Modified_Since=first["last-modified"])
    assert (since.status, since.headers["cache-control"]) == (304, "no-cache")
    part = site.ask("/static/a.txt", Range="bytes=4-6")
    assert (part.status, part.text) == (206, "456")
    assert part.headers["content-range"] == "bytes 4-6/10"
    assert site.ask("/static/a.txt", Range="bytes=4-", If_Range='"other"').status == 200
    assert site.ask("/static/a.txt", Range="bytes=100-").status == 416


def test_changed_file(site: Site, put: Put) -> None:
    """The next release's file of the same name has another tag."""
    os.utime(put("a.txt", "one", "r1"), (1e9, 1e9))
    os.utime(put("a.txt", "two!", "r2"), (1e9, 1e9))
    site.configure(static=(FILES,))
    backend = site.backend()
    site.open(backend, "a", "r1")
    tag = site.ask("/static/a.txt").headers["etag"]
    site.open(backend, "b", "r2")
    assert site.ask("/static/a.txt", If_None_Match=tag).text == "two!"


HASHED = [
    ("app.0123456789ab.css", True),  # Django's ManifestStaticFilesStorage
    ("fonts/a.b.55e7cbb9ba48.woff2", True),
    ("main.4a1b2c3d.js", True),  # webpack, Create React App
    ("main.4a1b2c3d5e6f7a8b9c0d.chunk.js", True),
    ("main.4a1b2c3d.js.map", True),
    ("index-BX3k2a91.js", True),  # Vite
    ("logo-D2s_8f-Q.svg", True),
    ("chunk-7HJKL2QX.js", True),  # esbuild
    ("app.css", False),
    ("jquery-3.7.1.min.js", False),
    ("bootstrap.bundle.min.js", False),
    ("report-20240131.pdf", False),
    ("IMG-12345678.jpg", False),
    ("scan-Photo2024.jpg", False),
    ("style-DARKMODE.css", False),
    ("the-decoration.css", False),
    ("feedface.css", False),
    ("a-facade.css", False),
    ("noextension", False),
    ("v1.0123456789ab/app.css", False),
]


def test_immutable(site: Site, put: Put) -> None:
    """A name that holds the hash of its file is kept for a year; any other is asked for again."""
    site.serve(static=(FILES,))
    for name, immutable in HASHED:
        put(name, "x")
        got = site.ask(f"/static/{name}").headers["cache-control"]
        assert got == (YEAR if immutable else "no-cache"), name


TYPES = [
    ("a.html", "text/html; charset=utf-8"),
    ("a.js", "text/javascript; charset=utf-8"),
    ("a.mjs", "text/javascript; charset=utf-8"),
    ("a.json", "application/json; charset=utf-8"),
    ("a.svg", "image/svg+xml; charset=utf-8"),
    ("a.webmanifest", "application/manifest+json; charset=utf-8"),
    ("a.txt", "text/plain; charset=utf-8"),
    ("a.woff2", "font/woff2"),
    ("a.wasm", "application/wasm"),
    ("a.avif", "image/avif"),
    ("a.webp", "image/webp"),
    ("a.PNG", "image/png"),
    ("a", "application/octet-stream"),
]


def test_types(site: Site, put: Put) -> None:
    """Types are those of today, and text is UTF-8."""
    site.serve(static=(FILES,))
    for name, kind in TYPES:
        put(name, "x")
        assert site.ask(f"/static/{name}").headers["content-type"] == kind, name


def test_compressed(site: Site, put: Put) -> None:
    """Text is compressed; a file compressed at build time is sent as it is."""
    text = "body { color: red } " * 100
    put("a.css", text)
    put("b.css", text)
    ready = put("b.css.gz", gzip.compress(text.encode(), mtime=0)).read_bytes()
    site.serve(static=(FILES,))
    for name in ("a", "b"):
        answer = site.ask(f"/static/{name}.css", Accept_Encoding="gzip")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert gzip.decompress(answer.body).decode() == text
        assert site.ask(f"/static/{name}.css").text == text
    assert answer.body == ready


def test_links_out_of_the_tree(site: Site, put: Put) -> None:
    """A link is followed inside its directory, and nowhere else: uploads may hold such links."""
    put("a.txt", "inside")
    secret = site.root / "secret.txt"
    secret.write_text("secret")
    public = site.root / "r-a" / "public"
    (public / "within.txt").symlink_to("a.txt")
    (public / "out.txt").symlink_to(secret)
    (public / "up.txt").symlink_to("../../secret.txt")
    (public / "dir").symlink_to(site.root)
    (public / "gone.txt").symlink_to("nowhere")
    (public / "loop").symlink_to("loop")
    os.mkfifo(public / "fifo")
    site.serve(static=(FILES,))
    assert site.ask("/static/within.txt").text == "inside"
    for name in ("out.txt", "up.txt", "dir/secret.txt", "gone.txt", "loop", "fifo"):
        assert site.ask(f"/static/{name}").text == f"/static/{name}"


@pytest.mark.parametrize("where", ["public", "public/up/loads"])
def test_what_persists(site: Site, put: Put, where: str) -> None:
    """Directories that persist are links out of the release: served, and never for a year."""
    data = site.root / "data" / where
    data.mkdir(parents=True)
    (data / "photo.0123456789ab.jpg").write_text("photo")
    (site.root / "data" / "secret").write_text("secret")
    (data / "link").symlink_to(site.root / "data" / "secret")
    link = site.root / "r-a" / where
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(data)
    spec = site.configure(static=(FILES,))
    persist = (Persist(where, "directory", "uploads"), Persist("db.sqlite3", "file", "database"))
    site.edge.configure(replace(spec, persist=persist))
    site.open(site.backend(), release="r-a")
    below = where.removeprefix("public")
    answer = site.ask(f"/static{below}/photo.0123456789ab.jpg")
    assert answer.text == "photo"
    assert answer.headers["cache-control"] == "no-cache"
    assert site.ask(f"/static{below}/link").text == f"/static{below}/link"


def test_what_the_app_wrote(site: Site) -> None:
    """A file beside the project's own that became data while the app served is served as before;
    a link that somebody made of another name in there is not."""
    source, data = site.root / "releases" / "r-a" / "src", site.root / "data" / "public"
    for directory in (source / "public", data):
        directory.mkdir(parents=True)
    (data / "plot.0123456789ab.png").write_text("plot")
    (data / "secret").write_text("secret")
    (source / "public" / "plot.0123456789ab.png").symlink_to(data / "plot.0123456789ab.png")
    (source / "public" / "other").symlink_to(data / "secret")
    site.configure(static=(FILES,))
    site.open(site.backend(), release="releases/r-a/src")
    answer = site.ask("/static/plot.0123456789ab.png")
    assert (answer.text, answer.headers["cache-control"]) == ("plot", "no-cache")
    assert site.ask("/static/other").text == "/static/other"


def test_unreadable(site: Site, put: Put) -> None:
    """A file that nginx's workers may not read is the app's to answer."""
    if os.geteuid() != 0:
        pytest.skip("workers are whoever runs the tests, who may read everything of theirs")
    put("a.txt", "a").chmod(0o600)
    site.serve(static=(FILES,))
    assert site.ask("/static/a.txt").text == "/static/a.txt"


def test_big_file(site: Site, put: Put) -> None:
    """Fifty megabytes arrive whole, and others are answered meanwhile."""
    body = os.urandom(1 << 20) * 50
    put("big.bin", body)
    site.serve(static=(FILES,))
    slow = site.client().send("/static/big.bin")
    assert site.ask("/x").text == "/x"
    assert hashlib.sha256(slow.read().body).digest() == hashlib.sha256(body).digest()


def test_empty_file(site: Site, put: Put) -> None:
    """An empty file is a file."""
    put("empty.css")
    site.serve(static=(FILES,))
    assert (site.ask("/static/empty.css").status, site.ask("/static/empty.css").text) == (200, "")

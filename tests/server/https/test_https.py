"""From ``holdfast deploy`` to HTTPS, with Pebble as the CA, certbot, and real Django behind it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.place import Place, new_place
from tests.acme import MISSING, Pebble, installed, pebble
from tests.certificates import Authority
from tests.conftest import require
from tests.edge.site import free_port
from tests.server.packages import CACHE

HOST = "site.test"

SITE = """\
import os
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-this-test",
    ALLOWED_HOSTS=os.environ.get("HOSTS", "site.test").split(","),
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                "django.middleware.common.CommonMiddleware"],
    SECURE_SSL_REDIRECT=True,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https") if "PROXY" in os.environ else None,
)

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

if "BROKEN" in os.environ:
    os.environ["A_MISSING_KEY"]

def front(request):
    return HttpResponse(f"{request.scheme} {request.get_host()}")

urlpatterns = [path("", front)]
application = get_wsgi_application()
"""


@dataclass(slots=True)
class Project:
    """A folder, a place to deploy it to, and the CA."""

    place: Place
    folder: Path
    ca: Pebble
    tls_port: int
    env: dict[str, str] = field(default_factory=lambda: {"PROXY": "1"})
    tls: str = ""
    web: str = ""

    def write(self) -> None:
        env = "\n".join(f'{name} = "{value}"' for name, value in self.env.items())
        tls = self.tls or f'directory = "{self.ca.directory}"'
        (self.folder / "holdfast.toml").write_text(
            f'[app]\nname = "site"\ndomains = ["{HOST}"]\nserver = "local"\n'
            f"[web]\n{self.web}\n[env]\n{env}\n[tls]\n{tls}\n"
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.write()
        return subprocess.run(
            [sys.executable, "-m", "holdfast", *arguments],
            cwd=self.folder,
            env={
                **self.place.environment,
                "HOLDFAST_TLS_PORT": str(self.tls_port),
                "HOLDFAST_DNS": self.ca.answers,
                "REQUESTS_CA_BUNDLE": str(self.ca.trust),
                "SSL_CERT_FILE": str(self.folder.parent / "trust.pem"),
            },
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def certificate(self) -> dict[str, Any]:
        return self.certificates()[0]

    def certificates(self) -> list[dict[str, Any]]:
        """None where nothing is live yet."""
        listed = json.loads(self.run("cert", "list", "--json").stdout.splitlines()[-1])
        found: list[dict[str, Any]] = (listed.get("result") or listed).get("certificates", [])
        return found

    def get(self, cafile: Path | None = None) -> httpx.Response:
        """As a browser would, by HTTPS."""
        context = ssl.create_default_context(
            cafile=None if cafile is None else str(cafile),
            cadata=self.ca.root() if cafile is None else None,
        )
        with httpx.Client(verify=context, http2=True, timeout=20) as client:
            return client.get(
                f"https://127.0.0.1:{self.tls_port}/",
                headers={"Host": HOST},
                extensions={"sni_hostname": HOST},
            )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    require(installed(), MISSING)
    require(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin"), "nginx with Lua")
    place = new_place(CACHE)
    with (
        tempfile.TemporaryDirectory(prefix="hf", dir="/tmp") as directory,
        pebble(tmp_path_factory.mktemp("ca"), place.port) as ca,
    ):
        folder = Path(directory) / "site"
        folder.mkdir()
        (folder / "web.py").write_text(SITE)
        (folder / "requirements.txt").write_text("django==5.2.19\ngunicorn\n")
        shutil.copyfile(_system_trust(), folder.parent / "trust.pem")
        with (folder.parent / "trust.pem").open("a") as trust:
            trust.write(ca.root())
        try:
            yield Project(place, folder, ca, free_port())
        finally:
            place.remove()


def _system_trust() -> str:
    """What this machine trusts: also the way to its package index."""
    import os

    found = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return found or "/etc/ssl/certs/ca-certificates.crt"


def test_health_is_asked_as_a_visitor_would(project: Project) -> None:
    """An app that does not believe the scheme redirects for ever: told before it goes live."""
    # gunicorn believes what comes over its unix socket, and by TCP from whom it is told to.
    trust = "--forwarded-allow-ips 203.0.113.1"
    command = f"gunicorn --bind 127.0.0.1:$PORT {trust} web:application"
    project.env, project.web = {}, f'listen = "port"\ncommand = "{command}"'
    failed = project.run("deploy")
    assert failed.returncode == 6, failed.stdout + failed.stderr
    assert "it redirects to itself (https://site.test/)" in failed.stderr
    assert 'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")' in failed.stderr
    assert "> GET /  Host: site.test  X-Forwarded-Proto: https" in failed.stderr


def test_a_host_check_that_refuses(project: Project) -> None:
    """Django's ALLOWED_HOSTS without the domain: named, with the line that would do."""
    project.env, project.web = {"PROXY": "1", "HOSTS": "other.test"}, ""
    failed = project.run("deploy")
    assert failed.returncode == 6, failed.stdout + failed.stderr
    assert "a host check may refuse site.test" in failed.stderr
    assert 'ALLOWED_HOSTS = ["site.test"]' in failed.stderr


@pytest.mark.prepares
def test_from_deploy_to_https(project: Project) -> None:
    """One command: the app is live, has its certificate, and the deploy says so."""
    project.env = {"PROXY": "1"}
    ran = project.run("deploy")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "site.test has a certificate and is served over HTTPS" in ran.stdout
    assert f"site is up at https://site.test:{project.tls_port}/" in ran.stdout
    answer = project.get()
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
    assert answer.text == "https site.test"
    plain = httpx.get(f"http://127.0.0.1:{project.place.port}/", headers={"Host": HOST})
    assert plain.status_code == 308
    told = project.certificate()
    assert (told["origin"], told["secured"], told["problem"]) == ("acme", [HOST], None)
    assert told["days_left"] > 30
    status = project.run("status")
    assert "https" in status.stdout
    assert "until " in status.stdout


@pytest.fixture
def live(project: Project) -> Project:
    """The site with a certificate, also where the tests above run in another process."""
    project.env, project.web = {"PROXY": "1"}, ""
    if not project.certificates():
        ran = project.run("deploy")
        assert ran.returncode == 0, ran.stdout + ran.stderr
    return project


def test_a_second_deploy_asks_nobody(live: Project) -> None:
    """The certificate is there: no CA is asked, and HTTPS goes on."""
    ran = live.run("deploy")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "asking" not in ran.stdout
    assert live.get().status_code == 200


def test_renewed_by_hand(live: Project) -> None:
    """``cert renew --force`` gets a new one; without --force there is nothing to do."""
    before = live.certificate()["not_after"]
    assert live.run("cert", "renew").returncode == 0
    assert live.certificate()["not_after"] == before
    ran = live.run("cert", "renew", "--force")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert live.certificate()["not_after"] > before
    assert live.get().headers["strict-transport-security"] == "max-age=63072000"


@pytest.mark.prepares
def test_own_files_are_sent(project: Project, tmp_path: Path) -> None:
    """A pair in the project is checked, kept for its owner alone, served; a wrong key is told."""
    authority = Authority(tmp_path / "own")
    pair, other = authority.pair(HOST), authority.pair(HOST)
    (project.folder / "own.pem").write_text(pair.chain)
    (project.folder / "own.key").write_text(other.key)
    project.tls = 'certificate = "own.pem"\nkey = "own.key"'
    refused = project.run("deploy")
    assert refused.returncode == 11, refused.stdout + refused.stderr
    assert "the private key is not the certificate's" in refused.stderr
    (project.folder / "own.key").write_text(pair.key)
    ran = project.run("deploy")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert project.get(authority.certificate).status_code == 200
    assert project.certificate()["origin"] == "own"
    secret = pair.key.splitlines()[1]
    held = subprocess.run(
        ["grep", "-rlF", secret, str(project.place.root)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout.split()
    assert [Path(path).name for path in held] == ["privkey.pem"]
    assert Path(held[0]).stat().st_mode & 0o777 == 0o600
    dry = project.run("deploy", "--dry-run")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert '"key": "***"' in dry.stdout
    assert secret not in dry.stdout + dry.stderr


def test_a_file_of_the_server_that_is_no_certificate(project: Project) -> None:
    """Plan and deploy refuse it before anything changes, and show nothing of it; a pair serves."""
    before = project.certificate()
    project.tls = 'certificate = "server:/etc/passwd"\nkey = "server:/etc/passwd"'
    for verb in ("plan", "deploy"):
        refused = project.run(verb)
        said = refused.stdout + refused.stderr
        assert refused.returncode == 11, said
        assert "[tls] server:/etc/passwd and server:/etc/passwd: the certificate's file" in said
        assert "holds no certificate in PEM form" in said
        assert "Build the release" not in said
        assert "root:" not in said
    assert project.certificate() == before
    held = project.folder
    project.tls = f'certificate = "server:{held}/own.pem"\nkey = "server:{held}/own.key"'
    ran = project.run("deploy")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "HTTPS is not complete" not in ran.stdout

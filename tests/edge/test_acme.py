"""Certificates from a real CA (Pebble) through a real nginx, by certbot; and what it refuses."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfast.app import AppSpec, Dependencies, Tls, Web
from holdfast.tls import proof
from holdfast.tls.obtain import Place, attend
from holdfast.tls.outcome import Outcome
from holdfast.tls.store import Store
from tests.acme import MISSING, REFUSED, Pebble, installed, pebble
from tests.conftest import require
from tests.edge.conftest import SiteFactory
from tests.edge.site import APP, Site, free_port
from tests.edge.test_tls import TlsClient
from tests.edge.wire import PATIENCE, UNANSWERED

CLOSED = (ConnectionError, ssl.SSLError)
HERE = "127.0.0.1"
ELSEWHERE = "203.0.113.9"


@dataclass(slots=True)
class Served:
    """A site whose domains a CA can look at."""

    site: Site
    ca: Pebble
    port: int
    store: Store

    def configure(self, *domains: str, **tls: Any) -> AppSpec:
        spec = AppSpec(
            APP,
            domains or ("app.test",),
            "command",
            Dependencies("none"),
            Web("none"),
            tls=Tls(**{"directory": self.ca.directory, **tls}),
        )
        self.site.edge.configure(spec)
        return spec

    def attend(self, spec: AppSpec, **options: Any) -> Outcome:
        place = Place(self.site.port, lambda: [HERE, "198.51.100.7"])
        outcome = attend(self.store, spec, place, **options)
        self.site.edge.refresh_certificate(spec.name)
        return outcome

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.store.home / "state.json").read_text())[APP]
        return found

    def client(self, host: str = "app.test") -> TlsClient:
        context = ssl.create_default_context(cadata=self.ca.root())
        client = TlsClient(self.port, host, context)
        self.site.clients.append(client)
        return client


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def ca(
    tmp_path_factory: pytest.TempPathFactory, environment: pytest.MonkeyPatch
) -> Iterator[Pebble]:
    require(installed(), MISSING)
    with pebble(tmp_path_factory.mktemp("ca"), free_port()) as made:
        environment.setenv("HOLDFAST_DNS", made.answers)
        environment.setenv("REQUESTS_CA_BUNDLE", str(made.trust))
        yield made


@pytest.fixture
def served(sites: SiteFactory, ca: Pebble) -> Iterator[Served]:
    """The edge on the port where the CA looks."""
    port = free_port()
    site = sites(port=ca.http_port, tls_port=port)
    store = Store(site.root / "tls")
    store.make()
    yield Served(site, ca, port, store)
    for name in ("app.test", "www.app.test"):
        ca.unpoint(name)


def test_a_certificate_without_being_asked(served: Served) -> None:
    """DNS points here: the CA is asked once, HTTPS serves, and nothing is due any more."""
    spec = served.configure()
    served.site.open(served.site.backend())
    said: list[str] = []
    outcome = served.attend(spec, say=said.append)
    assert outcome == Outcome(changed=True, asked=True)
    assert said == [f"asking {HERE}:{served.ca.port} for a certificate for app.test"]
    assert served.client().ask("/x").text == "/x"
    assert served.site.ask("/x").status == 308
    assert served.attend(spec) == Outcome()
    assert served.state()["problem"] is None
    account = served.store.acme
    assert account.stat().st_mode & 0o777 == 0o700


def test_renewed_when_a_third_of_its_life_is_left(served: Served) -> None:
    """Renewal under load: kept and new connections are answered, and the new one is served."""
    spec = served.configure()
    served.site.open(served.site.backend())
    served.attend(spec)
    before = served.store.installed(APP)
    assert before is not None
    told = before.directory / "certificate.json"
    worn = json.loads(told.read_text())
    worn["certificate"]["not_before"] -= (worn["certificate"]["not_after"] - time.time()) * 3
    told.write_text(json.dumps(worn))
    over, failures, answered = threading.Event(), list[Exception](), list[int]()

    def ask() -> None:
        """Two requests a connection; a kept one may close unanswered (RFC 9112, 9.3.1)."""
        while not over.is_set():
            kept = False
            try:
                client = served.client()
                answered.append(client.ask("/x").status)
                kept = True
                answered.append(client.ask("/x").status)
                client.close()
            except Exception as error:  # noqa: BLE001 - whatever it is, it counts
                gone = str(error) == UNANSWERED or isinstance(error, CLOSED)
                if not (kept and gone):
                    failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    outcome = served.attend(spec)
    time.sleep(0.3)
    over.set()
    asking.join(PATIENCE)
    assert outcome == Outcome(changed=True, asked=True)
    assert not failures, failures[:3]
    assert set(answered) == {200}
    after = served.store.installed(APP)
    assert after is not None
    assert after.certificate.fingerprint != before.certificate.fingerprint
    assert served.state()["renewals"] == 1


def test_dns_points_elsewhere(served: Served) -> None:
    """The CA is not asked; the message names both addresses and the record to change."""
    served.ca.point("app.test", ELSEWHERE)
    spec = served.configure()
    outcome = served.attend(spec)
    assert not outcome.asked
    assert outcome.refusal is not None
    assert outcome.refusal.message == f"app.test points to {ELSEWHERE}, this server is 198.51.100.7"
    assert outcome.refusal.hint == "change the A record of app.test to 198.51.100.7"
    assert served.state()["next"] - time.time() == pytest.approx(300, abs=20)
    served.ca.point("app.test", HERE)
    assert not served.attend(spec).changed, "the pause is kept"
    served.ca.unpoint("app.test")
    assert served.attend(spec, patient=False).changed, "a deploy looks again"


def test_one_of_two_domains_points_here(served: Served) -> None:
    """It gets its certificate at once; the other is named, and joins when it leads here, too."""
    served.ca.point("www.app.test", ELSEWHERE)
    spec = served.configure("app.test", "www.app.test")
    served.site.open(served.site.backend())
    outcome = served.attend(spec)
    assert outcome.changed
    assert outcome.refusal is not None
    assert outcome.refusal.message.startswith("www.app.test points to")
    assert served.client().ask("/x").text == "/x"
    assert served.site.ask("/x", host="www.app.test").text == "/x"
    again = served.attend(spec, patient=False)
    assert (again.changed, again.asked) == (False, False)
    # Without the domain that pointed elsewhere nothing is the matter any more.
    assert served.attend(served.configure("app.test")) == Outcome()
    assert (served.state()["problem"], served.state()["failures"]) == (None, 0)
    served.attend(served.configure("app.test", "www.app.test"))
    assert served.state()["problem"]["kind"] == "pointing"
    served.ca.unpoint("www.app.test")
    assert served.attend(spec, patient=False).changed
    assert served.client("www.app.test").ask("/x").text == "/x"


def test_an_ipv6_record_that_leads_nowhere(served: Served) -> None:
    """The CA and many visitors take the AAAA record first, so a wrong one is told."""
    served.ca.point("app.test", HERE, "2001:db8::1")
    outcome = served.attend(served.configure())
    assert outcome.refusal is not None
    assert "has the AAAA record 2001:db8::1, and this server has no IPv6" in outcome.refusal.message
    assert outcome.refusal.hint.startswith("remove the AAAA record")


def test_the_ca_refuses_a_name(served: Served) -> None:
    """What the CA gives no certificate for is said in its words; then a quarter of an hour."""
    outcome = served.attend(served.configure(REFUSED))
    assert outcome.asked
    assert outcome.refusal is not None
    assert outcome.refusal.kind == "rejectedIdentifier", outcome.refusal
    assert outcome.refusal.message.startswith(f"{REFUSED}: the CA gives no certificate")
    assert served.state()["next"] - time.time() == pytest.approx(900, abs=60)


def test_the_ca_is_down(served: Served) -> None:
    """Nobody there: said so, tried again in five minutes, and HTTP serves meanwhile."""
    spec = served.configure(directory=f"https://127.0.0.1:{free_port()}/dir")
    served.site.open(served.site.backend())
    outcome = served.attend(spec)
    assert outcome.refusal is not None
    assert outcome.refusal.kind == "unreachable", outcome.refusal
    assert served.site.ask("/x").text == "/x"
    assert served.state()["next"] - time.time() == pytest.approx(300, abs=60)


def test_the_ca_gets_another_answer(served: Served) -> None:
    """What we see is right and what the CA sees is not: its own words, and what to look at."""
    spec = served.configure()
    challenges = served.store.webroot / ".well-known" / "acme-challenge"
    other = served.store.webroot / "other"
    over = threading.Event()

    def spoil() -> None:
        while not over.is_set():
            for path in challenges.glob("*"):
                if not path.name.startswith("holdfast-"):
                    # Put in its place whole: nginx may be sending the file at this moment.
                    other.write_text("something else")
                    other.replace(path)
            time.sleep(0.001)

    spoiling = threading.Thread(target=spoil)
    spoiling.start()
    try:
        outcome = served.attend(spec)
    finally:
        over.set()
        spoiling.join(PATIENCE)
    assert outcome.refusal is not None
    assert outcome.refusal.kind == "unauthorized", outcome.refusal
    assert "A and AAAA records must both lead here" in outcome.refusal.hint


def test_hsts_is_proven_by_a_browser_like_request(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only who trusts the CA gets through; without trust nothing is proven."""
    spec = served.configure()
    served.site.open(served.site.backend())
    served.attend(spec)
    assert not proof.works("app.test", HERE, served.port)
    (tmp_path / "root.pem").write_text(served.ca.root())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    assert proof.works("app.test", HERE, served.port)
    assert not proof.works("other.test", HERE, served.port)


def test_own_files_of_the_server(served: Served, tmp_path: Path) -> None:
    """``server:/path`` is read, checked and taken up again when it has changed."""
    from tests.certificates import Authority

    authority = Authority(tmp_path / "own")

    def write(*names: str, **options: Any) -> None:
        pair = authority.pair(*names, **options)
        (tmp_path / "own.pem").write_text(pair.chain)
        (tmp_path / "own.key").write_text(pair.key)

    write("app.test")
    spec = served.configure(
        certificate=f"server:{tmp_path}/own.pem", key=f"server:{tmp_path}/own.key"
    )
    served.site.open(served.site.backend())
    assert served.attend(spec) == Outcome(changed=True)
    assert served.attend(spec) == Outcome()
    write("app.test", days=30)
    assert served.attend(spec).changed
    write("app.test", days=-1, age=30)
    refused = served.attend(spec)
    assert refused.refusal is not None
    assert refused.refusal.message.startswith("the certificate ended on")
    context = ssl.create_default_context(cafile=str(authority.certificate))
    client = TlsClient(served.port, "app.test", context)
    served.site.clients.append(client)
    assert client.ask("/x").text == "/x", "the good one goes on"
    assert served.state()["problem"]["kind"] == "own"
    # No certificate of this host can be had; the files that were bad are not asked for any more.
    assert served.attend(served.configure("app.localhost")) == Outcome()
    assert (served.state()["problem"], served.state()["next"]) == (None, 0.0)


def test_two_at_once(served: Served) -> None:
    """Only one process asks at a time; the other is told so."""
    from holdfast.errors import Busy

    with (
        served.store.alone(),
        pytest.raises(Busy, match="being asked for"),
        served.store.alone(patience=0.2),
    ):
        pass


def test_a_look_is_waited_for(served: Served) -> None:
    """The timer looks every ten minutes; a deploy that ends just then does not go without."""
    held = served.store.alone()
    held.__enter__()
    timer = threading.Timer(0.5, held.__exit__, (None, None, None))
    timer.start()
    with served.store.alone():
        pass
    timer.join(5)

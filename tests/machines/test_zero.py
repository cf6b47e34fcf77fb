"""From a bare server to both example apps on HTTPS, and what becomes of their certificates.

The tests of a release share one server and go in the order in which they stand.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acme import REFUSED
from tests.machines.bed import Bed
from tests.machines.host import CHECKOUT
from tests.machines.setting_up import keep_packages, lend_packages
from tests.machines.visiting import Visitors
from tests.machines.zero import NOTES, POLLS, TIMER, Laptop, Site, public_ca

VALIDITY = 240
"""Seconds; the last third of them is the time for renewal (holdfast.tls.certificate)."""

ELSEWHERE = Site("elsewhere", "one-file-flask", "elsewhere.zero.test")
REFUSAL = Site("refusal", "one-file-flask", REFUSED)

SAFE_SERVER = (
    "holdfast-firewall.service",
    "holdfast-integrity.service",
    "holdfast-integrity.timer",
    "holdfast-noexec.service",
)
"""Units of set-up that start programs of the distribution, and need nothing of Holdfast's."""


@pytest.fixture(scope="module", params=["12", "13"], ids=["debian12", "debian13"])
def laptop(
    request: pytest.FixtureRequest, bed: Bed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laptop]:
    """A bare server, switched on, and somebody who has its root's key."""
    home = tmp_path_factory.mktemp("zero")
    with (
        public_ca(bed, home / "ca", validity=VALIDITY) as ca,
        bed.machine(request.param) as machine,
    ):
        one = Laptop(machine, ca, home)
        lend_packages(machine)
        one.prepare()
        one.point(NOTES, POLLS, REFUSAL)
        machine.boot()
        machine.wait_for_boot()
        yield one


@pytest.mark.prepares
def test_set_up(laptop: Laptop) -> None:
    """One command; the second time it says that nothing changes."""
    try:
        first = laptop.setup()
    finally:
        keep_packages(laptop.machine)
    assert first.code == 0, first.text
    assert laptop.setup().last["result"]["changed"] == []


@pytest.mark.prepares
@pytest.mark.parametrize("site", [NOTES, POLLS], ids=["notes", "polls"])
def test_live_on_https(laptop: Laptop, site: Site) -> None:
    """One command more for each app: on HTTPS, by the admin, with a certificate of the CA's."""
    ended = laptop.deploy(site)
    assert ended.code == 0, ended.text
    assert f"{site.host} has a certificate and is served over HTTPS" in ended.text
    answer = laptop.visit(site)
    assert (answer.status, answer.headers["x-app-version"]) == (200, laptop.version())
    plain = laptop.visit(site, secure=False)
    assert (plain.status, plain.headers["location"]) == (308, f"https://{site.host}/")
    told = laptop.certificate(site)
    assert (told["origin"], told["problem"]) == ("acme", None)


def test_nothing_left_to_change(laptop: Laptop) -> None:
    """Also with apps on it, set-up finds nothing to change, and a deploy asks no CA."""
    again = laptop.setup()
    assert again.last["result"]["changed"] == [], again.text
    check = laptop.owner.holdfast("check", laptop.machine.name)
    assert (check.code, check.last["result"]["score"]) == (0, 100), check.text
    ended = laptop.deploy(NOTES)
    assert ended.code == 0, ended.text
    assert laptop.visit(NOTES).headers["x-app-version"] == laptop.version()


def test_dns_points_elsewhere(laptop: Laptop) -> None:
    """The app is live on HTTP; the record to change is named; once changed, HTTPS comes."""
    ended = laptop.deploy(ELSEWHERE)
    assert ended.code == 0, ended.text
    here = laptop.machine.address
    points = f"{ELSEWHERE.host} points to {laptop.ca.address}, this server is {here}"
    assert f"HTTPS is not complete: {points}" in ended.text, ended.text
    assert f"change the A record of {ELSEWHERE.host} to {here}" in ended.text
    assert laptop.visit(ELSEWHERE, secure=False).status == 200
    assert laptop.certificate(ELSEWHERE)["problem"]["message"] == points
    laptop.point(ELSEWHERE)
    folder = laptop.change(ELSEWHERE)
    renewed = laptop.holdfast(folder, "cert", "renew")
    assert renewed.code == 0, renewed.text
    assert laptop.visit(ELSEWHERE).status == 200


def test_ca_refuses(laptop: Laptop) -> None:
    """The app is live on HTTP; the CA's refusal is told, and when it is asked again."""
    ended = laptop.deploy(REFUSAL)
    assert ended.code == 0, ended.text
    assert f"{REFUSED}: the CA gives no certificate for this name" in ended.text, ended.text
    assert laptop.visit(REFUSAL, secure=False).status == 200
    told = laptop.certificate(REFUSAL)
    assert told["problem"]["kind"] == "rejectedIdentifier"
    assert told["next_try"] > time.time()


def test_renewal(laptop: Laptop) -> None:
    """The timer renews before the end; meanwhile no visitor sees a dropped connection."""
    owner = laptop.owner
    address, trust = str(laptop.machine.address), laptop.trust()
    before = {site: laptop.serial(site) for site in (NOTES, POLLS)}
    ends = [laptop.certificate(site)["not_after"] for site in before]
    # Visitors and looks for minutes take others the processor: they begin when it is time.
    time.sleep(max(0.0, min(ends) - VALIDITY / 3 - time.time() - 5))
    laptop.often()
    with Visitors(address, NOTES.host, trust) as visitors:
        after = {
            site: laptop.wait_for("renewal", VALIDITY, site, serial)
            for site, serial in before.items()
        }
    assert not visitors.failed
    assert visitors.answered > 0
    assert set(after.values()).isdisjoint(before.values())
    said = owner.sudo("journalctl", "-u", "holdfast-tls.service", "--output=cat")
    assert "notes: has a new certificate" in said
    assert owner.sudo("systemctl", "show", "-P", "LastTriggerUSec", TIMER).strip()


_UNTIL_IT_HAS_LOOKED = """
while [ "$(systemctl show -P ActiveState holdfast-tls.service)" = activating ]; do sleep 0.1; done
"""


def test_update_of_nginx(laptop: Laptop) -> None:
    """An nginx that was replaced is named by check; the timer has the edge run the new one."""
    owner, name = laptop.owner, laptop.machine.name
    owner.sudo("systemctl", "stop", TIMER)
    owner.sudo("sh", "-c", _UNTIL_IT_HAS_LOOKED)
    before = _edge_pid(laptop)
    with Visitors(str(laptop.machine.address), NOTES.host, laptop.trust()) as visitors:
        owner.sudo("sh", "-ec", "cd /usr/sbin; cp nginx nginx.new; mv nginx.new nginx")
        check = owner.holdfast("check", name)
        (edge,) = (item for item in check.last["result"]["items"] if item["key"] == "edge")
        assert (check.code, edge["state"]) == (1, "change"), check.text
        assert "/usr/sbin/nginx" in edge["note"]
        laptop.often()
        deadline = time.monotonic() + 120
        while _edge_pid(laptop) in (0, before) or owner.holdfast("check", name).code != 0:
            assert time.monotonic() < deadline, "the timer never had the edge run the new nginx"
    assert not visitors.failed
    assert visitors.answered > 0
    said = owner.sudo("journalctl", "-u", "holdfast-tls.service", "--output=cat")
    assert "nginx goes on updated, no request was dropped: /usr/sbin/nginx" in said
    new = _edge_pid(laptop)
    main = ("systemctl", "show", "-P", "MainPID", "holdfast-edge.service")
    while int(owner.sudo(*main)) != new:
        assert time.monotonic() < deadline, "systemd never followed nginx to the new master"
        time.sleep(0.5)


def _edge_pid(laptop: Laptop) -> int:
    """The master's; 0 in the moment in which nginx has put the old one's number aside."""
    look = "cat /var/lib/holdfast/edge/run/nginx.pid 2>/dev/null || echo 0"
    return int(laptop.owner.sudo("sh", "-c", look))


def test_power_cut(laptop: Laptop) -> None:
    """After a boot both apps are on HTTPS again, and the timer is on."""
    laptop.machine.crash()
    laptop.machine.boot()
    laptop.wait_for_login()
    for site in (NOTES, POLLS):
        assert laptop.visit(site).status == 200
    assert laptop.owner.sudo("systemctl", "is-active", TIMER).strip() == "active"


def test_reboot_that_leaves_an_app_down(laptop: Laptop) -> None:
    """The gate of an app whose web ends at once is open; yet it is named, and it is no success."""
    owner, name = laptop.owner, laptop.machine.name
    units = owner.sudo("systemctl", "list-units", "--plain", "--no-legend", "holdfast-notes.web.*")
    drop_in = f"/etc/systemd/system/{units.split()[0]}.d"
    text = r"[Service]\nExecStart=\nExecStart=/bin/false\n"
    broken = f"mkdir {drop_in}; printf '{text}' >{drop_in}/broken.conf; systemctl daemon-reload"
    owner.sudo("sh", "-ec", broken)
    ended = owner.holdfast("reboot", name, "--yes", "--wait", "30s")
    assert ended.code == 1, ended.text
    assert re.search(r"not every app .*: notes: web\.[ab] does not stay up", ended.text), ended.text
    listed = laptop.holdfast(laptop.folder(POLLS), "apps")
    states = {app["app"]: app["state"] for app in listed.last["result"]["apps"]}
    assert re.fullmatch(r"open, web\.[ab] down", states["notes"])
    assert states["polls"] == "open"
    mended = f"rm -r {drop_in}; systemctl daemon-reload; systemctl restart {units.split()[0]}"
    owner.sudo("sh", "-ec", mended)
    assert laptop.visit(NOTES).status == 200


def test_leaving(laptop: Laptop) -> None:
    """What docs/leaving.md has one type leaves nothing of Holdfast's but the safe server."""
    sites = [laptop.folder(site) for site in (NOTES, POLLS, ELSEWHERE, REFUSAL)]
    for folder in filter(Path.exists, sites):  # two of them are other tests'
        ended = laptop.holdfast(folder, "destroy", "--yes")
        assert ended.code == 0, ended.text
    text = (CHECKOUT / "docs" / "leaving.md").read_text()
    (script,) = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    owner, root = laptop.owner, laptop.machine.root
    owner.sudo("sh", "-ec", script)
    units = sorted(path.name for path in (root / "etc/systemd/system").glob("holdfast*"))
    assert [name for name in units if name != f"{TIMER}.d"] == [*SAFE_SERVER]  # that one is ours
    assert not (root / "var/lib/holdfast").exists()
    users = (root / "etc/passwd").read_text()
    assert [line for line in users.splitlines() if line.startswith("hf-")] == []
    with pytest.raises(ConnectionRefusedError):
        laptop.visit(NOTES, secure=False)
    assert owner.refusal("root")
    check = owner.holdfast("check", laptop.machine.name)
    assert (check.code, check.last["result"]["score"]) == (0, 100), check.text

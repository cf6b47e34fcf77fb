"""A bare server set up for real: what is shown, what comes of it, and that nobody is locked out.

The tests of a release share one server and go in the order in which they stand.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.servers.setup import nothing
from tests.machines.bed import Bed
from tests.machines.host import CHECKOUT
from tests.machines.setting_up import Owner, keep_packages, lend_packages, tree

pytestmark = pytest.mark.xdist_group("setup")

_LISTEN = """
import socket, sys, time
listening = socket.create_server(("", int(sys.argv[1])))
time.sleep(900)
"""
_UNTIL_IT_LISTENS = 'until ss -Hltn "sport = :$0" | grep -q .; do sleep 0.1; done'


@pytest.fixture(scope="module", params=["12", "13"], ids=["debian12", "debian13"])
def owner(
    request: pytest.FixtureRequest, bed: Bed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Owner]:
    """A bare server and somebody who can log in to it as root."""
    with bed.machine(request.param) as machine:
        lend_packages(machine)
        machine.boot()
        machine.wait_for_boot()
        yield Owner(machine, tmp_path_factory.mktemp("state"))


def listen(owner: Owner, port: int) -> None:
    """Have something listen on a port of the server."""
    unit = ("systemd-run", "--quiet", f"--unit=listen-{port}")
    owner.sudo(*unit, "python3", "-c", _LISTEN, str(port))
    owner.sudo("sh", "-c", _UNTIL_IT_LISTENS, str(port))


def reach(owner: Owner, port: int, patience: float = 1.5) -> str:
    """``open``, ``closed`` (refused) or ``filtered`` (silence)."""
    try:
        with socket.create_connection((str(owner.machine.address), port), timeout=patience):
            return "open"
    except TimeoutError:
        return "filtered"
    except OSError:
        return "closed"


def rules(owner: Owner) -> str:
    return owner.sudo("nft", "--stateless", "--terse", "list", "table", "inet", "holdfast")


def test_dry_run(owner: Owner) -> None:
    """The plan is shown, each change with reason and source; not one file differs afterwards."""
    owner.machine.ssh("true")  # what a first login makes is not ours
    before = tree(owner.machine.root)
    ended = owner.setup("--dry-run")
    after = tree(owner.machine.root)
    assert ended.code == 0, ended.text
    changes = [item for item in ended.last["result"]["items"] if item["state"] == "change"]
    assert {"admin", "packages", "firewall", "ssh", "marker"} <= {item["key"] for item in changes}
    assert all(item["why"] and item["source"] and item["actions"] for item in changes)
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()


def test_nobody_to_ask(owner: Owner) -> None:
    """Without a terminal and without --yes nothing is done."""
    ended = owner.setup()
    assert ended.code == 2
    assert "--yes" in ended.last["error"]["hint"]
    assert not (owner.machine.root / "etc/holdfast").exists()


@pytest.mark.prepares
def test_set_up(owner: Owner) -> None:
    """The server is set up: the admin logs in with root's key, root does not, passwords neither."""
    try:
        ended = owner.setup("--yes")
    finally:
        keep_packages(owner.machine)
    assert ended.code == 0, ended.text
    assert ended.last["result"]["server"] == f"holdfast@{owner.machine.name}"
    steps = [json.loads(line) for line in ended.text.splitlines() if '"step.done"' in line]
    assert [0 < step["seconds"] < 60 for step in steps if step["step"] == "prove"] == [True]
    marker = json.loads(owner.sudo("cat", "/etc/holdfast/server.json"))
    assert (marker["admin"], marker["root"]) == ("holdfast", "/var/lib/holdfast")
    assert "Permission denied (publickey)" in owner.refusal("root")
    password = ("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password")
    assert "Permission denied (publickey)" in owner.refusal("holdfast", *password)
    assert not list((owner.machine.root / "etc/holdfast").glob("undo*"))
    assert not (owner.machine.root / "usr/sbin/policy-rc.d").exists()


def test_second_run(owner: Owner) -> None:
    """The same command again, with root's name in it as before, changes nothing."""
    ended = owner.setup("--yes")
    assert ended.code == 0, ended.text
    assert ended.last["result"]["changed"] == []
    check = owner.holdfast("check", owner.machine.name)
    assert (check.code, check.last["result"]["score"]) == (0, 100), check.text
    listed = owner.holdfast("list").last["result"]["servers"]
    assert [item["server"] for item in listed] == [f"holdfast@{owner.machine.name}"]


@pytest.mark.prepares
def test_only_ssh_and_web_can_be_reached(owner: Owner) -> None:
    """Of what listens, 22, 80 and 443 can be reached, and nothing else; nginx is not on."""
    for port in (80, 443, 3000, 5432):
        listen(owner, port)
    found = {port: reach(owner, port) for port in (22, 25, 80, 443, 3000, 5432, 8080)}
    assert found == {
        **dict.fromkeys((22, 80, 443), "open"),
        **dict.fromkeys((25, 3000, 5432, 8080), "filtered"),
    }
    owner.sudo("systemctl", "stop", *(f"listen-{port}" for port in (80, 443, 5432)))


def test_a_firewall_that_lets_everything_in(owner: Owner) -> None:
    """Rules taken out by hand behind a file that is as it was: the check names them, and set-up
    loads them again; what comes and goes by itself and a reload are no difference."""
    emptied = "flush chain inet holdfast input; chain inet holdfast input { policy accept; }"
    owner.sudo("nft", emptied)
    assert reach(owner, 3000) == "open"
    check = owner.holdfast("check", owner.machine.name)
    differs = {one["key"]: one["differs"] for one in check.last["result"]["items"]}["firewall"]
    assert check.code == 1, check.text
    assert "type filter hook input priority filter; policy accept;" in differs[0], differs
    assert owner.setup("--yes").last["result"]["changed"] == ["firewall"]
    assert reach(owner, 3000) == "filtered"
    owner.sudo("systemctl", "stop", "listen-3000")
    owner.sudo("nft", "insert", "rule", "inet", "holdfast", "input", "tcp", "dport", "9", "accept")
    assert owner.holdfast("check", owner.machine.name).code == 1
    owner.sudo("systemctl", "reload", "holdfast-firewall")
    assert owner.holdfast("check", owner.machine.name).code == 0


def test_a_password_is_looked_up(owner: Owner) -> None:
    """Words are told from passwords: the dictionary is there, and nobody reads that it is not."""
    give = "echo test-words:%s | chpasswd 2>&1"
    owner.sudo("useradd", "test-words")
    try:
        assert "based on a dictionary word" in owner.sudo("sh", "-c", give % "administrator")
        assert owner.sudo("sh", "-c", give % "Kw7-vul.Prax-93") == ""
    finally:
        owner.sudo("userdel", "test-words")


_CONTAINER = """\
set -e
ip netns add container
ip link add br-test type bridge
ip address add 10.99.0.1/24 dev br-test
ip link set br-test up
ip link add inner type veth peer name veth-test
ip link set veth-test master br-test up
ip link set inner netns container
ip netns exec container ip address add 10.99.0.2/24 dev inner
ip netns exec container ip link set inner up
ip netns exec container ip route add default via 10.99.0.1
sysctl -q -w net.ipv4.ip_forward=1
nft -f - <<'RULES'
table ip docker_like {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        fib daddr type local tcp dport { 443, 9000 } dnat to 10.99.0.2:9000
    }
    chain forward { type filter hook forward priority filter; policy accept; }
}
RULES
systemd-run --quiet --unit=published ip netns exec container python3 -c "$1" 9000
"""


def test_what_a_container_publishes(owner: Owner) -> None:
    """A port published as Docker does it, by DNAT past all rules for input, cannot be reached
    unless it is one of the open ones; the container itself reaches the server."""
    owner.sudo("sh", "-c", _CONTAINER, "sh", _LISTEN)
    inside = ("ip", "netns", "exec", "container")
    owner.sudo(*inside, "sh", "-c", _UNTIL_IT_LISTENS, "9000")
    try:
        assert (reach(owner, 9000), reach(owner, 443)) == ("filtered", "open")
        probe = "import socket; socket.create_connection(('10.99.0.1', 22), 3)"
        owner.sudo(*inside, "python3", "-c", probe)
        owner.sudo("systemctl", "stop", "holdfast-firewall")
        owner.sudo("nft", "delete", "table", "inet", "holdfast")
        assert reach(owner, 9000) == "open"  # so it is the firewall that keeps it shut
        ended = owner.setup("--yes")
        assert ended.last["result"]["changed"] == ["firewall"], ended.text
        assert reach(owner, 9000) == "filtered"
        assert "docker_like" in owner.sudo("nft", "list", "tables")
    finally:
        owner.sudo("systemctl", "stop", "published")
        owner.sudo("nft", "delete", "table", "ip", "docker_like")
        owner.sudo("ip", "link", "delete", "br-test")
        owner.sudo("ip", "netns", "delete", "container")


def test_second_connection_fails(owner: Owner, tmp_path: Path) -> None:
    """The admin-to-be cannot log in: the old settings are back at once, the message says so."""
    before = rules(owner)
    config = tmp_path / "config"
    config.write_text(f"Match user other\n    IdentityFile /nonexistent\n{_without_key(owner)}")
    ended = owner.setup("--yes", "--admin", "other", "--open", "9999", config=config)
    error = ended.last["error"]
    assert ended.code in {1, 10}, ended.text
    assert "the old SSH and firewall settings are back" in error["message"]
    assert rules(owner) == before
    # It was given for this run alone.
    assert "other" not in owner.sudo("cat", "/etc/sudoers.d/holdfast")
    assert owner.setup("--yes").last["result"]["changed"] == []


def _without_key(owner: Owner) -> str:
    """The server's own configuration, its key for the admin alone."""
    text = owner.config.read_text()
    key = next(line for line in text.splitlines() if "IdentityFile" in line)
    rest = "".join(f"{line}\n" for line in text.splitlines() if line != key)
    return f"Match user holdfast,root\n{key}\nHost *\n    IdentitiesOnly yes\n{rest}"


def test_sshd_that_would_not_start(owner: Owner) -> None:
    """A broken file of somebody's is found before sshd is touched; nothing is left changed."""
    owner.sudo("sh", "-c", "echo Nonsense yes > /etc/ssh/sshd_config.d/99-broken.conf")
    ended = owner.setup("--yes", "--open", "9999")
    assert ended.code != 0
    assert "Nonsense" in (ended.last["error"]["detail"] or ""), ended.text
    assert "9999" not in rules(owner)
    owner.sudo("rm", "/etc/ssh/sshd_config.d/99-broken.conf")
    assert owner.setup("--yes").last["result"]["changed"] == []


_PLANTED = r"""
set -e
cd /etc/ssh/sshd_config.d
echo PasswordAuthentication yes > 00-a-cloud.conf
printf 'Match User root\n  PermitRootLogin yes\nMatch User bob\n' > 99-own.conf
echo '  PasswordAuthentication yes' >> 99-own.conf
echo 'APT::Periodic::Unattended-Upgrade "0";' > /etc/apt/apt.conf.d/99-own
useradd --non-unique --uid 0 second
"""
_UNPLANTED = """
rm /etc/ssh/sshd_config.d/00-a-cloud.conf /etc/ssh/sshd_config.d/99-own.conf
rm /etc/apt/apt.conf.d/99-own
userdel --force second
"""


def test_somebody_else_has_the_last_word(owner: Owner) -> None:
    """Files of others that let passwords or root in, or switch updates off, and a second root are
    named with their lines; set-up stops before it changes anything."""
    owner.sudo("sh", "-c", _PLANTED)
    check = owner.holdfast("check", owner.machine.name)
    manual = {item["key"]: item["manual"] for item in check.last["result"]["items"]}
    parts = "/etc/ssh/sshd_config.d"
    lines = [
        f"{parts}/00-a-cloud.conf:1: PasswordAuthentication yes",
        f"{parts}/99-own.conf:2: PermitRootLogin yes (Match User root)",
        f"{parts}/99-own.conf:4: PasswordAuthentication yes (Match User bob)",
    ]
    assert (check.code, manual["ssh"]) == (1, lines), check.text
    assert "/etc/apt/apt.conf.d/99-own:1" in manual["updates"][0]
    assert manual["root-accounts"][0].startswith("second has uid 0")
    ended = owner.setup("--yes", "--open", "9999")
    assert all(line in ended.last["error"]["message"] for line in lines), ended.text
    assert "9999" not in rules(owner)
    owner.sudo("sh", "-c", _UNPLANTED)
    assert owner.setup("--yes").last["result"]["changed"] == []


_SSHD = "/etc/ssh/sshd_config.d/99-own.conf"


def test_a_list_that_would_lock_the_admin_out(owner: Owner) -> None:
    """It is named before anything is changed, with what to do."""
    owner.sudo("sh", "-c", f"echo 'AllowUsers root ops' > {_SSHD}")
    ended = owner.setup("--yes", "--open", "9999")
    said = ended.last["error"]["message"]
    assert f"{_SSHD}:1: AllowUsers root ops; add holdfast to it" in said, ended.text
    assert "9999" not in rules(owner)
    owner.sudo("rm", _SSHD)


def test_an_exception_that_is_meant_stays(owner: Owner) -> None:
    """By --keep-matches, which is remembered and said."""
    text = "Match User bob\\n  PasswordAuthentication yes\\n"
    owner.sudo("sh", "-c", f"printf '{text}' > {_SSHD}")
    refused = owner.setup("--yes")
    assert "--keep-matches" in refused.last["error"]["hint"], refused.text
    assert owner.setup("--yes", "--keep-matches").last["result"]["changed"] == ["marker"]
    assert owner.setup("--yes").last["result"]["changed"] == []
    items = owner.holdfast("check", owner.machine.name).last["result"]["items"]
    (ssh,) = [item for item in items if item["key"] == "ssh"]
    assert (ssh["state"], ssh["manual"]) == ("ok", [])
    assert f"kept: {_SSHD}:2: PasswordAuthentication yes (Match User bob)" in ssh["note"]
    owner.sudo("rm", _SSHD)
    assert owner.setup("--yes", "--no-keep-matches").last["result"]["changed"] == ["marker"]


def _guarded(owner: Owner, seconds: float) -> None:
    """What the command does between its two connections."""
    settings = {"admin": "holdfast", "open": ["9999/tcp"]}
    with owner.far() as far:
        params = {"settings": settings, "keys": ["firewall"], "seconds": seconds}
        assert far.call("guarded", params, nothing)["changed"] == ["firewall"]
    assert "9999" in rules(owner)


def test_network_cut_before_it_is_confirmed(owner: Owner) -> None:
    """Nobody confirms: the timer puts the old settings back, and a late confirmation is refused."""
    _guarded(owner, 10)
    owner.machine.cut_network()
    try:
        time.sleep(12)
    finally:
        owner.machine.restore_network()
    deadline = time.monotonic() + 60
    while "9999" in rules(owner):
        assert time.monotonic() < deadline, "the old settings never came back"
        time.sleep(0.5)
    with owner.far() as far, pytest.raises(HoldfastError, match="too late"):
        far.call("confirm", {"confirm": True}, nothing)
    assert owner.setup("--yes").last["result"]["changed"] == []


def test_power_cut_before_it_is_confirmed(owner: Owner) -> None:
    """The next boot puts the old settings back; the firewall is up, and all else still holds."""
    _guarded(owner, 600)
    owner.machine.crash()
    owner.machine.boot()
    deadline = time.monotonic() + 120
    while owner.refusal("holdfast") and time.monotonic() < deadline:
        time.sleep(0.5)
    owner.sudo("sh", "-c", "systemctl is-system-running --wait || true")
    assert "9999" not in rules(owner)
    assert owner.setup("--yes").last["result"]["changed"] == []


def test_reboot(owner: Owner) -> None:
    """``server reboot`` comes back by itself, says how long it took, and all still holds."""
    ended = owner.holdfast("reboot", f"root@{owner.machine.name}", "--yes")
    assert ended.code == 0, ended.text
    assert 0 < ended.last["result"]["seconds"] < 120
    check = owner.holdfast("check", owner.machine.name)
    assert (check.code, check.last["result"]["score"]) == (0, 100), check.text
    assert reach(owner, 3000) == "filtered"
    failed = owner.sudo("systemctl", "--failed", "--no-legend", "--plain")
    assert failed == ""


def test_password_only(owner: Owner) -> None:
    """Who is let in with none of their keys is told how to bring one."""
    done = subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(owner.state / "wrong")],
        check=True,
        timeout=20,
    )
    assert done.returncode == 0
    config = owner.state / "config"
    text = owner.config.read_text().replace(str(owner.machine.key), str(owner.state / "wrong"))
    config.write_text(text)
    ended = owner.setup("--yes", config=config)
    assert ended.code == 10
    assert f"ssh-copy-id holdfast@{owner.machine.name}" in ended.last["error"]["hint"], ended.text


def test_undone_as_the_docs_say(owner: Owner) -> None:
    """Every file is as it was or gone, the firewall too, and root logs in again."""
    text = (CHECKOUT / "docs" / "server-setup.md").read_text()
    (script,) = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    owner.sudo("sh", "-ec", script)
    assert owner.refusal("root") == ""
    assert owner.sudo("sh", "-c", "nft list tables | grep holdfast || true") == ""
    assert owner.sudo("sh", "-c", "grep -rl 'Written by holdfast server setup' /etc || true") == (
        "/etc/sudoers.d/holdfast\n"
    )
    check = owner.holdfast("check", owner.machine.name)
    assert check.last["result"]["set_up"] is None, check.text
    failed = owner.sudo("systemctl", "--failed", "--no-legend", "--plain")
    assert failed == ""

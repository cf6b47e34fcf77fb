"""Lines of sshd's files that it follows in place of ours, found before anything is changed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.codec import to_json
from holdfast.errors import HoldfastError
from holdfast.provision.facts import Facts, User, ssh_lines
from holdfast.provision.operations import ssh_others, ssh_wanted
from holdfast.provision.plan import choose, plan, refuse
from tests.unit.provision.test_plan import items, recorded

DEBIAN = "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nX11Forwarding yes\n"
MATCH_ROOT = "# rescue\nMatch User root\n\tPermitRootLogin yes\n"
PARTS = "/etc/ssh/sshd_config.d"

_SFTP = """\
Match Group sftp
  ForceCommand internal-sftp
  AllowTcpForwarding no
  PasswordAuthentication no
  ChrootDirectory %h
"""


def read(root: Path, main: str = DEBIAN, **parts: str) -> Facts:
    """A server that is set up, with these files for sshd beside ours."""
    directory = root / PARTS[1:]
    directory.mkdir(parents=True)
    (directory.parent / "sshd_config").write_text(main)
    for name, text in parts.items():
        (directory / f"{name.replace('_', '-').removeprefix('at-')}.conf").write_text(text)
    return recorded("debian-12-set-up", ssh_lines=to_json(ssh_lines.read(root)))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("at_50_cloud_init", "PasswordAuthentication yes\nAllowTcpForwarding yes\n", []),
        ("at_00_a_cloud", "\nPasswordAuthentication yes\n", ["2: PasswordAuthentication yes"]),
        ("at_00_a_cloud", 'passwordauthentication="yes"\n', ["1: passwordauthentication yes"]),
        ("at_00_a_cloud", "LoginGraceTime 30s\nClientAliveInterval 1m\n", []),
        ("at_00_a_cloud", "PermitRootLogin no\nPermitRootLogin yes\n", []),
        ("at_99_rescue", MATCH_ROOT, ["3: PermitRootLogin yes (Match User root)"]),
        (
            "at_99_bob",
            "Match User bob\n  PasswordAuthentication yes\n  ChallengeResponseAuthentication yes\n",
            [
                "2: PasswordAuthentication yes (Match User bob)",
                "3: ChallengeResponseAuthentication yes (Match User bob)",
            ],
        ),
        (
            "at_99_office",
            "Match Address 10.0.0.0/8\n  PermitRootLogin prohibit-password # backups\n",
            ["2: PermitRootLogin prohibit-password (Match Address 10.0.0.0/8)"],
        ),
        ("at_99_sftp", _SFTP, []),
    ],
)
def test_what_has_the_last_word(tmp_path: Path, name: str, text: str, told: list[str]) -> None:
    """Set-up names file and line and stops before it changes anything; the check names them."""
    facts = read(tmp_path, **{name: text})
    where = f"{PARTS}/{name.replace('_', '-').removeprefix('at-')}.conf"
    assert ssh_others.contradictions(facts, choose({}, facts)) == tuple(
        f"{where}:{line}" for line in told
    )
    assert str(items(facts)["ssh"].state) == ("manual" if told else "ok")
    if told:
        with pytest.raises(HoldfastError, match=re.escape(f"{where}:{told[0]}")) as refused:
            refuse(facts, choose({}, facts))
        assert "nothing was changed" in str(refused.value.hint)
    else:
        refuse(facts, choose({}, facts))


def test_files_that_sshd_reads(tmp_path: Path) -> None:
    """Included files in their order, with ours where it is going to be; a Match ends with its file,
    and an Include of no file of ours is said."""
    main = "Port 22\nInclude sshd_config.d/*.conf extra\nMatch User x\nInclude extra\n"
    (tmp_path / "etc/ssh").mkdir(parents=True)
    (tmp_path / "etc/ssh/extra").write_text("Banner none\n")
    facts = read(tmp_path, main, at_00_a="Match all\nTCPKeepAlive yes\n", at_10_b="UseDNS no\n")
    found = [(line.path, line.keyword, line.match) for line in facts.ssh_lines]
    assert found == [
        ("/etc/ssh/sshd_config", "Port", ""),
        (f"{PARTS}/00-a.conf", "TCPKeepAlive", "all"),
        (ssh_lines.OURS, "", ""),
        (f"{PARTS}/10-b.conf", "UseDNS", ""),
        ("/etc/ssh/extra", "Banner", ""),
        ("/etc/ssh/extra", "Banner", "User x"),
    ]
    other = read(tmp_path / "other", "PasswordAuthentication no\n")
    (alone,) = ssh_others.contradictions(other, choose({}, other))
    assert "does not begin with: Include" in alone


def test_root_and_admin_are_judged_alike() -> None:
    """What holds for root alone differs as well, and is set right under guard like the rest."""
    facts = recorded("debian-12-set-up", sshd_root={"permitrootlogin": "yes"})
    (item,) = [one for one in plan(facts, choose({}, facts)) if one.key == "ssh"]
    assert item.differs == ("PermitRootLogin is yes for root, not no",)
    assert ssh_wanted.differing(facts) == ["PermitRootLogin"]


_OFFICE = "Match Address 10.0.0.0/8\n  PasswordAuthentication yes\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Match User bob\n  PasswordAuthentication yes\n", True),
        ("Match Group sftp\n  KbdInteractiveAuthentication yes\n", True),
        ("Match User *,!holdfast\n  PasswordAuthentication yes\n", True),
        (_OFFICE, True),
        ("Match all\n  PasswordAuthentication yes\n", False),
        ("Match User bob,holdfast\n  PasswordAuthentication yes\n", False),
        ("Match User bob\n  PermitRootLogin yes\n", False),
        ("Match User bob\n  PermitEmptyPasswords yes\n", False),
        (MATCH_ROOT, False),
    ],
)
def test_exceptions_for_others_can_be_kept(tmp_path: Path, text: str, kept: bool) -> None:
    """By choice, and then it is said; root's login and what holds for the admin never."""
    facts = read(tmp_path, at_99_mine=text)
    settings = choose({"matches": True}, facts)
    (item,) = [one for one in plan(facts, settings) if one.key == "ssh"]
    assert bool(ssh_others.contradictions(facts, settings)) != kept
    assert ("kept: " in item.note) == kept
    with pytest.raises(HoldfastError) as refused:
        refuse(facts, choose({}, facts))
    assert ("--keep-matches" in str(refused.value.hint)) == kept


def test_what_to_type_is_said(tmp_path: Path) -> None:
    """For each line; or the line that has to be there."""
    rescue = read(tmp_path, at_99_rescue=MATCH_ROOT)
    other = read(tmp_path / "other", "PasswordAuthentication no\n")
    for facts, typed in (
        (rescue, f"sudo sed -i '3s/^/#/' {PARTS}/99-rescue.conf"),
        (other, f"sudo sed -i '1i Include {PARTS}/*.conf' /etc/ssh/sshd_config"),
    ):
        with pytest.raises(HoldfastError) as refused:
            refuse(facts, choose({}, facts))
        assert typed in str(refused.value.hint).splitlines()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"allowusers": "root ops"},
            "does not let holdfast in, because of AllowUsers root ops; add",
        ),
        ({"allowusers": "root hold*@10.0.0.*"}, ""),
        ({"denyusers": "holdfast"}, "DenyUsers holdfast; take holdfast out of it"),
        ({"denyusers": "holdfast@10.*"}, ""),
        ({"allowgroups": "ssh-users"}, "AllowGroups ssh-users; add a group"),
        ({"allowgroups": "sudo adm"}, ""),
        ({"denygroups": "adm"}, "DenyGroups adm"),
        ({"authorizedkeysfile": "/etc/ssh/keys/%u"}, "reads keys from /etc/ssh/keys/%u"),
        ({"authorizedkeysfile": "/etc/ssh/keys/%u %h/.ssh/authorized_keys"}, ""),
    ],
)
def test_lists_that_would_lock_the_admin_out(settings: dict[str, str], told: str) -> None:
    """Seen before anything is changed."""
    facts = recorded("debian-12-set-up", sshd=settings)
    holdfast = User("/home/holdfast", facts.users["holdfast"].keys, ("holdfast", "sudo", "adm"))
    facts = replace(facts, users={**facts.users, "holdfast": holdfast})
    if not told:
        refuse(facts, choose({}, facts))
        return
    with pytest.raises(HoldfastError, match=re.escape(told)) as refused:
        refuse(facts, choose({}, facts))
    assert "nothing was changed" in str(refused.value.hint)
    assert str(items(facts)["ssh"].state) == "manual"


def test_who_deploys_by_a_key_is_looked_for_too() -> None:
    """Named by the check; no reason not to set up."""
    facts = recorded("debian-12-set-up", sshd={"allowusers": "holdfast"})
    refuse(facts, choose({}, facts))
    assert str(items(facts)["ssh"].state) == "ok"
    users = {**facts.users, "holdfast-deploy": User("/var/lib/holdfast-deploy")}
    facts = replace(facts, users=users)
    refuse(facts, choose({}, facts))
    (line,) = items(facts)["ssh"].manual
    assert "holdfast-deploy" in line

"""Text of programs and files to facts."""

from __future__ import annotations

import pytest

from holdfast.admitted import sshd_settings
from holdfast.provision.facts import Listener, Unit, apt, parse
from holdfast.provision.operations.firewall import digest
from holdfast.provision.operations.logins import set_values


def test_os_release() -> None:
    """Quotes and comments as in a shell."""
    text = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n# no\nID=debian\nVERSION_ID="13"\n'
    found = parse.os_release(text)
    assert (found["ID"], found["VERSION_ID"]) == ("debian", "13")
    assert found["PRETTY_NAME"] == "Debian GNU/Linux 13 (trixie)"


def test_sshd_settings() -> None:
    """Several ports are one value."""
    found = sshd_settings("port 22\nport 2222\nPermitRootLogin no\n")
    assert found == {"port": "22 2222", "permitrootlogin": "no"}


def test_ssh_version() -> None:
    """Also where -V is no option and the version stands in the complaint."""
    said = "unknown option -- V\nOpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025\n"
    assert parse.ssh_version(said) == "9.2"
    assert parse.ssh_version("OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1") == "10.0"
    assert parse.ssh_version("") == ""


def test_keys() -> None:
    """Keys with options and of hardware are keys; a provider's refusal is none."""
    text = """\
# comment
ssh-ed25519 AAAA you@laptop
from="10.0.0.1" ssh-rsa AAAB you@office
sk-ssh-ed25519@openssh.com AAAC you@yubikey
no-pty,command="echo 'Please login as the user \\"debian\\" rather than the user \\"root\\".'" \
ssh-ed25519 AAAD you@laptop
"""
    assert [line.split()[-1] for line in parse.keys(text)] == [
        "you@laptop",
        "you@office",
        "you@yubikey",
    ]


def test_passwords() -> None:
    """No password, or a locked one, does not work; an empty one does."""
    shadow = "root:*:1::::::\nlocked:!$y$x:1::::::\nreal:$y$x:1::::::\nempty::1::::::\n"
    works = [parse.password_works(shadow, name) for name in ("root", "locked", "real", "empty")]
    assert works == [False, False, True, True]


def test_units() -> None:
    """Blocks of ``systemctl show``; a unit that is not there has no state of its file."""
    text = (
        "Id=ssh.service\nActiveState=active\nUnitFileState=enabled\n\n"
        "Id=chrony.service\nActiveState=inactive\nUnitFileState=\n"
    )
    assert parse.units(text) == {
        "ssh.service": Unit("enabled", "active"),
        "chrony.service": Unit("", "inactive"),
    }


def test_listeners() -> None:
    """What only this machine can reach is left out, IPv6 and interfaces included."""
    text = """\
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))
tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=4))
tcp LISTEN 0 128 127.0.0.1:5432 0.0.0.0:*
tcp LISTEN 0 128 [::1]:5432 [::]:*
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*
udp UNCONN 0 0 0.0.0.0:5353 0.0.0.0:*
"""
    assert parse.listeners(text) == (
        Listener("tcp", 22, "sshd"),
        Listener("udp", 5353),
    )


def test_login_defaults() -> None:
    """A line that is there is replaced, another added, a second run changes nothing."""
    text = "# UMASK is ...\nUMASK\t\t022\nPASS_MAX_DAYS\t99999\n"
    once = set_values(text)
    assert "UMASK 027\nPASS_MAX_DAYS\t99999\n" in once
    assert "SHA_CRYPT_MIN_ROUNDS 65536\n" in once
    assert set_values(once) == once


@pytest.mark.parametrize(
    ("texts", "there"),
    [
        (["deb http://one.example/debian trixie main\n"], False),
        (["# deb http://one.example/x trixie-security main\n"], False),
        (
            ["deb http://one.example/x trixie main\ndeb http://one.example/y trixie-security main"],
            True,
        ),
        (["deb [signed-by=/k] http://one.example/y bookworm-security main contrib\n"], True),
        (["", "Types: deb\nURIs: http://one.example/y\nSuites: trixie-security\n"], True),
        (["", "Types: deb\nSuites: trixie trixie-updates\n"], False),
        ([], False),
    ],
)
def test_security_source(texts: list[str], there: bool) -> None:
    """Both forms of sources.list(5); a comment is none."""
    assert parse.security_source(texts) is there


def test_firewall_hash() -> None:
    """The hash in the rules does not change the rules' hash."""
    assert digest('a\n\tcomment "holdfast @HASH@"\nb') == digest('a\n\tcomment "holdfast 12ab"\nb')
    assert parse.table_comment('table inet holdfast {\n\tcomment "holdfast 12ab"\n') == "12ab"


OUGHT = """\
table inet holdfast {
	comment "holdfast 0123456789abcdef"
	chain inside {
		iifname "lo" accept
		iifname "docker*" accept
	}

	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport { 22, 80, 443 } accept
	}
}
"""


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("", "", ()),
        ("policy drop;", "policy accept;", ("+policy accept;", "-policy drop;")),
        (
            "\t\tct state",
            "\t\ttcp dport 5432 counter accept\n\t\tct state",
            ("+tcp dport 5432 counter accept",),
        ),
        (
            "\tchain input {",
            "\tchain x {\n\t\ttype filter hook input priority -10; policy accept;\n\tchain input {",
            ("+chain x {", "+priority -10; policy accept;"),
        ),
        ('comment "', 'flags dormant\n\tcomment "', ("+flags dormant",)),
        ("22, 80, 443 }", "22, 80, 443, 5432 }", ("+443, 5432 } accept", "-80, 443 } accept")),
    ],
)
def test_rules_that_are_not_the_files(was: str, now: str, told: tuple[str, ...]) -> None:
    """What is too much comes first, whatever way in it is; the same rules differ in nothing."""
    found = parse.strays(OUGHT.replace(was, now, 1), OUGHT)
    signs = {"+": "loaded, and not of its rules: ", "-": "of its rules, and not loaded: "}
    assert len(found) == len(told)
    for line, end in zip(found, told, strict=True):
        assert line.startswith(signs[end[0]])
        assert line.endswith(end[1:])


APT = """\
APT "";
APT::Periodic "";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "0";
Unattended-Upgrade "";
Unattended-Upgrade::Origins-Pattern "";
Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename},label=Debian";
Unattended-Upgrade::Origins-Pattern:: "label=Debian-Security";
"""


def test_what_apt_uses() -> None:
    """The values that hold, whichever file they are of; a list is all of its items."""
    assert parse.apt_values(APT, apt.NAMES) == {
        "APT::Periodic::Update-Package-Lists": "1",
        "APT::Periodic::Unattended-Upgrade": "0",
        "Unattended-Upgrade::Origins-Pattern": "origin=Debian,codename=${distro_codename},"
        "label=Debian label=Debian-Security",
    }


@pytest.mark.parametrize(
    ("line", "speaks"),
    [
        ('APT::Periodic::Unattended-Upgrade "0";', True),
        ('  Unattended-Upgrade "0";  // of APT { Periodic {', True),
        ("#clear APT::Periodic;", True),
        ("#clear APT::Periodic::Unattended-Upgrade;", True),
        ('// APT::Periodic::Unattended-Upgrade "0";', False),
        ('# APT::Periodic::Unattended-Upgrade "0";', False),
        ('Unattended-Upgrade::Mail "root";', False),
        ('APT::Periodic::Enable "0";', False),
    ],
)
def test_which_line_of_apts_says_so(line: str, speaks: bool) -> None:
    """Comments and settings with longer names are none."""
    found = apt.places("APT::Periodic::Unattended-Upgrade", [("/etc/apt/apt.conf:3", line)])
    assert found == (("/etc/apt/apt.conf:3",) if speaks else ())


def test_other_roots() -> None:
    """Each account that may do what root may, but root."""
    passwd = "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\nten:x:10:0::/:/bin/sh\n"
    assert parse.also_root(passwd) == ("toor",)

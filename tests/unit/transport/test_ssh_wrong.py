"""What ssh printed, word for word (OpenSSH 9.2 and 10.0), and what the user is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.transport.ssh import known, wrong
from holdfast.transport.ssh.destination import Destination

BOX = Destination("box.example.com", "deploy")

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:2fzAoYMGYTRHOoYiK2fM3rPZUbFyP9y7cYiBNsDzTzU.
Please contact your system administrator.
Add correct host key in /home/ada/.ssh/known_hosts to get rid of this message.
Offending ECDSA key in /home/ada/.ssh/known_hosts:17
  remove with:
  ssh-keygen -f "/home/ada/.ssh/known_hosts" -R "box.example.com"
Host key for box.example.com has changed and you have requested strict checking.
Host key verification failed.
"""

CASES = [
    (
        "ssh: connect to host 203.0.113.7 port 22: Connection refused\r\n",
        "connection refused",
        "no SSH server does",
    ),
    (
        "ssh: connect to host 203.0.113.7 port 22: No route to host\r\n",
        "no route to host",
        "online",
    ),
    (
        "ssh: connect to host 2001:db8::1 port 22: Network is unreachable\r\n",
        "network is unreachable",
        "online",
    ),
    (
        "ssh: connect to host 203.0.113.7 port 22: Connection timed out\r\n",
        "no answer in time",
        "firewall",
    ),
    (
        "Connection timed out during banner exchange\r\n",
        "no answer in time",
        "running",
    ),
    (
        "ssh: Could not resolve hostname box: Name or service not known\r\n",
        "no such host: Name or service not known",
        "spelled",
    ),
    (
        (
            "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested"
            " strict checking.\r\n"
            "Host key verification failed.\r\n"
        ),
        "host key is not known",
        "ssh deploy@box.example.com",
    ),
    ("Host key verification failed.\r\n", "host key is not known", "known_hosts"),
    (
        "deploy@203.0.113.7: Permission denied (publickey,password).\r\n",
        "permission denied (publickey,password)",
        "authorized_keys",
    ),
    (
        (
            "Received disconnect from 203.0.113.7 port 22:2: Too many authentication failures\r\n"
            "Disconnected from 203.0.113.7 port 22\r\n"
        ),
        "permission denied",
        "ssh-add -l",
    ),
    (
        (
            "kex_exchange_identification: read: Connection reset by peer\r\n"
            "Connection reset by 203.0.113.7 port 22\r\n"
        ),
        "closed before anybody could log in",
        "wait a minute",
    ),
    (
        (
            "/home/ada/.ssh/config: line 3: Bad configuration option: hostnam\r\n"
            "/home/ada/.ssh/config: terminating, 1 bad configuration options\r\n"
        ),
        "Bad configuration option: hostnam",
        "correct it",
    ),
    (
        'Please login as the user "debian" rather than the user "root".\n\n',
        "lets nobody in as deploy",
        "debian@box.example.com",
    ),
    ("something new\n", "ssh failed", "ssh deploy@box.example.com -v"),
]


@pytest.mark.parametrize(("said", "message", "hint"), CASES, ids=[case[1] for case in CASES])
def test_every_failure_says_what_to_do(said: str, message: str, hint: str) -> None:
    """The server's name, what happened, and a next step."""
    error = wrong.failed(BOX, said)
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.exit_code == 10


def test_a_changed_key_names_the_known_one() -> None:
    """The file and line of the known key, the new fingerprint, and how to compare first."""
    error = wrong.failed(BOX, CHANGED)
    assert "has CHANGED" in error.message
    assert "/home/ada/.ssh/known_hosts, line 17" in error.message
    assert "SHA256:2fzAoYMGYTRHOoYiK2fM3rPZUbFyP9y7cYiBNsDzTzU," in (error.hint or "")
    assert "sed -i 17d /home/ada/.ssh/known_hosts" in (error.hint or "")


DENIED = "root@203.0.113.7: Permission denied (publickey).\r\n"


def test_who_is_refused_as_root_is_told_the_admin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was set up from here; elsewhere the usual one. Nobody else is sent there."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    root = Destination("203.0.113.7", "root", 2222)
    assert "most often: holdfast@203.0.113.7:2222" in str(wrong.failed(root, DENIED).hint)
    known.remember(known.Known("203.0.113.7", "ops", 2222, "Debian", 0.0))
    assert "not root: ops@203.0.113.7:2222" in str(wrong.failed(root, DENIED).hint)
    ops = Destination("203.0.113.7", "ops", 2222)
    assert "admin" not in str(wrong.failed(ops, DENIED).hint)
    assert "admin" not in str(wrong.failed(BOX, DENIED).hint)
    known.path().write_text("{")
    assert "authorized_keys" in str(wrong.failed(root, DENIED).hint)


def test_what_is_not_recognised_is_shown() -> None:
    """The end of what ssh said is better than nothing."""
    assert wrong.failed(BOX, "something new\n").detail == "something new"
    assert wrong.failed(BOX, "").detail is None


def test_a_lost_connection_does_not_end_a_deploy() -> None:
    """Whoever deployed is told how to watch on."""
    assert "holdfast deploy --follow" in (wrong.lost(BOX, deploying=True).hint or "")
    assert "run it again" in (wrong.lost(BOX).hint or "")

"""ssh's command lines: built here, run nowhere, read back by a real shell."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from holdfast.transport.ssh.client import Client, config_text
from holdfast.transport.ssh.destination import Destination
from holdfast.transport.ssh.probe import There

CLIENT = Client(Destination("box", "deploy", 2222), Path("/tmp/d"), batch=True)


def options(argv: tuple[str, ...]) -> list[str]:
    return [argv[at + 1] for at, word in enumerate(argv) if word == "-o"]


def test_the_master_asks_nobody_without_a_terminal() -> None:
    """BatchMode is said only where nobody could answer."""
    assert "BatchMode=yes" in options(CLIENT.master(("true",)))
    asking = Client(CLIENT.destination, CLIENT.directory, batch=False)
    assert "BatchMode=yes" not in options(asking.master(("true",)))


def test_the_users_choices_are_not_overruled() -> None:
    """Host keys, identities, jump hosts and time-outs are the user's: no option names them."""
    said = " ".join(CLIENT.master(("true",)))
    for name in ("StrictHostKeyChecking", "UserKnownHostsFile", "Identity", "Jump", "Timeout"):
        assert name not in said


def test_a_session_never_connects_anew() -> None:
    """When the shared connection is gone ssh fails instead of opening another."""
    argv = CLIENT.session(("true",), timeout=5, stdin=b"").argv
    assert "ControlMaster=no" in options(argv)
    assert "ProxyCommand=exit 1" in options(argv)
    assert argv[-5:] == ("-p", "2222", "--", "deploy@box", "true")


def test_a_terminal_there_only_if_there_is_one_here() -> None:
    """``holdfast run`` in a pipe must stay 8-bit clean: no terminal at the far end."""
    assert "RequestTTY=force" in options(CLIENT.interactive(("sh",), tty=True))
    assert "RequestTTY=no" in options(CLIENT.interactive(("sh",), tty=False))


@pytest.mark.parametrize(
    "argument",
    [
        "plain",
        "two words",
        "it's",
        'say "x"',
        "$HOME `id` $(id)",
        "a;b&c|d>e",
        "*",
        "",
        "~",
        "--",
        "ü\n\t",
    ],
)
def test_arguments_arrive_as_they_were(argument: str) -> None:
    """The far login shell takes the words apart; what arrives is what was given."""
    remote = CLIENT.interactive(("printf", "%s.", argument, "end"), tty=False)[-1]
    for shell in ("/bin/sh", "/bin/bash"):
        done = subprocess.run([shell, "-c", remote], capture_output=True, timeout=10, check=True)
        assert done.stdout.decode() == f"{argument}.end."


def test_a_root_with_spaces_stays_one_word() -> None:
    """ROOT may be anywhere."""
    words = shlex.split(shlex.join(There("/srv/my apps", "abc").argv("serve")))
    assert words[1] == "HOLDFAST_ROOT=/srv/my apps"
    assert words[2] == "/srv/my apps/agent/abc/bin/python"


def test_our_configuration_speaks_after_the_users(tmp_path: Path) -> None:
    """What the user says of time-outs counts; what is unsaid gets ours (asked of ssh -G)."""
    theirs = tmp_path / "theirs"
    theirs.write_text("Host box\n    ConnectTimeout 3\n    HostName 203.0.113.7\n")
    ours = tmp_path / "ours"
    ours.write_text(config_text(theirs))

    def asked(host: str) -> list[str]:
        argv = ["ssh", "-F", str(ours), "-G", host]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.splitlines()

    assert {"connecttimeout 3", "hostname 203.0.113.7", "serveraliveinterval 15"} <= set(
        asked("box")
    )
    assert "connecttimeout 10" in asked("other")


def test_without_a_choice_both_configurations_are_read() -> None:
    """As ssh itself does: the user's, then the system's."""
    text = config_text(None)
    assert text.index("~/.ssh/config") < text.index("/etc/ssh/ssh_config") < text.index("Host *")

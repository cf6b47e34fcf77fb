"""Unit files, launchers and commands as text; whether systemd takes them, tests/machines shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.account import Account
from holdfast.command import Command
from holdfast.edge import unit as edge_unit
from holdfast.layout import Layout
from holdfast.runtimes.systemd import accounts, engine, journal, systemctl, units
from holdfast.runtimes.systemd.records import Record, launcher

LAYOUT = Layout(Path("/var/lib/holdfast"))
HOME = LAYOUT.app("notes")
PROCESS = units.Process(
    about="web.a of notes (Holdfast)",
    identifier="notes.web.a",
    account=Account("hf-notes", 990, 990, HOME.user_home),
    launcher=LAYOUT.systemd / "notes" / "web.a.sh",
    environment=LAYOUT.systemd / "notes" / "web.a.env",
    writable=(HOME.data, HOME.run),
    grace=30.0,
    memory=512_000_000,
    tasks=512,
)

APP = """\
# Written by Holdfast; the next deploy writes it again.
[Unit]
Description=web.a of notes (Holdfast)
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
LoadCredential=environment:/var/lib/holdfast/systemd/notes/web.a.env
ExecStart=/bin/sh /var/lib/holdfast/systemd/notes/web.a.sh
Restart=always
RestartSec=500ms
KillMode=mixed
TimeoutStopSec=30s
SyslogIdentifier=notes.web.a
LogRateLimitIntervalSec=0
User=hf-notes
Group=hf-notes
Slice=holdfast.slice
TasksMax=512
MemoryMax=512000000
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
ProtectProc=invisible
RemoveIPC=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=prlimit64 setrlimit setpriority @chown
SystemCallErrorNumber=EPERM
UMask=0027
ReadWritePaths=/var/lib/holdfast/apps/notes/data /var/lib/holdfast/apps/notes/run

[Install]
WantedBy=multi-user.target
"""


def test_a_process_of_an_app() -> None:
    """The whole unit as Debian 12 gets it: no secret in it, nothing of a release."""
    assert units.app_unit(PROCESS, 252) == APP


def test_newer_systemd_starts_ever_slower() -> None:
    """From 254 on a crash loop slows down from a tenth of a second to ten."""
    text = units.app_unit(PROCESS, 257)
    assert "RestartSec=100ms\nRestartSteps=8\nRestartMaxDelaySec=10s\n" in text


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain/path-1.2", "plain/path-1.2"),
        ("two words", '"two words"'),
        ("50%", "50%%"),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb", '"a\\nb"'),
        ("", '""'),
    ],
)
def test_words_are_taken_as_they_are(word: str, written: str) -> None:
    """Specifiers, quotes, blanks and line ends mean nothing (systemd.syntax(7))."""
    assert units.quoted(word) == written


def test_variables_in_a_command_line_are_not_replaced() -> None:
    """systemd would put a variable's value in the place of $HOME."""
    assert units.command_line(("echo", "$HOME")) == 'echo "$$HOME"'


def test_the_edge_follows_nginx_to_another_binary() -> None:
    """A pid file, workers of a killed master left alone, always started again, few rights."""
    edge = "/var/lib/holdfast/edge"
    nginx = ("/usr/sbin/nginx", "-p", edge)
    left = f"{edge}/control/control.sock {edge}/run/nginx.pid {edge}/run/nginx.pid.oldbin"
    lines = edge_unit.text(LAYOUT, nginx, "/usr/bin/python3").splitlines()
    for line in (
        "Type=forking",
        "PIDFile=/var/lib/holdfast/edge/run/nginx.pid",
        "ExecStartPre=-+/usr/bin/python3 -P -m holdfast.agent edge-before-start",
        f"ExecStartPre=-/bin/rm -f {left}",
        "ExecStart=/usr/sbin/nginx -p /var/lib/holdfast/edge",
        "Restart=always",
        "KillMode=process",
        "ProtectSystem=strict",
        "ReadWritePaths=/var/lib/holdfast/edge",
        "After=network.target holdfast-boot.service",
    ):
        assert line in lines


def test_what_runs_at_boot_comes_before_the_edge() -> None:
    lines = units.boot_unit(("/usr/bin/python3", "boot"), LAYOUT.root).splitlines()
    assert "Before=holdfast-edge.service" in lines
    assert "Environment=HOLDFAST_ROOT=/var/lib/holdfast" in lines


def test_the_launcher_holds_no_secret() -> None:
    """It takes the variables from the credential, and opens the socket to nginx's group."""
    record = Record(LAYOUT, "notes", "web.a")
    text = launcher(record, Path("/srv/src"), "gunicorn notes:app", record.socket)
    assert '. "$CREDENTIALS_DIRECTORY"/environment' in text
    assert "chmod 660 /var/lib/holdfast/apps/notes/run/web.a.sock" in text
    assert text.endswith("exec gunicorn notes:app\n")


def test_no_two_apps_have_one_unit() -> None:
    """Names of apps and processes have hyphens; what parts them is a dot."""
    first = Record(LAYOUT, "a-b", "c").unit
    assert first == "holdfast-a-b.c.service"
    assert first != Record(LAYOUT, "a", "b-c").unit


def test_the_engine_is_a_transient_unit() -> None:
    """Started again when it fails, and no variable among its arguments."""
    command = engine.transient("holdfast-engine-notes.service", Path("/x/engine.sh"))
    assert isinstance(command, Command)
    assert "--property=Restart=on-failure" in command.argv
    assert "--slice=holdfast-engine.slice" in command.argv
    assert not any("env" in word.lower() for word in command.argv)


def test_user_names_fit() -> None:
    """useradd takes 32 characters; long names stay apart."""
    one, other = ("x" * 31 + end for end in "ab")
    assert accounts.user_name("notes") == "hf-notes"
    assert len(accounts.user_name(one)) <= 32
    assert accounts.user_name(one) != accounts.user_name(other)


def test_what_systemctl_shows() -> None:
    """A block a unit; values may hold equals signs."""
    said = "Id=a.service\nActiveState=active\nX=1=2\n\nId=b.service\nActiveState=failed\n"
    assert systemctl.parse(said) == [
        {"Id": "a.service", "ActiveState": "active", "X": "1=2"},
        {"Id": "b.service", "ActiveState": "failed"},
    ]


@pytest.mark.parametrize(
    ("message", "line"),
    [("hello", "hello"), ([104, 105, 255], "hi\ufffd"), (None, ""), ("end\r", "end")],
)
def test_lines_of_the_journal(message: object, line: str) -> None:
    """Also what is no UTF-8 (a list of bytes) and what was too long (null)."""
    entry = {"MESSAGE": message, "_SYSTEMD_UNIT": "u", "__REALTIME_TIMESTAMP": "1500000"}
    found = journal.parse(entry, {"u": "web.a"})
    assert (found.process, found.line, found.at) == ("web.a", line, 1.5)

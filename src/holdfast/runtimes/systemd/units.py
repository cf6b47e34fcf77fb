"""Unit files as text, and how what stands in them is quoted; nothing is run or read here.

Why each line of a sandbox is there: docs/systemd.md. The directives are those of
systemd.service(5), systemd.exec(5), systemd.kill(5) and systemd.resource-control(5), as far as
systemd 252 (Debian 12) has them; a newer one gets ``RestartSteps=`` besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from holdfast.account import Account
from holdfast.records import record

Line = tuple[str, str]
Section = tuple[str, Sequence[Line]]

STEPS_SINCE = 254
"""The version of systemd that has ``RestartSteps=``."""

CREDENTIAL = "environment"

APP_SLICE = "holdfast.slice"
ENGINE_SLICE = "holdfast-engine.slice"

SANDBOX: tuple[Line, ...] = (
    ("NoNewPrivileges", "yes"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("LockPersonality", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
)
"""What holds for the edge and for apps. Not ``MemoryDenyWriteExecute``: LuaJIT, PCRE and many
of Python's packages make code while they run."""

_APP: tuple[Line, ...] = (
    *SANDBOX,
    ("ProtectProc", "invisible"),
    ("RemoveIPC", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    # What programs ask for as a matter of routine: an app asks for its own limits and priority,
    # and copies a file with its owner.
    ("SystemCallFilter", "prlimit64 setrlimit setpriority @chown"),
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0027"),
)


@record
class Process:
    """A process of an app as a unit sees it.

    Attributes:
        about: one line for ``systemctl status``.
        launcher: the shell script that becomes the process.
        environment: shell text that exports its variables, for root alone; systemd hands it
            over as a credential (systemd.exec(5)), since ``EnvironmentFile=`` drops values with
            a carriage return, and an ``Environment=`` can be read by everybody.
        writable: what it may write to, absolute; everything else is read-only to it.
        grace: seconds from TERM to KILL.
        memory: bytes at most; ``None``: no limit.
    """

    about: str
    identifier: str
    account: Account
    launcher: Path
    environment: Path
    writable: tuple[Path, ...]
    grace: float
    memory: int | None
    tasks: int


def app_unit(process: Process, version: int) -> str:
    """The unit of a process of an app.

    Args:
        version: of systemd.
    """
    service: list[Line] = [
        ("Type", "exec"),
        ("LoadCredential", f"{CREDENTIAL}:{path(process.environment)}"),
        ("ExecStart", f"/bin/sh {path(process.launcher)}"),
        *restart_lines("always", version),
        ("KillMode", "mixed"),
        ("TimeoutStopSec", f"{process.grace:g}s"),
        ("SyslogIdentifier", process.identifier),
        # What an app prints is kept, as much as it is; journald limits the whole by size.
        ("LogRateLimitIntervalSec", "0"),
        *sandbox(process.account, process.writable, process.memory, process.tasks),
    ]
    return text(
        ("Unit", [("Description", process.about), ("After", "network.target"), _NEVER_TIRED]),
        ("Service", service),
        INSTALL,
    )


def sandbox(
    account: Account, writable: Iterable[Path], memory: int | None, tasks: int
) -> tuple[Line, ...]:
    """Whom whatever runs an app's code runs as, what it may write to and how much it may take."""
    return (
        ("User", account.name),
        ("Group", account.name),
        ("Slice", APP_SLICE),
        ("TasksMax", str(tasks)),
        *(() if memory is None else (("MemoryMax", str(memory)),)),
        *_APP,
        ("ReadWritePaths", " ".join(path(item) for item in writable)),
    )


INSTALL: Section = ("Install", [("WantedBy", "multi-user.target")])

_NEVER_TIRED: Line = ("StartLimitIntervalSec", "0")


def restart_lines(when: str, version: int) -> list[Line]:
    """Started again after half a second; where systemd can, ever slower, up to ten seconds."""
    if version < STEPS_SINCE:
        return [("Restart", when), ("RestartSec", "500ms")]
    return [
        ("Restart", when),
        ("RestartSec", "100ms"),
        ("RestartSteps", "8"),
        ("RestartMaxDelaySec", "10s"),
    ]


def boot_unit(argv: Sequence[str], root: Path) -> str:
    """What is run at boot, before the edge opens: see :mod:`holdfast.agent.boot`."""
    return text(
        (
            "Unit",
            [
                ("Description", "Holdfast: finish or undo what a power cut interrupted"),
                ("After", "local-fs.target systemd-sysusers.service"),
                ("Before", "holdfast-edge.service"),
            ],
        ),
        (
            "Service",
            [
                ("Type", "oneshot"),
                ("Environment", assignment("HOLDFAST_ROOT", str(root))),
                ("ExecStart", command_line(argv)),
                ("TimeoutStartSec", "60s"),
            ],
        ),
        INSTALL,
    )


def text(*sections: Section) -> str:
    """A unit file."""
    return "# Written by Holdfast; the next deploy writes it again.\n" + "\n".join(
        "".join([f"[{name}]\n", *(f"{key}={value}\n" for key, value in lines)])
        for name, lines in sections
    )


def path(place: Path) -> str:
    """A path for a unit: no specifier, no blank that would end it (systemd.syntax(7))."""
    return quoted(str(place))


def command_line(argv: Iterable[str]) -> str:
    """``ExecStart=`` of a program with arguments, taken as they are."""
    return " ".join(quoted(word).replace("$", "$$") for word in argv)


def assignment(name: str, value: str) -> str:
    """``Environment=`` of one variable that is no secret: units can be read by everybody."""
    return quoted(f"{name}={value}")


def quoted(word: str) -> str:
    """One word of a unit file: ``%`` doubled, quoted where anything could mean something else."""
    word = word.replace("%", "%%")
    if re.fullmatch(r"[\w./:@=+,%-]+", word, re.ASCII):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

"""Logins on the machine itself: banner, umask, hashes, core dumps, permissions."""

from __future__ import annotations

import re

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Action, Item, Settings
from holdfast.provision.operations.common import WRITTEN, wants_file, wants_mode

DEFS = "/etc/login.defs"
LIMITS = "/etc/security/limits.d/90-holdfast.conf"
COREDUMP = "/etc/systemd/coredump.conf.d/holdfast.conf"
CORES = "/etc/systemd/system.conf.d/holdfast.conf"
PROFILE = "/etc/profile.d/holdfast.sh"
BANNERS = ("/etc/issue", "/etc/issue.net")

PRIVATE = {
    "/etc/crontab": 0o600,
    "/etc/cron.d": 0o700,
    "/etc/cron.hourly": 0o700,
    "/etc/cron.daily": 0o700,
    "/etc/cron.weekly": 0o700,
    "/etc/cron.monthly": 0o700,
    "/etc/ssh/sshd_config": 0o600,
    "/etc/sudoers.d": 0o750,
    "/root": 0o700,
    "/root/.ssh": 0o700,
}
"""What only root has business with, and the most that anybody may."""

VALUES = {
    "UMASK": "027",
    "SHA_CRYPT_MIN_ROUNDS": "65536",
    "SHA_CRYPT_MAX_ROUNDS": "65536",
    "PASS_MIN_DAYS": "1",  # of new accounts: who must change a password cannot change it back
}
"""Not among them: an age at which passwords end. It makes people choose worse ones (NIST SP
800-63B, 3.1.1.2), and an account whose password has ended cannot log in with a key either."""

TEXT = """\
Access to this system is for authorized users only. Its use is monitored and recorded.
Unauthorized access is prohibited and may be prosecuted under the law.
"""

SHELLS = """\
# Shells of people alone; nothing that runs is cut, only a prompt at which nobody types.
ulimit -c 0
case $- in *i*)
    if [ -z "${TMOUT-}" ]; then
        TMOUT=3600
        export TMOUT
    fi
esac
"""
"""Who wants another time writes it into ~/.profile: TMOUT=0 is none."""

LOOK = Look(
    files=frozenset({DEFS, LIMITS, COREDUMP, CORES, PROFILE, *BANNERS}), modes=frozenset(PRIVATE)
)


def banner(facts: Facts, settings: Settings) -> Item:
    """On the console; sshd shows none, it would stand in the output of every command."""
    actions = tuple(action for path in BANNERS for action in wants_file(facts, path, TEXT))
    return Item(
        key="banner",
        title="A notice at the console's login, in place of the system's name",
        why="says that access is for authorized users, which some laws ask for, and not what runs",
        source="issue(5); lynis BANN-7126, BANN-7130; CIS Debian 12 1.6.2",
        actions=actions,
    )


def defs(facts: Facts, settings: Settings) -> Item:
    """Lines of login.defs(5); what else stands in the file stays."""
    text = facts.text(DEFS)
    new = None if text is None else set_values(text)
    return Item(
        key="login-defaults",
        title="New files of logins closed to others (umask 027); slow password hashes; for new"
        " accounts a day between two changes of a password",
        why="a file that somebody makes by hand is not for every app on the server to read",
        source="login.defs(5), pam_umask(8); lynis AUTH-9328, AUTH-9230, AUTH-9286; CIS Debian 12"
        " 5.4.1.2, 5.4.3.3",
        actions=() if new is None else wants_file(facts, DEFS, new),
    )


def set_values(text: str) -> str:
    """The text with our values: a line that sets one is replaced, a missing one added."""
    for name, value in VALUES.items():
        line = f"{name} {value}"
        pattern = re.compile(rf"^{name}\s.*$", re.MULTILINE)
        text = pattern.sub(line, text) if pattern.search(text) else f"{text.rstrip()}\n{line}\n"
    return text


def core_dumps(facts: Facts, settings: Settings) -> Item:
    """None: a dump holds what the process held, secrets included."""
    files: dict[str, str] = {
        LIMITS: f"{WRITTEN}* hard core 0\n* soft core 0\n",
        COREDUMP: f"{WRITTEN}[Coredump]\nStorage=none\nProcessSizeMax=0\n",
        CORES: f"{WRITTEN}[Manager]\nDefaultLimitCORE=0\n",
    }
    actions: tuple[Action, ...] = tuple(
        action for path, text in files.items() for action in wants_file(facts, path, text)
    )
    return Item(
        key="core-dumps",
        title="No core dumps",
        why="the memory of a crashed app holds its passwords and its users' data",
        source="limits.conf(5), coredump.conf(5); lynis KRNL-5820; CIS Debian 12 1.5.3",
        actions=actions,
    )


def shells(facts: Facts, settings: Settings) -> Item:
    """A forgotten window is an open door for whoever finds the laptop."""
    return Item(
        key="shells",
        title="Close shells that have waited at their prompt for an hour; no core dumps of theirs",
        why="a forgotten session of an admin is root for whoever finds it",
        source="bash(1) TMOUT; lynis SHLL-6220, KRNL-5820; CIS Debian 12 5.4.3.2",
        actions=wants_file(facts, PROFILE, WRITTEN + SHELLS),
    )


def permissions(facts: Facts, settings: Settings) -> Item:
    """Rights are only ever taken away, from what is there."""
    actions = tuple(
        action for path, mode in PRIVATE.items() for action in wants_mode(facts, path, mode)
    )
    return Item(
        key="permissions",
        title="Jobs of root and settings of SSH are for root to read",
        why="they say what runs when, and what to attack",
        source="crontab(5); lynis FILE-7524; CIS Debian 12 2.4.1, 5.1.1",
        actions=actions,
    )

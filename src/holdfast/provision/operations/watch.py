"""What changes on a server behind its owner's back: kept on record, and nothing run from /dev."""

from __future__ import annotations

from dataclasses import replace

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Action, Item, Phase, Run, Settings
from holdfast.provision.operations.common import WRITTEN, on, template, wants_file, wants_on

CONFIG = "/etc/aide/aide.conf"
SERVICE = "/etc/systemd/system/holdfast-integrity.service"
TIMER = "holdfast-integrity.timer"
TIMER_FILE = f"/etc/systemd/system/{TIMER}"
NOEXEC = "holdfast-noexec.service"
NOEXEC_FILE = f"/etc/systemd/system/{NOEXEC}"

ACCOUNTING = "/etc/default/acct"

_SOMEBODYS = "aide-common"
"""Debian's own configuration of AIDE, with jobs of its own: who installed it has a plan."""

LOOK = Look(
    packages=frozenset({_SOMEBODYS}),
    files=frozenset({CONFIG, SERVICE, TIMER_FILE, NOEXEC_FILE, ACCOUNTING}),
    units=frozenset({TIMER, NOEXEC, "acct.service"}),
)


def integrity(facts: Facts, settings: Settings) -> Item:
    """Last of all, so that what set-up itself writes is in the first record."""
    item = Item(
        key="integrity",
        title="Put on record every day which system files were added, removed or changed",
        why="units, keys and jobs that somebody plants stand in no package, so checksums of"
        " packages do not show them; after a break-in it is known what changed, and when",
        source="aide(1); lynis FINT-4350, FINT-4402; CIS Debian 12 6.3",
        phase=Phase.PROVEN,
    )
    if _SOMEBODYS in facts.packages:
        note = f"{_SOMEBODYS} is installed: its own jobs and settings are left alone"
        return replace(item, note=note, skipped=True)
    files: dict[str, str] = {
        CONFIG: template("aide.conf"),
        SERVICE: template("holdfast-integrity.service"),
        TIMER_FILE: template(TIMER),
    }
    actions = tuple(
        action for path, text in files.items() for action in wants_file(facts, path, WRITTEN + text)
    )
    if actions or not on(facts, TIMER):
        actions = (
            *actions,
            Run(("systemctl", "daemon-reload")),
            Run(("systemctl", "enable", "--now", TIMER)),
            Run(("systemctl", "start", "--no-block", "holdfast-integrity.service")),
        )
    return replace(item, actions=actions)


def accounting(facts: Facts, settings: Settings) -> Item:
    """64 bytes a process; the kernel stops it while the disk is nearly full (acct(5))."""
    return Item(
        key="accounting",
        title="Put on record which programs ran, when and as whom, for two weeks",
        why="what a taken-over app started is otherwise known to nobody: lastcomm --user hf-APP",
        source="accton(8), lastcomm(1); lynis ACCT-9622",
        actions=(
            *wants_file(facts, ACCOUNTING, f'{WRITTEN}ACCT_ENABLE="1"\nACCT_LOGGING="14"\n'),
            *wants_on(facts, "acct.service"),
        ),
    )


def devices(facts: Facts, settings: Settings) -> Item:
    """Mount options of two file systems in memory that everybody may write to."""
    actions: tuple[Action, ...] = wants_file(facts, NOEXEC_FILE, WRITTEN + template(NOEXEC))
    if actions or not on(facts, NOEXEC):
        actions = (
            *actions,
            Run(("systemctl", "daemon-reload")),
            Run(("systemctl", "enable", NOEXEC)),
            Run(("systemctl", "restart", NOEXEC)),
        )
    return Item(
        key="devices",
        title="Run no programs from /dev and /dev/shm",
        why="a place where everybody may write and nobody looks is where intruders put theirs",
        source="mount(8) noexec; lynis FILE-6374; CIS Debian 12 1.1.2.2",
        actions=actions,
    )

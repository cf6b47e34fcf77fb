"""Clock, swap, logs."""

from __future__ import annotations

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Action, Install, Item, Run, Settings, WriteFile
from holdfast.provision.operations.common import WRITTEN, on, wants_file, wants_on

CLOCKS = ("chrony.service", "ntpsec.service", "openntpd.service", "systemd-timesyncd.service")
JOURNAL = "/etc/systemd/journald.conf.d/holdfast.conf"
FSTAB = "/etc/fstab"
SWAP = "/swapfile"
SMALL = 4096
"""MB of memory below which swap is made."""

_CAN_SWAP = ("ext2/ext3", "ext4", "xfs")

LOOK = Look(
    packages=frozenset({"systemd-timesyncd"}),
    files=frozenset({JOURNAL, FSTAB}),
    units=frozenset(CLOCKS),
)


def clock(facts: Facts, settings: Settings) -> Item:
    """A clock that is right; whichever program keeps it."""
    item = Item(
        key="clock",
        title="Keep the clock by NTP",
        why="certificates, logs and one-time passwords depend on it",
        source="systemd-timesyncd.service(8); CIS Debian 12 2.3.1.1",
    )
    if facts.container:
        return _skipped(item, f"a container has its host's clock ({facts.container})")
    if any(on(facts, name) for name in CLOCKS):
        return item
    install = () if "systemd-timesyncd" in facts.packages else (Install(("systemd-timesyncd",)),)
    return _with(item, (*install, *wants_on(facts, "systemd-timesyncd.service")))


def swap(facts: Facts, settings: Settings) -> Item:
    """Room to give way to, on a machine with little memory."""
    size = max(512, min(2048, facts.memory // 256 * 256))
    item = Item(
        key="swap",
        title=f"A swap file of {size} MB",
        why="a build or a second copy of an app can take more memory than there is, for a moment:"
        " slower is better than killed",
        source="mkswap(8), swapon(8)",
    )
    if facts.container:
        return _skipped(item, f"a container shares its host's swap ({facts.container})")
    if facts.swap or facts.memory >= SMALL:
        return item
    if facts.filesystem not in _CAN_SWAP:
        return _skipped(item, f"a swap file on {facts.filesystem} needs more than we know of it")
    if facts.disk < 4 * size:
        return _skipped(item, f"only {facts.disk} MB are free on the disk")
    return _with(item, _make_swap(facts, size))


def _make_swap(facts: Facts, size: int) -> tuple[Action, ...]:
    fstab = facts.text(FSTAB) or ""
    line = f"{SWAP} none swap sw 0 0\n"
    return (
        Run(("fallocate", "-l", f"{size}MiB", SWAP)),
        Run(("chmod", "0600", SWAP)),
        Run(("mkswap", SWAP)),
        Run(("swapon", SWAP)),
        *(() if f"{SWAP} " in fstab else (WriteFile(FSTAB, _line_end(fstab) + line),)),
    )


def _line_end(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def journal(facts: Facts, settings: Settings) -> Item:
    """Logs that survive a reboot, and never fill the disk."""
    text = (
        f"{WRITTEN}[Journal]\nStorage=persistent\nSystemMaxUse=500M\nSystemKeepFree=1G\n"
        "MaxRetentionSec=3month\n"
    )
    actions = wants_file(facts, JOURNAL, text)
    restart = (Run(("systemctl", "restart", "systemd-journald.service")),) if actions else ()
    return Item(
        key="logs",
        title="Logs: kept over reboots, 500 MB and three months at most",
        why="a log that is gone explains nothing, and one without a limit fills the disk",
        source="journald.conf(5)",
        actions=(*actions, *restart),
    )


def _skipped(item: Item, why: str) -> Item:
    return Item(item.key, item.title, item.why, item.source, note=why, skipped=True)


def _with(item: Item, actions: tuple[Action, ...]) -> Item:
    return Item(item.key, item.title, item.why, item.source, actions)

"""Settings of the kernel, and parts of it that a web server never uses."""

from __future__ import annotations

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Item, Run, Settings
from holdfast.provision.operations.common import WRITTEN, wants_file

SYSCTL = "/etc/sysctl.d/90-holdfast.conf"
MODPROBE = "/etc/modprobe.d/holdfast.conf"

WANTED = {
    # Memory and processes: what an attacker on the machine learns and reaches.
    "dev.tty.ldisc_autoload": "0",
    "fs.protected_fifos": "2",
    "fs.protected_hardlinks": "1",
    "fs.protected_regular": "2",
    "fs.protected_symlinks": "1",
    "fs.suid_dumpable": "0",
    "kernel.core_uses_pid": "1",
    "kernel.ctrl-alt-del": "0",
    "kernel.dmesg_restrict": "1",
    "kernel.kptr_restrict": "2",
    "kernel.perf_event_paranoid": "3",
    "kernel.randomize_va_space": "2",
    "kernel.sysrq": "0",
    "kernel.unprivileged_bpf_disabled": "1",
    "kernel.yama.ptrace_scope": "1",
    "net.core.bpf_jit_harden": "2",
    # The network: no routes from strangers, no packets from impossible addresses.
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.default.accept_source_route": "0",
    "net.ipv4.conf.all.log_martians": "1",
    "net.ipv4.conf.default.log_martians": "1",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.conf.default.rp_filter": "1",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_rfc1337": "1",
    "net.ipv6.conf.all.accept_redirects": "0",
    "net.ipv6.conf.default.accept_redirects": "0",
    "net.ipv6.conf.all.accept_source_route": "0",
    "net.ipv6.conf.default.accept_source_route": "0",
}
"""Not among them: forwarding, which Docker needs and sets itself; modules_disabled, which would
forbid the firewall to load its own; tcp_timestamps, which cost speed to hide little."""

UNUSED = ("dccp", "sctp", "rds", "tipc", "usb-storage", "firewire-core", "firewire-ohci")

LOOK = Look(files=frozenset({SYSCTL, MODPROBE}), sysctl=frozenset(WANTED))


def sysctl(facts: Facts, settings: Settings) -> Item:
    """What can be set here; what cannot (a container shares its host's kernel) is said."""
    differ = {
        name: value
        for name, value in WANTED.items()
        if name in facts.sysctl and facts.sysctl[name].value != value
    }
    settable = {name: value for name, value in differ.items() if facts.sysctl[name].writable}
    fixed = [name for name in differ if name not in settable]
    note = ""
    if fixed:
        note = f"{len(fixed)} cannot be set here ({facts.container or 'read-only'}): "
        note += ", ".join(fixed)
    # A dash lets the others be set where one cannot (sysctl.d(5)).
    text = WRITTEN + "".join(f"-{name} = {value}\n" for name, value in WANTED.items())
    now = tuple(
        Run(("sysctl", "-q", "-w", f"{name}={value}"), may_fail=True)
        for name, value in settable.items()
    )
    return Item(
        key="kernel",
        title=f"{len(WANTED)} kernel settings",
        why="addresses of the kernel stay secret, links in shared directories cannot be abused,"
        " forged routes and source addresses are not believed",
        source="sysctl.d(5), proc(5); lynis KRNL-6000; CIS Debian 12 3.3",
        actions=(*wants_file(facts, SYSCTL, text), *now),
        note=note,
        differs=tuple(
            f"{name} is {facts.sysctl[name].value}, not {value}" for name, value in settable.items()
        ),
    )


def modules(facts: Facts, settings: Settings) -> Item:
    """Loaded on demand by anybody's socket or plug, and not needed by a server."""
    text = WRITTEN + "".join(f"install {name} /bin/false\nblacklist {name}\n" for name in UNUSED)
    return Item(
        key="modules",
        title=f"Never load {', '.join(UNUSED)}",
        why="rarely used code of the kernel that any user's socket, or a stick, can load",
        source="modprobe.d(5); lynis NETW-3200, USB-1000, STRG-1846; CIS Debian 12 3.2",
        actions=wants_file(facts, MODPROBE, text),
    )

"""``holdfast-tls.timer``: who looks after certificates and nginx's updates between deploys."""

from __future__ import annotations

from holdfast.files import write_atomic
from holdfast.layout import Layout
from holdfast.runtimes import base
from holdfast.runtimes.systemd import records, systemctl, units

SERVICE, TIMER = "holdfast-tls.service", "holdfast-tls.timer"


def install(layout: Layout) -> bool:
    """Write both units and start the timer; nothing is done when they are as they should be.

    Returns:
        whether anything changed.
    """
    wanted = {SERVICE: service(layout), TIMER: timer()}
    changed = [name for name, text in wanted.items() if _text(name) != text]
    for name in changed:
        write_atomic(records.UNITS / name, wanted[name])
    if changed:
        systemctl.reload()
        systemctl.call("enable", "--now", TIMER)
    return bool(changed)


def service(layout: Layout) -> str:
    """A look at nginx and every app. It writes below ROOT alone, and signals nginx's master."""
    command = (base.own_python(layout), "-P", "-m", "holdfast.agent", "tls")
    lines: list[units.Line] = [
        ("Type", "oneshot"),
        ("Environment", units.assignment("HOLDFAST_ROOT", str(layout.root))),
        ("ExecStart", units.command_line(command)),
        ("TimeoutStartSec", "20min"),
        ("Nice", "10"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
        ("UMask", "0022"),
        *units.SANDBOX,
        ("ReadWritePaths", units.path(layout.root)),
    ]
    about = [
        ("Description", "Holdfast: certificates, and updates of nginx"),
        ("After", "network-online.target holdfast-edge.service"),
        ("Wants", "network-online.target"),
    ]
    return units.text(("Unit", about), ("Service", lines))


def timer() -> str:
    """Every ten minutes: most looks read two files and end. What is due says the state."""
    lines: list[units.Line] = [
        ("OnBootSec", "2min"),
        ("OnUnitInactiveSec", "10min"),
        ("RandomizedDelaySec", "2min"),
    ]
    install = ("Install", [("WantedBy", "timers.target")])
    about = ("Unit", [("Description", "Holdfast: certificates, and updates of nginx")])
    return units.text(about, ("Timer", lines), install)


def _text(name: str) -> str | None:
    try:
        return (records.UNITS / name).read_text()
    except FileNotFoundError:
        return None

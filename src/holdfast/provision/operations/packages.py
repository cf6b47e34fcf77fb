"""What is installed, and kept up to date."""

from __future__ import annotations

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Install, Item, Run, Settings
from holdfast.provision.operations.common import WRITTEN, lacking, wants_file, wants_on

NEEDED = frozenset(
    {
        *("nginx", "libnginx-mod-http-lua", "lua-cjson"),  # the edge
        *("certbot", "python3-venv", "ca-certificates"),  # certificates; what apps are built with
        *("sudo", "nftables"),
        *("unattended-upgrades", "needrestart", "debsums"),
        *("libpam-pwquality", "cracklib-runtime"),  # with the dictionary that it looks words up in
        *("apt-listchanges", "aide", "acct", "cron"),
    }
)
AUTO = "/etc/apt/apt.conf.d/20auto-upgrades"
UNATTENDED = "/etc/apt/apt.conf.d/52holdfast"
NEEDRESTART = "/etc/needrestart/conf.d/holdfast.conf"
DEBSUMS = "/etc/default/debsums"
CRON = "cron.service"
"""Not there on every provider's image; what packages do every day or week depends on it."""
TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
EDGE_UPDATE = "holdfast-tls.service"
"""Of the server side, ``agent/timer.py``; there once an app was deployed."""
DEFAULT_SITE = "/etc/nginx/sites-enabled/default"

_NO_SECURITY = (
    "none will come: no source of apt's has a suite that ends with -security; add the"
    " distribution's to /etc/apt/sources.list (the provider's documentation has the line)"
)

LOOK = Look(
    packages=NEEDED,
    files=frozenset({AUTO, UNATTENDED, NEEDRESTART, DEBSUMS}),
    units=frozenset({*TIMERS, CRON, "nginx.service"}),
)


def packages(facts: Facts, settings: Settings) -> Item:
    """What is missing; and once, before anything else, what is out of date."""
    missing = lacking(facts, NEEDED)
    # Afterwards updates come by themselves.
    upgrade = facts.marker is None
    parts = [f"install {', '.join(missing)}"] if missing else []
    if upgrade:
        parts.append("bring what is installed up to date")
    title = "; ".join(parts) or "The packages that are needed"
    return Item(
        key="packages",
        title=title[0].upper() + title[1:],
        why="the web server with its Lua module, certificates, Python environments, security"
        " updates; nothing is started by their installation",
        source="the distribution's signed packages; lynis PKGS-7392",
        actions=(Install(missing, upgrade),) if missing or upgrade else (),
    )


def default_site(facts: Facts, settings: Settings) -> Item:
    """The edge is a unit of its own, with a configuration of its own."""
    unit = facts.units.get("nginx.service")
    off = "nginx" in facts.packages and unit is not None
    done = off and unit is not None and (unit.enabled, unit.active) == ("disabled", "inactive")
    return Item(
        key="default-site",
        title="Turn the distribution's own nginx service off",
        why="Holdfast runs nginx with a configuration of its own and needs its ports",
        source="systemctl(1) disable",
        actions=() if done else (Run(("systemctl", "disable", "--now", "nginx.service")),),
    )


def updates(facts: Facts, settings: Settings) -> Item:
    """Security updates by themselves, and a reboot in the small hours if one needs it."""
    reboots = settings.reboot != "never"
    lines = [
        f'Unattended-Upgrade::Automatic-Reboot "{str(reboots).lower()}";',
        'Unattended-Upgrade::Automatic-Reboot-WithUsers "true";',
        'Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";',
        'APT::Periodic::AutocleanInterval "7";',
    ]
    if reboots:
        lines.insert(1, f'Unattended-Upgrade::Automatic-Reboot-Time "{settings.reboot}";')
    auto = 'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n'
    written = WRITTEN.replace("#", "//", 1)
    window = f"reboot at {settings.reboot} if one needs it" if reboots else "never reboot"
    return Item(
        key="updates",
        title=f"Security updates by themselves; {window}",
        why="most break-ins use holes that were closed long ago",
        source="unattended-upgrade(8); lynis PKGS-7420; CIS Debian 12 1.2.2.1",
        actions=(
            *wants_file(facts, AUTO, auto),
            *wants_file(facts, UNATTENDED, written + "".join(f"{line}\n" for line in lines)),
            *wants_on(facts, *TIMERS),
        ),
        manual=_overruled(facts, settings),
        note="" if facts.security else _NO_SECURITY,
    )


def _overruled(facts: Facts, settings: Settings) -> tuple[str, ...]:
    """What apt uses in place of what our files say; the later file counts (apt.conf(5))."""
    found = []
    for name, setting in facts.apt.items():
        kind, _, leaf = name.rpartition("::")
        ours = AUTO if kind == "APT::Periodic" else UNATTENDED
        later = [place for place in setting.places if _order(place) > _order(ours)]
        if later and _stops(leaf, setting.value, facts, settings):
            found.append(f"{', '.join(later)}: {name} is {setting.value or 'empty'!r}: take it out")
    return tuple(found)


def _order(place: str) -> tuple[bool, str]:
    """apt.conf comes after all of apt.conf.d."""
    path = place.partition(":")[0]
    return path == "/etc/apt/apt.conf", path


def _stops(leaf: str, value: str, facts: Facts, settings: Settings) -> bool:
    """Whether a value is not what set-up promises; how often (``2``, ``always``) is one's own."""
    match leaf:
        case "Enable":
            return value == "0"
        case "Update-Package-Lists" | "Unattended-Upgrade":
            return value in ("0", "")
        case "Automatic-Reboot":
            return value.lower() != str(settings.reboot != "never").lower()
        case "Automatic-Reboot-Time":
            return settings.reboot not in ("never", value)
        case _:
            origins = [
                facts.apt[f"Unattended-Upgrade::{one}"].value
                for one in ("Origins-Pattern", "Allowed-Origins")
            ]
            return "security" not in " ".join(origins).lower()


def restarts(facts: Facts, settings: Settings) -> Item:
    """Old libraries do not stay in use after an update; the apps' requests are not cut for it."""
    text = (
        f"{WRITTEN}$nrconf{{restart}} = 'a';\n"
        "# An app's unit is restarted by a deploy, which holds its requests.\n"
        "$nrconf{override_rc}{qr(^holdfast-)} = 0;\n"
    )
    return Item(
        key="restarts",
        title="Restart what still uses an old library after an update",
        why="a library that is updated on disk alone leaves running services as open as before",
        source="needrestart(1); lynis DEB-0831",
        actions=wants_file(facts, NEEDRESTART, text),
    )


def edge(facts: Facts, settings: Settings) -> Item:
    """The edge runs the nginx that is installed; it changes over without dropping a request."""
    old = facts.edge_replaced
    return Item(
        key="edge",
        title="Have the edge go on with the nginx and libraries that are installed",
        why="an update on disk alone leaves it as open as before; no request is dropped",
        source="https://nginx.org/en/docs/control.html#upgrade",
        # As its timer does every ten minutes. It also looks after certificates, which may take a CA
        # a while, and may fail: the next look at the server says whether it has helped.
        actions=(Run(("systemctl", "start", EDGE_UPDATE), timeout=300, may_fail=True),)
        if old
        else (),
        note=f"it still runs what an update has replaced: {', '.join(old)}" if old else "",
    )


def checksums(facts: Facts, settings: Settings) -> Item:
    """The distribution's own file integrity check; it needs no baseline of ours."""
    return Item(
        key="checksums",
        title="Compare the files of packages with their checksums every week",
        why="a program that was changed behind the package manager's back is noticed",
        source="debsums(1), /etc/default/debsums; lynis PKGS-7370",
        actions=(
            *wants_file(facts, DEBSUMS, f"{WRITTEN}CRON_CHECK=weekly\n"),
            *wants_on(facts, CRON),
        ),
    )

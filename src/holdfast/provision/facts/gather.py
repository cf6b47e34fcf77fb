"""Read a server's facts. Changes nothing; must run as root, who alone may read all of it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path

from holdfast import replaced
from holdfast.admitted import sshd_settings
from holdfast.provision.facts import apt, netfilter, parse, ssh_lines
from holdfast.provision.facts.ask import said
from holdfast.provision.facts.model import Facts, File, Setting, Unit, User
from holdfast.records import record

MARKER = "/etc/holdfast/server.json"
_ROUTES = ("route", "show", "table", "all")
_EDGE_PID = "/var/lib/holdfast/edge/run/nginx.pid"


@record
class Look:
    """What operations want to see, besides what is always read."""

    packages: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    modes: frozenset[str] = field(default=frozenset())
    units: frozenset[str] = frozenset()
    sysctl: frozenset[str] = frozenset()


def gather(look: Look) -> Facts:
    """The facts, in about a second; sshd's settings as they are for root, see :func:`for_admin`.

    Raises:
        CommandFailed: a program took too long.
    """
    system = parse.os_release(_read("/etc/os-release") or "")
    memory = _read("/proc/meminfo") or ""
    virtual = said("systemd-detect-virt", "--container").strip()
    table = netfilter.loaded()
    return Facts(
        system=system.get("ID", ""),
        release=system.get("VERSION_ID", ""),
        name=system.get("PRETTY_NAME", ""),
        container=None if virtual in ("", "none") else virtual,
        login=os.environ.get("HOLDFAST_LOGIN") or "root",
        ssh_port=_port(os.environ.get("SSH_CONNECTION", "")),
        ssh_version=parse.ssh_version(said("sshd", "-V")),
        sshd=_sshd("root"),
        ssh_lines=ssh_lines.read(),
        root_password=parse.password_works(_read("/etc/shadow") or "", "root"),
        also_root=parse.also_root(_read("/etc/passwd") or ""),
        sudoers=_sudoers(),
        apt=apt.values(),
        packages=_installed(look.packages),
        lists_age=_lists_age(),
        security=parse.security_source(_sources()),
        firewall=parse.table_comment(table),
        firewall_strays=netfilter.strays(table),
        memory=parse.megabytes(memory, "MemTotal"),
        swap=parse.megabytes(memory, "SwapTotal") if virtual in ("", "none") else _own_swap(),
        disk=shutil.disk_usage("/").free // 1_000_000,
        filesystem=said("stat", "-f", "-c", "%T", "/").strip(),
        marker=_read(MARKER),
        users=_users(),
        files=_files(look),
        units=_units(look.units),
        sysctl=_sysctl(look.sysctl),
        listeners=parse.listeners(said("ss", "-Hlntup")),
        edge_replaced=_edge_replaced(),
        uplinks=parse.uplinks("".join(said("ip", way, "-o", *_ROUTES) for way in ("-4", "-6"))),
    )


def for_admin(facts: Facts, admin: str) -> Facts:
    """With sshd's settings as they are for an admin, and what is otherwise for root."""
    root, ours = facts.sshd, _sshd(admin)
    other = {name: value for name, value in root.items() if ours.get(name) != value}
    return replace(facts, sshd=ours, sshd_root=other)


def _sshd(user: str) -> dict[str, str]:
    """What a login comes to: ``Match`` blocks may tell users apart."""
    who = f"user={user},host=localhost,addr=127.0.0.1"
    return sshd_settings(said("sshd", "-T", "-C", who))


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return None


def _port(connection: str) -> int:
    """sshd(8): ``SSH_CONNECTION`` is the client's address and port, then the server's."""
    fields = connection.split()
    return int(fields[3]) if len(fields) == 4 else 0


def _installed(wanted: Iterable[str]) -> tuple[str, ...]:
    text = said("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n")
    return parse.installed(text, wanted)


def _lists_age() -> float | None:
    """apt touches nothing when nothing is new, but for its own stamp and its directory."""
    times = [
        path.stat().st_mtime
        for path in (
            Path("/var/lib/apt/periodic/update-success-stamp"),
            *Path("/var/lib/apt/lists").glob("*Release"),
            *Path("/var/lib/apt/lists").glob("partial"),
        )
        if path.exists()
    ]
    has_lists = any(Path("/var/lib/apt/lists").glob("*Packages*"))
    return max(0.0, time.time() - max(times)) if times and has_lists else None


def _sources() -> list[str]:
    """apt's sources; files with other endings are none (sources.list(5))."""
    apt = Path("/etc/apt")
    parts = (path for kind in ("list", "sources") for path in apt.glob(f"sources.list.d/*.{kind}"))
    return [_read(str(path)) or "" for path in (apt / "sources.list", *parts)]


def _sudoers() -> tuple[str, ...]:
    """Names with a dot, or a tilde at their end, are passed over (sudoers(5), @includedir)."""
    paths = sorted(str(path) for path in Path("/etc/sudoers.d").glob("*") if "." not in path.name)
    return tuple(path for path in paths if not path.endswith(("~", "/README")))


def _own_swap() -> int:
    """A container sees its host's memory; what it has of its own is in no file."""
    return 0


def _users() -> Mapping[str, User]:
    found = {}
    passwd = _read("/etc/passwd") or ""
    groups = parse.groups(passwd, _read("/etc/group") or "")
    for name, home in parse.homes(passwd).items():
        texts = [_read(f"{home}/.ssh/{file}") or "" for file in _KEY_FILES]
        found[name] = User(home, parse.keys("\n".join(texts)), groups.get(name, ()))
    return found


_KEY_FILES = ("authorized_keys", "authorized_keys2")


def _files(look: Look) -> Mapping[str, File]:
    found = {}
    for name in sorted(look.files | look.modes):
        path = Path(name)
        try:
            mode = path.stat().st_mode & 0o7777
        except OSError:
            continue
        found[name] = File(mode, _read(name) if name in look.files and path.is_file() else None)
    return found


def _units(names: Iterable[str]) -> Mapping[str, Unit]:
    if not (wanted := sorted(names)):
        return {}
    return parse.units(
        said("systemctl", "show", "-p", "Id,UnitFileState,ActiveState", "--", *wanted)
    )


def _edge_replaced() -> tuple[str, ...]:
    """A process id that another program has by now is no nginx's."""
    pid = (_read(_EDGE_PID) or "").strip()
    if not pid.isdecimal() or "nginx: master" not in (_read(f"/proc/{pid}/cmdline") or ""):
        return ()
    return replaced.files_of(int(pid))


def _sysctl(names: Iterable[str]) -> Mapping[str, Setting]:
    found = {}
    for name in sorted(names):
        path = Path("/proc/sys") / name.replace(".", "/")
        if (value := _read(str(path))) is not None:
            found[name] = Setting(" ".join(value.split()), os.access(path, os.W_OK))
    return found

"""Text of programs and files to facts. Nothing here reads anything."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable

from holdfast.provision.facts.model import Listener, Unit

_KEY = re.compile(
    r"(?:^|\s)(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d+)(?:@openssh\.com)?\s+[A-Za-z0-9+/=]+"
)


def os_release(text: str) -> dict[str, str]:
    """os-release(5): shell-like assignments."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name.strip()] = "".join(shlex.split(value)[:1])
    return found


def ssh_version(text: str) -> str:
    """The number in ``OpenSSH_9.2p1 Debian-2, OpenSSL 3.0``; empty if there is none."""
    found = re.search(r"OpenSSH_(\d+\.\d+)", text)
    return found[1] if found else ""


def installed(text: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """Of ``dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n'``, those of ``wanted``."""
    there = {line.split()[1] for line in text.splitlines() if line.startswith("ii ")}
    return tuple(sorted(there & set(wanted)))


def security_source(texts: Iterable[str]) -> bool:
    """Whether apt's sources, in either form of sources.list(5), have a suite ``*-security``."""
    for line in "\n".join(texts).splitlines():
        kind, *words = line.split() or [""]
        if kind in ("deb", "Suites:") and any(word.endswith("-security") for word in words):
            return True
    return False


def units(text: str) -> dict[str, Unit]:
    """``systemctl show -p Id,UnitFileState,ActiveState``: blocks, an empty line between."""
    found = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            found[values["Id"]] = Unit(
                values.get("UnitFileState", ""), values.get("ActiveState", "")
            )
    return found


def keys(text: str) -> tuple[str, ...]:
    """The lines of authorized_keys(5) that let somebody in.

    A provider's line for root that only says "please log in as debian" lets nobody in.
    """
    lines = [line.strip() for line in text.splitlines()]
    return tuple(
        line
        for line in lines
        if line and not line.startswith("#") and _KEY.search(line) and "lease login" not in line
    )


def password_works(shadow: str, user: str) -> bool:
    """Whether a password can log the user in (shadow(5): ``!`` or ``*`` match none)."""
    for line in shadow.splitlines():
        name, _, rest = line.partition(":")
        if name == user:
            return not rest.split(":", 1)[0].startswith(("!", "*"))
    return False


def homes(passwd: str) -> dict[str, str]:
    """The accounts with a shell to log in to, and their home directories (passwd(5))."""
    found = {}
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and not fields[6].endswith(("nologin", "false", "sync")):
            found[fields[0]] = fields[5]
    return found


def groups(passwd: str, group: str) -> dict[str, tuple[str, ...]]:
    """The groups of each account (passwd(5), group(5)), its own first."""
    rows = [fields for line in group.splitlines() if len(fields := line.split(":")) == 4]
    names = {fields[2]: fields[0] for fields in rows}
    found: dict[str, list[str]] = {}
    for line in passwd.splitlines():
        if len(fields := line.split(":")) == 7:
            found[fields[0]] = [names[fields[3]]] if fields[3] in names else []
    for name, _, _, members in rows:
        for member in filter(None, members.split(",")):
            if member in found and name not in found[member]:
                found[member].append(name)
    return {user: tuple(said) for user, said in found.items()}


def also_root(passwd: str) -> tuple[str, ...]:
    """Accounts besides root with uid 0, who may do all that root may (passwd(5))."""
    rows = [line.split(":") for line in passwd.splitlines()]
    return tuple(row[0] for row in rows if len(row) == 7 and row[2] == "0" and row[0] != "root")


def apt_values(text: str, names: Iterable[str]) -> dict[str, str]:
    """Of ``apt-config dump``, those of ``names``; of a list its items, joined by blanks."""
    found: dict[str, str] = {}
    for name, value in re.findall(r'^(\S+?)(?:::)? "(.*)";$', text, re.MULTILINE):
        if name in names:
            found[name] = f"{found.get(name, '')} {value}".strip()
    return found


def megabytes(meminfo: str, name: str) -> int:
    """A line of /proc/meminfo (kB), in MB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def swap_files(swaps: str) -> int:
    """Megabytes in /proc/swaps."""
    return sum(int(line.split()[2]) // 1024 for line in swaps.splitlines()[1:])


def listeners(text: str) -> tuple[Listener, ...]:
    """``ss -Hlntup``: what listens, less what only this machine itself can reach."""
    found = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 5 or fields[0] not in ("tcp", "udp"):
            continue
        address, _, port = fields[4].rpartition(":")
        if address.strip("[]").partition("%")[0].startswith(("127.", "::1")) or "%lo" in address:
            continue
        name = re.search(r'users:\(\("([^"]+)"', line)
        found.add(Listener(fields[0], int(port), name[1] if name else ""))
    return tuple(sorted(found, key=lambda item: (item.protocol, item.port, item.process)))


def uplinks(text: str) -> tuple[str, ...]:
    """Of ``ip -o route show table all``: interfaces that a default route leads to (ip-route(8))."""
    lines = (line for line in text.splitlines() if line.startswith("default "))
    return tuple(sorted({name for line in lines for name in re.findall(r" dev (\S+)", line)}))


def table_comment(text: str) -> str:
    """The comment in ``nft list table``: the hash of the rules that are loaded."""
    found = re.search(r'^\s*comment "holdfast ([0-9a-f]+)"', text, re.MULTILINE)
    return found[1] if found else ""


def strays(table: str, ought: str) -> tuple[str, ...]:
    """In what one ``nft list table`` is not another: what is too much first, then what is missing.

    The order counts, as it does for nft: a rule in another place is both.
    """
    wanted, there = ([line.strip() for line in text.splitlines()] for text in (ought, table))
    changes = [line for line in difflib.ndiff(wanted, there) if line[2:].strip(" }")]
    more = [f"loaded, and not of its rules: {line[2:]}" for line in changes if line[0] == "+"]
    less = [f"of its rules, and not loaded: {line[2:]}" for line in changes if line[0] == "-"]
    return (*more, *less)

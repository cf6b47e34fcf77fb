"""What others say to sshd: lines that it follows in place of ours, lists of who may come in.

Whose they are, and what depends on them, only a person knows: they are named, with what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from holdfast.admitted import kept_out, matches
from holdfast.errors import HoldfastError
from holdfast.provision.facts import Facts
from holdfast.provision.facts.model import SshLine
from holdfast.provision.facts.ssh_lines import MAIN, OURS
from holdfast.provision.model import Settings
from holdfast.provision.operations.ssh_wanted import differing, wanted


def refuse(facts: Facts, settings: Settings) -> None:
    """Refuse where sshd would not do as our file says, or would let the admin in no more.

    Raises:
        HoldfastError: with the lines, and what to do about each.
    """
    if found := contradictions(facts, settings):
        lines = _left(facts, settings)
        ways = [f"sudo sed -i '{line.number}s/^/#/' {line.path}" for line in lines] or [_INCLUDE]
        keep = any(_can_be_kept(facts, settings, line) for line in lines)
        more = "; what is meant for others than the admin stays with --keep-matches" if keep else ""
        raise HoldfastError(
            f"sshd would not do what {OURS} says, because of {'; '.join(found)}",
            hint="nothing was changed. On the server, then run this again"
            f" (sudo sshd -t tells whether sshd takes it){more}:\n" + "\n".join(ways),
        )
    if found := (*_without_keys(facts), *_unlisted(facts, settings.admin)):
        raise HoldfastError(
            found[0],
            hint="nothing was changed. Put that right, or name another who is let in: --admin NAME",
        )


_NO_INCLUDE = f"{MAIN}, which does not begin with: Include {Path(OURS).parent}/*.conf"
_INCLUDE = f"sudo sed -i '1i Include {Path(OURS).parent}/*.conf' {MAIN}"


def contradictions(facts: Facts, settings: Settings) -> tuple[str, ...]:
    """The lines of other files that sshd follows in place of ours, each with its place.

    Those are what stands before ours and for everybody, and what a ``Match`` block says, wherever
    it stands: how one logs in for any block, as nobody can list whom it is for (``Match Address``),
    and the rest where sshd itself says that it holds for the admin or root. Less those that the
    user wants kept.
    """
    lines = facts.ssh_lines
    if lines and not any(line.path == OURS and not line.match for line in lines):
        return (_NO_INCLUDE,)
    return tuple(map(str, _left(facts, settings)))


def _left(facts: Facts, settings: Settings) -> list[SshLine]:
    return [
        line
        for line in _contradicting(facts)
        if not (settings.matches and _can_be_kept(facts, settings, line))
    ]


def _contradicting(facts: Facts) -> list[SshLine]:
    lines, values = facts.ssh_lines, {name.lower(): v for name, v in wanted(facts).items()}
    ours = next((n for n, line in enumerate(lines) if line.path == OURS and not line.match), None)
    if ours is None:
        return []
    settled: set[str] = set()
    found = []
    for place, line in enumerate(lines):
        name = _name(line)
        if line.path == OURS or name not in values:
            continue
        counts = _in_block(facts, name) if line.match else place < ours and name not in settled
        if counts and _plain(line.value) != _plain(values[name]):
            found.append(line)
        if not line.match:
            settled.add(name)
    return found


def kept(facts: Facts, settings: Settings) -> list[str]:
    """What is otherwise for some since the user wants it so."""
    found = [line for line in _contradicting(facts) if settings.matches]
    return [f"kept: {line}" for line in found if _can_be_kept(facts, settings, line)]


def _can_be_kept(facts: Facts, settings: Settings, line: SshLine) -> bool:
    """Whether a line is an exception for others: passwords, from some place or for some users.

    Never root's login, which set-up is there to close, nor what holds for the admin everywhere.
    """
    if not line.match or _name(line) not in _KEPT:
        return False
    admin = facts.users.get(settings.admin)
    groups = admin.groups if admin else (settings.admin,)
    words = line.match.split()
    criteria = {key.lower(): said for key, said in zip(words[::2], words[1::2], strict=False)}
    asked = {"user": (settings.admin,), "group": groups}
    for_admin = all(_listed(criteria[key], asked[key]) for key in asked if key in criteria)
    return bool(_PLACES & criteria.keys()) or not for_admin


def _listed(patterns: str, names: Iterable[str]) -> bool:
    """Whether one of the names fits a list of patterns, of which ``!`` takes some out."""
    split = patterns.split(",")
    return any(
        any(matches(one, name) for one in split)
        and not any(one.startswith("!") and matches(one[1:], name) for one in split)
        for name in names
    )


def shut_out(facts: Facts, settings: Settings) -> tuple[str, ...]:
    """Why sshd would not let the admin in, or who deploys by a key, whose key is right."""
    deploys = _unlisted(facts, _DEPLOYS) if _DEPLOYS in facts.users else ()
    return (*_without_keys(facts), *_unlisted(facts, settings.admin), *deploys)


def _without_keys(facts: Facts) -> Iterator[str]:
    """Where sshd looks for keys elsewhere than set-up puts them."""
    files = facts.sshd.get("authorizedkeysfile", _KEYS).split()
    if not any(f"/{file}".endswith(f"/{_KEYS}") for file in files):
        yield (
            f"sshd reads keys from {' '.join(files)} (AuthorizedKeysFile), and set-up puts the"
            f" admin's into ~/{_KEYS}; add {_KEYS} to that line"
        )


def _unlisted(facts: Facts, user: str) -> tuple[str, ...]:
    """The list that keeps a user out, with its lines, and what to do."""
    known = facts.users.get(user)
    name = kept_out(facts.sshd, user, known.groups if known else (user,))
    if not name:
        return ()
    lines = [str(line) for line in facts.ssh_lines if _name(line) == name.lower()]
    said = "; ".join(lines) or f"{name} {facts.sshd[name.lower()]}"
    what = user if name.endswith("Users") else "a group that this user is in"
    way = f"take {what} out of it" if name.startswith("Deny") else f"add {what} to it"
    return (f"sshd does not let {user} in, because of {said}; {way}",)


_DEPLOYS = "holdfast-deploy"
"""Whose deploy keys are (``agent/keys.py``, which set-up does not bring along)."""


def _name(line: SshLine) -> str:
    return _ALIASES.get(line.keyword.lower(), line.keyword.lower())


_KEYS = ".ssh/authorized_keys"
_KEPT = frozenset({"passwordauthentication", "kbdinteractiveauthentication"})
_PLACES = frozenset({"address", "host", "localaddress", "localport", "rdomain"})
_ALIASES = {"challengeresponseauthentication": "kbdinteractiveauthentication"}
_WAYS_IN = (
    "permitrootlogin",
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "permitemptypasswords",
)
_TIME = {"s": 1, "m": 60, "h": 3600}


def _in_block(facts: Facts, name: str) -> bool:
    """Whether a block that says ``name`` matters: without our file all else differs anyway."""
    written = facts.text(OURS) is not None
    return name in _WAYS_IN or (written and name in [one.lower() for one in differing(facts)])


def _plain(value: str) -> str:
    """As ``sshd -T`` prints it: seconds for a time (sshd_config(5), TIME FORMATS), no capitals."""
    value = value.lower()
    number, unit = value[:-1], value[-1:]
    return str(int(number) * _TIME[unit]) if number.isdigit() and unit in _TIME else value

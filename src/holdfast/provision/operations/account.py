"""The admin: an account with the user's keys and sudo, in place of root."""

from __future__ import annotations

import re

from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.model import Action, Item, Phase, Run, Settings, WriteFile
from holdfast.provision.operations.common import WRITTEN, wants_file

SUDOERS = "/etc/sudoers.d/holdfast"
_GRANT = re.compile(r"^(\S+) ALL=\(ALL:ALL\) NOPASSWD: ALL$", re.MULTILINE)
LOOK = Look(files=frozenset({SUDOERS}), packages=frozenset({"sudo"}))


def admin(facts: Facts, settings: Settings) -> Item:
    """The account, with every key that can log in as the account used now."""
    name = settings.admin
    known = facts.users.get(name)
    home = known.home if known else f"/home/{name}"
    actions: list[Action] = []
    if known is None:
        about = ("--comment", "Admin, by holdfast server setup", "--shell", "/bin/bash")
        # "*" is no password at all, and unlike "!" no locked account either (shadow(5), sshd(8)).
        actions += [Run(("useradd", "--create-home", *about, "--password", "*", name))]
    have = known.keys if known else ()
    wanted = keys(facts)
    if missing := [key for key in wanted if key not in have]:
        actions += _give_keys(name, home, (*have, *missing))
    return Item(
        key="admin",
        title=f"Log in as {name}: {len(wanted)} key(s) of {facts.login}, sudo without a password",
        why="nobody needs root's own login: what is done as root has a name in the log, and keys"
        " replace passwords",
        source="sudo(8); sshd_config(5) PermitRootLogin; CIS Debian 12 5.1.20",
        actions=(*actions, *_sudo(facts, name)),
    )


def keys(facts: Facts) -> tuple[str, ...]:
    """The keys that let the present user in."""
    user = facts.users.get(facts.login)
    return user.keys if user else ()


def _give_keys(name: str, home: str, lines: tuple[str, ...]) -> list[Action]:
    directory = f"{home}/.ssh"
    return [
        Run(("install", "-d", "-m", "0700", "-o", name, "-g", name, directory)),
        WriteFile(f"{directory}/authorized_keys", "".join(f"{line}\n" for line in lines), 0o600),
        Run(("chown", f"{name}:", f"{directory}/authorized_keys")),
    ]


def _sudo(facts: Facts, name: str) -> tuple[Action, ...]:
    """sudo for the admin, and still for those who had it from an earlier set-up.

    To take it from them would lock everybody out if the new admin's login then fails: this is
    written before that is proven. sudo adds the user's umask to its own (sudoers(5), umask);
    ours is stricter for logins.
    """
    before = [one for one in _GRANT.findall(facts.text(SUDOERS) or "") if one in facts.users]
    names = before if name in before else [*before, name]
    grants = "".join(
        f"{one} ALL=(ALL:ALL) NOPASSWD: ALL\nDefaults:{one} umask=0022, umask_override\n"
        for one in names
    )
    return wants_file(facts, SUDOERS, WRITTEN + grants, 0o440)


def newly(facts: Facts, settings: Settings) -> str | None:
    """Who gets sudo in this run and would keep it for nothing if their login then fails.

    Never the account that is used now: what it has is the way back.
    """
    name = settings.admin
    had = _GRANT.findall(facts.text(SUDOERS) or "")
    return None if name in had or name == facts.login else name


def without(text: str, name: str) -> str | None:
    """The sudoers file once one has lost what set-up gave; ``None``: nobody else is in it."""
    kept = [line for line in text.splitlines(keepends=True) if not _is_about(line, name)]
    return "".join(kept) if _GRANT.search("".join(kept)) else None


def _is_about(line: str, name: str) -> bool:
    return line.split(" ", 1)[0] in (name, f"Defaults:{name}")


def only_root(facts: Facts, settings: Settings) -> Item:
    """Whose such an account is, and what depends on it, only a person knows."""
    return Item(
        key="root-accounts",
        title="No account but root with the rights of root (uid 0)",
        why="whoever logs in to it is root, whatever holds for root's own login",
        source="passwd(5); lynis AUTH-9204; CIS Debian 12 5.4.2.1",
        manual=tuple(
            f"{name} has uid 0, as root has; if nobody needs it: userdel -f {name}"
            for name in facts.also_root
        ),
    )


def root_password(facts: Facts, settings: Settings) -> Item:
    """No password for root, once the admin's way in is proven."""
    return Item(
        key="root-password",
        title="Lock root's password",
        why="a password can be guessed or leaked; sudo needs none",
        source="passwd(1) --lock; CIS Debian 12 5.4.2.4",
        actions=(Run(("usermod", "--password", "*", "root")),) if facts.root_password else (),
        phase=Phase.PROVEN,
    )

"""Deploy keys: public keys that can deploy one app, for CI.

On a set-up server they belong to a user of their own, who may start the door through sudo
and nothing else (:data:`USER`); elsewhere they stand in the account's own
``~/.ssh/authorized_keys``. sshd runs the door whatever is asked for, and ``restrict`` takes
terminals, forwarding and ``~/.ssh/rc`` away (sshd(8)).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import pwd
import re
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from holdfast.admitted import kept_out, sshd_settings
from holdfast.command import Command
from holdfast.config.names import app_name
from holdfast.config.wrong import Wrong
from holdfast.deploy.machine import Machine
from holdfast.errors import NotFound, UsageError
from holdfast.execute import run
from holdfast.files import write_atomic
from holdfast.layout import Layout
from holdfast.protocol import Emit
from holdfast.records import record

USER = "holdfast-deploy"
MARKER = Path("/etc/holdfast/server.json")
_HOME = Path("/var/lib/holdfast-deploy")
_SUDOERS = Path("/etc/sudoers.d/holdfast-deploy")
_KINDS = re.compile(r"(sk-)?(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521))(@openssh\.com)?\Z")
_LINE = re.compile(
    r'restrict,command="[^"]*door (?P<app>[a-z0-9-]+)(?P<host> host)?" (?P<kind>\S+) (?P<blob>\S+)'
)
_TIMEOUT = 30.0

Params = Mapping[str, Any]


@record
class Key:
    """A public key; ``comment`` says whose it is.

    Attributes:
        host: what it deploys may reach the server itself.
    """

    kind: str
    blob: str
    comment: str
    host: bool = False

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` shows it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def add(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Let a key deploy an app; again, with other rights, if it may already."""
    app, key = _app(params), parse(str(params["key"]))
    host = params.get("host") is True
    place = _place(machine.layout)
    place.make()
    place.check()
    lines = place.lines()
    for line in lines:
        found = _LINE.match(line)
        if key.blob in line.split() and (found is None or found["app"] != app):
            raise UsageError(
                f"{key.fingerprint} is already on this server, for something else",
                hint="a key of its own for each app: ssh-keygen -t ed25519 -f deploy-key -N ''",
            )
    command = f"{place.command(app)}{' host' if host else ''}"
    entry = f'restrict,command="{command}" {key.kind} {key.blob} {key.comment}'
    place.write([*(line for line in lines if key.blob not in line.split()), entry.rstrip()])
    return {"added": key.fingerprint, "app": app, "user": place.user, "host": host}


def list_(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """The keys of an app."""
    app, place = _app(params), _place(machine.layout)
    return {"keys": [_told(key) for key in _keys(place, app)], "user": place.user}


def remove(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Take a key away, by its fingerprint or comment."""
    app, place, wanted = _app(params), _place(machine.layout), str(params["key"])
    gone = [key for key in _keys(place, app) if wanted in (key.fingerprint, key.comment)]
    if not gone:
        raise NotFound(
            f"{app}: no deploy key {wanted}", hint="holdfast server deploy-key list shows them"
        )
    blobs = {key.blob for key in gone}
    place.write([line for line in place.lines() if not blobs & set(line.split())])
    return {"removed": [key.fingerprint for key in gone]}


def forget(layout: Layout, app: str) -> list[str]:
    """Take every key of an app away, and what it may start; their fingerprints.

    Otherwise whoever has one makes a removed app anew. Keys that are for another root's app of
    that name stay.
    """
    if not _reached_by_ssh(layout):
        return []
    place = _place(layout)
    ours = {line for line in place.lines() if place.leads_here(line, app)}
    gone = [key.fingerprint for key in _keys(place, app, ours)]
    if gone:
        place.write([line for line in place.lines() if line not in ours])
    return gone


def parse(text: str) -> Key:
    """Read one line of a ``.pub`` file.

    Raises:
        UsageError: it is no public key; no part of it is repeated, for it may be a private one.
    """
    words = text.strip().split(maxsplit=2)
    if "\n" in text.strip() or len(words) < 2 or not _KINDS.match(words[0]):
        raise UsageError(
            "that is no public key", hint="one line, as in deploy-key.pub: ssh-ed25519 AAAA… name"
        )
    try:
        raw = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raw = b""
    size = int.from_bytes(raw[:4])
    if raw[4 : 4 + size] != words[0].encode():  # RFC 4253, 6.6
        raise UsageError("that public key is damaged", hint="copy the whole line of the .pub file")
    comment = re.sub(r"[^\w@.+-]+", "_", words[2]) if len(words) > 2 else ""
    return Key(words[0], words[1], comment)


def _app(params: Params) -> str:
    try:
        return app_name(params["app"])
    except Wrong as error:
        raise UsageError(f"app: {next(iter(error)).message}") from None


def _told(key: Key) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "kind": key.kind,
        "comment": key.comment,
        "host": key.host,
    }


def _keys(place: _Place, app: str, among: Collection[str] | None = None) -> list[Key]:
    return [
        Key(entry["kind"], entry["blob"], line[entry.end() :].strip(), bool(entry["host"]))
        for line in (place.lines() if among is None else among)
        if (entry := _LINE.match(line)) and entry["app"] == app
    ]


def _reached_by_ssh(layout: Layout) -> bool:
    return (layout.root / "agent" / "current").exists()


def _place(layout: Layout) -> _Place:
    if not _reached_by_ssh(layout):
        raise UsageError(
            "deploy keys are for servers that are reached over SSH",
            hint="give --server user@host",
        )
    return _OfServer(layout) if os.geteuid() == 0 and MARKER.exists() else _Place(layout)


class _Place:
    """The account's own authorized keys; lines that are not ours stay."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.file = Path.home() / ".ssh" / "authorized_keys"

    def make(self) -> None:
        self.file.parent.mkdir(mode=0o700, exist_ok=True)

    def check(self) -> None:
        """See that sshd lets the user in, whatever keys it has; somebody just came by it."""

    def command(self, app: str) -> str:
        root = shlex.quote(str(self.layout.root))
        python = f"{root}/agent/current/bin/python"
        return f"exec env HOLDFAST_ROOT={root} {python} -I -m holdfast.agent door {app}"

    def leads_here(self, line: str, app: str) -> bool:
        """Whether a line is of a key that deploys the app of this root."""
        found = _LINE.match(line)
        root = str(self.layout.root)
        here = any(f"{text}/agent/" in line for text in (root, shlex.quote(root)))
        return here and found is not None and found["app"] == app

    def lines(self) -> list[str]:
        try:
            return self.file.read_text().splitlines()
        except FileNotFoundError:
            return []

    def write(self, lines: list[str]) -> None:
        write_atomic(self.file, "".join(f"{line}\n" for line in lines), mode=0o600)


class _OfServer(_Place):
    """A user that has nothing but this: no password, no file that it could write."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.user = USER
        self.file = _HOME / ".ssh" / "authorized_keys"
        self._door = layout.root / "agent" / "door"

    def make(self) -> None:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            words = ("--system", "--home-dir", str(_HOME), "--no-create-home", "--password", "*")
            run(Command(("useradd", *words, "--shell", "/bin/sh", USER), timeout=_TIMEOUT))
        for path in (_HOME, self.file.parent):
            path.mkdir(mode=0o755, exist_ok=True)
        root = shlex.quote(str(self.layout.root))
        script = f"#!/bin/sh\nHOLDFAST_ROOT={root} exec {root}/agent/current/bin/python"
        write_atomic(self._door, f'{script} -I -m holdfast.agent door "$@"\n', mode=0o755)

    def check(self) -> None:
        """See that sshd's lists let the user in.

        Raises:
            UsageError: one keeps it out.
        """
        asked = ("sshd", "-T", "-C", f"user={USER},host=localhost,addr=127.0.0.1")
        said = sshd_settings(run(Command(asked, timeout=_TIMEOUT), check=False).output)
        if name := kept_out(said, USER, [USER]):
            raise UsageError(
                f"sshd does not let {USER} in, whose the deploy keys are: {name}"
                f" {said[name.lower()]}",
                hint=f"grep -ri {name} /etc/ssh on the server shows the line; then systemctl reload"
                " ssh, and run this again",
            )

    def command(self, app: str) -> str:
        return f"exec sudo -n -- {self._door} {app}"

    def write(self, lines: list[str]) -> None:
        """The keys, and what they may start: exactly the door, with exactly these apps."""
        found = (_LINE.match(line) for line in lines)
        doors = sorted({f"{one['app']}{one['host'] or ''}" for one in found if one})
        rules = [
            f'Defaults!{self._door} env_keep += "SSH_ORIGINAL_COMMAND"\n',
            *(f"{USER} ALL=(root) NOPASSWD: {self._door} {words}\n" for words in doors),
        ]
        beside = _SUDOERS.with_name(".holdfast-deploy")  # sudo(8) passes names with a dot over
        write_atomic(beside, "".join(rules), mode=0o440)
        run(Command(("visudo", "-cf", str(beside)), timeout=_TIMEOUT))
        beside.replace(_SUDOERS)
        write_atomic(self.file, "".join(f"{line}\n" for line in lines), mode=0o644)

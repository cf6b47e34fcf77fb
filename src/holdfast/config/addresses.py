"""Readers for ``[tls]``: an e-mail address, a CA's address, a file here or on the server."""

from __future__ import annotations

import re

from holdfast.config.values import text
from holdfast.config.wrong import shown, wrong

_EMAIL = re.compile(r"[^@\s,;<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z")
SERVER = "server:"


def email(value: object) -> str:
    """One address, without a name around it."""
    written = text(value)
    if not _EMAIL.match(written):
        raise wrong(f'{shown(written)} is no e-mail address; one such as "me@example.com" is meant')
    return written


def https_url(value: object) -> str:
    """An ACME directory: https alone, as RFC 8555, 6.1, has it."""
    written = text(value)
    if not re.match(r"https://[^/\s]+(/\S*)?\Z", written):
        raise wrong(f"{shown(written)} is no https:// address of an ACME directory")
    return written


def key_file(value: object) -> str:
    """A file of this machine, or ``server:/absolute/path`` for one of the server."""
    written = text(value)
    if "BEGIN " in written:
        raise wrong("is the file's content; its path is meant")
    if written.startswith(SERVER) and not written.startswith(SERVER + "/"):
        near = SERVER + "/" + written.removeprefix(SERVER).lstrip("/")
        raise wrong(f"{shown(written)} is relative; write {shown(near)}")
    return written

"""Ask DNS itself where a name points (RFC 1035).

Not getaddrinfo(3): it reads ``/etc/hosts`` first, and there Debian writes the server's own
name beside 127.0.1.1; what visitors and the CA see is in DNS alone.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import struct
from pathlib import Path

from holdfast.errors import HoldfastError

A, CNAME, AAAA = 1, 5, 28
_TIMEOUT = 3.0
_TRIES = 2
_NXDOMAIN = 3
_TRUNCATED = 0x0200


class NoSuchName(HoldfastError):
    """DNS knows no such name."""


class Unanswered(HoldfastError):
    """No nameserver answered, or it could not."""


def addresses(name: str) -> list[str]:
    """The A and AAAA records of ``name``, as DNS has them now.

    Raises:
        NoSuchName: there is no such name.
        Unanswered: nobody could say.
    """
    return [*_ask(name, A), *_ask(name, AAAA)]


def nameservers() -> list[tuple[str, int]]:
    """``HOLDFAST_DNS`` (``ADDRESS:PORT``), or those of resolv.conf(5)."""
    if chosen := os.environ.get("HOLDFAST_DNS"):
        host, _, port = chosen.rpartition(":")
        return [(host.strip("[]"), int(port))]
    try:
        lines = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
    except OSError:
        lines = []
    found = [(line[1], 53) for line in lines if len(line) > 1 and line[0] == "nameserver"]
    return found or [("127.0.0.1", 53)]


def _ask(name: str, kind: int) -> list[str]:
    problem: Exception | None = None
    for server in nameservers() * _TRIES:
        try:
            return answers(_exchange(server, question(name, kind)), kind)
        except (OSError, ValueError, struct.error, IndexError) as error:
            problem = error
    raise Unanswered(f"DNS cannot be asked for {name}: {problem}")


def question(name: str, kind: int) -> bytes:
    """A query for one kind of record, recursion wanted."""
    header = struct.pack("!6H", secrets.randbelow(1 << 16), 0x0100, 1, 0, 0, 0)
    labels = name.rstrip(".").encode("ascii").split(b".")
    packed = b"".join(bytes([len(label)]) + label for label in labels)
    return header + packed + b"\0" + struct.pack("!2H", kind, 1)


def answers(reply: bytes, kind: int) -> list[str]:
    """The addresses in a reply; aliases have been followed by the nameserver.

    Raises:
        NoSuchName: it says so.
        ValueError: it says that it failed, or is no reply.
    """
    _, flags, questions, records = struct.unpack("!4H", reply[:8])
    code = flags & 0xF
    if code == _NXDOMAIN:
        raise NoSuchName("DNS knows no such name")
    if code or not flags & 0x8000:
        raise ValueError(f"the nameserver answers with code {code}")
    at = 12
    for _ in range(questions):
        at = _after_name(reply, at) + 4
    found = []
    for _ in range(records):
        at = _after_name(reply, at)
        its_kind, _, _, length = struct.unpack("!2HIH", reply[at : at + 10])
        at += 10
        if its_kind == kind:
            found.append(str(ipaddress.ip_address(reply[at : at + length])))
        at += length
    return found


def _after_name(reply: bytes, at: int) -> int:
    while length := reply[at]:
        if length >= 0xC0:
            return at + 2
        at += length + 1
    return at + 1


def _exchange(server: tuple[str, int], query: bytes) -> bytes:
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(_TIMEOUT)
        udp.connect(server)
        udp.send(query)
        reply = udp.recv(4096)
    if reply[:2] != query[:2]:
        raise ValueError("the reply is to another question")
    return _over_tcp(server, query) if reply[2] & (_TRUNCATED >> 8) else reply


def _over_tcp(server: tuple[str, int], query: bytes) -> bytes:
    with socket.create_connection(server, _TIMEOUT) as tcp, tcp.makefile("rb") as stream:
        tcp.sendall(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", stream.read(2))
        return stream.read(length)

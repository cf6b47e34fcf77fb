"""Source as it comes in over SSH: only what is not here yet travels.

An archive is sent in two parts. First ``source.offer``: the archive with its files' contents
cut out (:mod:`~holdfast.agent.offer`). What the last archive had is taken from there; the
answer names what is missing. Then ``source.put`` brings that. The archive that is put
together is the one that was cut, byte for byte: its SHA-256 proves it.

::

    apps/APP/incoming/.TOKEN.offer      an offer whose contents are still to come
    apps/APP/incoming/TOKEN.tar         whole
    apps/APP/sent/TOKEN.tar             the last one that was whole
    apps/APP/sent/contents.json         where in it each content is
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from holdfast.agent.offer import AGAIN, CHUNK, Offer
from holdfast.errors import TransportError, UsageError
from holdfast.files import free_megabytes, is_full, write_atomic
from holdfast.layout import AppLayout, Layout

_TOKEN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}\Z")
_INDEX = "contents.json"
_LARGEST = 1 << 28
"""Bytes of an offer; a file takes about 1,000."""


def offer(layout: Layout, app: str, body: Body) -> dict[str, Any]:
    """Take an offer in.

    Returns:
        the token, and in ``missing`` the numbers of the contents that are to be sent; none
        when the archive is whole already.
    """
    offered = Offer.from_bytes(_whole(body))
    home = layout.app(app)
    with _told(layout):
        layout.make()
        home.make()
        token = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(4).hex()}"
        missing = offered.missing(_Last(home).where)
        return _wait_or_put(home, token, offered, missing, iter(()))


def _whole(body: Body) -> bytes:
    """All of an offer, in memory: the names of a source's files, and no content.

    Raises:
        TransportError: it is larger than any source's; a small stream may say a lot of nothing.
    """
    data = bytearray()
    for piece in inflated(body):
        data += piece
        if len(data) > _LARGEST:
            raise TransportError("the list of the source's files is larger than any can be")
    return bytes(data)


def put(layout: Layout, app: str, token: str, body: Body) -> dict[str, Any]:
    """Take in what an offer was missing: the contents, one after the other.

    Returns:
        as :func:`offer`; something is missing again only if what was here is damaged.
    """
    home = layout.app(app)
    with _told(layout):
        asked, offered = _waiting(home, checked_token(token))
        return _put_together(home, token, offered, asked, inflated(body))


def checked_token(token: object) -> str:
    """A token, and nothing that leads elsewhere as a file's name.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(token, str) or not _TOKEN.match(token):
        raise UsageError(f"{token!r} is no token of a source")
    return token


def _wait_or_put(
    home: AppLayout, token: str, offered: Offer, missing: list[int], arriving: Iterator[bytes]
) -> dict[str, Any]:
    if not missing:
        return _put_together(home, token, offered, missing, arriving)
    waiting = json.dumps(missing).encode() + b"\n" + offered.to_bytes()
    write_atomic(home.incoming / f".{token}.offer", waiting, mode=0o600)
    return {"token": token, "missing": missing}


def _waiting(home: AppLayout, token: str) -> tuple[list[int], Offer]:
    """What was asked for, and the offer."""
    try:
        data = (home.incoming / f".{token}.offer").read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{home.name}: no source was offered as {token!r}") from None
    asked, _, rest = data.partition(b"\n")
    return json.loads(asked), Offer.from_bytes(rest)


def _put_together(
    home: AppLayout, token: str, offered: Offer, sent: list[int], arriving: Iterator[bytes]
) -> dict[str, Any]:
    """The archive appears when it is whole, for its owner alone."""
    beside = home.incoming / f".{token}.part"
    beside.touch(mode=0o600)
    last = _Last(home)
    try:
        with beside.open("w+b") as archive:
            written = _write(archive, offered, set(sent), _Arriving(arriving), last)
        if written == offered.sha256:
            last.replace(token, beside, offered)
            beside.replace(home.incoming / f"{token}.tar")
            (home.incoming / f".{token}.offer").unlink(missing_ok=True)
            return {"token": token, "missing": []}
    finally:
        beside.unlink(missing_ok=True)
    if sent == offered.missing(()):
        raise TransportError("the source arrived damaged", hint=AGAIN)
    last.forget()  # it is not what its index says
    return _wait_or_put(home, token, offered, offered.missing(()), iter(()))


def _write(
    archive: IO[bytes], offered: Offer, sent: set[int], arriving: _Arriving, last: _Last
) -> str:
    """Write the archive.

    Returns:
        its SHA-256.
    """
    digest = hashlib.sha256()
    written: dict[str, int] = {}
    for piece in offered.pieces():
        if isinstance(piece, bytes):
            found: Iterator[bytes] = iter((piece,))
        else:
            content = offered.contents[piece]
            if (at := written.get(content.sha256)) is not None:
                archive.flush()
                found = _read(archive, at, content.size)
            else:
                written[content.sha256] = archive.tell()
                if piece in sent:
                    found = arriving.take(content.size)
                else:
                    found = last.content(content.sha256)
        for data in found:
            digest.update(data)
            archive.write(data)
    arriving.end()
    return digest.hexdigest()


def _read(archive: IO[bytes], at: int, size: int) -> Iterator[bytes]:
    """A part of a file, whatever is written to it meanwhile."""
    while size and (data := os.pread(archive.fileno(), min(size, CHUNK), at)):
        at, size = at + len(data), size - len(data)
        yield data


class _Last:
    """The last archive that was whole.

    Attributes:
        where: SHA-256 → where the content begins and how long it is; nothing if unreadable.
    """

    def __init__(self, home: AppLayout) -> None:
        self._directory = home.sent
        self._archive: Path | None = None
        self.where: dict[str, tuple[int, int]] = {}
        try:
            said = json.loads((self._directory / _INDEX).read_text())
            archive = self._directory / f"{checked_token(said['token'])}.tar"
            where = {str(name): (int(at), int(size)) for name, (at, size) in said["at"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError):
            return
        if archive.is_file():
            self._archive, self.where = archive, where

    def content(self, sha256: str) -> Iterator[bytes]:
        """What is there under this name; the archive's own SHA-256 tells if it is right."""
        if self._archive is not None and sha256 in self.where:
            with self._archive.open("rb") as archive:
                yield from _read(archive, *self.where[sha256])

    def replace(self, token: str, archive: Path, offered: Offer) -> None:
        """Remember another; the file is the same as the one that is built from."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        (self._directory / f"{token}.tar").hardlink_to(archive)
        at = {item.sha256: [item.at, item.size] for item in offered.contents}
        index = json.dumps({"token": token, "at": at})
        write_atomic(self._directory / _INDEX, index, mode=0o600)
        for path in self._directory.glob("*.tar"):
            if path.stem != token:
                path.unlink(missing_ok=True)

    def forget(self) -> None:
        for path in self._directory.glob("*"):
            path.unlink(missing_ok=True)


class _Arriving:
    """Contents that come one after the other, without a mark between them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def take(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._left or next(self._pieces, b"")
            if not piece:
                raise TransportError("the source did not arrive whole", hint=AGAIN)
            yield piece[:size]
            self._left = piece[size:]
            size -= min(size, len(piece))

    def end(self) -> None:
        if self._left or next(self._pieces, b""):
            raise TransportError("the source arrived damaged", hint=AGAIN)


class Body:
    """The bytes that follow a request, and no more of the stream.

    Attributes:
        left: how many are still to be read.
    """

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self.left = size

    def read(self) -> bytes:
        """Some of it; nothing at its end, or where the stream ends too early."""
        data = self._stream.read(min(self.left, CHUNK))
        self.left -= len(data)
        return data

    def drain(self) -> None:
        """Read what nobody wanted: the next request comes behind it."""
        while self.left and self.read():
            pass


def inflated(body: Body) -> Iterator[bytes]:
    """Unpack the body, all of it.

    Raises:
        TransportError: it ended early, or is damaged.
    """
    unpacking = zlib.decompressobj()
    try:
        while chunk := body.read():
            if piece := unpacking.decompress(chunk):
                yield piece
    except zlib.error as error:
        raise TransportError(f"the source arrived damaged: {error}", hint=AGAIN) from None
    if body.left or not unpacking.eof:
        raise TransportError("the source did not arrive whole", hint=AGAIN)


@contextmanager
def _told(layout: Layout) -> Iterator[None]:
    """What the disk would not do is told as such."""
    try:
        yield
    except OSError as error:
        if not is_full(error, layout.root):
            raise TransportError(
                f"the source could not be stored on the server: {error.strerror}"
            ) from error
        raise TransportError(
            f"the disk of the server is full: {free_megabytes(layout.root)} MB are left for"
            f" {layout.root}",
            hint="make room there; the release that serves is not touched",
        ) from error

"""An archive with its contents cut out, and what is needed to put them back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import IO

from holdfast.errors import TransportError
from holdfast.records import record

CHUNK = 1 << 18
AGAIN = "run the command again"


@record
class Content:
    """One file's content in the archive: where it begins, how long it is, its SHA-256."""

    at: int
    size: int
    sha256: str


@record
class Offer:
    """What is told about an archive before any content of it is sent.

    Attributes:
        sha256: of the whole archive.
        contents: in the order of the archive.
        rest: the archive with the contents cut out.
    """

    sha256: str
    contents: tuple[Content, ...]
    rest: bytes

    def to_bytes(self) -> bytes:
        contents = [[item.at, item.size, item.sha256] for item in self.contents]
        head = json.dumps({"sha256": self.sha256, "contents": contents})
        return head.encode() + b"\n" + self.rest

    @classmethod
    def from_bytes(cls, data: bytes) -> Offer:
        """The offer again.

        Raises:
            TransportError: it is none.
        """
        head, _, rest = data.partition(b"\n")
        try:
            said = json.loads(head)
            contents = tuple(Content(int(a), int(b), str(c)) for a, b, c in said["contents"])
            _check_order(contents)
            return cls(str(said["sha256"]), contents, rest)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise TransportError("the source arrived damaged", hint=AGAIN) from None

    def missing(self, here: Collection[str]) -> list[int]:
        """The numbers of the contents that are not ``here`` by their SHA-256, each once."""
        seen = set(here)
        found = []
        for number, content in enumerate(self.contents):
            if content.sha256 not in seen:
                seen.add(content.sha256)
                found.append(number)
        return found

    def pieces(self) -> Iterator[bytes | int]:
        """The archive in order: parts of ``rest``, and the numbers of contents between them."""
        done = cut = 0
        for number, content in enumerate(self.contents):
            gap = content.at - done
            yield self.rest[cut : cut + gap]
            yield number
            done, cut = content.at + content.size, cut + gap
        yield self.rest[cut:]


def _check_order(contents: Sequence[Content]) -> None:
    """Raise ValueError where one does not lie behind the other."""
    end = 0
    for content in contents:
        if content.at < end or content.size < 0:
            raise ValueError
        end = content.at + content.size


def cut(archive: IO[bytes], places: Sequence[tuple[int, int]]) -> Offer:
    """Cut contents out of an archive.

    Args:
        places: where each begins and how long it is, in order.
    """
    whole = hashlib.sha256()
    contents, rest = [], []

    def read(size: int) -> bytes:
        data = archive.read(size)
        whole.update(data)
        return data

    for at, size in places:
        rest.append(read(at - archive.tell()))
        digest, left = hashlib.sha256(), size
        while left and (data := read(min(left, CHUNK))):
            digest.update(data)
            left -= len(data)
        contents.append(Content(at, size, digest.hexdigest()))
    while data := read(CHUNK):
        rest.append(data)
    return Offer(whole.hexdigest(), tuple(contents), b"".join(rest))

"""What of an archive has to be sent: only what the server does not have."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from holdfast.agent.offer import Offer, cut

_SMALL = 64
"""Bytes: a content that is no longer than its SHA-256 in hex stays in the offer."""


def offer(archive: Path) -> Offer:
    """Cut the contents of a tar archive's files out."""
    with tarfile.open(archive) as tar:
        places = [(item.offset_data, item.size) for item in tar if item.size > _SMALL]
    with archive.open("rb") as stream:
        return cut(stream, places)


def contents(archive: Path, offered: Offer, missing: Sequence[int]) -> bytes:
    """The contents that are missing, one after the other, as a zlib stream."""
    packing = zlib.compressobj(3)
    parts = []
    with archive.open("rb") as stream:
        for number in missing:
            content = offered.contents[number]
            stream.seek(content.at)
            parts.append(packing.compress(stream.read(content.size)))
    return b"".join((*parts, packing.flush()))

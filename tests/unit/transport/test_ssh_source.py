"""Source on its way: what is there already is not sent, what arrives is what was packed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.agent.offer import Offer
from holdfast.errors import TransportError
from holdfast.transport.ssh import delta

SERVE = [sys.executable, "-P", "-m", "holdfast.agent", "serve"]


class Far:
    """The server's side of one app, as a session over SSH starts it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "apps" / "notes" / "incoming"
        self.kept = root / "apps" / "notes" / "sent"

    def ask(self, *sent: bytes) -> list[Any]:
        env = {**os.environ, "HOLDFAST_ROOT": str(self.root)}
        done = subprocess.run(
            SERVE, input=b"".join(sent), env=env, capture_output=True, timeout=60, check=False
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def offer(self, offered: Offer) -> Any:
        return self.ask(request("source.offer", zlib.compress(offered.to_bytes())))[0]["result"]

    def put(self, token: str, packed: bytes) -> Any:
        return self.ask(request("source.put", packed, token=token))[0]

    def send(self, archive: Path) -> tuple[Path, list[int]]:
        """The whole way; where it arrived, and what of it was asked for."""
        offered = delta.offer(archive)
        answer = self.offer(offered)
        asked = answer["missing"]
        if asked:
            packed = delta.contents(archive, offered, asked)
            assert self.put(answer["token"], packed)["result"]["missing"] == []
        return self.incoming / f"{answer['token']}.tar", asked


def request(method: str, packed: bytes, **params: Any) -> bytes:
    value = {"app": "notes", "bytes": len(packed), **params}
    line = json.dumps({"version": 1, "method": method, "params": value})
    return line.encode() + b"\n" + packed


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "a"
        tar.addfile(link)
    return path


@pytest.fixture
def far(short_path: Path) -> Far:
    return Far(short_path / "r")


BIG = os.urandom(700_000)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return pack(tmp_path / "one.tar", {"a": BIG, "b": b"x" * 1000, "ü" * 200: b"y" * 513, "e": b""})


def test_the_first_time_all_of_it(far: Far, archive: Path) -> None:
    """What arrives is the same, byte for byte, and for its owner alone."""
    arrived, asked = far.send(archive)
    assert len(asked) == 3
    assert arrived.read_bytes() == archive.read_bytes()
    assert arrived.stat().st_mode & 0o777 == 0o600


def test_the_second_time_what_has_changed(far: Far, archive: Path, tmp_path: Path) -> None:
    """One file of four, whatever its name is; the others come from the archive before."""
    far.send(archive)
    second = pack(tmp_path / "two.tar", {"moved": BIG, "b": b"z" * 1000, "c": b"y" * 513})
    arrived, asked = far.send(second)
    assert asked == [1]
    assert arrived.read_bytes() == second.read_bytes()
    third, asked = far.send(second)
    assert asked == []
    assert third.read_bytes() == second.read_bytes()
    assert len(list(far.kept.glob("*.tar"))) == 1


def test_the_same_content_twice_travels_once(far: Far, tmp_path: Path) -> None:
    """Files that are equal are sent as one."""
    archive = pack(tmp_path / "one.tar", {"a": BIG, "b": BIG, "c": BIG})
    arrived, asked = far.send(archive)
    assert asked == [0]
    assert arrived.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("damage", ["content", "cut", "index", "gone"])
def test_what_was_kept_is_not_trusted(far: Far, archive: Path, damage: str) -> None:
    """An archive that was changed since is found out; then all is sent."""
    far.send(archive)
    kept = next(far.kept.glob("*.tar"))
    if damage == "content":
        data = bytearray(kept.read_bytes())
        data[data.index(b"xxx")] ^= 1
        kept.unlink()
        kept.write_bytes(data)
    elif damage == "cut":
        kept.unlink()
        kept.write_bytes(archive.read_bytes()[:1000])
    elif damage == "index":
        (far.kept / "contents.json").write_text('{"token": "../../x", "at": []}')
    else:
        kept.unlink()
    arrived, asked = far.send(archive)
    assert len(asked) == 3
    assert arrived.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("kept", [0, 1, 5000])
def test_half_a_source_is_none(far: Far, archive: Path, kept: int) -> None:
    """Cut on the way: an error, and nothing under a name that a deploy would take."""
    offered = delta.offer(archive)
    token = far.offer(offered)["token"]
    packed = delta.contents(archive, offered, [0, 1, 2])
    cut = request("source.put", packed, token=token)[: kept - len(packed)]
    error = far.ask(cut)[0]["error"]
    assert "did not arrive whole" in error["message"]
    assert [path.name for path in far.incoming.iterdir()] == [f".{token}.offer"]


def test_damaged_on_the_way(far: Far, archive: Path) -> None:
    """Refused, and the session goes on behind it."""
    offered = delta.offer(archive)
    token = far.offer(offered)["token"]
    packed = bytearray(delta.contents(archive, offered, [0, 1, 2]))
    packed[len(packed) // 2] ^= 1
    first, second = far.ask(
        request("source.put", bytes(packed), token=token),
        request("source.put", delta.contents(archive, offered, [0, 1, 2]), token=token),
    )
    assert "arrived damaged" in first["error"]["message"]
    assert second["result"] == {"token": token, "missing": []}


@pytest.mark.parametrize("token", ["../../../etc/passwd", "20260101-000000-0000000", "", "x/../y"])
def test_a_token_leads_nowhere_else(far: Far, token: str) -> None:
    """What is no token is refused before any file is looked at; its body is read over."""
    first, second = far.ask(request("source.put", b"12345", token=token), request("hello", b""))
    assert "is no token" in first["error"]["message"]
    assert "result" in second


def test_two_at_once(far: Far, archive: Path, tmp_path: Path) -> None:
    """Two laptops: each gets what it sent, though the one's ends between the other's parts."""
    far.send(archive)
    second = pack(tmp_path / "two.tar", {"a": BIG, "b": b"second" * 100})
    third = pack(tmp_path / "three.tar", {"only": b"third" * 100})
    offered = delta.offer(second)
    answer = far.offer(offered)
    far.send(third)
    again = far.put(answer["token"], delta.contents(second, offered, answer["missing"]))["result"]
    assert again["missing"] == [0, 1]
    last = far.put(answer["token"], delta.contents(second, offered, again["missing"]))["result"]
    assert last["missing"] == []
    assert (far.incoming / f"{answer['token']}.tar").read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "contents",
    [
        [[-1, 5, "a"]],
        [[0, -5, "a"]],
        [[10, 5, "a"], [12, 5, "b"]],
        [[float("inf"), 5, "a"]],
        [["x", 5, "a"]],
        [[1, 2]],
        {"a": 1},
        5,
    ],
)
def test_an_offer_that_is_none(contents: object) -> None:
    """Whatever stands there, it is damaged, and no fault."""
    head = json.dumps({"sha256": "", "contents": contents}).encode()
    with pytest.raises(TransportError, match="damaged"):
        Offer.from_bytes(head + b"\nrest")

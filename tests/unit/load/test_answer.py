"""Answers are read however they are cut, and nothing broken passes for one."""

from __future__ import annotations

import pytest

from load.answer import Answer, BadAnswer, Reader

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-App-Version: 2\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
)


def read_bytewise(data: bytes) -> Answer | None:
    reader, answer = Reader(), None
    for place in range(len(data)):
        assert answer is None
        answer = reader.feed(data[place : place + 1])
    return answer


@pytest.mark.parametrize(("data", "body"), [(SIZED, b"hello"), (CHUNKED, b"hello world")])
def test_bytes_may_come_one_by_one(data: bytes, body: bytes) -> None:
    """A sized and a chunked answer are whole with their last byte, not before."""
    answer = read_bytewise(data)
    assert answer is not None
    assert (answer.status, answer.body, answer.reusable) == (200, body, True)


def test_headers_are_found_in_lower_case() -> None:
    answer = Reader().feed(SIZED)
    assert answer is not None
    assert answer.headers["x-app-version"] == "2"


def test_an_interim_answer_is_passed_over() -> None:
    """100 Continue is followed by the real answer."""
    answer = read_bytewise(b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED)
    assert answer is not None
    assert answer.body == b"hello"


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    answer = Reader().feed(b"HTTP/1.1 %d X\r\n\r\n" % status)
    assert answer is not None
    assert answer.body == b""


def test_closing_ends_an_answer_without_a_length() -> None:
    """RFC 9112, 6.3, number 8."""
    reader = Reader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel") is None
    assert reader.feed(b"lo") is None
    answer = reader.end()
    assert (answer.body, answer.reusable) == (b"hello", False)


@pytest.mark.parametrize("data", [b"", SIZED[:-1], CHUNKED[:-3], b"HTTP/1.1 200"])
def test_an_answer_cut_short_is_an_error(data: bytes) -> None:
    reader = Reader()
    if data:
        reader.feed(data)
    with pytest.raises(BadAnswer, match="closed"):
        reader.end()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        SIZED + b"more",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        Reader().feed(data)

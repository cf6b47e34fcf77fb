"""Names of servers as a person writes them."""

from __future__ import annotations

import pytest

from holdfast.errors import UsageError
from holdfast.transport import open_transport
from holdfast.transport.ssh import SshTransport
from holdfast.transport.ssh.destination import Destination, parse


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("box", Destination("box")),
        ("app.example.com", Destination("app.example.com")),
        ("deploy@203.0.113.7", Destination("203.0.113.7", "deploy")),
        ("deploy@box:2222", Destination("box", "deploy", 2222)),
        ("root@[2001:db8::7]:22", Destination("2001:db8::7", "root", 22)),
        ("2001:db8::7", Destination("2001:db8::7")),
        ("my_alias.eu-1", Destination("my_alias.eu-1")),
    ],
)
def test_what_ssh_takes_is_understood(written: str, meant: Destination) -> None:
    """A host, an alias, a user, a port, an IPv6 address with and without brackets."""
    assert parse(written) == meant


@pytest.mark.parametrize(
    "server", ["ada@box", "ada@box:2222", "ada@2001:db8::7", "ada@[2001:db8::7]:2222", "box:22"]
)
def test_what_is_written_is_read_again(server: str) -> None:
    """Also for another user there, as messages and the list of servers have it."""
    found = parse(server)
    assert found.written(found.user) == server
    assert parse(found.written("eve")) == Destination(found.host, "eve", found.port)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-oProxyCommand=evil",
        "a b",
        "x;y",
        "box:",
        "box:0",
        "box:70000",
        "@box",
        "-l@box",
        "a@b@c",
    ],
)
def test_what_is_no_server_is_refused(written: str) -> None:
    """Above all what ssh would read as an option, or a shell as more than a word."""
    with pytest.raises(UsageError, match="is no server"):
        parse(written)


def test_nothing_is_connected_before_it_is_needed() -> None:
    """Opening a way tells whether it is written well, no more."""
    transport = open_transport("nobody@host.invalid:22")
    assert isinstance(transport, SshTransport)
    assert transport.server == "nobody@host.invalid:22"
    with pytest.raises(UsageError):
        open_transport("-oProxyCommand=evil")

"""A port on 127.0.0.1 for an app that cannot listen on a unix socket."""

from __future__ import annotations

import random
import socket

from holdfast.errors import ProcessError

_FIRST, _LAST = 20_000, 32_000
"""Below the ports that Linux gives to outgoing connections (32768 and up, ip(7)), so that
a crashed app finds its port free when it is started again."""


def free_port(taken: frozenset[int]) -> int:
    """A port nobody listens on, none of ``taken``.

    Raises:
        ProcessError: every one is in use.
    """
    for port in random.sample(range(_FIRST, _LAST), 500):
        if port in taken:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ProcessError(f"no free port between {_FIRST} and {_LAST} on 127.0.0.1")

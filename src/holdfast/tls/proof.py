"""HSTS, which cannot be taken back, grows with what is proven.

Nothing at first. A day once a request by HTTPS has worked as a browser makes it; thirty days
after a week of that; two years (Mozilla's advice) after a renewal has worked, which is what
a site that may no longer be reached by HTTP depends on.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

DAY = 86400
STAGES = (DAY, 30 * DAY, 730 * DAY)
_WEEK = 7 * DAY
_TIMEOUT = 5.0


def hsts(state: dict[str, Any], now: float) -> int:
    """Seconds that browsers may be told, by what the app's state says."""
    proven = state.get("proven")
    if proven is None:
        return 0
    if state.get("renewals", 0) > 0:
        return STAGES[2]
    return STAGES[1] if now - proven > _WEEK else STAGES[0]


def works(host: str, address: str, port: int) -> bool:
    """Whether HTTPS works there for everybody who trusts what this machine trusts.

    Python 3.13 has OpenSSL be strict about RFC 5280, which no browser is, and which the
    certificates of many a company's own CA do not stand.
    """
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    request = f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    try:
        with (
            socket.create_connection((address, port), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.sendall(request.encode())
            return secure.recv(8).startswith(b"HTTP/1.")
    except (OSError, ssl.SSLError):
        return False

"""No token in forms: the browser itself says where a request comes from.

``Sec-Fetch-Site`` is sent by every current browser and cannot be forged by a page;
``Origin`` is what older ones send. A program that sends neither carries nobody's cookies.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def refuse_cross_site() -> None:
    """Answer 403 to a request that changes something and comes from another site."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        allowed = site in {"same-origin", "none"}
    else:
        origin = request.headers.get("Origin")
        allowed = origin is None or urlsplit(origin).netloc == request.host
    if not allowed:
        abort(403, "This form was sent from another site.")

"""The ways to an agent: in process, printed, over SSH (not yet)."""

from __future__ import annotations

from holdfast.errors import UsageError
from holdfast.transport.contract import Transport

LOCAL = "local"


def open_transport(server: str) -> Transport:
    """The way to ``server``: ``local``, this machine, or ``user@host``.

    Raises:
        UsageError: no way leads there.
    """
    if server == LOCAL:
        from holdfast.layout import Layout, default_root
        from holdfast.transport.local import LocalTransport

        return LocalTransport(Layout(default_root()))
    raise UsageError(
        f"server {server!r}: servers reached over SSH are not available yet",
        hint='the one server there is now is this machine: --server local, or server = "local"',
    )

"""The ways to an agent: in process, printed, over SSH."""

from __future__ import annotations

from holdfast.transport.contract import Transport

LOCAL = "local"


def open_transport(server: str) -> Transport:
    """The way to ``server``: ``local``, this machine, or ``user@host`` as ssh(1) takes it.

    Raises:
        UsageError: no way leads there.
    """
    if server == LOCAL:
        from holdfast.layout import Layout, default_root
        from holdfast.transport.local import LocalTransport

        return LocalTransport(Layout(default_root()))
    from holdfast.transport.ssh import open_ssh

    return open_ssh(server)

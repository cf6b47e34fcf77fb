"""A server over SSH: OpenSSH's client, one connection a command, our own package at the far end."""

from holdfast.transport.ssh.transport import SshTransport, open_ssh, shell

__all__ = ["SshTransport", "open_ssh", "shell"]

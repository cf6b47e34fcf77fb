"""The runtime of a server with systemd: a sandboxed unit for each process, a user for each app."""

from holdfast.runtimes.systemd.runtime import SystemdRuntime

__all__ = ["SystemdRuntime"]

"""The runtime where there is no systemd, or no root: supervisord from PyPI, one for each ROOT."""

from __future__ import annotations

from holdfast.runtimes.supervisor.runtime import SupervisorRuntime

__all__ = ["SupervisorRuntime"]

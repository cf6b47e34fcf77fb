"""Processes as containers of a Compose project."""

from holdfast.runtimes.compose.runtime import ComposeRuntime

__all__ = ["ComposeRuntime"]

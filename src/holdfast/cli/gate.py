"""What ``open``, ``hold`` and ``maintenance`` have in common: they tell the gate."""

from __future__ import annotations

from typing import Any

from holdfast.cli.invocation import Invocation
from holdfast.cli.project import App
from holdfast.cli.show.paint import Paint


def tell_gate(invocation: Invocation, app: App, mode: str, line: str, **params: Any) -> None:
    """Set the gate and say what that means now."""
    result = app.call("gate", mode=mode, **params)
    color = "green" if mode == "open" else "yellow"
    invocation.answer(result, [f"{app.name}: {Paint()(mode, color)}. {line}"])

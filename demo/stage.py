"""What the audience sees while it happens: calm lines, and one that moves on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

from demo.acts import Act, Scene
from demo.performed import Performed

_BOLD, _SOFT, _GREEN, _RED, _PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"
_WIDTH = 76

_DOING = {
    "build": "building",
    "plan": "planning",
    "boot": "booting",
    "health": "booting",
    "hold": "holding requests",
    "drain": "the old version finishes what it has",
    "stop-old": "stopping the old version",
    "snapshot": "copying the database",
    "migrate": "migrating",
    "open": "letting the line through",
}


class Stage:
    """Prints; on a terminal in colours, with a line that says what happens now."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._terminal = self._out.isatty()
        self._scenes = 0
        self._moving = False
        self._act: Act | None = None

    def say(self, text: str = "") -> None:
        """A line that stays."""
        self._clear()
        print(text, file=self._out, flush=True)

    def scene(self, scene: Scene) -> None:
        """A new scene begins."""
        self._heading(scene.title)
        for line in scene.text.splitlines():
            self.say(f"   {self._soft(line)}")
        self.say()

    def visitors(self, rate: float) -> None:
        """The load begins."""
        self._heading("Visitors come")
        self.say(
            "   "
            + self._soft(
                f"{rate:g} requests a second for each app, whatever it does; every third is a POST."
            )
        )

    def leaving(self) -> None:
        """The load ends."""
        self._heading("The visitors leave, and every POST is looked up in the apps")

    def act(self, act: Act) -> None:
        """A deploy begins."""
        self._now(act, "starting")
        self._act = act

    def event(self, event: Mapping[str, Any]) -> None:
        """Something happened in the deploy that runs."""
        if event.get("event") == "step.started":
            step = str(event.get("step"))
            assert self._act is not None
            self._now(self._act, _DOING.get(step, str(event.get("title", step)).lower()))

    def performed(self, one: Performed) -> None:
        """A deploy has ended: what it was, how long requests were held, how long it took."""
        deployed = one.deployed
        right = deployed.outcome == one.act.outcome
        how = {"succeeded": "live", "undone": "taken back"}.get(deployed.outcome, deployed.outcome)
        mark = self._paint("✓" if right else "✗", _GREEN if right else _RED)
        held = (
            f", requests held for {seconds(deployed.held)}"
            if deployed.held and not one.first
            else ""
        )
        app = f"{one.act.app.name} {one.act.version}"
        strategy = "" if one.first else one.strategy
        self.say(f"   {mark} {app:9} {how:10} {strategy:9} {deployed.seconds:4.1f} s{held}")
        if deployed.outcome != "succeeded":
            self.say(f"     {self._soft('it said: ' + _first_line(deployed.error))}")

    def _heading(self, title: str) -> None:
        self._scenes += 1
        self.say()
        self.say(f"{self._paint(str(self._scenes), _SOFT)}  {self._paint(title, _BOLD)}")

    def _now(self, act: Act, doing: str) -> None:
        if not self._terminal:
            return
        self._clear()
        text = f"   {act.app.name} {act.version}: {doing} …"[:_WIDTH]
        print(self._soft(text), end="", file=self._out, flush=True)
        self._moving = True

    def _clear(self) -> None:
        if self._moving:
            print("\r\033[K", end="", file=self._out)
            self._moving = False

    def _soft(self, text: str) -> str:
        return self._paint(text, _SOFT)

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._terminal else text


def seconds(value: float) -> str:
    """``61 ms``, ``0.42 s``, ``2.3 s``."""
    if value < 0.1:
        return f"{1000 * value:.0f} ms"
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def _first_line(error: str | None) -> str:
    line = (error or "nothing").partition("\n")[0]
    return line if len(line) <= 100 else line[:99] + "…"

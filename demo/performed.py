"""One deploy of the demo, told apart from the stage that shows it and the story it is in."""

from __future__ import annotations

from dataclasses import dataclass

from demo.acts import FIRST, Act
from demo.place import Deployed


@dataclass(frozen=True, slots=True)
class Performed:
    """A deploy of the demo, and how it went."""

    act: Act
    strategy: str
    deployed: Deployed

    @property
    def first(self) -> bool:
        """Nothing served before, and there were no visitors yet."""
        return self.act in FIRST.acts

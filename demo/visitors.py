"""The visitors of one app: they come at a steady rate, whatever the app does."""

from __future__ import annotations

from load import Account, Call, Load, Profile, Run, account
from load.sites import Site

LONGEST = 150.0
"""Seconds after which they leave by themselves."""


class Visitors:
    """Use as a context; they leave with its end.

    Args:
        rate: requests a second.
    """

    def __init__(self, app: str, port: int, site: Site, rate: float) -> None:
        self.app = app
        self._site = site
        self._profile = Profile(f"{app}.localhost", port, rate, seconds=LONGEST)
        self._load = Load(self._profile, site)
        self._stored: list[str] = []
        self._calls: list[Call] = []

    def __enter__(self) -> Visitors:
        self._load.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._load.stop()

    @property
    def run(self) -> Run:
        return self._load.run

    def look_back(self, calls: list[Call]) -> None:
        """Ask the app what it has stored; ``calls`` are the app's, as the edge made them."""
        self._stored = self._site.stored(self._profile)
        self._calls = calls

    def account(
        self, versions: list[str], began: float = 0.0, ended: float = float("inf")
    ) -> Account:
        """What those saw who came within a time (``time.monotonic()``)."""
        epoch = self.run.epoch
        records = [one for one in self.run.records if began <= one.began <= ended]
        calls = [one for one in self._calls if began <= one.arrived - epoch <= ended]
        return account(Run(records, epoch), versions, self._stored, calls)

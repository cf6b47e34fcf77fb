"""The visitors of one app: they come at a steady rate, whatever the app does."""

from __future__ import annotations

from load import Account, Load, Profile, Run, account
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

    def __enter__(self) -> Visitors:
        self._load.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._load.stop()

    @property
    def run(self) -> Run:
        return self._load.run

    def leave(self) -> None:
        """Send no more, wait for what is out, and read what the app has stored."""
        self._load.stop()
        self._stored = self._site.stored(self._profile)

    def account(
        self, versions: list[str], began: float = 0.0, ended: float = float("inf")
    ) -> Account:
        """What those saw who came within a time; after :meth:`leave`."""
        records = [one for one in self.run.records if began <= one.began <= ended]
        return account(Run(records, self.run.epoch), versions, self._stored)

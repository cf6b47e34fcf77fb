"""A load of visitors, and an exact account of what they saw.

Used by the demo, the benches and the fault tests; it knows nothing of Holdfast but that
there is a server on 127.0.0.1 that tells apps apart by their ``Host``.
"""

from __future__ import annotations

from load.account import Account, account
from load.generator import Load
from load.order import Call
from load.profile import Profile, Traffic
from load.records import Planned, Record, Run

__all__ = ["Account", "Call", "Load", "Planned", "Profile", "Record", "Run", "Traffic", "account"]

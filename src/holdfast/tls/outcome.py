"""What came of one look at an app's certificate."""

from __future__ import annotations

from holdfast.records import record
from holdfast.tls.explain import Refusal


@record
class Outcome:
    """What came of one look at an app.

    Attributes:
        changed: another certificate is installed than before.
        asked: a CA was asked.
        refusal: what is missing, and why.
    """

    changed: bool = False
    asked: bool = False
    refusal: Refusal | None = None

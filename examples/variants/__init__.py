"""New versions of the examples, good and bad, for tests, the demo and the benchmarks.

No part of the apps: they know nothing of it. :func:`make_variant` does what their author
does: change the source, commit. On a command line::

    python -m examples.variants flask-notes migration DIRECTORY 2
"""

from __future__ import annotations

from examples.variants.make import BROKEN, EXAMPLES, KINDS, make_variant

__all__ = ["BROKEN", "EXAMPLES", "KINDS", "make_variant"]

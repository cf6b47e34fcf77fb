"""What the edge needs now and then, since no daemon of ours is there to do it.

Security updates of nginx reach it: what an update replaced on disk runs on until then. Its logs are
kept small.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.deploy.machine import Machine
from holdfast.errors import HoldfastError


def update_edge(machine: Machine) -> Iterator[str]:
    """Have the edge go on with the nginx and libraries that are installed; what came of it.

    No request is dropped. Nothing is said, and 1 ms spent, where no update came; one that fails
    leaves the edge as it was, and is tried again the next time.
    """
    try:
        found = machine.edge.take_up_update()
    except (HoldfastError, OSError) as error:
        why = getattr(error, "message", error)
        yield f"nginx was updated, but the edge still runs the old one: {why}"
        return
    if found:
        yield f"nginx goes on updated, no request was dropped: {', '.join(found)}"


def limit_logs(machine: Machine) -> Iterator[str]:
    """Put the edge's logs aside where they have grown too large; what went wrong."""
    try:
        machine.edge.limit_logs()
    except (HoldfastError, OSError) as error:
        yield f"the edge's logs grow on: {getattr(error, 'message', error)}"

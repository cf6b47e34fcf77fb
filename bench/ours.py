"""Our edge in front of a backend of the benchmark's own, without a deploy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.harness import children, proportional_memory
from holdfast.app import AppSpec, Dependencies, Web
from holdfast.app import Edge as EdgeOptions
from holdfast.edge.client import Edge
from holdfast.edge.contract import Target
from holdfast.layout import Layout

APP = "bench"
HOST = "bench.localhost"


@dataclass(frozen=True, slots=True)
class Ours:
    """A running edge: told by ``edge``, reached at ``port``, made of ``pids``."""

    edge: Edge
    port: int
    pid: int

    @property
    def pids(self) -> list[int]:
        """Its master and its workers."""
        return [self.pid, *children(self.pid)]

    def memory(self) -> int:
        """Bytes that its processes take together."""
        return proportional_memory(self.pids)


@contextmanager
def our_edge(
    root: Path, port: int, backend: str, options: EdgeOptions, *, workers: int = 1
) -> Iterator[Ours]:
    """Start it under ``root``, its gate open to ``backend`` (``unix:/path``)."""
    reachable(root, backend)
    layout = Layout(root)
    layout.make()
    spec = AppSpec(APP, (HOST,), "command", Dependencies("none"), Web("none"), edge=options)
    edge = Edge(layout, port=port, workers=workers)
    try:
        edge.ensure()
        edge.configure(spec)
        edge.open(APP, Target("a", backend, "bench", str(root)))
        pid = edge.info()["pid"]
        assert isinstance(pid, int)
        yield Ours(edge, port, pid)
    finally:
        edge.stop()


def reachable(root: Path, backend: str) -> None:
    """nginx's workers are another user when we are root: they must get to both."""
    for directory in (root, root.parent):
        directory.chmod(0o755)
    Path(backend.removeprefix("unix:")).chmod(0o777)

"""A real nginx for every test; at its end nobody is counted as waiting or in flight."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from holdfast.edge import binary
from holdfast.edge.client import Edge
from holdfast.errors import EdgeError
from tests.conftest import require
from tests.edge.backend import Backend
from tests.edge.site import Site, make_site

SiteFactory = Callable[..., Site]
BackendFactory = Callable[..., Backend]


@pytest.fixture(autouse=True, scope="session")
def _nginx() -> None:
    try:
        found = binary.find()
    except EdgeError:
        found = None
    require(found, f"nginx with its Lua module: {binary.INSTALL}")


@pytest.fixture
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteFactory]:
    """Makes edges (``workers=2``); each is checked and stopped at the end of the test."""
    import tempfile

    with ExitStack() as stack:

        def make(**options: Any) -> Site:
            root = Path(tempfile.mkdtemp(prefix="hf", dir="/tmp"))
            stack.callback(shutil.rmtree, root, ignore_errors=True)
            site = make_site(root, **options)
            stack.callback(site.finish)
            return site

        yield make


@pytest.fixture
def site(sites: SiteFactory) -> Site:
    """A running edge with one worker, and what a test needs around it."""
    return sites()


@pytest.fixture
def edge(site: Site) -> Edge:
    """The client of a running edge on a free port."""
    return site.edge


@pytest.fixture
def backend(site: Site) -> BackendFactory:
    """Makes started apps on unix sockets below the edge's root."""
    return site.backend

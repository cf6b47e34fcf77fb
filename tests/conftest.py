"""What every test may use: real parts or an honest skip, and short directories."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started with `&` from a script: then every child of ours would ignore Ctrl-C, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A machine that runs these tests as root may have systemd: its services are none of theirs.
os.environ.setdefault("HOLDFAST_RUNTIME", "supervisor")


def require(condition: object, what_to_install: str) -> None:
    """Go on if the real part is there; else skip, or fail where ``CI`` is ``true``.

    A test that is skipped in CI proves nothing, and nobody sees it.

    Args:
        what_to_install: one line for the reader: "nginx with its Lua module: apt-get install …".
    """
    if condition:
        return
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"needs {what_to_install}", pytrace=False)
    pytest.skip(f"needs {what_to_install}")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A new directory with a short path: unix sockets below it stay within 107 bytes (unix(7))."""
    path = Path(tempfile.mkdtemp(prefix="hf", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What ``bin/test`` uses for tests that failed beside others."""
    parser.addoption(
        "--again",
        action="append",
        default=[],
        metavar="TEST",
        help="run this test, and those marked 'prepares' that it goes on from; may be given again",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what ``--again`` names, and what leaves behind what that goes on from."""
    again = frozenset(config.getoption("again"))
    if not again:
        return
    sharing = {shares(test) for test in again}

    def wanted(item: pytest.Item) -> bool:
        prepares = item.get_closest_marker("prepares") is not None
        return item.nodeid in again or (prepares and shares(item.nodeid) in sharing)

    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]


def shares(test: str) -> str:
    """Tests with the same answer share what their module has made: a file's, of one Debian."""
    file, _, name = test.partition("::")
    debian = re.search(r"debian\d+", name)
    return f"{file} {debian.group()}" if debian else file

"""Methods by name, and what a deploy's first two cost to find."""

from __future__ import annotations

import subprocess
import sys

import pytest

from holdfast.agent.dispatch import MAKING, METHODS, find
from holdfast.agent.narrow import METHODS as BEHIND_A_DOOR
from holdfast.errors import UsageError

SCRIPT = """
import sys
import holdfast.agent.serve
from holdfast.agent.dispatch import find
find("expect"), find("look")
print(" ".join(sys.modules))
"""
SLOW = {"http.client", "email", "holdfast.config", "holdfast.detect", "holdfast.deploy.engine"}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_where_the_table_says(name: str) -> None:
    """A name that leads nowhere would be found out by who asks for it."""
    assert callable(find(name))


def test_other_tables_name_methods_that_there_are() -> None:
    """What makes the root directory, and what a deploy key may ask."""
    sent = {"source.offer", "source.put"}
    assert MAKING | set(BEHIND_A_DOOR) <= set(METHODS) | sent


def test_a_method_that_is_not_there_is_named() -> None:
    """A newer command may ask for more than this server knows."""
    with pytest.raises(UsageError, match="has no method 'app.fly'"):
        find("app.fly")


def test_what_a_deploy_asks_first_imports_little() -> None:
    """Until it is answered nobody starts the engine: 60 ms less of every deploy."""
    arguments = [sys.executable, "-P", "-c", SCRIPT]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert not SLOW & set(done.stdout.split())

"""Requests at the door of a deploy key: what fits goes on, all else is one error."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from holdfast.agent.narrow import METHODS, narrowed
from holdfast.errors import ConfigError, UsageError
from holdfast.protocol import Request

CONFIG: dict[str, Any] = {"app": {"name": "notes"}}
SOURCE = {"token": "20260101-000000-00000000", "commit": "abc1234", "dirty": False}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "value", [[], {}, 1.5, -1, "\0", True, [1], {"a": 1}, float("inf"), 10**400]
)
def test_no_request_is_a_fault(method: str, value: object) -> None:
    """Whatever stands in place of a parameter, the answer is an error that was meant."""
    for name in METHODS[method].split():
        params = {"app": "notes", name.rstrip("?"): value}
        with suppress(UsageError, ConfigError):
            assert narrowed("notes", Request(method, params)).params.get("app") in ("notes", None)


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("deploy", {}, "deploy: config is missing"),
        ("deploy", {"config": CONFIG}, "deploy: source is missing"),
        ("deploy", {"config": CONFIG, "source": {}}, "source is not what"),
        ("plan", {"config": CONFIG, "source": {**SOURCE, "dirty": "yes"}}, "source is not"),
        ("plan", {"config": CONFIG, "source": {**SOURCE, "commit": "../x"}}, "source is not"),
        ("deploy", {"config": CONFIG, "source": SOURCE, "strategy": []}, "strategy is not"),
        ("deploy", {"config": CONFIG, "source": SOURCE, "confined": False}, "with confined"),
        ("logs", {"lines": "x"}, "logs: lines is not"),
        ("logs", {"since": float("nan")}, "logs: since is not"),
        ("logs", {"processes": "web"}, "logs: processes is not"),
        ("source.offer", {}, "source.offer: bytes is missing"),
        ("source.offer", {"bytes": -1}, "bytes is not"),
        ("source.put", {"bytes": 1, "token": 1}, "token is not"),
        ("cert.put", {"certificate": "", "key": "", "domains": "x"}, "domains is not"),
        ("rollback", {"release": 1}, "release is not"),
    ],
)
def test_what_does_not_fit_is_named(method: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        narrowed("notes", Request(method, {"app": "notes", **params}))


def test_a_config_that_is_none() -> None:
    """Before the engine reads it, which would be killed by it and started again."""
    config = {"app": {"name": "notes", "domains": 5}}
    with pytest.raises(ConfigError, match="domains"):
        narrowed("notes", Request("deploy", {"app": "notes", "config": config, "source": SOURCE}))


@pytest.mark.parametrize("host", [True, False])
def test_what_it_deploys_is_confined(host: bool) -> None:
    """Unless the server's admin allows this key to reach the server."""
    params = {"app": "notes", "config": CONFIG, "source": SOURCE}
    for method in ("deploy", "plan"):
        asked = narrowed("notes", Request(method, params), host=host)
        assert asked.params["confined"] is not host

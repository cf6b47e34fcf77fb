"""One request in, one result out: the methods of the agent by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from holdfast.agent.machine import open_machine
from holdfast.deploy.machine import Machine
from holdfast.errors import UsageError
from holdfast.files import is_full
from holdfast.layout import Layout
from holdfast.protocol import Emit, Request

Method = Callable[[Machine, Mapping[str, Any], Emit], dict[str, Any]]


METHODS: Mapping[str, str] = {
    "hello": "apps.hello",
    "expect": "deploys.expect",
    "deploy": "secured.deploy",
    "plan": "secured.plan",
    "rollback": "secured.rollback",
    "follow": "deploys.follow_last",
    "cancel": "deploys.cancel",
    "releases": "deploys.releases",
    "status": "apps.status",
    "look": "apps.look",
    "logs": "apps.logs",
    "env.list": "apps.env_list",
    "env.set": "apps.env_set",
    "env.unset": "apps.env_unset",
    "gate": "apps.gate",
    "edge.status": "apps.edge_status",
    "cert.list": "certs.cert_list",
    "cert.renew": "certs.cert_renew",
    "cert.put": "certs.cert_put",
    "destroy": "destroy.destroy",
    "run.put": "handed.put",
    "key.add": "keys.add",
    "key.list": "keys.list_",
    "key.remove": "keys.remove",
}
"""Where in this package each is. Imported when it is asked for: all of them take 60 ms, of every
command on a server."""


MAKING = frozenset({"deploy", "plan", "env.set", "cert.put"})
"""Methods that make the root directory if this machine has none yet."""


def dispatch(layout: Layout, request: Request, emit: Emit) -> dict[str, Any]:
    """Do what ``request`` asks for on this machine.

    Args:
        emit: takes the events as they come.

    Returns:
        the method's result as plain JSON values.

    Raises:
        HoldfastError: what went wrong.
    """
    method = find(request.method)
    try:
        machine = open_machine(layout, make=request.method in MAKING)
        try:
            return method(machine, request.params, emit)
        finally:
            machine.journal.close()
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) or is_full(error, layout.root):
            from holdfast.deploy.recorder import named

            raise named(request.params.get("app"), error, layout.root) from error
        raise


def find(name: str) -> Method:
    """The method of that name.

    Raises:
        UsageError: there is none; a newer command may know more of them.
    """
    if name not in METHODS:
        raise UsageError(f"the server's Holdfast has no method {name!r}")
    module, _, function = METHODS[name].partition(".")
    found: Method = getattr(import_module(f"holdfast.agent.{module}"), function)
    return found

"""Docker's own network, ``network_mode: bridge``: it has neither names nor addresses that stay.

The edge needs an address of the web that stays, and a service can be in that network or in others.
So those in it get the network that a project has if it says nothing: they reach what they reached
there, ``links`` lead to the same services, and each is found by its name as well
(https://docs.docker.com/engine/network/drivers/bridge/).
"""

from __future__ import annotations

from typing import Any

_MODE, _DEFAULT = "bridge", "default"


def left(document: dict[str, Any], project: str) -> dict[str, Any]:
    """The document with its services out of that network.

    Args:
        project: what Compose calls the project.
    """
    there = [
        item
        for item in (document.get("services") or {}).values()
        if item.get("network_mode") == _MODE
    ]
    for item in there:
        del item["network_mode"]
        item["networks"] = {_DEFAULT: None}
    if not there:
        return document
    default = {_DEFAULT: {"name": f"{project}_{_DEFAULT}", "ipam": {}}}
    return {**document, "networks": {**default, **(document.get("networks") or {})}}

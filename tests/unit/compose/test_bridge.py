"""Services in Docker's own network."""

from __future__ import annotations

from typing import Any

from holdfast.compose.bridge import left


def test_they_get_the_project_s_default_network() -> None:
    """Others stay where they are, and so does a default network that the project says."""
    services: dict[str, Any] = {
        "web": {"network_mode": "bridge", "links": ["db"]},
        "db": {"network_mode": "bridge"},
        "vpn": {"network_mode": "host"},
        "own": {"networks": {"inner": None}},
    }
    found = left({"name": "hf-shop", "services": services, "networks": {"inner": {}}}, "hf-shop")
    assert found["services"] == {
        "web": {"networks": {"default": None}, "links": ["db"]},
        "db": {"networks": {"default": None}},
        "vpn": {"network_mode": "host"},
        "own": {"networks": {"inner": None}},
    }
    assert found["networks"]["default"]["name"] == "hf-shop_default"
    said = {"default": {"name": "shared", "external": True}}
    services["web"] = {"network_mode": "bridge"}
    assert left({"services": services, "networks": said}, "hf-shop")["networks"] == said


def test_a_project_without_them_stays_as_it_is() -> None:
    document = {"services": {"web": {"networks": {"default": None}}}}
    assert left(document, "hf-shop") is document

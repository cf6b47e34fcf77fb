"""What a project expects to find on the server."""

from __future__ import annotations

from typing import Any

from holdfast.compose import external

DOCUMENT: dict[str, Any] = {
    "services": {
        "web": {
            "networks": {"default": None, "proxy": None},
            "volumes": [
                {"type": "volume", "source": "kept", "target": "/a"},
                {"type": "volume", "source": "own", "target": "/b"},
                {"type": "bind", "source": "/kept", "target": "/c"},
            ],
        },
        "off": {"networks": {"other": None}},
    },
    "networks": {
        "default": {"name": "hf-shop_default"},
        "proxy": {"name": "traefik_public", "external": True},
        "other": {"name": "other", "external": True},
    },
    "volumes": {
        "kept": {"name": "shop_data", "external": True},
        "own": {"name": "hf-shop_own"},
    },
}


def test_by_their_names_on_the_server_and_only_where_they_are_used() -> None:
    assert external.networks(DOCUMENT, ["web"]) == ["traefik_public"]
    assert external.volumes(DOCUMENT, ["web"]) == ["shop_data"]
    assert external.networks(DOCUMENT, ["web", "off"]) == ["traefik_public", "other"]


def test_a_project_without_any() -> None:
    assert external.networks({"services": {"web": {}}}, ["web"]) == []
    assert external.volumes({"services": {"web": {}}}, ["web"]) == []

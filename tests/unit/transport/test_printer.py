"""A dry run shows what would be sent, and no secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holdfast.layout import Layout
from holdfast.protocol import Request
from holdfast.transport.local import LocalTransport
from holdfast.transport.printer import PrinterTransport


def test_private_keys_and_values_are_masked(tmp_path: Path) -> None:
    """The certificate is public; its key and what variables hold are not."""
    printer = PrinterTransport(LocalTransport(Layout(tmp_path)))
    sent = {"app": "site", "certificate": "public", "key": "s3cr3t"}
    printer.call(Request("cert.put", sent), lambda _: None)
    printer.call(Request("env.set", {"app": "site", "values": {"A": "s3cr3t"}}), lambda _: None)
    said = json.dumps(printer.withheld)
    assert "public" in said
    assert "s3cr3t" not in said
    assert sent["key"] == "s3cr3t"


def test_variables_of_the_config_are_masked(tmp_path: Path) -> None:
    """[env] is shown by its names; a key in it is not seen in a command that spells it out."""
    printer = PrinterTransport(LocalTransport(Layout(tmp_path)))
    config: dict[str, dict[str, Any]] = {
        "env": {"API_KEY": "sk_live_s3cr3t", "APP_MODE": "live-mode", "NAME": "notes"},
        "build": {"commands": ["fetch --key sk_live_s3cr3t"]},
    }
    for method in ("deploy", "plan"):
        printer.call(Request(method, {"app": "notes", "config": config}), lambda _: None)
    for sent in printer.withheld:
        assert sent["params"] == {
            "app": "notes",
            "config": {
                "env": {"API_KEY": "***", "APP_MODE": "***", "NAME": "***"},
                "build": {"commands": ["fetch --key ***"]},
            },
        }
    assert config["env"]["API_KEY"] == "sk_live_s3cr3t"

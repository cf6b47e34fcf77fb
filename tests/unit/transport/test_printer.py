"""A dry run shows what would be sent, and no secret in it."""

from __future__ import annotations

import json
from pathlib import Path

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

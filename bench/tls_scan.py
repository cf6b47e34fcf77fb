"""What is weak in a server's TLS: sslyze (PyPI) against Mozilla's configuration, and the headers.

Only this machine's own addresses and its test servers are scanned.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys

from bench.harness import BenchError, tool

LEVEL = "intermediate"
_TIMEOUT = 300.0
_FINDING = re.compile(r"^ {8}\* (\w+): (.+)$", re.MULTILINE)
_OK = "OK - Compliant"


def tls_findings(address: str, port: int, name: str, *, private_ca: bool = False) -> list[str]:
    """Everything in which the server at ``address`` falls short, one line each; none is good.

    Args:
        name: the host name that is asked for.
        private_ca: its certificate is of a test's own CA, which sslyze cannot be told of: that
            the path leads to no public root is then no finding.

    Raises:
        BenchError: it could not be scanned.
    """
    found = [
        f"{kind}: {text}"
        for kind, text in _compliance(address, port, name)
        if not (private_ca and kind == "certificate_path_validation")
    ]
    return found + _header_findings(address, port, name)


def _compliance(address: str, port: int, name: str) -> list[tuple[str, str]]:
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    done = subprocess.run(
        [sys.executable, "-m", "sslyze", "--sni", name, f"--mozilla_config={LEVEL}", target],
        env={**os.environ, "PYTHONPATH": str(tool("audit", "requirements-audit.txt"))},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    found = _FINDING.findall(done.stdout)
    if not found and _OK not in done.stdout:
        raise BenchError(f"{target} could not be scanned: {(done.stdout + done.stderr)[-800:]}")
    return found


def _header_findings(address: str, port: int, name: str) -> list[str]:
    """HSTS is sent, once; the server's version is not."""
    # sslyze has looked at the certificate; here it is about what is said over the connection.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), 10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        secure.sendall(f"HEAD / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        text = b"".join(iter(lambda: secure.recv(4096), b"")).decode("latin-1")
    told = re.findall(r"^Strict-Transport-Security: *(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    findings = []
    if len(told) != 1 or not re.match(r"max-age=[1-9]\d*", told[0]):
        findings.append(f"Strict-Transport-Security: {' and '.join(told) or 'is not sent'}")
    if version := re.search(r"^Server: *(\S*/\d\S*)", text, re.MULTILINE | re.IGNORECASE):
        findings.append(f"Server: tells its version, {version[1]}")
    return findings

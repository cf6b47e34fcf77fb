"""What is weak in a server's SSH: ssh-audit (PyPI), less what no setting of OpenSSH can avoid.

Only test servers of this machine's own are scanned.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from bench.harness import BenchError, tool

_TIMEOUT = 180.0
_WORSE = ("fail", "warn")


def ssh_findings(address: str, port: int = 22) -> list[str]:
    """Every failure and warning, one line each; none is good.

    Raises:
        BenchError: it could not be scanned.
    """
    audit = ("import sys; from ssh_audit.ssh_audit import main; sys.exit(main())",)
    # Its test of many connections at once would be a load, and the firewall's limit ends it.
    words = ("--json", "--skip-rate-test", f"--port={port}", address)
    done = subprocess.run(
        [sys.executable, "-c", *audit, *words],
        env={**os.environ, "PYTHONPATH": str(tool("audit", "requirements-audit.txt"))},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        said = (done.stdout + done.stderr)[-800:]
        raise BenchError(f"{address}: SSH could not be scanned: {said}") from None
    return sorted(_findings(found))


def _findings(found: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("kex", "key", "enc", "mac"):
        for item in found[kind]:
            for level in _WORSE:
                for note in item.get("notes", {}).get(level, ()):
                    yield f"{level}: {kind} {item['algorithm']}: {note}"

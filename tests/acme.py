"""A CA of the test's own: Pebble, Let's Encrypt's test server, and its DNS."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.certificates import Authority
from tests.edge.site import free_port

REFUSED = "refused.test"
"""A name that the CA gives no certificate for."""

MISSING = "certbot and pebble: apt-get install certbot pebble"


def installed() -> bool:
    return all(shutil.which(name) for name in ("certbot", "pebble", "pebble-challtestsrv"))


@dataclass(slots=True)
class Pebble:
    """A running CA that validates at ``http_port``.

    Attributes:
        validity: seconds that its certificates are good for; five years if not said.
        trust: the certificate with which Pebble itself listens.
        answers: address and port of its DNS, as HOLDFAST_DNS takes it.
    """

    home: Path
    http_port: int
    address: str = "127.0.0.1"
    validity: int | None = None
    port: int = field(default_factory=free_port)
    dns_port: int = field(default_factory=free_port)
    _dns_admin: int = field(default_factory=free_port)
    _admin: int = field(default_factory=free_port)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def directory(self) -> str:
        return f"https://{_in_url(self.address)}:{self.port}/dir"

    @property
    def trust(self) -> Path:
        return self.home / "pebble-trust.pem"

    @property
    def answers(self) -> str:
        return f"127.0.0.1:{self.dns_port}"

    def start_dns(self) -> None:
        four, six = ("", self.address) if ":" in self.address else (self.address, "")
        self._start(
            "pebble-challtestsrv",
            *("-defaultIPv4", four, "-defaultIPv6", six),
            *("-dns01", f":{self.dns_port}", "-management", f":{self._dns_admin}"),
            *("-http01", "", "-https01", "", "-tlsalpn01", ""),
        )

    def start(self, **environment: str) -> None:
        """Start the CA itself; with PEBBLE_WFE_NONCEREJECT and such in its environment."""
        authority = Authority(self.home / "listener")
        pair = authority.pair(self.address, "localhost", ip=self.address)
        (self.home / "pebble.pem").write_text(pair.chain)
        (self.home / "pebble.key").write_text(pair.key)
        self.trust.write_bytes(authority.certificate.read_bytes())
        config = {
            "listenAddress": f":{self.port}",
            "managementListenAddress": f":{self._admin}",
            "certificate": str(self.home / "pebble.pem"),
            "privateKey": str(self.home / "pebble.key"),
            "httpPort": self.http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "domainBlocklist": [REFUSED],
            **({"certificateValidityPeriod": self.validity} if self.validity else {}),
        }
        (self.home / "pebble.json").write_text(json.dumps({"pebble": config}))
        self._start(
            "pebble",
            *("-config", str(self.home / "pebble.json"), "-dnsserver", self.answers),
            # Neither its pauses nor the nonces that it refuses to keep clients on their toes.
            **{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **environment},
        )
        self._await()

    def stop(self) -> None:
        """End what we started, by its own number."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
        self._running.clear()

    def stop_ca(self) -> None:
        self._running[-1].send_signal(signal.SIGTERM)
        self._running.pop().wait(10)

    def root(self) -> str:
        """The certificate that signs its intermediate: what a browser would trust."""
        return self._get(f"https://127.0.0.1:{self._admin}/roots/0").decode()

    def point(self, domain: str, *addresses: str) -> None:
        """Have DNS say that ``domain`` is there."""
        for version, path in ((4, "add-a"), (6, "add-aaaa")):
            fit = [item for item in addresses if (":" in item) == (version == 6)]
            if fit:
                self._tell(path, host=f"{domain}.", addresses=fit)

    def unpoint(self, domain: str) -> None:
        self._tell("clear-a", host=f"{domain}.")
        self._tell("clear-aaaa", host=f"{domain}.")

    def nowhere(self) -> None:
        """Names without a record of their own have no address."""
        self._tell("set-default-ipv4", ip="")
        self._tell("set-default-ipv6", ip="")

    def _tell(self, path: str, **value: Any) -> None:
        data = json.dumps(value).encode()
        url = f"http://127.0.0.1:{self._dns_admin}/{path}"
        urllib.request.urlopen(url, data, timeout=10).close()

    def _get(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.trust))
        context.check_hostname = False
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:  # noqa: S310 - ours
            data: bytes = answer.read()
        return data

    def _start(self, *argv: str, **environment: str) -> None:
        with (self.home / f"{argv[0]}.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(
                    argv,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **environment},
                    start_new_session=True,
                )
            )

    def _await(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self._get(f"https://127.0.0.1:{self.port}/dir")
                return
            except OSError:
                assert time.monotonic() < deadline, (self.home / "pebble.log").read_text()
                time.sleep(0.05)


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@contextmanager
def pebble(
    home: Path,
    http_port: int,
    *,
    address: str = "127.0.0.1",
    validity: int | None = None,
    **environment: str,
) -> Iterator[Pebble]:
    """A CA and its DNS for the length of a block."""
    made = Pebble(home, http_port, address, validity)
    try:
        made.start_dns()
        made.start(**environment)
        yield made
    finally:
        made.stop()

"""A connection to a server that many commands share.

A login takes 0.15 s of a processor on both sides together, a command over a connection that stands
0.03 s, and tests run many hundreds of them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

_PATIENCE = 20.0


class Line:
    """One user's. It is made when it is first wanted, and again when it has ended.

    Args:
        config: for OpenSSH, with the server in it as ``name``.
    """

    def __init__(self, config: Path, name: str, user: str) -> None:
        self._config = config
        self._words = ("-l", user, name)
        # Unix sockets want a short path, and ssh puts 17 letters more behind it.
        self._home = Path(tempfile.mkdtemp(prefix="hf", dir="/tmp"))
        self._master: subprocess.Popen[bytes] | None = None

    def command(self, words: str) -> list[str]:
        """The arguments of ssh(1) for a command; without the line where none can be had.

        Then it is for ssh itself to say why.
        """
        shared = ["-S", str(self._home / "line")] if self._stands() else []
        return ["ssh", "-F", str(self._config), *shared, *self._words, "--", words]

    def _stands(self) -> bool:
        if self._master is None or self._master.poll() is not None:
            self._connect()
        return (self._home / "line").exists()

    def _connect(self) -> None:
        self.hang_up()
        # It notices a server that has gone without a word, and ends.
        options = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3")
        self._master = subprocess.Popen(
            ["ssh", "-F", self._config, *options, "-NMS", self._home / "line", *self._words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _PATIENCE
        while self._master.poll() is None and time.monotonic() < deadline:
            if (self._home / "line").exists():
                return
            time.sleep(0.01)

    def hang_up(self) -> None:
        """End it. Who knows that the server is about to go does so first."""
        if self._master is not None:
            self._master.kill()
            self._master.wait()
            self._master = None
        (self._home / "line").unlink(missing_ok=True)

    def remove(self) -> None:
        """End it for good."""
        self.hang_up()
        shutil.rmtree(self._home, ignore_errors=True)

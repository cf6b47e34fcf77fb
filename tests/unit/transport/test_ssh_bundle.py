"""What is sent to a server is all that its side needs, and nothing compiled."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

from holdfast.transport.ssh.bundle import bundle

IMPORTS = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "import holdfast.agent.__main__, holdfast.agent.serve, holdfast.agent.exec;"
    "import holdfast.agent.run, holdfast.releases.uv, holdfast.runtimes.supervisor.daemon, uv;"
    "assert all(m.__file__.startswith(sys.argv[1]) for n, m in sys.modules.items()"
    " if n.split('.')[0] in ('holdfast', 'supervisor', 'uv'))"
)


def test_the_agent_imports_nothing_else(tmp_path: Path) -> None:
    """A Python with the bundle and the standard library alone imports the server's side."""
    with tarfile.open(fileobj=io.BytesIO(bundle().archive())) as tar:
        tar.extractall(tmp_path, filter="data")
    argv = [sys.executable, "-I", "-S", "-c", IMPORTS, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_it_fits_every_machine() -> None:
    """No compiled part, no byte code; the edge's Lua and pages are in it, the CLI is not."""
    names = [name for name, _ in bundle().files]
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
    assert any(name.endswith(".lua") for name in names)
    assert not [name for name in names if name.startswith(("holdfast/cli/", "holdfast/transport/"))]


def test_its_name_is_its_content() -> None:
    """The same files have the same hash, in every process and order."""
    argv = [
        sys.executable,
        "-c",
        "from holdfast.transport.ssh.bundle import bundle as b; print(b().hash)",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == bundle().hash
    assert len(bundle().hash) == 16

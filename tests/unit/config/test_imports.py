"""Loading a config costs little: what is slow to import is imported by wrong configs only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from holdfast import config
config.load(Path(sys.argv[1]))
print(" ".join(sys.modules))
"""
TEXT = """
[app]
name = "notes"
[deploy]
longest_hold = "9s"
lease = "5s"
drain = "5s"
"""
SLOW = {
    "cattrs",
    "attr",
    "click",
    "rich",
    "difflib",
    "holdfast.app",
    "holdfast.config.words",
    "holdfast.config.strange",
}


def test_slow_modules_are_not_imported(tmp_path: Path) -> None:
    """cattrs alone takes 50 ms; the whole of loading is to take less than 40."""
    (tmp_path / "holdfast.toml").write_text(TEXT)
    arguments = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    assert not SLOW & set(run.stdout.split())

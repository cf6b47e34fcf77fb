"""What puts unconfirmed settings back, as far as that needs no server."""

from __future__ import annotations

import subprocess
from pathlib import Path

from holdfast.provision.guard import script


def test_puts_back_files(tmp_path: Path) -> None:
    """A file that was there is as it was, one that was not is gone; once, not twice."""
    home, there, new = tmp_path / "holdfast", tmp_path / "there it is", tmp_path / "new"
    (home / "undo").mkdir(parents=True)
    (home / "undo" / "0").write_text("old\n")
    there.write_text("changed\n")
    new.write_text("new\n")
    # Nothing of this machine's: the end of the script tells services.
    text = script([str(there), str(new)]).split("systemctl daemon-reload")[0]
    text = text.replace("/etc/holdfast", str(home))
    subprocess.run(["/bin/sh", "-c", text], check=True, timeout=10)
    assert there.read_text() == "old\n"
    assert not new.exists()
    (home / "undoing").rename(home / "undo.confirmed")
    there.write_text("confirmed\n")
    subprocess.run(["/bin/sh", "-c", text], check=True, timeout=10)
    assert there.read_text() == "confirmed\n"

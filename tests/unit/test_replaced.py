"""What of a process an update has replaced on disk, from what proc_pid_maps(5) says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from holdfast.replaced import files, files_of

NGINX = """\
55ba59c20000-55ba59c43000 r--p 00000000 fe:00 2344150  /usr/sbin/nginx (deleted)
55ba59c43000-55ba59d02000 r-xp 00023000 fe:00 2344150  /usr/sbin/nginx (deleted)
55ba59d54000-55ba59d75000 rw-p 00000000 00:00 0
55ba5a0c1000-55ba5a130000 rw-p 00000000 00:00 0  [heap]
7f78e2a40000-7f78e2a50000 r-xp 00000000 00:00 0
7f790d11e000-7f790d21e000 rw-s 00000000 00:01 9099  /dev/zero (deleted)
7f790d21e000-7f790d21f000 rwxs 00000000 00:01 9100  /memfd:jit (deleted)
7f790d29a000-7f790d29f000 rw-s 00000000 00:01 44  /srv/edge/run/board (deleted)
7f790d400000-7f790d6a1000 r-xp 000c2000 fe:00 131  /usr/lib/libcrypto.so.3
7f790d800000-7f790d8a1000 r-xp 0001e000 fe:00 132  /usr/lib/libssl.so.3 (deleted)
7f790d900000-7f790d923000 r-xp 00001000 fe:00 133  /opt/a b/liba.so (deleted)
7f790db33000-7f790db34000 r-xp 00000000 00:00 0  [vdso]
"""


def test_replaced_files() -> None:
    """The program and its libraries, each once; not shared memory, nor files that are only data."""
    wanted = ("/usr/sbin/nginx", "/usr/lib/libssl.so.3", "/opt/a b/liba.so")
    assert files(NGINX) == wanted
    assert files(NGINX.replace(" (deleted)", "")) == ()


def executes(pid: int, program: Path) -> bool:
    """Whether the kernel has come so far as to map it."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return any(line.endswith(str(program)) and " r-xp " in line for line in lines)


def test_process_whose_program_is_replaced(short_path: Path) -> None:
    """As dpkg replaces it: the new file is renamed to the old one's name."""
    program = short_path / "sleep"
    shutil.copy("/bin/sleep", program)
    shutil.copy("/bin/sleep", short_path / "new")
    with subprocess.Popen([program, "60"], stdout=subprocess.DEVNULL) as running:
        try:
            while not executes(running.pid, program):
                pass
            assert files_of(running.pid) == ()
            (short_path / "new").rename(program)
            assert files_of(running.pid) == (str(program),)
        finally:
            running.kill()
    assert files_of(running.pid) == ()

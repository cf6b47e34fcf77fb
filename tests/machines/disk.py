"""The disk of one server: an image beneath, its own changes on top, small disks within."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.machines.host import HostError, run


@dataclass(frozen=True, slots=True)
class Disk:
    """Lies in one directory; ``root`` is the server's root file system.

    What a server wrote stays when it crashes, as on a machine whose disk had written all: the
    page cache belongs to this machine, so bytes that were never synced survive as well.
    """

    directory: Path

    @property
    def root(self) -> Path:
        return self.directory / "root"

    def make(self, image: Path) -> None:
        """Put an image beneath: it is read, and what is written lies in an overlay."""
        self.root.mkdir(parents=True)
        options = [f"lowerdir={image}"]
        for name in ("upper", "work"):
            path = self.directory / name
            path.mkdir()
            options.append(f"{name}dir={path}")
        run("mount", "-t", "overlay", "overlay", "-o", ",".join(options), self.root)
        # What is mounted in it later is seen in the container, which gets a slave of this mount
        # (mount_namespaces(7)).
        run("mount", "--make-shared", self.root)

    def add_plain(self, path: str) -> None:
        """Have the absolute ``path``, with nothing in it yet, on this machine's file system itself.

        What Docker in the server keeps has to be: its own overlays cannot lie on one.
        """
        number = len(list(self.directory.glob("plain-*")))
        plain, target = self.directory / f"plain-{number}", self.root / path.lstrip("/")
        plain.mkdir()
        target.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", plain, target)

    def add_small(self, path: str, megabytes: int) -> None:
        """Mount an ext4 file system of its own at the absolute ``path``; what was there is hidden.

        It is there at the next boot too. Running servers see it at once.
        """
        number = len(list(self.directory.glob("small-*")))
        file = self.directory / f"small-{number}"
        with file.open("wb") as stream:
            stream.truncate(megabytes * 1024 * 1024)
        # No blocks kept back for root, who fills it in these tests.
        run("mkfs.ext4", "-q", "-m", "0", file)
        target = self.root / path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        run("mount", "-o", "loop", file, target)


def mounts_below(directory: Path, mountinfo: str) -> list[str]:
    """The mount points at or below a directory, in the order made (proc_pid_mountinfo(5))."""
    points = [line.split(" ")[4] for line in mountinfo.splitlines()]
    plain = [point.encode().decode("unicode_escape") for point in points]
    return [point for point in plain if Path(point).is_relative_to(directory)]


def remove(directory: Path) -> None:
    """Unmount everything below a directory, then remove it.

    Raises:
        HostError: a mount stays; then nothing is removed, for it could be anything.
    """
    for point in reversed(_mounts(directory)):
        run("umount", point, check=False)
    if left := _mounts(directory):
        raise HostError(f"still mounted: {', '.join(left)}")
    if directory.exists():
        shutil.rmtree(directory)


def _mounts(directory: Path) -> list[str]:
    return mounts_below(directory, Path("/proc/self/mountinfo").read_text())

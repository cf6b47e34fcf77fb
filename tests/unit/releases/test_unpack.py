"""Archives that want out of the release, and damaged ones."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from holdfast.errors import BuildError
from holdfast.releases.unpack import unpack


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path / "x.tar", "w") as tar:
        for member in members:
            member.size = 1 if member.isreg() else 0
            tar.addfile(member, io.BytesIO(b"x") if member.isreg() else None)
    return path / "x.tar"


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_files_links_and_their_names(tmp_path: Path) -> None:
    packed = archive(tmp_path, member("a/b.py"), member("c", tarfile.SYMTYPE, "a/b.py"))
    assert unpack(packed, tmp_path / "src") == {"a/b.py", "c"}
    assert (tmp_path / "src" / "c").read_text() == "x"


def test_an_env_file_is_not_for_everybody(tmp_path: Path) -> None:
    packed = archive(tmp_path, member(".env"), member("conf/.env.production"), member("app.py"))
    unpack(packed, tmp_path / "src")
    for name, mode in ((".env", 0o600), ("conf/.env.production", 0o600), ("app.py", 0o644)):
        assert stat.S_IMODE((tmp_path / "src" / name).stat().st_mode) == mode


@pytest.mark.parametrize(
    "bad",
    [
        member("../out"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "../../out"),
        member("hard", tarfile.LNKTYPE, "../out"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda item: f"{item.name}-{item.linkname}",
)
def test_nothing_lands_outside(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    with pytest.raises(BuildError) as caught:
        unpack(archive(tmp_path, bad), tmp_path / "deep" / "src")
    assert bad.name in caught.value.message
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "deep" / "out").exists()


def test_an_absolute_path_lands_inside(tmp_path: Path) -> None:
    """The filter takes the leading slash off (PEP 706)."""
    unpack(archive(tmp_path, member("/etc/x")), tmp_path / "src")
    assert (tmp_path / "src" / "etc" / "x").exists()


def test_damaged_and_missing_archives(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(BuildError, match="did not arrive whole"):
        unpack(tmp_path / "bad.tar", tmp_path / "a")
    with pytest.raises(BuildError, match="not there any more"):
        unpack(tmp_path / "none.tar", tmp_path / "b")
    whole = archive(tmp_path, *(member(f"f{number}") for number in range(50))).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 3 + 100])
    with pytest.raises(BuildError, match="did not arrive whole"):
        unpack(tmp_path / "cut.tar", tmp_path / "c")

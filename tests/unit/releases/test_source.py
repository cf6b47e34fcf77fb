"""What is packed: what is committed, or what git tracks as it is now."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from holdfast.errors import UsageError
from holdfast.releases.source import Packed, pack

IDENTITY = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=directory,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip()


class Project:
    def __init__(self, path: Path) -> None:
        self.path = path / "project"
        self.out = path / "out"
        self.path.mkdir()
        self.out.mkdir()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            self.file(name.replace("__", "."), text)

    def file(self, name: str, text: str = "x") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self) -> str:
        git(self.path, "add", "-A")
        git(self.path, "commit", "-q", "-m", "x")
        return git(self.path, "rev-parse", "HEAD")

    def pack(self, below: str = ".", *, dirty: bool = False) -> Packed:
        return pack(self.path / below, self.out, dirty=dirty)

    def names(self, below: str = ".") -> list[str]:
        with tarfile.open(self.pack(below).archive) as tar:
            return tar.getnames()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def repository(project: Project) -> Project:
    git(project.path, "init", "-q")
    return project


def contents(packed: Packed) -> dict[str, bytes]:
    """What the files of the archive hold; of links, nothing."""
    with tarfile.open(packed.archive) as tar:
        streams = {member.name: tar.extractfile(member) for member in tar if member.isreg()}
        return {name: stream.read() for name, stream in streams.items() if stream is not None}


@pytest.fixture
def changed(repository: Project) -> Project:
    """Every kind of change there is, none committed."""
    repository.write(app__py="old", gone__py="x", same__py="same", staged__py="old")
    repository.file(".gitignore", "*.log\n")
    repository.file("run.sh", "old").chmod(0o755)
    (repository.path / "link").symlink_to("same.py")
    repository.commit()
    repository.write(app__py="new", debug__log="noise", secret__txt="s", staged__py="new")
    repository.write(added__py="added")
    repository.file("run.sh", "new").chmod(0o644)
    git(repository.path, "add", "staged.py", "added.py")
    (repository.path / "gone.py").unlink()
    (repository.path / "link").unlink()
    (repository.path / "link").symlink_to("app.py")
    return repository


def test_what_is_committed(changed: Project) -> None:
    """Changes are not sent, and that is said; what is sent is the commit, bit for bit."""
    packed = changed.pack()
    assert contents(packed) == {
        ".gitignore": b"*.log\n",
        "app.py": b"old",
        "gone.py": b"x",
        "run.sh": b"old",
        "same.py": b"same",
        "staged.py": b"old",
    }
    with tarfile.open(packed.archive) as tar:
        assert tar.getmember("run.sh").mode == 0o755
        assert tar.getmember("link").linkname == "same.py"
    assert not packed.dirty
    (note,) = [note for note in packed.notes if "--dirty" in note]
    assert all(name in note for name in ("added.py", "app.py", "gone.py"))


def test_what_is_read_on_this_machine_is_not_missed(repository: Project) -> None:
    """Nobody is told to add or commit a config or a key: their content is used as it is now."""
    repository.write(app__py="x", holdfast__toml="old")
    repository.commit()
    repository.write(holdfast__toml="new", holdfast__staging__toml="x")
    repository.file("certs/app.key")
    read = frozenset({"certs/app.key"})
    assert pack(repository.path, repository.out, read=read).notes == ()
    repository.file("sub/holdfast.toml")
    (note,) = pack(repository.path, repository.out, read=read).notes
    assert note.startswith("git does not track sub/: not sent")


def test_the_working_tree_of_what_git_tracks(changed: Project) -> None:
    """With --dirty changes count; what git does not know stays, and that is said."""
    packed = changed.pack(dirty=True)
    assert contents(packed) == {
        ".gitignore": b"*.log\n",
        "added.py": b"added",
        "app.py": b"new",
        "run.sh": b"new",
        "same.py": b"same",
        "staged.py": b"new",
    }
    assert packed.dirty
    assert any("secret.txt" in note and "git add" in note for note in packed.notes)
    assert any("gone.py" in note for note in packed.notes)
    assert not any("debug.log" in note for note in packed.notes)


def test_commit_and_dirty(repository: Project) -> None:
    """Before the first commit there is nothing else to send than what is there."""
    repository.write(app__py="1")
    git(repository.path, "add", "-A")
    before = repository.pack()
    assert (before.commit, before.dirty) == (None, True)
    commit = repository.commit()
    clean = repository.pack(dirty=True)
    assert (clean.commit, clean.dirty) == (commit, False)
    repository.write(app__py="2")
    assert repository.pack(dirty=True).dirty
    assert not repository.pack().dirty
    assert repository.pack().commit == commit


def test_line_ends_as_a_checkout_writes_them(repository: Project) -> None:
    """A file that has changed is read from git, by the same rules as one that has not."""
    repository.file(".gitattributes", "*.txt text eol=crlf\n")
    repository.file("a.txt", "one\r\n")
    repository.commit()
    repository.file("a.txt", "two\r\n")
    assert contents(repository.pack())["a.txt"] == b"one\r\n"


def test_a_part_of_a_repository(repository: Project) -> None:
    """A project in a folder of a larger repository is packed from that folder."""
    repository.file("site/app.py")
    repository.file("other/x.py")
    repository.commit()
    repository.file("other/x.py", "changed")
    assert repository.names("site") == ["app.py"]
    assert not repository.pack("site").dirty


def test_executable_bits_and_links(repository: Project) -> None:
    repository.file("run.sh").chmod(0o700)
    repository.file("plain.py").chmod(0o666)
    (repository.path / "link").symlink_to("plain.py")
    (repository.path / "out").symlink_to("/etc/passwd")
    (repository.path / "up").symlink_to("../elsewhere")
    repository.commit()
    packed = repository.pack()
    with tarfile.open(packed.archive) as tar:
        modes = {member.name: member.mode for member in tar}
        assert modes == {"link": 0o777, "plain.py": 0o644, "run.sh": 0o755}
        assert tar.getmember("link").linkname == "plain.py"
    assert any("out" in note and "up" in note for note in packed.notes)


def test_the_same_files_make_the_same_archive(repository: Project) -> None:
    repository.write(b__py="1", a__py="2")
    repository.commit()
    first = repository.pack().archive.read_bytes()
    time.sleep(0.01)
    assert repository.pack().archive.read_bytes() == first


def test_names_that_are_no_plain_words(repository: Project) -> None:
    names = ["with space.py", "ümläut.py", "new\nline.py", '"quoted".py', "-dash.py"]
    for name in names:
        repository.file(name)
    repository.commit()
    assert sorted(repository.names()) == sorted(names)


def test_submodules(repository: Project, tmp_path: Path) -> None:
    """Files of a submodule that is checked out are sent; of one that is not, it is said."""
    (tmp_path / "library").mkdir()
    library = Project(tmp_path / "library")
    git(library.path, "init", "-q")
    library.file("lib.py")
    library.commit()
    repository.file("app.py")
    git(repository.path, "submodule", "add", "-q", str(library.path), "vendor/lib")
    repository.commit()
    assert "vendor/lib/lib.py" in repository.names()
    git(repository.path, "submodule", "deinit", "-q", "-f", "vendor/lib")
    packed = repository.pack()
    assert any("vendor/lib" in note and "submodule" in note for note in packed.notes)


@pytest.mark.parametrize("tracked", [True, False])
def test_holdfastignore(project: Project, tracked: bool) -> None:
    """The rules are gitignore(5)'s own, with and without git."""
    if tracked:
        git(project.path, "init", "-q")
    for name in ("app.py", "docs/a.md", "docs/keep.md", "x.csv", "data/x.csv", "tests/t.py"):
        project.file(name)
    project.file(".holdfastignore", "docs/*\n!docs/keep.md\n/x.csv\ntests/\n# a comment\n")
    if tracked:
        project.commit()
    assert project.names() == ["app.py", "data/x.csv", "docs/keep.md"]


def test_without_git_the_whole_folder_less_junk(project: Project) -> None:
    for name in (
        "app.py",
        "data/x.csv",
        "__pycache__/a.pyc",
        "node_modules/x/i.js",
        "myenv/pyvenv.cfg",
        "myenv/bin/python",
        ".venv/x",
        "a.pyc",
        ".DS_Store",
    ):
        project.file(name)
    (project.path / "shortcut").symlink_to("data")
    packed = project.pack()
    assert project.names() == ["app.py", "data/x.csv", "shortcut"]
    assert packed.commit is None
    assert any("no git here" in note and "myenv" in note for note in packed.notes)


def test_nothing_tracked_is_an_error(repository: Project) -> None:
    repository.write(app__py="x")
    with pytest.raises(UsageError, match="git tracks no file here") as caught:
        repository.pack()
    assert "add -A" in (caught.value.hint or "")


def test_an_ignored_folder_of_another_repository_is_sent_whole(repository: Project) -> None:
    """Somebody's home is a repository; the project in it is none of its business."""
    repository.file("dotfile")
    repository.commit()
    repository.file("code/app.py")
    assert repository.names("code") == ["app.py"]


def test_an_empty_folder_and_a_missing_one(project: Project) -> None:
    with pytest.raises(UsageError, match="nothing to deploy"):
        project.pack()
    with pytest.raises(UsageError, match="no such directory"):
        project.pack("missing")


def test_variables_of_a_git_hook_lead_nowhere_else(
    repository: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called from a hook, git's own variables name another repository."""
    repository.write(app__py="x")
    repository.commit()
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent")
    assert repository.names() == ["app.py"]


def test_thousands_of_files_take_no_time_each(repository: Project) -> None:
    """Measured: 0.9 s for 10,000. Processor time, git's too: a busy machine is no matter."""
    for directory in range(20):
        (repository.path / f"d{directory}").mkdir()
        for number in range(100):
            (repository.path / f"d{directory}" / f"{number}.py").write_text("x = 1\n")
    git(repository.path, "add", "-A")
    before = sum(os.times()[:4])
    assert repository.pack().files == 2_000
    assert sum(os.times()[:4]) - before < 5


@pytest.mark.parametrize("tracked", [True, False])
def test_a_private_key_is_in_no_release(tmp_path: Path, tracked: bool) -> None:
    """Neither from git nor from a plain folder: the app that runs there could read it."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("app.py", "key.pem"):
        (project / name).write_text(name)
    if tracked:
        git(project, "init", "-q")
        git(project, "add", ".")
        git(project, "commit", "-q", "-m", "one")
    packed = pack(project, tmp_path, without=frozenset({"key.pem"}))
    with tarfile.open(packed.archive) as tar:
        assert [name for name in tar.getnames() if name.endswith((".py", ".pem"))] == ["app.py"]

"""How versions follow each other in a repository; what each does is in tests/server/examples."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.variants import BROKEN, EXAMPLES, KINDS, make_variant
from examples.variants.edit import append, insert_after, insert_before, replace, set_version
from examples.variants.repository import Repository

PAIRS = [(example, kind) for example in EXAMPLES for kind in EXAMPLES[example][1]]


def git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=tree, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


@pytest.mark.parametrize(("example", "kind"), PAIRS)
def test_every_kind_can_be_made_and_what_is_python_compiles(
    example: str, kind: str, tmp_path: Path
) -> None:
    """Nothing is left uncommitted, and the source says the new version."""
    tree = make_variant(example, kind, tmp_path / example, "7")
    assert git(tree, "status", "--porcelain") == ""
    for path in tree.rglob("*.py"):
        compile(path.read_text(), path, "exec")
    assert 'VERSION = "7"' in (tree / EXAMPLES[example][0]).read_text()


def test_the_main_examples_have_every_kind() -> None:
    for example in ("flask-notes", "django-polls"):
        assert EXAMPLES[example][1].keys() == KINDS.keys()


@pytest.mark.parametrize("example", ["flask-notes", "django-polls"])
@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_version_is_taken_back_by_the_next(
    example: str, kind: str, tmp_path: Path
) -> None:
    """What was good before it stays: the migration of version 2, not the fault of 3 and 4."""
    tree = make_variant(example, "migration", tmp_path / example, "2")
    good = git(tree, "rev-parse", "HEAD").strip()
    make_variant(example, kind, tree, "3")
    make_variant(example, kind, tree, "4")
    make_variant(example, "plain", tree, "5")
    assert git(tree, "diff", "--name-only", good).split() == [EXAMPLES[example][0]]


def test_every_call_is_one_commit_with_a_fixed_author(tmp_path: Path) -> None:
    tree = tmp_path / "notes"
    for version in ("1", "2", "2"):
        make_variant("flask-notes", "plain", tree, version)
    lines = git(tree, "log", "--format=%an %ae %s").splitlines()
    assert lines == [
        "An author author@example.com flask-notes, version 2: plain",
        "An author author@example.com flask-notes, version 2: plain",
        "An author author@example.com flask-notes, version 1: plain",
        "An author author@example.com flask-notes, version as it is: plain",
    ]


def test_what_an_app_has_written_is_neither_copied_nor_committed(tmp_path: Path) -> None:
    tree = make_variant("flask-notes", "plain", tmp_path / "notes", "1")
    (tree / "instance").mkdir()
    (tree / "instance" / "notes.db").write_text("data")
    make_variant("flask-notes", "plain", tree, "2")
    assert (tree / "instance" / "notes.db").read_text() == "data"
    assert "instance" not in git(tree, "ls-files")


@pytest.mark.parametrize(
    ("example", "kind", "version", "said"),
    [
        ("rails-blog", "plain", "1", "no example 'rails-blog'"),
        ("asgi-live", "migration", "1", "no kind 'migration'"),
        ("flask-notes", "plain", 'x"', "letters, digits"),
    ],
)
def test_wrong_arguments_are_refused(
    example: str, kind: str, version: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        make_variant(example, kind, tmp_path / "tree", version)
    assert not (tmp_path / "tree").exists()


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="neither empty nor a repository"):
        make_variant("flask-notes", "plain", tmp_path, "1")
    repository = Repository(tmp_path)
    repository.init()
    repository.commit("Mine")
    with pytest.raises(ValueError, match="another repository"):
        make_variant("flask-notes", "plain", tmp_path, "1")
    make_variant("django-polls", "plain", tmp_path / "polls", "1")
    with pytest.raises(ValueError, match="another repository"):
        make_variant("flask-notes", "plain", tmp_path / "polls", "1")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_edits_refuse_a_file_that_is_not_as_expected(tmp_path: Path) -> None:
    """An example that has changed breaks its variants loudly."""
    path = tmp_path / "app.py"
    text = "a = 1\n  b = 2\nb = 2\n"
    path.write_text(text)
    edits: list[Callable[[], None]] = [
        lambda: insert_after(path, "c = 3", "x\n"),
        lambda: insert_before(path, "b = 2", "x\n"),
        lambda: replace(path, "b =", "c ="),
        lambda: set_version(path, "2"),
    ]
    for edit in edits:
        with pytest.raises(ValueError, match="expected once"):
            edit()
    assert path.read_text() == text


def test_edits_put_lines_where_they_belong(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text('VERSION = "1"\n  b = 2\n')
    insert_after(path, "b = 2", "  c\n")
    insert_before(path, "b = 2", "  a\n")
    append(path, "end\n")
    replace(path, "b = 2", "b = 3")
    set_version(path, "2")
    assert path.read_text() == 'VERSION = "2"\n  a\n  b = 3\n  c\nend\n'

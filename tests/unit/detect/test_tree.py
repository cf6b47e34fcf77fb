"""How a tree is read: each file once, nothing run, junk passed over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.detect.tree import Tree

WATCH = """
import json, sys
opened = []
def hook(event, args):
    if event == "open" and str(args[0]).startswith(sys.argv[1]):
        opened.append(str(args[0]))
sys.addaudithook(hook)
from pathlib import Path
from holdfast.config import App, Config
from holdfast.detect import Answers, resolve, scan
config = Config(app=App(name="site"))
project = scan(Path(sys.argv[1]), config)
resolve(config, project, Answers())
print(json.dumps({"opened": opened, "imported": "site_of_mine" in sys.modules}))
"""


def test_no_file_is_read_twice_and_none_is_run(tmp_path: Path) -> None:
    """Seen by an audit hook (PEP 578) in a process of its own."""
    for number in range(30):
        (tmp_path / f"module_{number}.py").write_text("import os\nos.environ['X']\n")
    (tmp_path / "site_of_mine.py").write_text(
        "raise SystemExit('it was run')\nfrom flask import Flask\napp = Flask(__name__)\n"
    )
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(tmp_path)], capture_output=True, text=True, check=True
    )
    seen = json.loads(done.stdout)
    assert len(seen["opened"]) >= 30
    assert sorted(set(seen["opened"])) == sorted(seen["opened"])
    assert seen["imported"] is False


def test_what_nobody_wrote_is_left_out(tmp_path: Path) -> None:
    """Virtual environments of any name, node_modules, hidden directories, huge and binary files."""
    for name in (".git", "node_modules", "my-env", "__pycache__", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("x = 1\n")
    (tmp_path / "my-env" / "pyvenv.cfg").write_text("")
    (tmp_path / "huge.py").write_bytes(b"#" * 1_000_001)
    (tmp_path / "binary.py").write_bytes(b"x\0y")
    tree = Tree(tmp_path)
    assert [path for path in tree.files if path.endswith("a.py")] == ["kept/a.py"]
    assert tree.read("huge.py") == tree.read("binary.py") == tree.read("not-there.py") == b""


def test_what_is_near_the_top_comes_first(tmp_path: Path) -> None:
    """Recognisers take the first that fits, so the order counts."""
    for name in ("a/b/c.py", "a/z.py", "z.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert Tree(tmp_path).python == ("z.py", "a/z.py", "a/b/c.py")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A link to a directory is not entered."""
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "app.py").write_text("")
    assert Tree(tmp_path).python == ("app.py",)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"])
def test_byte_order_marks(tmp_path: Path, mark: bytes) -> None:
    """Windows' editors write them, in UTF-8 and UTF-16."""
    data = "flask\n".encode("utf-16-le" if mark == b"\xff\xfe" else "utf-8")
    (tmp_path / "requirements.txt").write_bytes(mark + data)
    assert Tree(tmp_path).text("requirements.txt").lstrip("\ufeff") == "flask\n"

"""What the edge remembers of its first start."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.edge.settings import Settings, load, remember, wanted
from holdfast.errors import EdgeError, UsageError


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HOLDFAST_PORT", raising=False)
    monkeypatch.delenv("HOLDFAST_BIND", raising=False)
    return tmp_path / "edge" / "settings.json"


def test_defaults(path: Path) -> None:
    """Loopback, port 8080, one worker; nothing is written by asking."""
    assert wanted(path, None, None) == Settings(8080, 1, "127.0.0.1")
    assert load(path) is None


def test_environment_counts_before_the_first_start_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOLDFAST_PORT and HOLDFAST_BIND choose once; a later shell's do not move a running site."""
    monkeypatch.setenv("HOLDFAST_PORT", "9000")
    monkeypatch.setenv("HOLDFAST_BIND", "0.0.0.0")
    remember(path, wanted(path, None, None))
    monkeypatch.setenv("HOLDFAST_PORT", "nonsense")
    monkeypatch.setenv("HOLDFAST_BIND", "10.0.0.1")
    assert wanted(path, None, None) == Settings(9000, 1, "0.0.0.0")
    assert wanted(path, 9001, 2) == Settings(9001, 2, "0.0.0.0")


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80 ", "८०"])
def test_no_port(path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What is no port is refused with the variable's name."""
    monkeypatch.setenv("HOLDFAST_PORT", text)
    with pytest.raises(UsageError, match="HOLDFAST_PORT"):
        wanted(path, None, None)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"port": "80"}', '{"x": 1}', '{"port": 0}', '{"workers": 0}']
)
def test_damaged(path: Path, text: str) -> None:
    """A damaged file is named, and what to do with it."""
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(EdgeError, match=r"settings\.json: damaged"):
        load(path)


def test_remembered_once(path: Path) -> None:
    """The same settings are not written again."""
    remember(path, Settings(9000))
    before = path.stat().st_ino
    remember(path, Settings(9000))
    assert path.stat().st_ino == before
    assert load(path) == Settings(9000)

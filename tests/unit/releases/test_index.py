"""pip's configuration in uv's variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.releases import index


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home without any configuration, whatever this machine has."""
    (tmp_path / "none").write_text("")
    return {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}


def configured(environ: dict[str, str], tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "pip.conf").write_text(text)
    return {**environ, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}


def test_nothing_said_nothing_set(environ: dict[str, str]) -> None:
    assert index.variables(environ) == {}


def test_a_file(environ: dict[str, str], tmp_path: Path) -> None:
    said = configured(
        environ,
        tmp_path,
        "[global]\nindex-url = https://index.example.com/simple\n"
        "trusted-host = a.example.com\n  b.example.com\n"
        "[install]\nfind-links = /wheels /more\nextra_index_url = https://x.example.com/s\n",
    )
    found = index.variables(said)
    assert found["UV_DEFAULT_INDEX"] == "https://index.example.com/simple"
    assert found["UV_INDEX"] == "https://x.example.com/s"
    assert found["UV_FIND_LINKS"] == "/wheels,/more"
    assert found["UV_INSECURE_HOST"] == "a.example.com,b.example.com"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_variables_win_over_files_and_uv_over_pip(environ: dict[str, str], tmp_path: Path) -> None:
    said = configured(environ, tmp_path, "[global]\nindex-url = https://file.example.com/s\n")
    said["PIP_INDEX_URL"] = "https://variable.example.com/s"
    assert index.variables(said)["UV_DEFAULT_INDEX"] == "https://variable.example.com/s"
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        assert "UV_DEFAULT_INDEX" not in index.variables({**said, name: "https://uv.example.com/s"})


def test_the_certificates_of_pip(environ: dict[str, str]) -> None:
    assert index.variables({**environ, "PIP_CERT": "/ca.pem"}) == {"SSL_CERT_FILE": "/ca.pem"}
    both = {**environ, "PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/other.pem"}
    assert index.variables(both) == {}


def test_no_index_may_be_switched_off(environ: dict[str, str]) -> None:
    assert index.variables({**environ, "PIP_NO_INDEX": "0"}) == {}
    assert index.variables({**environ, "PIP_NO_INDEX": "1"}) == {"UV_NO_INDEX": "1"}


def test_a_broken_file_is_passed_over(environ: dict[str, str], tmp_path: Path) -> None:
    """pip's own error about it is the user's to meet with pip."""
    found = index.variables(configured(environ, tmp_path, "index-url without a section\n"))
    assert "UV_DEFAULT_INDEX" not in found

"""What is known of paths that containers write to, from release to release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from holdfast.compose.inside import Inside, Kept
from holdfast.compose.project import read
from holdfast.releases.contained import known, remember

_DB = Kept("web", "/app/hidden.db", "file", "in-containers/files/hidden.db", "hidden.db", "found")


def test_what_was_found_once_stays_known(tmp_path: Path) -> None:
    """No container shows it again, since it is written elsewhere; nothing is forgotten."""
    assert known(tmp_path) == []
    remember(tmp_path, [_DB])
    media = replace(_DB, path="/app/media", kind="directory", place="in-containers/folders/media")
    remember(tmp_path, [media])
    remember(tmp_path, [])
    assert known(tmp_path) == [_DB, media]


def test_a_volume_that_has_it_by_now_wins(tmp_path: Path) -> None:
    volume = {"type": "volume", "source": "data", "target": "/app"}
    for volumes, wanted in (([], _DB), ([volume], None)):
        web = read({"services": {"web": {"build": {}, "volumes": volumes}}}).services["web"]
        assert Inside(web, web, [], tmp_path).again(_DB) == wanted

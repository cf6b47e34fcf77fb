"""Files that Compose hands to services as configs and secrets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.compose import handed, overrides
from holdfast.releases import copies
from tests.unit.compose.test_override import SAID

DOCUMENT: dict[str, Any] = {
    "services": {
        "web": {"image": "x", "secrets": [{"source": "key"}]},
        "db": {
            "image": "postgres:17",
            "configs": [{"source": "tuned", "target": "/etc/tuned"}, {"source": "elsewhere"}],
            "secrets": [{"source": "key"}, {"source": "variable"}],
        },
    },
    "configs": {"tuned": {"file": "/r/1/src/pg.conf"}, "elsewhere": {"file": "/etc/hosts"}},
    "secrets": {"key": {"file": "/r/1/src/key.txt"}, "variable": {"environment": "PASSWORD"}},
}


def test_files_of_the_project_are_found_once() -> None:
    """Neither a variable, nor a file of the server is one; two services share another."""
    found = handed.files(DOCUMENT, ("web", "db"), Path("/r/1/src"))
    assert [(item.key, item.path, item.service) for item in found] == [
        ("secrets:key", "key.txt", "web"),
        ("configs:tuned", "pg.conf", "db"),
    ]


def test_a_database_gets_a_copy_that_outlives_the_release() -> None:
    """And is made anew when the content changed, not when only the release did."""

    def made(release: str, place: str) -> dict[str, Any]:
        tuned = {"tuned": {"file": f"/r/{release}/src/pg.conf"}}
        document = {**DOCUMENT, "configs": {**DOCUMENT["configs"], **tuned}}
        said = replace(SAID, fixed={"configs:tuned": place, "web:/configs:tuned": "/other"})
        return overrides.for_others(document, "shop", said, release)

    first, same, other = made("1", "/files/1"), made("2", "/files/1"), made("2", "/files/2")
    assert first["configs"] == {"tuned": {"file": "/files/1"}}
    marks = [item["services"]["db"]["labels"]["holdfast.definition"] for item in (first, same)]
    assert marks[0] == marks[1]
    assert other["services"]["db"]["labels"]["holdfast.definition"] != marks[0]


def test_a_copy_is_called_after_its_content(tmp_path: Path) -> None:
    """Two releases with the same file share one; a changed one is another."""
    home = tmp_path / "files"

    def kept(release: str, text: str) -> Path:
        source = tmp_path / release
        source.mkdir()
        (source / "pg.conf").write_text(text)
        return copies.keep(source / "pg.conf", home, source, release)

    first, same, other = kept("1", "a"), kept("2", "a"), kept("3", "b")
    assert first == same != other
    assert (first.name, first.read_text(), other.read_text()) == ("pg.conf", "a", "b")

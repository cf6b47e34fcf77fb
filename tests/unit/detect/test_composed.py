"""Which projects Docker is to run, by their Compose files' text alone."""

from __future__ import annotations

import pytest

from holdfast.config import from_json
from holdfast.detect.composed import wanted


@pytest.mark.parametrize(
    ("text", "docker"),
    [
        ("services:\n  web:\n    build: .\n", True),
        ("services:\n  web: {build: ., ports: ['80:80']}\n", True),
        ("services: {web: {ports: ['80:80'], build: .}}\n", True),
        ("include: [more.yaml]\n", True),
        ("services:\n  web: {image: 'shop/web:1'}\n", True),
        ("services:\n  db:\n    image: postgres:17\n  cache: {image: redis:8}\n", False),
        ("services:\n  db:\n    image: postgres:17\n    # {build: .}\n", False),
    ],
)
def test_what_docker_runs(text: str, docker: bool) -> None:
    """Anything but databases and tools, written in lines or in braces."""
    assert wanted(from_json({}), {"compose.yaml": text}) is docker


def test_files_that_are_named_are_meant() -> None:
    """Wherever they lie; unless something else is said to serve the app."""
    named = {"compose": {"files": ["docker/compose.yaml"]}}
    assert wanted(from_json(named), {})
    assert not wanted(from_json({**named, "web": {"command": "gunicorn app"}}), {})

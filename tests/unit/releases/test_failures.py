"""An image that was not built, in words that say what to do; the texts are BuildKit's."""

from __future__ import annotations

from pathlib import Path

from holdfast.errors import ProcessError
from holdfast.releases.failures import of_image

FAILED = ProcessError("docker compose build: ended with status 1")


def test_a_full_disk(tmp_path: Path) -> None:
    """Whose words BuildKit hands on; how much is left is said where Docker says where."""
    found = of_image(FAILED, "#8 head: write error: No space left on device", tmp_path)
    assert found.message.startswith("the disk is full: ")
    assert found.message.endswith(f"MB are left for {tmp_path}; an image was not built")
    assert "docker builder prune" in str(found.hint)
    without = of_image(FAILED, "write /var/lib/docker/tmp/x: no space left on device", None)
    assert without.message == "the disk is full; an image was not built"


def test_a_private_base_image() -> None:
    """The image is named, and the login that is lacking."""
    said = (
        "failed to solve: shop.example:5000/base:1: failed to resolve source metadata for "
        "shop.example:5000/base:1: failed to authorize: failed to fetch anonymous token"
    )
    found = of_image(FAILED, said, None)
    assert "its base image shop.example:5000/base:1 cannot be had" in found.message
    assert "docker login" in str(found.hint)


def test_anything_else() -> None:
    """As Docker says it, with the end of its output."""
    found = of_image(FAILED, "exit code: 3", None)
    assert found.message == f"an image was not built: {FAILED.message}"
    assert found.detail == "exit code: 3"

"""What was not built, in words that say what to do; the texts are those of the programs."""

from __future__ import annotations

from pathlib import Path

from holdfast.errors import CommandFailed, ProcessError
from holdfast.releases.failures import explained, of_image

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


def test_the_exception_that_a_command_ended_with(tmp_path: Path) -> None:
    """It is in the message: the status alone says nothing."""
    output = (
        "Compressing...\nTraceback (most recent call last):\n  File x\n"
        "compressor.exceptions.UncompressableFileError: 'site.css' could not be found\n"
    )
    error = CommandFailed("no", returncode=1, output=output)
    found = explained("build command 'python manage.py compress'", error, tmp_path)
    said = "ended with status 1: UncompressableFileError: 'site.css' could not be found"
    assert found.message == f"build command 'python manage.py compress': {said}"
    assert "COMPRESS_OFFLINE" in str(found.hint)
    plain = explained("install", CommandFailed("no", returncode=2, output="bad\n"), tmp_path)
    assert plain.message == "install: ended with status 2"


def test_versions_that_do_not_fit(tmp_path: Path) -> None:
    """uv's own reason is the message, on one line."""
    output = (
        "  error: No solution found when resolving dependencies\n  cause: Because old==0.5"
        " depends on x<2 and you require x==2,\n  we can conclude that your requirements are"
        " unsatisfiable.\n"
    )
    found = explained("install", CommandFailed("no", returncode=1, output=output), tmp_path)
    assert found.message == (
        "install: no versions fit together: Because old==0.5 depends on x<2 and you require x==2, "
        "we can conclude that your requirements are unsatisfiable."
    )


def test_a_package_that_could_not_be_built(tmp_path: Path) -> None:
    """It is named, with what it is compiled with; one of Python 2's time is told as that."""
    output = "error: Failed to build `mysqlclient==2.2.7`\n Exception: Can not find pkg-config\n"
    found = explained("install", CommandFailed("no", returncode=1, output=output), tmp_path)
    said = "mysqlclient==2.2.7 could not be built: Exception: Can not find pkg-config"
    assert found.message == f"install: {said}"
    assert "python3-dev default-libmysqlclient-dev" in str(found.hint)
    output = (
        "error: Failed to build `flask==0.9`\nSyntaxError: Missing parentheses in call to 'print'"
    )
    found = explained("install", CommandFailed("no", returncode=1, output=output), tmp_path)
    assert found.message.startswith("install: flask==0.9 could not be built: SyntaxError")
    assert "written for Python 2" in str(found.hint)

"""Images built where the command runs, and sent with the source: ``[compose] build = "here"``.

``docker save`` lays them down as files by their content, and source travels by content: of an
image only what the server does not have from the last deploy is sent. The server loads them and
builds nothing. What of the project's variables the server alone knows is empty in such a build.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from holdfast.command import Secret
from holdfast.compose import fronts, roles, written
from holdfast.compose.project import directory, read
from holdfast.config import Config
from holdfast.detect import composed
from holdfast.errors import BuildError, ProcessError
from holdfast.masking import masking
from holdfast.releases.failures import of_image
from holdfast.releases.unpack import unpack
from holdfast.runtimes.compose import api, docker, images

SAVING = 900.0


def add(
    archive: Path,
    config: Config,
    app: str,
    given: Mapping[str, str],
    on_line: Callable[[str], None],
) -> int:
    """Build the images of a packed source, and add them to its archive; how many there are.

    Args:
        given: variables that the deploy is given.

    Raises:
        BuildError: one was not built.
        DetectionError: the project is not understood.
        ProcessError: there is no Docker here.
    """
    masked = masking(given.values())
    with tempfile.TemporaryDirectory(prefix="holdfast-") as directory:
        home = Path(directory)
        unpack(archive, home / "source")
        try:
            tags = _build(home, config, app, given, lambda line: on_line(masked(line)))
        except ProcessError as error:
            if (lacking := docker.absent()) is not None:
                raise ProcessError(
                    lacking.message.replace("this server", "this machine"),
                    hint='[compose] build = "server" builds images on the server',
                ) from error
            raise of_image(error, masked(error.detail or ""), None) from error
        if tags:
            saved = home / "images.tar"
            words = ("save", "--output", str(saved), *tags)
            docker.call(docker.docker(*words, timeout=SAVING))
            _append(saved, archive)
    return len(tags)


def _build(
    home: Path,
    config: Config,
    app: str,
    given: Mapping[str, str],
    on_line: Callable[[str], None],
) -> list[str]:
    source = home / "source"
    files, _ = composed.files(config, source)
    values = {**written.shipped(directory(source, files)), **(config.env or {}), **given}
    with written.understood(files):
        enabled = written.profiles(config.compose.profiles, values, ())
        document = written.document(source, files, values, enabled | {"*"})
        project, asked = read(document), config.compose
        chosen = roles.assign(project, asked.web, asked.port, fronts.find(project, source))
    ours = chosen.everything
    built = tuple(name for name in ours if document["services"][name].get("build"))
    if not built:
        raise BuildError(
            "no service of the project is built", hint='[compose] build = "here" has nothing to do'
        )
    env = {name: Secret(value) for name, value in values.items()}
    wanted = images.Wanted(app, images.SENT, document, built, source, env)
    made = images.obtain(wanted, home / "build.json", on_line, lambda: False, on_line)
    # Each by its own name: which of them run there, the server knows.
    for name, image in made.items():
        api.tag(image, wanted.tag(name))
    return [wanted.tag(name) for name in made]


def _append(saved: Path, archive: Path) -> None:
    """Put the files of one archive into the other, in a directory of their own."""
    with tarfile.open(saved) as images_, tarfile.open(archive, "a") as tar:
        for member in images_:
            content = images_.extractfile(member) if member.isfile() else None
            member.name = f"{images.DIRECTORY}/{member.name}"
            if member.islnk():
                member.linkname = f"{images.DIRECTORY}/{member.linkname}"
            member.mode = 0o755 if member.isdir() else 0o644
            tar.addfile(member, content)

"""Images of releases: built or taken, told apart by their ids, tagged so that nothing prunes them.

A release starts the image whose id it wrote down, not what a name means today. The tag
``holdfast/APP:RELEASE.SERVICE`` only keeps it there (``docker image prune`` spares what is tagged).
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.compose import overrides
from holdfast.errors import BuildError, ProcessError
from holdfast.records import record
from holdfast.runtimes.compose import api, docker, leaning, records
from holdfast.runtimes.contract import Environment

BUILDING = 3600.0
"""Seconds for building all images of a release."""

SENT, DIRECTORY = "sent", ".holdfast-images"
"""What images that were built elsewhere are tagged with, and where in the source they lie."""

_FOR_OTHERS = ("cache_to", "provenance", "sbom", "attest", "tags")
"""What a build says for a registry, or another machine's builder: the daemon's own cannot do it,
or nobody here needs it (https://docs.docker.com/build/builders/drivers/)."""

_SAME_AGAIN = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""An image that is built of the same again is the same: nothing in it says when that was."""

_NAME = "io.containerd.image.name"

Line = Callable[[str], None]


@record
class Wanted:
    """The images of one release: of these services of a project whose source lies there.

    Attributes:
        pulled: what has an image's name is pulled by it, and not built.
    """

    app: str
    release: str
    document: Mapping[str, Any]
    services: Sequence[str]
    source: Path
    env: Environment
    pulled: bool = False

    def tag(self, service: str) -> str:
        return f"holdfast/{self.app}:{self.release}.{service}"


def obtain(
    wanted: Wanted, place: Path, on_line: Line, should_stop: Callable[[], bool], note: Line
) -> dict[str, str]:
    """Build or take the image of every service; its id by the service's name.

    Services that are built from the same definition share one build, and a service without one
    may name the image of another. What came with the source is not built again.

    Args:
        place: where the document is written for Compose, for root alone.
        note: told of an image that is older than it may be.

    Raises:
        ProcessError: a build failed, or an image cannot be had.
    """
    every = wanted.document["services"]
    tags = {name: wanted.tag(made) for name, made in first_of(wanted).items()}
    made = sorted(set(first_of(wanted).values()))
    if made and (wanted.source / DIRECTORY).is_dir():
        _load(wanted, made, place.with_suffix(".tar"))
    elif made:
        _build(wanted, made, place, on_line, should_stop)
    by_name = {str(every[name].get("image") or name): tag for name, tag in tags.items()}
    for name in wanted.services:
        if name not in tags:
            image = str(every[name]["image"])
            if image not in by_name:
                anew = _is_asked_anew(every[name])
                by_name[image] = _renewed(image, on_line, note) if anew else _taken(image, on_line)
            api.tag(by_name[image], wanted.tag(name))
            tags[name] = wanted.tag(name)
    return _ids(tags)


def first_of(wanted: Wanted) -> dict[str, str]:
    """The services that are built, each with the first one that is built in the same way."""
    first: dict[str, str] = {}
    found = {}
    for name in wanted.services:
        service = wanted.document["services"][name]
        ready = wanted.pulled and service.get("image")
        if (build := service.get("build")) and not ready:
            found[name] = first.setdefault(json.dumps(build, sort_keys=True), name)
    return found


def _load(wanted: Wanted, names: Sequence[str], archive: Path) -> None:
    """Take images that were built elsewhere out of the source."""
    sent = wanted.source / DIRECTORY
    check_names(wanted, sent)
    try:
        with tarfile.open(archive, "w") as tar:
            for path in sorted(sent.rglob("*")):
                tar.add(path, path.relative_to(sent).as_posix(), recursive=False)
        shutil.rmtree(sent)
        docker.call(docker.docker("load", "--input", str(archive), timeout=docker.PULLING))
    finally:
        archive.unlink(missing_ok=True)
    own = str(api.call("GET", "/version")["Arch"])
    for name in names:
        tag = replace(wanted, release=SENT).tag(name)
        made = next((item["Architecture"] for item in api.inspect("image", [tag])), None)
        if made is None:
            raise ProcessError(f"the image of {name} did not come with the source")
        if made != own:
            raise ProcessError(
                f"the image of {name} was built for {made}, and this server is {own}",
                hint=f"DOCKER_DEFAULT_PLATFORM=linux/{own} holdfast deploy builds for it",
            )
        api.tag(tag, wanted.tag(name))


def check_names(wanted: Wanted, sent: Path) -> None:
    """See that what was sent gives no name that others have: theirs would become this image.

    The names stand in both files, for a Docker with the one store of images or the other
    (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).

    Raises:
        ProcessError: it gives one, or is no archive of images.
    """
    try:
        manifest = json.loads((sent / "manifest.json").read_text())
        index = json.loads((sent / "index.json").read_text()) if _has_index(sent) else {}
        given = [str(tag) for item in manifest for tag in item.get("RepoTags") or ()]
        notes = [item.get("annotations") or {} for item in index.get("manifests") or ()]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ProcessError("the images that came with the source are no archive of them") from error
    given += [str(said[_NAME]) for said in notes if _NAME in said]
    ours = re.compile(rf"(?:docker\.io/)?{re.escape(f'holdfast/{wanted.app}:{SENT}.')}[\w.-]+\Z")
    if strange := [name for name in given if not ours.match(name)]:
        raise ProcessError(f"the images that came with the source are called {strange[0]}")


def _has_index(sent: Path) -> bool:
    return (sent / "index.json").exists()


def _build(
    wanted: Wanted,
    names: Sequence[str],
    place: Path,
    on_line: Line,
    should_stop: Callable[[], bool],
) -> None:
    every = wanted.document["services"]
    found = leaning.leans(every, names)
    parts = {
        name: {
            "build": leaning.told(_for_one_machine(every[name]["build"]), said, wanted.tag),
            "image": wanted.tag(name),
        }
        for name, said in found.items()
    }
    whole = {key: wanted.document[key] for key in ("name", "secrets") if key in wanted.document}
    records.write(place, {**whole, "services": parts})
    for wave in leaning.waves(found):
        command = docker.compose(
            overrides.project_name(wanted.app),
            wanted.source,
            [place],
            "--progress=plain",
            "build",
            *wave,
            timeout=BUILDING,
            env={**wanted.env, **_SAME_AGAIN},
        )
        docker.call(command, on_line=on_line, should_stop=should_stop)


def _for_one_machine(build: Mapping[str, Any]) -> dict[str, Any]:
    """A build without what it says for others; of several platforms it is for the builder's own."""
    left = {key: value for key, value in build.items() if key not in _FOR_OTHERS}
    if len(left.get("platforms") or ()) > 1:
        del left["platforms"]
    return left


def _is_asked_anew(service: Mapping[str, Any]) -> bool:
    """Whether a name may mean another image by now: what a CI pushes is called the same again.

    Images of the library (``python:3.13``) are no app's own; a digest is always the same.
    """
    policy, image = str(service.get("pull_policy") or ""), str(service["image"])
    if policy in ("never", "missing", "if_not_present"):
        return False
    own = "/" in image.removeprefix("docker.io/").removeprefix("library/")
    return (own or policy not in ("", "build")) and "@" not in image


def _renewed(image: str, on_line: Line, note: Line) -> str:
    """The image that a name means in its registry now; the one that is here if nobody tells."""
    try:
        return _pulled(image, on_line)
    except BuildError as error:
        if not api.inspect("image", [image]):
            raise
        said = (error.detail or error.message).strip().splitlines()[-1]
        note(f"the image {image} that is here is taken; whether there is a newer one: {said}")
    return image


def _taken(image: str, on_line: Line) -> str:
    """An image that nobody builds here, pulled if it is not here."""
    return image if api.inspect("image", [image]) else _pulled(image, on_line)


def _pulled(image: str, on_line: Line) -> str:
    try:
        docker.call(docker.docker("pull", image, timeout=docker.PULLING), on_line=on_line)
    except ProcessError as error:
        raise BuildError(
            f"the image {image} cannot be pulled: {error.message}",
            hint="is its name right? docker login on the server lets in to a private registry",
            detail=error.detail,
        ) from error
    return image


def _ids(tags: Mapping[str, str]) -> dict[str, str]:
    """The id of each service's image, by its tag."""
    found = {
        tag: str(item["Id"])
        for item in api.inspect("image", sorted({*tags.values()}))
        for tag in item["RepoTags"] or ()
    }
    for tag in tags.values():
        if tag not in found:
            raise ProcessError(f"Docker has no image {tag} after its build")
    return {name: found[tag] for name, tag in tags.items()}


def place() -> Path | None:
    """Where the daemon keeps images; ``None`` if it does not say."""
    try:
        return Path(api.info()["DockerRootDir"])
    except ProcessError:
        return None


def exposed(image: str) -> int | None:
    """The first TCP port that an image says it listens on."""
    for found in api.inspect("image", [image]):
        ports = (found["Config"] or {}).get("ExposedPorts") or {}
        return next((int(name.split("/")[0]) for name in ports if name.endswith("/tcp")), None)
    return None


def declared(services: Mapping[str, str], on_line: Line) -> dict[str, list[str]]:
    """The volumes that the image of each service declares; one that is not here is pulled.

    Args:
        services: image by service.

    Raises:
        BuildError: one cannot be pulled.
        ProcessError: the daemon does not answer.
    """
    found = {}
    for name, image in services.items():
        for item in api.inspect("image", [_taken(image, on_line)]):
            found[name] = sorted((item["Config"] or {}).get("Volumes") or ())
    return found


def starts(image: str) -> tuple[str, dict[str, str]]:
    """The directory in which an image's program runs, empty if it does not say; its variables."""
    for found in api.inspect("image", [image]):
        config = found["Config"] or {}
        pairs = (str(item).partition("=") for item in config.get("Env") or ())
        return str(config.get("WorkingDir") or ""), {name: value for name, _, value in pairs}
    return "", {}


def owner(image: str, user: str) -> tuple[int, int] | None:
    """Whom the image's program runs as (uid, gid); ``None`` for root.

    Args:
        user: what the service says itself; empty if nothing.
    """
    found = api.inspect("image", [image])
    said = user or str(((found[0] if found else {}).get("Config") or {}).get("User") or "")
    if said.split(":")[0] in ("", "0", "root"):
        return None
    words = ("run", "--rm", "--network=none", f"--user={said}", "--entrypoint=/bin/sh", image)
    done = docker.tried(docker.docker(*words, "-c", "id -u; id -g", timeout=60))
    numbers = done.output.split()
    return (int(numbers[0]), int(numbers[1])) if done.returncode == 0 and numbers[1:] else None


def sweep(app: str, releases: frozenset[str]) -> None:
    """Remove the images of releases that are not there any more; layers that others share stay."""
    gone = [
        tag
        for tag in api.tags(f"holdfast/{app}")
        if tag.partition(":")[2].partition(".")[0] not in releases
    ]
    if gone:
        docker.tried(docker.docker("image", "rm", *gone, timeout=docker.STARTING))


_BUDGETS = ("--max-used-space", "--keep-storage")
"""What the budget is called: since buildx 0.17, and before."""


def trim(budget: int) -> None:
    """Keep what builds left behind (layers, cache mounts) within so many bytes.

    What was used last stays. The cache is the whole daemon's, other apps' as well.
    """
    known = docker.tried(docker.docker("builder", "prune", "--help")).output
    for option in _BUDGETS:
        if option in known:
            words = ("builder", "prune", "--all", "--force", f"{option}={budget}")
            docker.tried(docker.docker(*words, timeout=docker.STARTING))
            return

"""What the app writes in its own tree, and so must outlive its releases.

Losing one such path is the worst that can happen, so every sign counts: the config, the
framework's settings, what was opened to write on import, and what the code says.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast import made_again
from holdfast.app import Finding, Persist
from holdfast.config import Config
from holdfast.detect import state
from holdfast.detect.answers import Answers
from holdfast.detect.facts import WritesTo
from holdfast.detect.project import Project
from holdfast.detect.tree import join


def persist(
    config: Config, project: Project, answers: Answers
) -> tuple[tuple[Persist, ...], list[Finding]]:
    """The paths that persist, none inside another, and why."""
    found: dict[str, Persist] = {}
    for item in _said(config):
        found[item.path] = item
    if config.persist.detect is not False:
        for item in _detected(project, answers):
            found.setdefault(item.path, item)
    kept = [item for item in found.values() if not _inside_another(item, found)]
    findings = [
        Finding("persists", item.path + ("/" if item.kind == "directory" else ""), item.why)
        for item in kept
    ]
    return tuple(kept), findings + _outside(answers)


def _said(config: Config) -> Iterator[Persist]:
    for path in config.persist.paths or ():
        kind = "directory" if path.endswith("/") else _kind_of(path)
        yield Persist(path.rstrip("/"), kind, "holdfast.toml says so")  # type: ignore[arg-type]


def _kind_of(path: str) -> str:
    """Without a slash at its end, a name with a suffix is a file's."""
    return "file" if "." in path.rpartition("/")[2].lstrip(".") else "directory"


def _detected(project: Project, answers: Answers) -> Iterator[Persist]:
    """Everything found, the best reason first."""
    yield from _directories(answers)
    for path, what in answers.sqlite:
        if _in_tree(path):
            yield Persist(path, "file", what)
    yield from _seen_writing(project, answers)
    yield from _in_code(project, answers)


def _directories(answers: Answers) -> Iterator[Persist]:
    if answers.django and answers.django.media_root and _in_tree(answers.django.media_root):
        yield Persist(answers.django.media_root, "directory", "Django's MEDIA_ROOT")
    if answers.upload and _in_tree(answers.upload):
        yield Persist(answers.upload, "directory", "UPLOAD_FOLDER")
    if answers.instance and _in_tree(answers.instance) and _uses_instance(answers):
        yield Persist(answers.instance, "directory", "Flask's instance folder")


def _uses_instance(answers: Answers) -> bool:
    """Every Flask app has the path; it counts when something is there or goes there."""
    prefix = f"{answers.instance}/"
    paths = [path for path, _ in (*answers.sqlite, *answers.written)]
    return answers.instance_used or any(
        path == answers.instance or path.startswith(prefix) for path in paths
    )


def _seen_writing(project: Project, answers: Answers) -> Iterator[Persist]:
    for path, kind in answers.written:
        if not _in_tree(path) or made_again.so_named(path):
            continue
        if kind == "directory":
            yield Persist(path, "directory", "the app makes it when it is imported")
        elif _is_the_apps(project, folder := path.rpartition("/")[0]):
            yield Persist(folder, "directory", "the app writes there when it is imported")
        else:
            yield Persist(path, "file", "the app opens it to write when it is imported")


def _is_the_apps(project: Project, folder: str) -> bool:
    """Whether nothing was sent in a directory: all of it is the app's, also what logs become."""
    known = bool(project.directories) and "." not in {part[:1] for part in folder.split("/")}
    return known and bool(folder) and folder not in project.directories


def _in_code(project: Project, answers: Answers) -> Iterator[Persist]:
    """What the code says, where no framework could be asked about it.

    A URL in the code may be the default for development: the databases that the
    framework really uses count for more.
    """
    known = bool(answers.sqlite or answers.databases)
    for fact in project.all(WritesTo):
        if known and fact.what == state.URL:
            continue
        if fact.only_loaded and fact.evidence.file not in project.loaded:
            continue
        path = join(project.directory, fact.path)
        if fact.path.startswith("/"):
            path = fact.path[1:]
        if made_again.so_named(path):
            continue
        told = any(item.rpartition("/")[2] == path.rpartition("/")[2] for item, _ in answers.sqlite)
        if _in_tree(path) and not told:
            yield Persist(path, fact.kind, f"{fact.what} ({fact.evidence})")


def _in_tree(path: str) -> bool:
    return not path.startswith(("/", "..")) and path != "."


def _inside_another(item: Persist, found: dict[str, Persist]) -> bool:
    return any(
        item.path.startswith(f"{other.path}/") and other.kind == "directory"
        for other in found.values()
    )


def _outside(answers: Answers) -> list[Finding]:
    """Databases outside the tree stay where they are; it is said, for backups' sake."""
    return [
        Finding("outside the project", path, f"{what}; it is left where it is")
        for path, what in answers.sqlite
        if path.startswith("/")
    ]

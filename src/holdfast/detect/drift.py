"""Calls that the newest version of a library no longer takes, where no file pins an older.

An import that fails is seen when the app is asked (:mod:`holdfast.detect.repairs`). These
fail only when a visitor comes, with 500, so they must be read in the code.

Likewise what a pinned old library brings along: Flask 1 asks for any Werkzeug, and cannot be
imported with one that came ten years later.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import DependencyFile, Evidence, Fact, OldCall
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree

_FRAMES = ("starlette", "fastapi")
_OLD_FLASK = re.compile(r"(?im)^[\s\"']*flask\s*==\s*([01]\.[\d.]+)")
WITH_OLD_FLASK = ("werkzeug<2.1", "jinja2<3.1", "itsdangerous<2.1", "markupsafe<2.1")
"""The last versions that Flask 0 and 1 can be imported with."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for source in tree.mentioning(b"TemplateResponse"):
        if not is_for_tests(source.path):
            yield from _templates(source)


def _templates(source: Source) -> Iterator[OldCall]:
    """``TemplateResponse(name, {"request": request})``: Starlette 1.0 wants the request first."""
    if not any(item.startswith(_FRAMES) for item in source.imports.values()):
        return
    for call, name in source.calls():
        if name.rpartition(".")[2] != "TemplateResponse" or not call.args:
            continue
        first = call.args[0]
        if isinstance(first, ast.JoinedStr) or (
            isinstance(first, ast.Constant) and isinstance(first.value, str)
        ):
            yield OldCall(
                Evidence(source.path, call.lineno),
                "starlette<1",
                _FRAMES,
                "TemplateResponse gets its name first, which Starlette 1.0 does not take",
            )


def older(
    tree: Tree, facts: Sequence[Fact], chosen: str, files: Sequence[str]
) -> tuple[tuple[str, ...], list[Finding]]:
    """Requirements that keep such calls working, unless the project itself says a version.

    Args:
        chosen: the kind of the dependency file that counts; a lock has its own versions.
        files: its paths, in which versions are looked for.
    """
    found: dict[str, Finding] = {}
    for fact in facts:
        if isinstance(fact, OldCall) and chosen != "uv.lock" and fact.requirement not in found:
            if any(_says_version(tree.text(path), fact.libraries) for path in files):
                continue
            why = f"{fact.evidence}: {fact.why}, and no file says an older version"
            found[fact.requirement] = Finding("older", fact.requirement, why, level="warning")
    pinned = [] if chosen == "uv.lock" else list(_beside_old_flask(tree, files))
    return (*found, *(item.value for item in pinned)), [*found.values(), *pinned]


def _beside_old_flask(tree: Tree, files: Sequence[str]) -> Iterator[Finding]:
    """What Flask 0 and 1 need beside them where only they are pinned."""
    texts = [(path, tree.text(path)) for path in files]
    pins = ((path, _OLD_FLASK.search(text)) for path, text in texts)
    path, pin = next(((path, found) for path, found in pins if found), ("", None))
    for requirement in WITH_OLD_FLASK if pin else ():
        library = requirement.partition("<")[0]
        if pin and not any(_says_version(text, (library,)) for _, text in texts):
            why = f"{path} pins Flask {pin[1]}, which cannot be imported with a later one"
            yield Finding("older", requirement, why, level="warning")


def _says_version(text: str, libraries: Sequence[str]) -> bool:
    """Whether a requirement of one of them has any version at all."""
    names = "|".join(libraries)
    name = rf"(?im)^[\s\"'-]*(?:{names})(?:\[[^\]]*\])?\s*[\"']?\s*"
    return re.search(name + r"(?:[=<>~!]=?|@)\s*[\"'{]?[^\s*\"']", text) is not None


def files_of(facts: Sequence[Fact], named: Sequence[str]) -> tuple[str, ...]:
    """The dependency files and what they include."""
    found = list(named)
    for fact in facts:
        if isinstance(fact, DependencyFile):
            found += [fact.evidence.file, *fact.also]
    return tuple(dict.fromkeys(found))

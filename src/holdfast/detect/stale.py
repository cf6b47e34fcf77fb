"""Start commands that name a module which is not there any more, or never was.

A ``Procfile`` that was copied from another project, or left behind when a file was renamed: where
the project has an app all the same, that one is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from holdfast.detect import command_line
from holdfast.detect.facts import AppObject, DependencyFile, DjangoProject, Fact, ProcessLine, Stale
from holdfast.detect.lines import normalise
from holdfast.detect.tree import Tree, join


def corrected(tree: Tree, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts, with a web line that names no app where the one it names is nowhere."""
    line = next((f for f in facts if isinstance(f, ProcessLine) and f.name == "web"), None)
    parsed = command_line.parse(line.command) if line else None
    if line is None or parsed is None or parsed.target is None:
        return tuple(facts)
    enters = "cd " in parsed.before or parsed.has("--chdir", "--app-dir", "--pythonpath")
    if enters or not _has_an_app(facts) or _is_there(tree, facts, line.directory, parsed.target):
        return tuple(facts)
    left = "".join(line.command.rsplit(parsed.target, 1)).replace("''", "").replace('""', "")
    changed = replace(line, command=left.rstrip())
    stale = Stale(line.evidence, parsed.target)
    return (*(changed if fact is line else fact for fact in facts), stale)


def _has_an_app(facts: Sequence[Fact]) -> bool:
    return any(
        isinstance(fact, DjangoProject) or (isinstance(fact, AppObject) and not fact.needs)
        for fact in facts
    )


def _is_there(tree: Tree, facts: Sequence[Fact], directory: str, target: str) -> bool:
    """Whether the module is a file of the project, or of a package that it depends on."""
    module = target.partition(":")[0].strip("./")
    path = module.removesuffix(".py").replace(".", "/")
    installed = {
        name for fact in facts if isinstance(fact, DependencyFile) for name in fact.packages
    }
    if normalise(path.partition("/")[0]) in installed:
        return True
    places = (join(directory, base) for base in (".", "src", "lib"))
    return any(
        tree.has(join(place, f"{path}.py")) or tree.has_directory(join(place, path))
        for place in places
    )

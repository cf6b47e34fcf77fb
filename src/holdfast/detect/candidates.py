"""Candidates for the app, best first: what recognisers found, weighed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from holdfast.app import Finding
from holdfast.detect import command_line, importing
from holdfast.detect.facts import (
    AppHint,
    AppObject,
    DjangoProject,
    Evidence,
    Fact,
    Interface,
    StartsWith,
)
from holdfast.detect.facts import ProcessLine as Line
from holdfast.detect.project import Candidate
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree, parent

_FILES = {"wsgi.py": 12, "asgi.py": 12, "app.py": 10, "main.py": 9, "application.py": 8,
          "server.py": 7, "run.py": 6, "__init__.py": 6, "autoapp.py": 8, "api.py": 4}  # fmt: skip
_NAMES = {"app": 8, "application": 8, "server": 5, "flask_app": 5, "create_app": 5, "make_app": 5}
_ASIDE = frozenset({"tests", "test", "testing", "examples", "example", "docs", "doc", "scripts",
                    "tools", "benchmarks", "samples", "demo", "demos", "migrations",
                    "fixtures"})  # fmt: skip
_CHORES = re.compile(
    r"(?:seed\w*|populate\w*|init_?db|create_(?:db|database|tables?|users?|admin|data)"
    r"|test_?data|load_?data|fill_\w+|reset\w*|(?:\w+_)?worker|tasks)\.py"
)
"""Scripts that make the app to have its database or its context, not to serve it."""
ENTRY = "holdfast_entry"
"""A module of ours beside the release, with an app that no server can name."""
_NAMED = 40
_DEEPER = 6


def rank(tree: Tree, facts: Sequence[Fact]) -> list[Candidate]:
    """Everything that may be the app, best first; equals by path, so the order is fixed."""
    objects = [fact for fact in facts if isinstance(fact, AppObject)]
    objects += _imported_elsewhere(tree, objects)
    hints = [*_hints(facts)]
    found = [_weighed(candidate, hints) for fact in objects for candidate in _of_object(tree, fact)]
    found.sort(key=lambda item: (-item.score, item.evidence.file, item.evidence.line or 0))
    return list(_without_doubles(found))


_ENTRIES = ("wsgi.py", "asgi.py", "run.py", "main.py", "server.py", "application.py", "app.py",
            "index.py", "passenger_wsgi.py", "autoapp.py", "serve.py")  # fmt: skip


def _imported_elsewhere(tree: Tree, objects: Sequence[AppObject]) -> Iterator[AppObject]:
    """``from notes import app`` in ``wsgi.py``: what is imported there is more complete.

    Such a module may register views before it serves, and is made to be started.
    """
    known = {(_stem(fact.evidence.file), fact.attribute): fact for fact in objects}
    for path in tree.named(*_ENTRIES):
        source = tree.source(path)
        if source is None or any(fact.evidence.file == path for fact in objects):
            continue
        for local, origin in source.imports.items():
            module, _, name = origin.rpartition(".")
            fact = known.get((module.rpartition(".")[2], name))
            if fact is not None and not fact.factory and _stem(path) != _stem(fact.evidence.file):
                yield replace(fact, evidence=Evidence(path), attribute=local, made_by=f"{origin}()")


def _stem(path: str) -> str:
    """The last part of a module's name: ``notes`` of ``notes/__init__.py`` and ``notes.py``."""
    return path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]


def _of_object(tree: Tree, fact: AppObject) -> Iterator[Candidate]:
    if fact.entry:
        yield _of_entry(fact)
        return
    source = tree.source(fact.evidence.file)
    if source is None or fact.needs:
        return
    way = importing.how(tree, source)
    yield Candidate(
        fact.framework,
        fact.interface,
        way.module,
        fact.attribute,
        fact.evidence,
        fact.factory,
        way.directory,
        way.pythonpath,
        int(fact.confidence),
        (_made(fact),),
    )


def _of_entry(fact: AppObject) -> Candidate:
    """What a module of ours makes, where the file lies that describes it."""
    why = f"{fact.evidence} describes it, as for {fact.made_by}"
    if fact.made_by.endswith(")"):
        why = f"{fact.made_by} in {fact.evidence} makes it"
    return Candidate(
        fact.framework,
        fact.interface,
        ENTRY,
        fact.attribute,
        fact.evidence,
        directory=parent(fact.evidence.file),
        score=int(fact.confidence),
        why=(why,),
        entry=fact.entry,
    )


_STARTED = '''"""Written by Holdfast: the app, after what its own start does before it serves."""

from importlib import import_module

_module = import_module({module!r})
exec({code!r}, vars(_module))
globals().update({{**vars(_module), **globals()}})
application = _module.{attribute}
'''


def started(candidate: Candidate, facts: Iterable[Fact]) -> tuple[Candidate, list[Finding]]:
    """The candidate with what its own main guard does for it, which no server runs."""
    found = [
        fact
        for fact in facts
        if isinstance(fact, StartsWith) and fact.evidence.file == candidate.evidence.file
    ]
    if not found or candidate.factory or candidate.entry or candidate.framework == "django":
        return candidate, []
    code = "\n".join(fact.code for fact in found)
    module, attribute = candidate.module, candidate.attribute
    entry = _STARTED.format(module=module, code=code, attribute=attribute)
    why = f"{found[0].evidence} does it before it serves, under a condition that no server meets"
    changed = replace(candidate, module=ENTRY, attribute="application", entry=entry)
    return changed, [Finding("at start", code.replace("\n", "; "), why)]


def _made(fact: AppObject) -> str:
    if fact.factory:
        return f"{fact.attribute}() in {fact.evidence} makes the app and needs no arguments"
    call = fact.made_by if fact.made_by.endswith(")") else f"{fact.made_by}(...)"
    return f"{fact.attribute} = {call} in {fact.evidence}"


def _hints(facts: Iterable[Fact]) -> Iterator[AppHint]:
    """The app's name where somebody wrote it: ``FLASK_APP``, a server's command line."""
    for fact in facts:
        if isinstance(fact, AppHint):
            yield fact
        elif isinstance(fact, Line) and fact.name == "web":
            line = command_line.parse(fact.command)
            if line is not None and line.target:
                yield AppHint(fact.evidence, line.target, fact.evidence.file.rpartition("/")[2])


def _weighed(candidate: Candidate, hints: Sequence[AppHint]) -> Candidate:
    parts = candidate.evidence.file.split("/")
    score = candidate.score + _FILES.get(parts[-1], 0) + _NAMES.get(candidate.attribute, 0)
    score -= _DEEPER * (len(parts) - 1 - (parts[-1] == "__init__.py"))
    why = candidate.why
    if candidate.factory:
        score -= 4  # an instance in the same place was made with what the factory lacks
    if is_aside(candidate.evidence.file):
        score -= 60
    if _CHORES.fullmatch(parts[-1]):
        score -= 20
    for hint in hints:
        if _meant(hint.target, candidate):
            score += _NAMED
            why = (*why, f"{hint.says} names it ({hint.evidence})")
            candidate = _imported_as(hint.target, candidate)
            break
    return replace(candidate, score=score, why=why)


def is_aside(path: str) -> bool:
    """Whether a file is there for tests, examples, chores: hardly the app."""
    *directories, name = path.split("/")
    return bool(_ASIDE.intersection(directories)) or name.startswith(("test_", "conftest"))


def is_for_tests(path: str) -> bool:
    """Whether a file is read by tests alone: what it says holds for no app that is served."""
    *directories, name = path.split("/")
    return bool({"tests", "test", "testing"} & set(directories)) or (
        name in ("tests.py", "test.py", "conftest.py") or name.startswith("test_")
    )


def _meant(target: str, candidate: Candidate) -> bool:
    """Whether ``notes``, ``notes.py``, ``notes:app`` or ``notes:create_app()`` is this one."""
    module = _module(target)
    wanted = target.partition(":")[2].partition("(")[0]
    path = candidate.evidence.file.removesuffix("/__init__.py").removesuffix(".py")
    names = {candidate.module, path.replace("/", ".")}
    if wanted and wanted != candidate.attribute:
        return False
    return any(name == module or name.endswith(f".{module}") for name in names)


def _imported_as(target: str, candidate: Candidate) -> Candidate:
    """The candidate under the module's name that the hint has for it.

    ``deep.service:api`` is imported from above ``deep``, even if ``deep`` would do.
    """
    module = _module(target)
    path = candidate.evidence.file.removesuffix("/__init__.py").removesuffix(".py")
    tail = module.replace(".", "/")
    if module == candidate.module or not f"/{path}".endswith(f"/{tail}"):
        return candidate
    return replace(
        candidate, module=module, directory=path[: -len(tail)].rstrip("/") or ".", pythonpath=()
    )


def _module(target: str) -> str:
    """``notes`` of ``notes``, ``notes.py``, ``./notes:create_app()``."""
    return target.partition(":")[0].removesuffix(".py").replace("/", ".").lstrip(".")


def of_command_line(process: Line) -> Candidate | None:
    """The app that a server's command line names, whatever it is made of."""
    line = command_line.parse(process.command)
    if line is None or not line.target:
        return None
    options = " ".join(line.options)
    is_asgi = line.name in ("uvicorn", "daphne", "hypercorn") or "uvicorn" in options
    interface: Interface = "asgi" if is_asgi or "--interface asgi" in options else "wsgi"
    module, _, attribute = line.target.partition(":")
    return Candidate(
        interface,
        interface,
        module,
        attribute.removesuffix("()") or "application",
        process.evidence,
        factory=attribute.endswith("()") or line.has("--factory", "--call"),
        directory=process.directory,
        why=(f"{process.evidence} names it",),
    )


def _without_doubles(found: Iterable[Candidate]) -> Iterator[Candidate]:
    seen: set[tuple[str, str]] = set()
    for candidate in found:
        mark = (candidate.evidence.file, candidate.attribute)
        if mark not in seen:
            seen.add(mark)
            yield candidate


def of_django(tree: Tree, project: DjangoProject, interface: Interface) -> Candidate:
    """Django's application: its ``wsgi.py`` or ``asgi.py``, or what makes one without."""
    path = project.wsgi if interface == "wsgi" else project.asgi
    source = tree.source(path) if path else None
    base = base_of(project)
    if path is None or source is None:
        return Candidate(
            "django",
            interface,
            f"django.core.{interface}",
            f"get_{interface}_application",
            project.evidence,
            factory=True,
            directory=base,
            why=(f"there is no {interface}.py; Django makes the application of the settings",),
        )
    way = _django_import(tree, project, source, base)
    evidence = Evidence(path) if project.settings else project.evidence
    return Candidate(
        "django",
        interface,
        way.module,
        project.attribute,
        evidence,
        directory=way.directory,
        pythonpath=way.pythonpath,
        why=(f"{project.attribute} in {path}",),
    )


def rebased(candidate: Candidate, directory: str | None) -> Candidate:
    """The candidate started in ``directory``, its modules found as before."""
    if directory is None or candidate.directory == directory:
        return candidate
    root = os.path.relpath(candidate.directory, directory)
    paths = tuple(os.path.normpath(f"{root}/{path}") for path in candidate.pythonpath)
    return replace(candidate, directory=directory, pythonpath=(root, *paths))


def is_named(candidate: Candidate) -> bool:
    """Whether somebody named it (``FLASK_APP``, a ``Procfile``), not only we found it."""
    return len(candidate.why) > 1


def base_of(project: DjangoProject) -> str:
    """The directory a Django project is run in."""
    path = project.manage or project.evidence.file
    return path.rpartition("/")[0] or "."


def _django_import(
    tree: Tree, project: DjangoProject, source: Source, base: str
) -> importing.Import:
    """Django's modules are found from where ``manage.py`` lies, whatever they import."""
    if project.manage is None or project.settings is None:
        return importing.how(tree, source)
    relative = source.path if base == "." else source.path[len(base) + 1 :]
    return importing.Import(relative.removesuffix(".py").replace("/", "."), base, ())

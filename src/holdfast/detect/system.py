"""Libraries and programs of the system that the app loads or runs, which no dependency file has.

Libraries are known by the packages that load them, whoever asked for those. Programs by the
project's own code: it imports what starts one (pydub), or starts one itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect.candidates import is_aside, is_for_tests
from holdfast.detect.facts import AsksForPackage, Evidence, Fact, NeedsPart, Translations
from holdfast.detect.project import Project
from holdfast.detect.source import Source, text
from holdfast.detect.tree import Tree
from holdfast.distribution import here, parts
from holdfast.distribution.parts import Part
from holdfast.records import record

_STARTS = frozenset({
    *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen",
                                        "getoutput", "getstatusoutput")),
    "os.system", "os.popen", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
})  # fmt: skip
_GIS = re.compile(rb"django\.contrib\.gis\b(?!\.geoip2)")
_SPATIALITE = b"gis.db.backends.spatialite"
LACKING = "not on this machine"


@record
class Need:
    """Parts of the system that somebody wants; ``why`` says who and what for."""

    parts: tuple[Part, ...]
    why: str


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    yield from _imported(tree)
    yield from _started(tree)
    yield from _geography(tree)
    yield from _listed(tree)


_LISTS = ("packages.txt", "Aptfile")
_INSTALLS = re.compile(r"\bapt(?:-get)? (?:-\S+ )*install\b([^&|;\n]*)")


def _listed(tree: Tree) -> Iterator[Fact]:
    """What Streamlit's cloud, Spaces and Heroku are told to install, and a Dockerfile does.

    Only what our own list has is taken from them; the rest of the first two is named.
    """
    for path in tree.named(*_LISTS)[:2]:
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            name = line.partition("#")[0].strip()
            if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name) and not name.endswith("-dev"):
                evidence = Evidence(path, number)
                part = parts.of_package(name)
                known = NeedsPart(evidence, str(evidence), (part,), "asks for") if part else None
                yield known or AsksForPackage(evidence, name)
    for path in tree.named("Dockerfile")[:1]:
        whole = re.sub(r"\\\s*\n", " ", tree.text(path))
        words = " ".join(match[1] for match in _INSTALLS.finditer(whole)).split()
        of_a_build = ("git",)
        asked = (parts.of_package(name) for name in words if name not in of_a_build)
        found = [part for part in asked if part is not None]
        if found:
            yield NeedsPart(Evidence(path), path, tuple(found), "installs what has")


def _imported(tree: Tree) -> Iterator[NeedsPart]:
    """The first import of each module that starts a program."""
    seen: set[str] = set()
    for source in tree.mentioning(*(name.encode() for name in parts.RUN_BY)):
        if _is_no_matter(source.path):
            continue
        tops = {module.partition(".")[0] for module in source.imported_modules}
        for name in sorted(tops & parts.RUN_BY.keys() - seen):
            if tree.has(f"{name}.py") or tree.has_directory(name):
                continue
            seen.add(name)
            wanted = tuple(map(parts.program, parts.RUN_BY[name].split()))
            yield NeedsPart(Evidence(source.path), f"{source.path} imports {name}, which", wanted)


def _started(tree: Tree) -> Iterator[NeedsPart]:
    """Programs that the code itself starts by their names."""
    seen: set[str] = set()
    for source in tree.mentioning(b"subprocess", b"os.system", b"os.popen"):
        if _is_no_matter(source.path):
            continue
        for call, name in _programs(source):
            if name in parts.PROGRAMS and name not in seen:
                seen.add(name)
                evidence = Evidence(source.path, call.lineno)
                yield NeedsPart(evidence, str(evidence), (parts.program(name),))


def _programs(source: Source) -> Iterator[tuple[ast.Call, str]]:
    for call, name in source.calls():
        said = _said(source, call.args[0]) if name in _STARTS and call.args else ""
        if words := said.split():
            yield call, words[0]


def _said(source: Source, node: ast.expr) -> str:
    """How a command line begins: ``["dot"] + options``, ``f"ffmpeg -i {name}"``, a name for one."""
    if isinstance(node, ast.Name):
        given = [value for _, value in source.given.get(node.id, ())]
        node = given[0] if given else node
    while isinstance(node, ast.BinOp | ast.List | ast.Tuple | ast.JoinedStr):
        parts_of = [node.left] if isinstance(node, ast.BinOp) else _elements(node)
        if not parts_of:
            break
        node = parts_of[0]
    return text(node) or ""


def _elements(node: ast.List | ast.Tuple | ast.JoinedStr) -> list[ast.expr]:
    return node.values if isinstance(node, ast.JoinedStr) else node.elts


def _geography(tree: Tree) -> Iterator[NeedsPart]:
    """Django's own GIS, which is a part of Django and no package."""
    for path, data in tree.holding(b"django.contrib.gis"):
        if _is_no_matter(path) or (found := _GIS.search(data)) is None:
            continue
        names = ["libgdal", "libgeos_c", *(["mod_spatialite"] if _SPATIALITE in data else [])]
        evidence = Evidence(path, data.count(b"\n", 0, found.start()) + 1)
        wanted = tuple(map(parts.library, names))
        yield NeedsPart(evidence, f"{evidence} names django.contrib.gis, which", wanted, "loads")


def _is_no_matter(path: str) -> bool:
    return is_aside(path) or is_for_tests(path)


def needs(project: Project) -> list[Need]:
    """What the project wants of the system, as files and installed packages say; each once."""
    by: dict[str, list[Part]] = {}
    for name, part in parts.loaded_by(project.packages | project.installed):
        by.setdefault(f"{name} loads", []).append(part)
    for fact in project.all(NeedsPart):
        by.setdefault(f"{fact.who} {fact.how}", []).extend(fact.parts)
    if project.framework == "django":
        for catalog in project.all(Translations)[:1]:
            if catalog.of_django:
                by[f"{catalog.evidence} is compiled by"] = [parts.program("msgfmt")]
    found, seen = [], set[str]()
    for who, wanted in by.items():
        new = tuple(dict.fromkeys(part for part in wanted if part.package not in seen))
        seen.update(part.package for part in new)
        if new:
            found.append(Need(new, f"{who} {', '.join(part.name for part in new)}"))
    return found


def findings(project: Project) -> list[Finding]:
    """What is needed, for the plan: whether it is there stands in :func:`lacking`."""
    known = [
        Finding("system", ", ".join(here.packages(need.parts)), need.why) for need in needs(project)
    ]
    why = "{} asks for it, which is not known here: if the app needs it, [build] system_packages"
    return known + [
        Finding("system", fact.name, why.format(fact.evidence), level="warning")
        for fact in project.all(AsksForPackage)
    ]


def lacking(wanted: Iterable[Need], path: str | None = None) -> list[Finding]:
    """Warnings of what this machine has not; ``path``: where its programs are looked for."""
    found = []
    for need in wanted:
        missing = [part for part in need.parts if here.lacks(part, path)]
        if missing:
            names = ", ".join(here.packages(missing))
            why = f"{need.why}: {here.command(missing)}"
            found.append(Finding(LACKING, names, why, level="warning"))
    return found

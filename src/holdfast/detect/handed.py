"""Factories that need arguments, and are called with them where no server comes.

``if __name__ == "__main__": app = create_app("development")`` in ``run.py``: the app is made as
it is there, by a module of ours beside the release.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from holdfast.app import Finding
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import AppObject, Evidence, Fact
from holdfast.detect.project import Candidate
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree

_ENTRIES = ("run.py", "main.py", "app.py", "wsgi.py", "server.py", "application.py", "index.py",
            "manage.py", "start.py", "serve.py")  # fmt: skip
_READS = ("os.getenv", "os.environ.get", "str", "int", "bool")
"""What may be called for the value of an argument."""

_HEAD = '"""Written by Holdfast: the app, made as its own start makes it."""'
_TEXT = """{head}

from importlib import import_module

_module = import_module({module!r})
exec({code!r}, vars(_module))
application = _module.{name}
"""


def calls(tree: Tree, facts: Sequence[Fact]) -> Iterator[AppObject]:
    """What such calls make, where nothing else is there that a server could be given."""
    objects = [fact for fact in facts if isinstance(fact, AppObject)]
    factories = {fact.attribute: fact for fact in objects if fact.factory and fact.needs}
    if not factories or any(not fact.needs for fact in objects):
        return
    for path in tree.named(*_ENTRIES):
        source = tree.source(path) if not is_aside(path) else None
        if source is not None and source.main_guard is not None:
            yield from _in_guard(source, factories)


_DEVELOPMENT = re.compile(r"(?i)(?:\b|_)(?:dev|develop|development|debug|local)(?:\b|_|config)")


def warning(candidate: Candidate) -> list[Finding]:
    """What to say of an app that is made as for development."""
    made = next(iter(candidate.why), "")
    if not candidate.entry.startswith(_HEAD) or not _DEVELOPMENT.search(made):
        return []
    why = "that is for development; a wsgi.py with app = ... made as for production counts more"
    return [Finding("made for development", made, why, level="warning")]


def _in_guard(source: Source, factories: dict[str, AppObject]) -> Iterator[AppObject]:
    guard = source.main_guard
    before: list[ast.stmt] = []
    for node in guard.body if isinstance(guard, ast.If) else ():
        made = (source.called(getattr(node, "value", None)) or "").rpartition(".")[2]
        target = _target(node)
        if made in factories and target and _is_plain(source, node, made):
            yield _made(source, factories[made], [*before, node], target)
            return
        if target and _is_plain(source, node, ""):
            before.append(node)


def _target(node: ast.stmt) -> str:
    """The one name that a statement gives a value."""
    first = node.targets[0] if isinstance(node, ast.Assign) else None
    return first.id if isinstance(first, ast.Name) else ""


def _is_plain(source: Source, node: ast.stmt, factory: str) -> bool:
    """Whether it calls nothing but the factory and what reads a variable."""
    calls = [source.called(item) or "?" for item in ast.walk(node) if isinstance(item, ast.Call)]
    return all(name in _READS or name.rpartition(".")[2] == factory for name in calls)


def _made(source: Source, fact: AppObject, code: list[ast.stmt], name: str) -> AppObject:
    module = source.path.removesuffix(".py").rpartition("/")[2]
    written = "\n".join(map(ast.unparse, code))
    return AppObject(
        Evidence(source.path, code[-1].lineno),
        fact.framework,
        fact.interface,
        "application",
        made_by=ast.unparse(getattr(code[-1], "value", code[-1])),
        entry=_TEXT.format(head=_HEAD, module=module, code=written, name=name),
    )

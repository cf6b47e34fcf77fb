"""Functions that make tables and that nothing calls: somebody did, once, in a shell.

``def init_db(): ...`` beside the app is run by hand, or by an entry point of the package. It is
never run unasked; where the app then has no table, the message names it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect import importing
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import Evidence, Fact, Prepares
from holdfast.detect.preparing import harm_of, is_making
from holdfast.detect.source import Function
from holdfast.detect.tree import Tree

_TABLES = re.compile(r"create_all|executescript|create\s+table|\.sql\b", re.IGNORECASE)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for source in tree.mentioning(b"def init_", b"def create_", b"def setup_", b"def make_"):
        if is_for_tests(source.path):
            continue
        for function in source.functions:
            if _makes_tables(function) and not _is_used(tree, function.name):
                module = importing.how(tree, source).module
                code = f"from {module} import {function.name}; {function.name}()"
                harm = harm_of(tree, source, function)
                yield Prepares(
                    Evidence(source.path, function.lineno),
                    f"python -c {shlex.quote(code)}",
                    f"nothing calls it, and it {harm}" if harm else "nothing calls it",
                    in_guard=False,
                    script=True,
                )


def _makes_tables(function: Function) -> bool:
    """Whether it may be called just so, and makes tables."""
    arguments = function.args
    needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    plain = isinstance(function, ast.FunctionDef) and not function.decorator_list and not needed
    return plain and is_making(function.name) and bool(_TABLES.search(ast.unparse(function)))


def _is_used(tree: Tree, name: str) -> bool:
    """Whether any code of the tree calls it or hands it on; an import alone is no use."""
    return any(
        (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Attribute) and node.attr == name)
        for source in tree.mentioning(name.encode())
        if not is_for_tests(source.path)
        for node in source.nodes
    )

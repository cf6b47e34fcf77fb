"""What an author runs once before the app answers: tables made in the main guard, ``init-db``.

A server that imports the module never runs ``if __name__ == "__main__"``, nor a ``create_db.py``
that lies beside it, and so the tables that are made there are missing. What only makes what is
missing is run as the release command. What drops, empties or fills something is shown, never run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import Evidence, Fact, MakesTables, Prepares, StartsWith
from holdfast.detect.source import Function, Source, text
from holdfast.detect.tree import Tree, join, parent

_MAKES = re.compile(
    r"(?:init|initialize|initialise|create|setup|make|ensure)_?(?:the_)?"
    r"(?:db|database|databases|tables?|schema|models)(?:_tables)?\Z"
)
_COMMAND = re.compile(
    r"(?:init|setup|seed|reset|populate)(?:[-_]?(?:db|database|tables?))?\Z"
    r"|create[-_]?(?:db|database|tables?)\Z"
)
_SCRIPT = re.compile(
    r"(?:(?:create|init|initiali[sz]e|setup|make)_?(?:the_)?(?:db|database|databases|tables?|schema)"
    r"|(?:db|database|tables?)_?(?:create|init|setup))\.py"
)
_HARM = re.compile(
    r"drop|delete|truncate|remove|unlink|rmtree|reset|seed|insert|\.add\(|add_all|superuser|admin",
    re.IGNORECASE,
)
_HARMLESS = ("print", "app_context", "exists", "isfile", "is_file", "run", "info", "create_all",
             "begin", "run_sync", "test_request_context", "Path", "join")  # fmt: skip
_OF_SCRIPTS = ("create_app", "make_app", "get_app", "push", "commit", "close", "connect", "cursor",
               "execute", "create_engine", "create_async_engine", "sessionmaker", "dispose",
               "Flask", "SQLAlchemy", "load_dotenv", "getenv", "get")  # fmt: skip
"""What a script calls besides to have an app and a connection."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for path, _ in tree.holding(b"create_all"):
        if not is_for_tests(path):
            yield MakesTables(Evidence(path))
    scripts = [path for path in tree.python if _SCRIPT.fullmatch(path)]
    for path in scripts:
        if (found := tree.source(path)) is not None and not _is_imported(tree, path):
            yield from _script(tree, found)
    for source in tree.mentioning(b"create_all", b"init_", b"create_", b"setup_", b"_db("):
        if source.main_guard is not None and source.path not in scripts:
            yield from _in_guard(tree, source)
    for path, data in tree.holding(b"__main__"):
        found = tree.source(path) if _SET_UP.search(data) and path not in scripts else None
        if found is not None and found.main_guard is not None:
            yield from _at_start(tree, found)
    for source in tree.mentioning(b"cli.command", b"click.command"):
        yield from _commands(source)


def _in_guard(tree: Tree, source: Source) -> Iterator[Prepares]:
    """Statements of the main guard that make tables, and nothing else."""
    guard = source.main_guard
    assert isinstance(guard, ast.If)
    for statement in (*guard.body, *_of_main(source, guard)):
        makes = [name for name in _called(source, statement) if is_making(name)]
        if not makes:
            continue
        harm = _harm(tree, source, statement)
        yield Prepares(
            Evidence(source.path, statement.lineno),
            ast.unparse(statement),
            harm,
            in_guard=True,
        )


_SETS_UP = re.compile(
    r"(?:global_)?(?:init|initiali[sz]e|setup|configure|connect|load|register)(?:_\w+)?\Z"
)


_SET_UP = re.compile(rb"\b(?:global_)?(?:init|initiali[sz]e|setup|configure|connect|load|register)")


_WAITS = re.compile(r"while True|\.run\(|polling|forever|\.join\(\)|\binput\(|\.listen\(|sleep\(")
"""What would keep the app from being imported."""


def _at_start(tree: Tree, source: Source) -> Iterator[StartsWith]:
    """``db_session.global_init("db/blog.db")`` before ``app.run()``: the app cannot do without.

    Only functions of the project's own, called by values that are written out, that do no harm.
    """
    guard = source.main_guard
    assert isinstance(guard, ast.If)
    for statement in (*guard.body, *_of_main(source, guard)):
        call = statement.value if isinstance(statement, ast.Expr) else None
        name = source.dotted(call.func) if isinstance(call, ast.Call) else None
        if name is None or not isinstance(call, ast.Call) or is_making(name):
            continue
        values = [*call.args, *(item.value for item in call.keywords)]
        function = _function(tree, source, name)
        fits = _SETS_UP.match(name.rpartition(".")[2]) and function is not None
        if fits and function and all(isinstance(item, ast.Constant) for item in values):
            written = ast.unparse(function[1])
            if not _HARM.search(written) and not _WAITS.search(written):
                yield StartsWith(Evidence(source.path, statement.lineno), ast.unparse(statement))


def _of_main(source: Source, guard: ast.If) -> Iterator[ast.stmt]:
    """What a function of the file does that the guard calls (``main()``), as far as it can be done
    outside of it: with no name that only the function has."""
    plain = [node.value for node in guard.body if isinstance(node, ast.Expr)]
    called = {source.dotted(node.func) for node in plain if isinstance(node, ast.Call)}
    for function in source.functions:
        if function.name in called and not is_making(function.name):
            names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
            own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            own |= {item.arg for item in ast.walk(function.args) if isinstance(item, ast.arg)}
            for statement in function.body:
                used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                if not used & own:
                    yield statement


def _script(tree: Tree, source: Source) -> Iterator[Prepares]:
    """``create_db.py``: run as it is, if making tables is all that it does."""
    body = [node for node in source.tree.body if not isinstance(node, _DECLARES)]
    guard = source.main_guard
    if isinstance(guard, ast.If):
        body = [item for node in body for item in (guard.body if node is guard else [node])]
    called = [name for statement in body for name in _called(source, statement)]
    if not called:
        return  # a module of the app's, that others import
    found = (_harm(tree, source, statement, _OF_SCRIPTS) for statement in body)
    harm = next(filter(None, found), "")
    makes = b"create_all" in tree.read(source.path) or b"IF NOT EXISTS" in tree.read(source.path)
    if not harm and not (makes or any(map(is_making, called))):
        harm = "may not be fit to run twice"
    line = next((item.lineno for item in body), 1)
    yield Prepares(
        Evidence(source.path, line), f"python {source.path}", harm, in_guard=False, script=True
    )


def _is_imported(tree: Tree, path: str) -> bool:
    """Whether another file imports the script: then it is a part of the app."""
    name = path.removesuffix(".py")
    return any(
        name in {origin.strip(".").partition(".")[0] for origin in source.imports.values()}
        for source in tree.mentioning(name.encode())
        if source.path != path
    )


_DECLARES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def is_making(name: str) -> bool:
    """Whether a function of that name makes tables."""
    last = name.rpartition(".")[2]
    return last == "create_all" or _MAKES.match(last) is not None


def _called(source: Source, statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            name = source.dotted(node.func)
            if name is None and isinstance(node.func, ast.Attribute):
                name = node.func.attr
            yield name or "?"


def _harm(tree: Tree, source: Source, statement: ast.stmt, besides: tuple[str, ...] = ()) -> str:
    """Why a statement is not run unasked; empty where it only makes what is missing.

    Args:
        besides: names of calls that are harmless here besides those that always are.
    """
    written = ast.unparse(statement)
    if match := _HARM.search(written):
        return f"it says {match[0].strip('.(')!r}"
    if _TABLE.search(written) and not _AGAIN.search(written):
        return "it makes a table that is there the second time"
    calls = [item for item in _called(source, statement) if not _is_harmless(item, besides)]
    return next(filter(None, (_harm_of_call(tree, source, item, besides) for item in calls)), "")


def _is_harmless(name: str, besides: tuple[str, ...]) -> bool:
    last = name.rpartition(".")[2]
    return last in _HARMLESS or last in besides


def _harm_of_call(tree: Tree, source: Source, name: str, besides: tuple[str, ...]) -> str:
    last = name.rpartition(".")[2]
    function = _function(tree, source, name)
    if besides and function is not None and function[0] is source:
        body = (_harm(tree, source, item, besides) for item in function[1].body)
        return next(filter(None, body), "")
    if not is_making(name):
        return f"it calls {last}(), whatever that does"
    if function is None and "." in name and _by_peewee(source, last):
        return ""
    if function is None:
        return f"what {last}() does was not found"
    harm = harm_of(tree, *function)
    return f"{last}() {harm}" if harm else ""


_TABLE = re.compile(r"(?i)\bcreate\s+(?:temporary\s+)?table\b")
_AGAIN = re.compile(r"(?i)\bif\s+not\s+exists\b")


def _function(tree: Tree, source: Source, name: str) -> tuple[Source, Function] | None:
    """The function a name stands for: in the file itself, or in the module it comes from."""
    module, _, last = name.rpartition(".")
    if not module:
        return next(((source, item) for item in source.functions if item.name == last), None)
    path = module.lstrip(".").replace(".", "/")
    for base in (parent(source.path), "."):
        for file in (join(base, f"{path}.py"), join(base, f"{path}/__init__.py")):
            found = tree.source(file) if tree.has(file) else None
            for item in found.functions if found else ():
                if item.name == last and found is not None:
                    return found, item
    return None


def harm_of(tree: Tree, source: Source, function: Function) -> str:
    """What speaks against running a function with every release."""
    written = ast.unparse(function)
    if match := _HARM.search(written):
        return f"says {match[0].strip('.(')!r}"
    for node in ast.walk(function):
        value = text(node)
        if value and value.endswith(".sql"):
            return _harm_of_script(tree, value)
    again = "create_all" in written or "IF NOT EXISTS" in written.upper()
    again = again or ("create_tables(" in written and _by_peewee(source, "create_tables"))
    return "" if again else "may not be fit to run twice"


def _by_peewee(source: Source, method: str) -> bool:
    """Whether it is Peewee's ``create_tables``: it makes what is missing, unless told otherwise."""
    tops = {module.partition(".")[0] for module in source.imported_modules}
    told = any(
        item.arg == "safe" and isinstance(item.value, ast.Constant) and item.value.value is False
        for call, name in source.calls()
        if name.endswith("create_tables")
        for item in call.keywords
    )
    return method == "create_tables" and bool(tops & {"peewee", "playhouse"}) and not told


def _harm_of_script(tree: Tree, name: str) -> str:
    for path in tree.named(name.rpartition("/")[2]):
        script = tree.text(path).upper()
        if match := re.search(r"\b(?:DROP|DELETE|TRUNCATE|INSERT)\b", script):
            return f"runs {path}, which says {match[0]}"
        return "" if "IF NOT EXISTS" in script else f"runs {path}, which fails the second time"
    return f"runs {name}, which was not found"


def _commands(source: Source) -> Iterator[Prepares]:
    """``@click.command("init-db")``: a command of the app that somebody runs by hand."""
    for function in source.functions + tuple(_inner(source)):
        for decorator in function.decorator_list:
            if not isinstance(decorator, ast.Call):
                continue
            called = source.dotted(decorator.func) or ""
            if not called.endswith(("click.command", "cli.command")):
                continue
            name = next((text(item) for item in decorator.args[:1]), None)
            name = name or function.name.replace("_", "-")
            if _COMMAND.match(name):
                evidence = Evidence(source.path, function.lineno)
                yield Prepares(
                    evidence, name, "nobody has said that it is to be run", in_guard=False
                )


def _inner(source: Source) -> Iterator[Function]:
    """Functions inside of a factory."""
    for outer in source.functions:
        for node in outer.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

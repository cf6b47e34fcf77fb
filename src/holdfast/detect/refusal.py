"""What to say when a project is not understood: one message each, with the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from holdfast.config import Config
from holdfast.detect.candidates import base_of, is_aside, is_named
from holdfast.detect.facts import (
    AppObject,
    BrokenFile,
    DjangoProject,
    Evidence,
    Fact,
    OtherProject,
    UnparsedApp,
)
from holdfast.detect.project import Candidate
from holdfast.detect.tree import Tree, join, parent
from holdfast.detect.unparsed import unparsed
from holdfast.errors import DetectionError

WRITE_COMMAND = (
    'write in holdfast.toml:\n\n[web]\ncommand = "gunicorn --bind unix:$HOLDFAST_SOCKET MODULE:APP"'
)


def of_broken_files(facts: Sequence[Fact]) -> None:
    """Refuse a project in which a file that decides something can't be read."""
    for fact in facts:
        if isinstance(fact, BrokenFile):
            raise DetectionError(
                f"{fact.evidence}: {fact.problem}", hint="correct the file, then try again"
            )


_OUTSIDE = re.compile(r"\s*(?:-e\s+|--editable[ =]\s*)?(\.\.?(?:/[^\s\[;#]*)?)(?:\[|\s|;|#|$)")


def of_lines_outside(tree: Tree, files: Sequence[str]) -> None:
    """Refuse a requirement (``-e ..``) that lies outside of the folder: it is not sent."""
    for path in files:
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            found = _OUTSIDE.match(line)
            if found and join(parent(path), found[1]).startswith(".."):
                raise DetectionError(
                    f"{Evidence(path, number)}: {line.strip()} lies outside of this folder, and "
                    "what is outside is not deployed",
                    hint="write the package's name instead, or run holdfast in the folder above "
                    "and name this one: [web] directory in holdfast.toml",
                )


def of_unparsed_app(facts: Sequence[Fact], best: Candidate | None) -> None:
    """Refuse a project whose app may be in a file that does not parse.

    It may if nothing was found, or what was found lies deeper and nobody has named it.
    """
    for fact in facts:
        if not isinstance(fact, UnparsedApp) or (best and is_named(best)):
            continue
        file = fact.evidence.file
        if best is None or file.count("/") <= best.evidence.file.count("/"):
            raise _not_parsed(fact)


def _not_parsed(fact: UnparsedApp) -> DetectionError:
    return DetectionError(
        f"{fact.evidence}: {fact.problem}",
        hint=f"correct it (python3 -m py_compile {fact.evidence.file} shows the line), "
        "then try again",
    )


def one_of(projects: Sequence[DjangoProject], ranked: Sequence[Candidate]) -> DjangoProject | None:
    """The one Django project; several in one place are for the user to choose from."""
    if not projects:
        return None
    beside = [
        item
        for item in projects[1:]
        if base_of(item).count("/") == base_of(projects[0]).count("/")
        and base_of(item) != base_of(projects[0])
        and base_of(projects[0]) != "."
    ]
    if beside:
        names = " and ".join(str(item.evidence) for item in (projects[0], *beside))
        raise DetectionError(
            f"there are several Django projects: {names}",
            hint=f'say which one in holdfast.toml:\n\n[web]\ndirectory = "{base_of(projects[0])}"',
        )
    return projects[0]


def of_library(tree: Tree, ranked: Sequence[Candidate], config: Config) -> None:
    """Refuse a library: the only apps in it are examples, and nobody named one of them."""
    if config.web.directory or config.app.framework or config.web.command:
        return
    library = _library(tree)
    if library and ranked and not is_named(ranked[0]) and is_aside(ranked[0].evidence.file):
        raise _is_library(library, ranked[0].evidence.file)


def _library(tree: Tree) -> str | None:
    """The file by which the root is built into a package for others; ``None`` for an app."""
    for name, sign in (("pyproject.toml", "[build-system]"), ("setup.py", "setup(")):
        if tree.has(name) and sign in tree.text(name):
            return name
    return None


def _is_library(file: str, example: str | None) -> DetectionError:
    said = (
        f"the only apps in it are examples and tests ({example})" if example else "no app is in it"
    )
    hint = "run holdfast in the folder of an app"
    folder = (example or "").rpartition("/")[0]
    if folder and not {"test", "tests", "testing"} & set(folder.split("/")):
        hint = f"an example can be deployed from its own folder: cd {folder}"
    return DetectionError(f"this is a library ({file} builds it): {said}", hint=hint)


def nothing_found(tree: Tree, config: Config, facts: Sequence[Fact]) -> DetectionError:
    """The one error for a tree in which no app is recognised."""
    if not tree.files:
        return DetectionError(
            f"{tree.root}: there are no files here",
            hint="run holdfast in the folder of your project",
        )
    needing = [fact for fact in facts if isinstance(fact, AppObject) and fact.needs]
    if needing:
        return _needs_arguments(needing[0])
    other = next((fact for fact in facts if isinstance(fact, OtherProject)), None)
    if other is not None and not tree.python:
        return DetectionError(
            f"this looks like {other.what} ({other.evidence}); there is no Python in it",
            hint="Holdfast deploys Python web apps; if a command serves it, " + WRITE_COMMAND,
        )
    notebook = next((path for path in tree.files if path.endswith(".ipynb")), None)
    if notebook is not None and not tree.python:
        return DetectionError(
            f"there are only notebooks here ({notebook}): Jupyter is an editor that runs what its "
            "visitors type, and is not put online",
            hint="to show a notebook as a page, name voila in requirements.txt",
        )
    if not tree.python:
        return DetectionError(
            "there is no Python file here",
            hint="run holdfast in the folder of your project; if a command serves it, "
            + WRITE_COMMAND,
        )
    if config.app.framework or config.web.directory:
        return _ruled_out(config)
    for path in sorted(tree.python, key=is_aside):
        if (broken := unparsed(tree, path)) is not None:
            return _not_parsed(broken)
    return _unrecognised(tree)


_NOT_SERVED = {
    "reflex": (
        "Reflex app: its own command builds a front end with Node.js and runs two servers",
        "deploy it by its Dockerfile and a compose.yaml (Reflex's documentation, Self Hosting)",
    ),
    "azure.functions": (
        "project of Azure Functions: their host calls its functions, and no web server does",
        "func.AsgiFunctionApp(app=...) around a FastAPI app is found, and that app is served",
    ),
    "chalice": (
        "Chalice app: AWS Lambda calls it, and no web server does",
        "a Flask or FastAPI app behind Mangum or the like is found and served",
    ),
    "py4web": (
        "project of py4web, which is started by its own command",
        "holdfast.toml: [web] command = 'py4web run apps --host 127.0.0.1 --port $PORT'",
    ),
}
"""Frameworks whose apps nothing here can serve as they are: which they are, what would do."""


def _not_served(tree: Tree) -> DetectionError | None:
    for module, (what, hint) in _NOT_SERVED.items():
        for source in tree.mentioning(module.encode()):
            if any(f"{item}.".startswith(f"{module}.") for item in source.imported_modules):
                return DetectionError(f"{source.path}: this is a {what}", hint=hint)
    return None


def _unrecognised(tree: Tree) -> DetectionError:
    """Python in which nothing is known: a library, something that nothing serves, the rest."""
    if (known := _not_served(tree)) is not None:
        return known
    if (library := _library(tree)) is not None:
        return _is_library(library, None)
    files = "1 Python file" if len(tree.python) == 1 else f"{len(tree.python)} Python files"
    return DetectionError(
        f"no web app was found in {files}: looked for Django (manage.py, "
        "wsgi.py, settings.configure), Flask(...), FastAPI, Starlette, Quart, Litestar, "
        "create_app(), a callable (environ, start_response) or (scope, receive, send), "
        "and a Procfile",
        hint=WRITE_COMMAND,
    )


def _needs_arguments(fact: AppObject) -> DetectionError:
    needs = ", ".join(fact.needs)
    return DetectionError(
        f"{fact.evidence}: {fact.attribute}({needs}) makes the app, but it needs arguments",
        hint=f"give {needs} a default, or add a module that calls it: app = {fact.attribute}(...)",
    )


def _ruled_out(config: Config) -> DetectionError:
    said = [
        f'[app] framework = "{config.app.framework}"' if config.app.framework else "",
        f'[web] directory = "{config.web.directory}"' if config.web.directory else "",
    ]
    return DetectionError(
        f"no web app was found that fits {' and '.join(filter(None, said))}",
        hint="take it out of holdfast.toml, or " + WRITE_COMMAND,
    )

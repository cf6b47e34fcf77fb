"""What to install besides when the app cannot be imported for want of it, or on which Python.

Lists are forgetful: a package that was on the author's machine anyway, a package that needs
another only when it runs, a library that has since dropped what an older one imports. The
error names it, and where it is well known, it is installed and said. Nothing is installed
only because something in the code is called so.
"""

from __future__ import annotations

import re
from dataclasses import replace

from holdfast.app import OLDEST_PYTHON, Finding
from holdfast.detect import choosing, drift, dropped, inference, secrets
from holdfast.detect.causes import NO_METADATA, ImportFailed
from holdfast.detect.facts import OwnPackage
from holdfast.detect.lines import normalise
from holdfast.detect.project import Project
from holdfast.detect.tree import parent
from holdfast.records import record

SETUPTOOLS = "setuptools<81"
"""``pkg_resources`` has gone from later ones (setuptools' history, v82)."""

_MODULES = {"pkg_resources": SETUPTOOLS, "setuptools": SETUPTOOLS, "distutils": SETUPTOOLS,
            "psycopg": "psycopg[binary]"}  # fmt: skip

_NEEDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"python-multipart", ("python-multipart",)),
    (r"email[-_]validator", ("email-validator",)),
    (r"jinja2 must be installed", ("jinja2",)),
    (r"Error loading psycopg|no pq wrapper available", ("psycopg[binary]",)),
    (r"Error loading MySQLdb", ("mysqlclient",)),
    (r"Pillow is not installed", ("pillow",)),
    (r"WSGIMiddleware.*a2wsgi|a2wsgi", ("a2wsgi",)),
)
"""What a library says when an optional part of it is missing."""

_TOLD = re.compile(r"pip3? install [\"'`]?([A-Za-z][\w.-]*)")
"""An error that names the package; it is installed if it is well known besides."""

_EXTENSION = re.compile(r"No module named flask\.ext\.(\w+)")
"""What Flask before 1.0 says of an extension by its old name that is not installed."""

_DRIFTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"'(?:url_\w+|HTTP_STATUS_CODES|parse_\w+)' from 'werkzeug", ("werkzeug<3",)),
    (r"'(?:safe_str_cmp|BaseRe(?:sponse|quest))' from 'werkzeug", ("werkzeug<2.1",)),
    (r"'(?:cached_property|secure_filename|import_string)' from 'werkzeug'", ("werkzeug<1",)),
    (r"No module named 'werkzeug\.contrib'", ("werkzeug<1",)),
    (r"module 'werkzeug' has no attribute '__version__'", ("werkzeug<3",)),
    (r"'(?:Markup|escape|context\w+|environment\w+|evalcontext\w+)' from 'jinja2", ("jinja2<3.1",)),
    (r"'soft_unicode' from 'markupsafe'", ("markupsafe<2.1",)),
    (r"'json' from 'itsdangerous'", ("itsdangerous<2.1",)),
    (r"'(?:_(?:app|request)_ctx_stack|JSONEncoder)' from 'flask", ("flask<2.3", "werkzeug<3")),
    (r"'(?:Markup|escape)' from 'flask", ("flask<2.3", "werkzeug<3")),
    (r"'(?:Starlette|FastAPI|APIRouter|Router)' object has no attribute '", ("starlette<1",)),
    (r"no attribute 'before_first_request'", ("flask<2.3", "werkzeug<3")),
    (r"No module named 'flask\.ext'", ("flask<1", *drift.WITH_OLD_FLASK)),
    (r"No module named 'flask\._compat'", ("flask<2", *drift.WITH_OLD_FLASK)),
    (r"'MigrateCommand' from 'flask_migrate'", ("flask-migrate<3",)),
    (r"No module named 'wtforms\.fields\.html5'", ("wtforms<3",)),
    (r"'(?:TextField|Required|html5)' from 'wtforms", ("wtforms<3",)),
    (
        r"Field\.__init__\(\) got an unexpected keyword argument '(?:missing|default)'",
        ("marshmallow<4",),
    ),
    (r"'(?:u?n?gettext\w*|force_text|smart_text|url|is_safe_url)' from 'django\.", ("django<4",)),
    (r"'(?:NullBooleanField|urlquote\w*|urlunquote\w*)' from 'django\.", ("django<4",)),
    (r"got invalid attribute\(s\): index_together", ("django<5.1",)),
    (r"'(?:get_storage_class|utc|baseconv)' from 'django\.", ("django<5",)),
    (r"No module named 'django\.contrib\.staticfiles\.templatetags'", ("django<3",)),
    (r"No module named 'django\.core\.urlresolvers'", ("django<2",)),
    (r"No module named 'django\.utils\.six'|'python_2_unicode_compatible'", ("django<3",)),
    (r"BaseSettings. has been moved|removed in (?:Pydantic )?V2", ("pydantic<2",)),
    (r".(?:regex|const). is removed|non-annotated attribute", ("pydantic<2",)),
    (r"'\w+' from 'pydantic\.(?:fields|utils|typing|main|errors)'", ("pydantic<2",)),
    (r"module 'sqlalchemy' has no attribute '__all__'|'_orm_packages'", ("sqlalchemy<2",)),
    (r"numpy\.dtype size changed|compiled using NumPy 1\.x", ("numpy<2",)),
    (
        r"module 'numpy' has no attribute '(?:bool|int|float|complex|object|str|long|typeDict)'",
        ("numpy<1.24",),
    ),
    (r"module 'numpy' has no attribute", ("numpy<2",)),
    (r"pyarrow requires NumPy 2", ("pyarrow<20",)),
    (r"Descriptors cannot (?:not )?be created directly", ("protobuf<3.21",)),
    (r"unexpected keyword argument 'prox(?:ies|y)'", ("httpx<0.28",)),
    (r"'(?:DataFrame|Series)' object has no attribute '(?:append|iteritems)'", ("pandas<2",)),
    (r"No module named 'altair\.vegalite\.v4'", ("altair<5",)),
    (r"'streamlit' has no attribute 'experimental_\w+'", ("streamlit<1.37",)),
    (r"No module named 'openai\.error'", ("openai<1",)),
    (r"No module named 'mcp\.server\.fastmcp'|'FastMCP' from 'mcp", ("mcp<2",)),
    (
        (
            r"No module named 'langchain\.(?:llms|chat_models|embeddings|chains|memory|prompts"
            r"|text_splitter|vectorstores|document_loaders|schema|callbacks|retrievers|agents)"
        ),
        ("langchain<1", "langchain-community<0.4"),
    ),
)
"""What the newest of one library has dropped and an older other one still imports."""


_OUTSIDE = "Working outside of application context"
_BEFORE_CONTEXTS = ("flask-sqlalchemy<3", "sqlalchemy<2", "flask<2.3", "werkzeug<3")
"""What takes ``db.create_all()`` on import, as everybody wrote it until 2022."""


@record
class _Other:
    """A package in another's place.

    Attributes:
        said: what the error says; ``of``: packages of which the project must have one.
        instead: lines that take the place of what is said of the same packages.
        added: what is installed besides.
    """

    said: str
    of: frozenset[str]
    instead: tuple[str, ...]
    added: tuple[str, ...]
    why: str


_OTHERS = (
    _Other(
        r"lib(?:GL|glib-2\.0|gthread-2\.0|SM|X11|xcb|Xext|Xrender)\.so",
        frozenset({"opencv-python", "opencv-contrib-python"}),
        ('opencv-python ; python_version < "3"', 'opencv-contrib-python ; python_version < "3"'),
        ("opencv-contrib-python-headless",),
        "opencv-python wants the libraries of a desktop, which a server has not",
    ),
    _Other(
        r"required field .type_ignores. missing from Module",
        frozenset({"werkzeug", "flask"}),
        ("werkzeug>=0.15.5,<0.16",),
        (),
        "Werkzeug before 0.15.5 cannot run on Python 3.8 and later",
    ),
    _Other(
        r"Generator expression must be parenthesized \(widgets\.py",
        frozenset({"django"}),
        ("django>=1.11.17,<2",),
        (),
        "Django 1.11 before 1.11.17 cannot run on Python 3.7 and later",
    ),
)


def repaired(project: Project, error: ImportFailed) -> Project | None:
    """The project with what its import lacks besides; ``None`` where that is not known."""
    message = error.said
    found = _with_itself(project, message) or _secret_asked_for(project, message)
    if found is not None:
        return found
    added, why = _lacking(project, error)
    if new := tuple(item for item in added if item not in project.dependencies.extra):
        return _with(project, new, why)
    if (bound := dropped.bound(message)) is not None:
        return _with_older_python(project, bound)
    return _with_other(project, message)


def _lacking(project: Project, error: ImportFailed) -> tuple[tuple[str, ...], str]:
    """The packages that an error is for the want of, and why; none where that is not known."""
    message, name = error.said, (error.module or "").partition(".")[0]
    if error.kind == "ModuleNotFoundError" and name and not _is_own(project, name):
        if package := _package(error.module or ""):
            return (package,), f"{name} is imported, and no file names a package with it"
    if (added := next((found for said, found in _NEEDS if re.search(said, message)), ())) != ():
        return added, "the app cannot be imported without it"
    if (extension := _EXTENSION.search(message)) is not None:
        if package := inference.PACKAGES.get(f"flask_{extension[1]}"):
            said = f"flask.ext.{extension[1]} is imported, and no file names a package with it"
            return (package,), said
    if (told := _TOLD.search(message) or NO_METADATA.search(message)) is not None:
        known = normalise(next(filter(None, told.groups())))
        if known in {*inference.PACKAGES.values()}:
            return (known,), f"it asks for {known} itself, and no file names it"
    if "flask-sqlalchemy" in project.packages | project.installed and _OUTSIDE in message:
        return (
            _BEFORE_CONTEXTS,
            "Flask-SQLAlchemy 3 does nothing outside of an application's context",
        )
    added = next((found for said, found in _DRIFTED if re.search(said, message)), ())
    return added, "a newer version lacks what the app imports"


def _package(module: str) -> str | None:
    """The package of a module that is missing; ``None`` where it is a part of one that is there."""
    top, _, part = module.partition(".")
    if part:
        return inference.PACKAGES.get(module)
    return _MODULES.get(top) or dropped.GONE.get(top) or inference.PACKAGES.get(top)


def _with_itself(project: Project, message: str) -> Project | None:
    """The project installed itself, where it asks for its own version; else ``None``."""
    asked = NO_METADATA.search(message)
    wanted = normalise(asked[1] or asked[2]) if asked else ""
    own = next((item for item in project.all(OwnPackage) if normalise(item.name) == wanted), None)
    chosen = project.dependencies
    if own is None or chosen.install_project:
        return None
    home = parent(own.evidence.file)
    if chosen.source != "none" and home == parent(chosen.files[0]):
        changed = replace(chosen, install_project=True)
    else:
        changed = choosing.with_server(chosen, (f"./{home}",))
    if changed == chosen:
        return None
    why = f"the app asks for its own version: {own.evidence} builds it"
    finding = Finding("installed", own.name, why)
    return replace(project, dependencies=changed, findings=(*project.findings, finding))


def _secret_asked_for(project: Project, message: str) -> Project | None:
    """The project with a random value for a secret that the error names: any would do."""
    for name in re.findall(r"\b[A-Z][A-Z0-9_]*_(?:KEY|SECRET|SALT)\b", message):
        if name in project.generate or not secrets.satisfied_by_random(name, frozenset()):
            continue
        why = "the app's own error asks for it; any random value will do, so one is made and kept"
        return replace(
            project,
            generate=(*project.generate, name),
            findings=(*project.findings, Finding("secret", name, why)),
        )
    return None


def _with_other(project: Project, message: str) -> Project | None:
    """The project with a package in another's place."""
    for other in _OTHERS:
        have = other.of & project.packages or not project.packages
        done = set(other.instead) <= set(project.dependencies.instead)
        if re.search(other.said, message) and have and not done:
            names = ", ".join(other.added or other.instead)
            changed = _with(project, other.added, other.why)
            finding = Finding("in its place", names, other.why, level="warning")
            return replace(
                changed,
                dependencies=replace(changed.dependencies, instead=other.instead),
                findings=(*project.findings, finding),
            )
    return None


def _with_older_python(project: Project, bound: str) -> Project | None:
    """The project on a Python that still has what its import wants; ``None`` if it says which."""
    dependencies = project.dependencies
    asked = dependencies.python or ""
    if dependencies.exact or re.fullmatch(r"[\d.]+", asked):
        return None
    request = ",".join(part for part in (asked, f">=3.{OLDEST_PYTHON}", bound) if part)
    said = "it imports what newer Pythons no longer have"
    finding = Finding("python", bound, said, level="warning")
    return replace(
        project,
        dependencies=replace(dependencies, python=request, exact=True),
        findings=(*project.findings, finding),
    )


def _is_own(project: Project, name: str) -> bool:
    """A module of the project's own that is not found is no package of the index."""
    top = {item.module.partition(".")[0] for item in project.candidates}
    return name in top


def _with(project: Project, added: tuple[str, ...], why: str) -> Project:
    files = project.dependencies.files or ("the project's dependencies",)
    said = f"{why}; add it to {files[0]} and it is no guess"
    finding = Finding("added", ", ".join(added), said, level="warning")
    names = frozenset(normalise(re.split(r"[<\[=]", item)[0]) for item in added)
    return replace(
        project,
        dependencies=choosing.with_server(project.dependencies, added),
        packages=project.packages | names,
        findings=(*project.findings, finding),
    )

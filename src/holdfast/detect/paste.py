"""Apps that a PasteDeploy file describes: Pyramid's ``pserve production.ini``, TurboGears, Kotti.

The file names an entry point and gives it its settings. A module beside the release has it loaded
as ``pserve`` would, and any server can be given that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import AppObject, Evidence, Fact, Migrations, NeedsInstalling
from holdfast.detect.tree import Tree, join, parent

_APP = re.compile(r"(?m)^\[(?:app|composite|composit|pipeline|filter-app):main\][ \t]*$")
_EGG = re.compile(r"(?m)^(?:use|paste\.\w+)\s*=\s*egg:([\w.-]+)")
_SCRIPTS = re.compile(r"(?ms)^\[alembic\]\s*$(?:(?!^\[).)*?^script_location\s*=\s*(\S+)")
_DEVELOPMENT = re.compile(r"dev|test|debug|local|sample|example")
_PRODUCTION = re.compile(r"prod|live|deploy|wsgi")

_MODULE = '''"""Written by Holdfast: the app that an .ini file describes, as pserve makes it."""

import logging.config
import os

from paste.deploy import loadapp

_file = os.path.abspath({name!r})
with open(_file, encoding="utf-8") as _text:
    if "[loggers]" in _text.read():
        _known = {{"__file__": _file, "here": os.path.dirname(_file)}}
        logging.config.fileConfig(_file, _known, disable_existing_loggers=False)
application = loadapp("config:" + _file)
'''


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """The topmost file with a main app, one for production before others."""
    found = [
        (path.count("/"), _rank(path), path)
        for path in tree.files
        if path.endswith(".ini") and not is_aside(path) and _APP.search(tree.text(path))
    ]
    if not found:
        return
    path = min(found)[2]
    text = tree.text(path)
    match = _APP.search(text)
    evidence = Evidence(path, text.count("\n", 0, match.start()) + 1 if match else None)
    name = path.rpartition("/")[2]
    code = _MODULE.format(name=name)
    yield AppObject(evidence, "wsgi", "wsgi", "application", made_by="pserve", entry=code)
    if _of_the_project(tree, parent(path), text):
        yield NeedsInstalling(evidence, "it names the project by its entry point")
    if (scripts := _SCRIPTS.search(text)) is not None:
        folder = join(parent(path), scripts[1].replace("%(here)s/", ""))
        if tree.has(join(folder, "env.py")):
            yield Migrations(evidence, "alembic", parent(path))


def _rank(path: str) -> tuple[bool, bool, str]:
    name = path.rpartition("/")[2]
    return _DEVELOPMENT.search(name) is not None, _PRODUCTION.search(name) is None, name


def _of_the_project(tree: Tree, directory: str, text: str) -> bool:
    """Whether an entry point that it uses is one of the project's own."""
    builds = (tree.text(join(directory, name)) for name in ("setup.py", "setup.cfg"))
    names = {item for item in _EGG.findall(text) if item not in ("waitress", "gunicorn", "Paste")}
    return bool(names) and any("paste.app_factory" in item for item in builds)

"""WSGI apps of other frameworks, and a plain ``def application(environ, start_response)``."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import AppObject, Confidence, Evidence, Fact
from holdfast.detect.objects import Kind, find_objects
from holdfast.detect.tree import Tree

WSGI = Kind("wsgi", "wsgi")

CLASSES = dict.fromkeys(
    (
        "falcon.App",
        "falcon.API",
        "bottle.Bottle",
        "bottle.default_app",
        "pyramid.config.Configurator.make_wsgi_app",
        "morepath.App",
        "connexion.FlaskApp",
        "connexion.App",
    ),
    WSGI,
)
"""What is called to make a WSGI app."""

_ENVIRON = (("environ", "start_response"), ("env", "start_response"), ("environ", "start"))


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    yield from find_objects(tree, CLASSES, b"falcon", b"bottle", b"morepath", b"connexion")
    for source in tree.mentioning(b"start_response"):
        for function in source.functions:
            if tuple(item.arg for item in function.args.args) in _ENVIRON:
                yield AppObject(
                    Evidence(source.path, function.lineno),
                    "wsgi",
                    "wsgi",
                    function.name,
                    made_by=f"def {function.name}(environ, start_response)",
                    confidence=_confidence(function.name),
                )


def _confidence(name: str) -> Confidence:
    return Confidence.LIKELY if name in ("app", "application") else Confidence.GUESS

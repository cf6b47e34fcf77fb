"""Signs of other kinds of project: what to say when no Python web app is found."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import Evidence, Fact, OtherProject
from holdfast.detect.tree import Tree

_SIGNS = {
    "package.json": "a JavaScript project",
    "composer.json": "a PHP project",
    "index.php": "a PHP site",
    "Gemfile": "a Ruby project",
    "go.mod": "a Go program",
    "Cargo.toml": "a Rust program",
    "pom.xml": "a Java project",
    "index.html": "a static site",
}


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for name, what in _SIGNS.items():
        if tree.has(name):
            yield OtherProject(Evidence(name), what)

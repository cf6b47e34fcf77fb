"""Which script a framework's own command is given, where somebody wrote the command down.

``streamlit run src/app.py`` in a ``Procfile``, a ``Dockerfile``, a start-up script, a README: it
says which of several scripts is the app, and from where it is run, for relative paths count from
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.detect.tree import Tree, join, parent

_FILES = ("Procfile", "Dockerfile", "start.sh", "run.sh", "startup.sh", "entrypoint.sh", "app.yaml",
          "render.yaml", "railway.json", "railway.toml", "fly.toml", "Makefile", "compose.yaml",
          "docker-compose.yml", "docker-compose.yaml", ".replit", "README.md", "README.rst",
          "README.txt", "readme.md")  # fmt: skip
"""Where such a command stands; what is run counts more than what is told."""

_RUN = re.compile(
    r"\b(streamlit|chainlit|solara|shiny|marimo|panel|bokeh)\s+(?:run|serve)\s"
    r"[^\n|;&`]*?(?<![\w./-])([\w./-]+\.py)\b"
)
_ITSELF = re.compile(r"\b(?:python3?|gradio|flet|robyn)\s+(?:run\s+)?(?:-u\s+)?([\w./-]+\.py)\b")
_MARKS = re.compile(r"[\"',\[\]]+")


def scripts(tree: Tree, tool: str) -> Iterator[tuple[str, str]]:
    """Scripts that the tool is told to run, the surest first, each with the folder it is run in."""
    for name in _FILES:
        for file in tree.named(name)[:2]:
            said = _MARKS.sub(" ", tree.text(file))
            runs = [match[2] for match in _RUN.finditer(said) if match[1] == tool]
            for path in runs or [match[1] for match in _ITSELF.finditer(said)]:
                for directory in dict.fromkeys((parent(file), ".")):
                    if tree.has(whole := join(directory, path)):
                        yield whole, directory
                        break

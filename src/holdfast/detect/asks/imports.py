"""Whether everything can be imported that a script imports first, without running the script."""

from __future__ import annotations

import ast
import importlib
import os
from typing import Any

from holdfast.detect.asks.common import failure


def imported(file: str, *, own: bool) -> dict[str, Any]:
    """The first import that fails, if one does.

    Args:
        own: also modules of the project's own, which may do anything when they are imported.
    """
    with open(file, "rb") as script:
        tree = ast.parse(script.read(), file)
    for node in tree.body:
        try:
            if isinstance(node, ast.Import):
                for item in node.names:
                    if own or not _is_own(file, item.name):
                        importlib.import_module(item.name)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                if own or not _is_own(file, node.module):
                    _imported_from(node.module, [item.name for item in node.names])
        except Exception as error:
            if own or isinstance(error, ImportError):
                return {"chosen": None, "failures": [{**failure(error), "candidate": 0}]}
    return {"chosen": 0}


def _is_own(file: str, module: str) -> bool:
    name = module.partition(".")[0]
    places = (os.path.join(base, name) for base in (os.getcwd(), os.path.dirname(file) or "."))
    return any(os.path.isdir(place) or os.path.isfile(f"{place}.py") for place in places)


def _imported_from(module: str, names: list[str]) -> None:
    found = importlib.import_module(module)
    for name in names:
        if name != "*" and not hasattr(found, name):
            importlib.import_module(f"{module}.{name}")

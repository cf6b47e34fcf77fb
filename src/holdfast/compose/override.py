"""The override: what has to differ on a server, as a Compose file of its own beside the project.

``!reset`` and ``!override`` (https://docs.docker.com/reference/compose-file/merge/) need Compose
2.24. No secret stands in it: it is shown by ``holdfast plan --override``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from holdfast.records import record


@record
class Tagged:
    """A value that replaces (``!override``) or removes (``!reset``) what the project says."""

    tag: str
    value: Any


def reset(value: Any) -> Tagged:
    """Nothing instead; ``value`` is an empty one of the kind that stands there."""
    return Tagged("!reset", value)


def instead(value: Any) -> Tagged:
    return Tagged("!override", value)


def text(document: Mapping[str, Any], about: str = "") -> str:
    """The document as YAML."""
    head = "".join(f"# {line}\n" for line in about.splitlines())
    return head + "".join(f"{line}\n" for line in _lines(document, ""))


def _lines(value: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for key, item in value.items():
        name = f"{indent}{json.dumps(key)}:"
        if isinstance(item, Mapping) and item:
            lines += [name, *_lines(item, indent + "  ")]
        elif isinstance(item, Tagged):
            lines.append(f"{name} {item.tag} {_flow(item.value)}")
        else:
            lines.append(f"{name} {_flow(item)}")
    return lines


def _flow(value: Any) -> str:
    """JSON is YAML; a dollar sign would be taken for a variable."""
    return json.dumps(value).replace("$", "$$")

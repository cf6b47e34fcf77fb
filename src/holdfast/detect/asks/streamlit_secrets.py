"""Streamlit's ``st.secrets`` read from the app's variables, where no file has them.

``DB__PASSWORD`` is ``st.secrets["DB"]["PASSWORD"]``.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

FILES = ("~/.streamlit/secrets.toml", ".streamlit/secrets.toml")


def from_environment() -> None:
    """Have every look into ``st.secrets`` find the variables, too."""
    module: Any
    try:
        module = importlib.import_module("streamlit.runtime.secrets")
    except ImportError:  # older than 1.12
        module = importlib.import_module("streamlit.secrets")
    name_of_parse = "_parse"
    theirs = getattr(module.Secrets, name_of_parse)

    def parse(self: Any, *args: Any, **given: Any) -> Any:
        found: dict[str, Any] = {}
        if any(os.path.exists(os.path.expanduser(name)) for name in FILES):
            found = dict(theirs(self, *args, **given))
        for name, value in os.environ.items():
            *above, last = [part for part in name.split("__") if part] or [name]
            table = found
            for part in above:
                below: Any = table.get(part)
                below = dict(below) if hasattr(below, "items") else {}
                table[part] = below
                table = below
            table.setdefault(last, value)
        self._secrets = found
        return found

    setattr(module.Secrets, name_of_parse, parse)

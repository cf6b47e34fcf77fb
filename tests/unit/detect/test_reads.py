"""Which variables an app cannot do without, as far as its code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.config import App, Config
from holdfast.detect import scan
from holdfast.detect.facts import EnvRead

APP = "from flask import Flask\napp = Flask(__name__)\n"


def required(root: Path, files: dict[str, str]) -> set[str]:
    """Names that are required by a file which the app imports."""
    for name, text in {"requirements.txt": "flask\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = scan(root, Config(app=App(name="site")))
    return {
        fact.name
        for fact in project.all(EnvRead)
        if fact.required and fact.evidence.file in project.loaded
    }


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('X = os.environ["X"]', {"X"}),
        ('if "X" in os.environ:\n    X = os.environ["X"]', set()),
        ('X = os.environ["X"] if os.getenv("X") else 1', set()),
        ('try:\n    X = os.environ["X"]\nexcept KeyError:\n    X = 1', set()),
        ('try:\n    X = os.environ["X"]\nexcept ValueError:\n    X = 1', {"X"}),
        ('if __name__ == "__main__":\n    X = os.environ["X"]', set()),
        ('if DEBUG:\n    X = os.environ["X"]', {"X"}),
        ('env = environ.Env(X=(bool, True))\nX = env("X")\nY = env("Y")', {"Y"}),
        ("env = environ.Env()\nX = env.db()\nY = env.cache()", {"DATABASE_URL", "CACHE_URL"}),
        ('env = environ.Env()\nX = env.db(default="sqlite:///x")', set()),
        ('from decouple import config\nX = config("X")\nY = config("Y", default=1)', {"X"}),
        ('if "X" in os.environ:\n    X = 1\nelse:\n    Y = os.environ["Y"]', {"Y"}),
        ('if os.getenv("X") == "cloud":\n    Y = os.environ["Y"]', set()),
        ('if "X" not in os.environ:\n    Y = os.environ["Y"]', {"Y"}),
        ('from environs import Env\ne = Env()\nX = e.str("X")\nY = e.int("Y", 1)', {"X"}),
        (
            "from starlette.config import Config\nc = Config()\nX = c('X')\nY = c('Y', default=1)",
            {"X"},
        ),
        ('from environs import Env\ne = Env()\nwith e.prefixed("A_"):\n    X = e("X")', {"A_X"}),
        ('X = os.getenv("X")\nif not X:\n    raise ValueError', {"X"}),
        (
            'X = os.getenv("X")\nif X is None or not os.getenv("Y"):\n    raise ValueError',
            {"X", "Y"},
        ),
        ('X = os.getenv("X")\nif X:\n    raise ValueError', set()),
        ('X = os.getenv("X", "x")\nif not X:\n    raise ValueError', set()),
        ('assert os.getenv("X"), "set it"', {"X"}),
        (
            'if os.getenv("IN") == "cloud":\n    if not os.getenv("X"):\n        raise ValueError',
            set(),
        ),
        ('if not all([os.getenv("X"), os.getenv("Y")]):\n    raise ValueError', {"X", "Y"}),
        (
            'ALL = ["X", "Y"]\nfor name in ALL:\n    if name not in os.environ:\n        exit(1)',
            {"X", "Y"},
        ),
        ('no = [n for n in ("X",) if not os.getenv(n)]\nif no:\n    raise ValueError(no)', {"X"}),
        ("def check():\n    if not os.getenv('X'):\n        raise ValueError\ncheck()", {"X"}),
        ("def check():\n    if not os.getenv('X'):\n        raise ValueError", set()),
        ("def get(name):\n    return os.environ[name]\nX = get('X')", {"X"}),
        (
            (
                "def get(name):\n    try:\n        return os.environ[name]\n    except KeyError:\n"
                "        raise ValueError(name)\nX = get('X')"
            ),
            {"X"},
        ),
        (
            (
                "def get(name):\n    try:\n        return os.environ[name]\n    except KeyError:\n"
                "        return None\nX = get('X')"
            ),
            set(),
        ),
    ],
)
def test_a_read_is_required_where_nothing_stands_in_for_it(
    tmp_path: Path, code: str, names: set[str]
) -> None:
    """Conditions on the environment, handlers and defaults count; other conditions do not."""
    assert required(tmp_path, {"app.py": f"import os\nimport environ\n{APP}{code}\n"}) == names


def test_only_what_the_app_imports_counts(tmp_path: Path) -> None:
    """Absolute, relative and renamed imports are followed; a script beside is not read."""
    read = 'import os\nos.environ["{}"]\n'
    files = {
        "app.py": f"import shop.mail as m\nfrom shop import (\n    pay,\n)\n{APP}",
        "shop/__init__.py": "from .stock import count\n",
        "shop/stock.py": read.format("STOCK") + "count = 1\n",
        "shop/mail.py": read.format("MAIL"),
        "shop/pay.py": read.format("PAY"),
        "shop/unused.py": read.format("UNUSED"),
        "scripts/load.py": read.format("SCRIPT"),
    }
    assert required(tmp_path, files) == {"STOCK", "MAIL", "PAY"}


SETTINGS = """from pydantic import BaseModel
from pydantic_settings import BaseSettings
class Store(BaseModel):
    host: str
    port: int = 1
class Base(BaseSettings):
    name: str = "x"
class Dev(Base):
    colour: str
class Prod(Base):
    model_config = {"env_nested_delimiter": "__"}
    key: str
"""


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("Prod()", {"KEY"}),
        ("Dev()", {"COLOUR"}),
        ("{'dev': Dev, 'prod': Prod}[Base().name]()", set()),
        (
            "class Nested(BaseSettings, env_nested_delimiter='__'):\n    store: Store",
            {"STORE__HOST"},
        ),
        ("class Whole(BaseSettings):\n    store: Store", {"STORE"}),
        ("class Made(BaseSettings):\n    store: Store = Store(host='x')", set()),
    ],
)
def test_a_field_of_settings_is_required_where_they_are_made(
    tmp_path: Path, code: str, names: set[str]
) -> None:
    """Those of a class that only others might use are not; models are read field by field."""
    assert required(tmp_path, {"app.py": f"{APP}{SETTINGS}{code}\n"}) == names

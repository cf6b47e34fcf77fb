"""Which worker gunicorn is started with, by its command line and its configuration file."""

from __future__ import annotations

import pytest

from holdfast.detect import command_line
from holdfast.detect.facts import Evidence, GunicornSettings
from holdfast.detect.gunicorn_settings import speaks_asgi


@pytest.mark.parametrize(
    ("options", "worker", "asgi"),
    [
        ("", "", False),
        ("-k uvicorn.workers.UvicornWorker", "", True),
        ("-kuvicorn.workers.UvicornWorker", "", True),
        ("--worker-class=uvicorn.workers.UvicornWorker", "gthread", True),
        ("-ksync", "uvicorn.workers.UvicornWorker", False),
        ("--worker-class gthread", "", False),
        ("", "uvicorn.workers.UvicornWorker", True),
    ],
)
def test_speaks_asgi(options: str, worker: str, asgi: bool) -> None:
    """Options count before the file, in whichever way they are written."""
    line = command_line.parse(f"gunicorn {options} app:app")
    assert line is not None
    settings = GunicornSettings(Evidence("gunicorn.conf.py"), frozenset(), worker)
    assert speaks_asgi(line, settings) is asgi

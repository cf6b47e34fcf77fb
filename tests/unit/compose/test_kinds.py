"""What a service is, by what it starts."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.compose import kinds
from holdfast.compose.project import read


@pytest.mark.parametrize(
    ("command", "starts", "deaf"),
    [
        (["sh", "-c", "python manage.py migrate && gunicorn shop.wsgi"], "", True),
        (["python", "manage.py", "runserver", "0.0.0.0:8000"], "", True),
        (["flask", "--app", "shop", "run"], "", True),
        (["gunicorn", "shop.wsgi"], "", False),
        (["uvicorn", "shop:app"], "", False),
        ([], 'CMD ["python", "-u", "app.py"]', True),
        ([], "CMD alembic upgrade head && uvicorn shop:app", True),
        ([], 'ENTRYPOINT ["tini", "--"]\nCMD ["python", "app.py"]', False),
        ([], 'CMD ["gunicorn", "shop.wsgi"]', False),
    ],
)
def test_what_hears_no_term(command: list[str], starts: str, deaf: bool) -> None:
    """A shell that does not pass it on, an interpreter that is process 1; not what handles it."""
    build = {"context": "/src", "dockerfile_inline": f"FROM python:3.13\n{starts}\n"}
    service: dict[str, Any] = {"build": build, "command": command}
    for more, expected in (({}, deaf), ({"init": False}, False), ({"build": None}, False)):
        made = read({"services": {"web": {**service, **more}}}).services["web"]
        assert kinds.deaf(made) is expected

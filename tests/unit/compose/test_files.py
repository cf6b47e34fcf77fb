"""Which Compose files count: a file for production alone, or laid over the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.compose.files import keys, outline
from holdfast.config import from_json
from holdfast.detect import composed
from holdfast.errors import DetectionError

BASE = """\
services:
  web:
    build: .
    command: flask run
    volumes: ['.:/app']
    ports: ['5000:5000']
    depends_on: [db]
  db:
    image: postgres:17
    volumes: ['data:/var/lib/postgresql/data']
volumes: {data: }
"""
WHOLE = """\
services:
  web:
    build: {context: ., dockerfile: Dockerfile.prod}
    command: gunicorn shop:app
    expose: ['5000']
    env_file: .env.prod
    depends_on: [db]
  db:
    image: postgres:17
    volumes: ['prod:/var/lib/postgresql/data']
  nginx:
    build: ./nginx
    ports: ['80:80']
volumes: {prod: }
"""
OVERLAY = "services:\n  web:\n    restart: always\n    environment: [DEBUG=0]\n"
WEB_ALONE = "services:\n  web:\n    image: registry.example/shop:1\n    ports: ['80:5000']\n"
RESTATED = (
    "services:\n  web:\n    build: {context: ., target: live}\n    environment: {A: b}\n"
    "  db:\n    image: postgres:17\n    restart: always\n"
)


def chosen(source: Path, files: dict[str, str]) -> tuple[str, ...]:
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return composed.files(from_json({}), source)[0]


@pytest.mark.parametrize(
    ("production", "counts"),
    [
        (WHOLE, ("prod",)),
        (OVERLAY, ("base", "prod")),
        (WEB_ALONE, ("base", "prod")),
        (RESTATED, ("base", "prod")),
        (
            WHOLE.replace("  db:\n    image: postgres:17\n", "  x:\n    image: x\n"),
            ("base", "prod"),
        ),
    ],
)
def test_a_file_for_production(tmp_path: Path, production: str, counts: tuple[str, ...]) -> None:
    """Complete in itself it is taken alone; what lacks a part, or its database, needs the other."""
    names = {"base": "docker-compose.yml", "prod": "docker-compose.prod.yml"}
    files = {names["base"]: BASE, names["prod"]: production}
    assert chosen(tmp_path, files) == tuple(names[name] for name in counts)


@pytest.mark.parametrize(
    ("line", "alone"),
    [
        ("docker-compose -f docker-compose.prod.yml up -d --build", True),
        ("docker compose -f docker-compose.yml -f docker-compose.prod.yml up", False),
        ("docker compose -f docker-compose.yml \\\n  -f docker-compose.prod.yml up", False),
        ("COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml", False),
        ("export COMPOSE_FILE=docker-compose.prod.yml", True),
    ],
)
@pytest.mark.parametrize("where", ["README.md", "Makefile", ".github/workflows/deploy.yml"])
def test_how_the_project_calls_it_decides(
    tmp_path: Path, where: str, line: str, alone: bool
) -> None:
    """Whatever stands in the two."""
    text = WEB_ALONE if alone else WHOLE
    files = {"docker-compose.yml": BASE, "docker-compose.prod.yml": text, where: f"x:\n\t{line}\n"}
    found = chosen(tmp_path, files)
    assert found[0] == ("docker-compose.prod.yml" if alone else "docker-compose.yml")
    assert len(found) == (1 if alone else 2)


def test_files_of_cookiecutter_django(tmp_path: Path) -> None:
    """``production.yml`` beside ``local.yml``; another program's file of the name is none."""
    assert chosen(tmp_path, {"local.yml": BASE, "production.yml": WHOLE}) == ("production.yml",)
    (tmp_path / "production.yml").write_text("all:\n  hosts: [one]\n")
    with pytest.raises(DetectionError, match="no Compose file"):
        composed.files(from_json({}), tmp_path)


def test_a_base_that_is_called_so(tmp_path: Path) -> None:
    """It comes first where the file for production needs it; alone it is nothing."""
    files = {"docker-compose.base.yaml": BASE, "docker-compose.prod.yaml": OVERLAY}
    assert chosen(tmp_path, files) == ("docker-compose.base.yaml", "docker-compose.prod.yaml")
    (tmp_path / "docker-compose.prod.yaml").write_text(WHOLE)
    assert chosen(tmp_path, {}) == ("docker-compose.prod.yaml",)


def test_databases_of_a_developer_are_no_base(tmp_path: Path) -> None:
    """The file for production has the app, with a database elsewhere."""
    tools = "services:\n  mongo:\n    image: mongo:7\n    volumes: ['m:/data/db']\n"
    files = {"compose.yaml": tools, "compose.prod.yaml": WHOLE}
    assert chosen(tmp_path, files) == ("compose.prod.yaml",)


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    """Only where the top has none; what is named counts, whatever is there."""
    assert chosen(tmp_path, {"deploy/docker-compose.yml": WHOLE}) == ("deploy/docker-compose.yml",)
    assert chosen(tmp_path, {"compose.yaml": BASE}) == ("compose.yaml",)
    named = ["deploy/docker-compose.yml"]
    assert composed.files(from_json({"compose": {"files": named}}), tmp_path)[0] == (
        "deploy/docker-compose.yml",
    )


def test_services_by_their_text() -> None:
    """Comments, braces, anchors: no YAML is read where a server has no reader of it."""
    text = (
        "x-a: &a\n  build: .\nservices:\n  # one\n  web:\n    <<: *a\n    environment:\n"
        "      image: no\n  'two': {image: x, ports: ['1:1']}\n  three: *a\nvolumes:\n  kept:\n"
    )
    found = outline(text)
    assert {name: keys(said) for name, said in found.items()} == {
        "web": {"<<", "environment"},
        "two": {"image", "ports"},
        "three": {"<<"},
    }

"""What ``holdfast check`` reads of a project's files is what Docker Compose reads of them."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.compose import written
from holdfast.compose.project import Service, read
from tests.compose.cases import CASES
from tests.compose.example import EXAMPLE, PRODUCTION
from tests.machines.machine import Machine

_HARD = {
    "compose.yaml": "include: [more.yaml]\n"
    "x-a: &a\n  environment: {A: a, N: 10, Y: yes, T: true, D: $$x}\n"
    "services:\n  web:\n    <<: *a\n    extends: {file: base.yaml, service: base}\n    build: .\n"
    "    ports: ['127.0.0.1:8001:80', '9000:90', '${FORWARD:-0.0.0.0:8002}:70']\n"
    "    expose: ['1']\n    volumes: ['./data:/data:ro', 'kept:/kept', '.:/app']\n"
    "    healthcheck: {test: curl -f http://x/up}\n    command: [one, two]\n"
    "  worker:\n    extends: web\n    command: work --hard\n    restart: 'no'\n"
    "  out: {image: x, profiles: [never]}\nvolumes: {kept: {}}\n",
    "more.yaml": "services:\n  cache:\n    image: redis\n    stop_grace_period: 1m30s\n",
    "base.yaml": "services:\n  base:\n    image: base\n    env_file: web.env\n"
    "    environment: [B=b=c, HOST_HAS]\n    depends_on: []\n",
    "web.env": "FROM_FILE='two words'\nexport B=file\n",
    "compose.prod.yaml": "services:\n  web:\n    environment: [A=c]\n    expose: ['2']\n"
    "    ports: !override ['80:80']\n    command: [three]\n    healthcheck: !reset null\n",
    ".env": "FORWARD=7000\n",
}
_PROJECTS = {
    **{name: {"Dockerfile": "", "compose.yaml": case.compose, **case.files}
       for name, case in CASES.items()},
    "hard": _HARD,
}  # fmt: skip


@pytest.mark.parametrize("name", [*_PROJECTS, "compose-shop"])
def test_reads_what_compose_reads(server: Machine, name: str, tmp_path: Path) -> None:
    """Services, and all of them that we decide by."""
    if name == "compose-shop":
        shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
        (tmp_path / ".env").write_text(PRODUCTION)
    for path, text in _PROJECTS.get(name, {}).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    files = [file for file in ("compose.yaml", "compose.prod.yaml") if (tmp_path / file).exists()]
    values = written.shipped(tmp_path)
    enabled = written.profiles((), values, ())
    ours = read(written.document(tmp_path, files, values, enabled)).services
    theirs = read(_compose(server, tmp_path, files)).services
    assert sorted(ours) == sorted(theirs)
    for service in ours:
        for key, value in _decisive(ours[service]).items():
            assert (service, key, value) == (service, key, _decisive(theirs[service])[key])


def _compose(server: Machine, home: Path, files: list[str]) -> dict[str, Any]:
    """What Compose prints of the same files, in a directory of the same name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.add(home, ".")
    words = " ".join(f"--file {name}" for name in files)
    unpack = f"mkdir -p {home} && cd {home} && base64 -d | tar -x"
    script = f"{unpack} && docker compose {words} config --format=json"
    packed = base64.b64encode(stream.getvalue()).decode()
    # It prints a dollar sign as its files have it.
    printed = server.ssh("sh", "-c", script, input=packed).stdout.replace("$$", "$")
    found: dict[str, Any] = json.loads(printed)
    return found


def _decisive(service: Service) -> dict[str, Any]:
    """What roles, mounts and dangers look at. Compose splits commands into words; we join them."""
    return {
        "image": service.image,
        "context": (service.build or {}).get("context"),
        "published": sorted(service.published),
        "exposed": sorted(service.exposed),
        "environment": dict(service.environment),
        "said": re.sub(r"['\"\\]", "", service.said),
        "mounts": sorted((item.kind, item.source, item.target) for item in service.mounts),
        "read_only": sorted(item.target for item in service.mounts if item.read_only),
        "depends": sorted(service.depends),
        "completes": service.completes,
        "check": service.check,
        "grace": service.grace,
        "restart": service.restart,
    }

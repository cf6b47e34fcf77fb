"""Lines of a Dockerfile that make a small change slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.compose.dockerfile import base, exposes, slow

FROM = "FROM python:3.13-slim\nWORKDIR /app\n"
COPY = "COPY requirements.txt .\n"
MOUNT = "--mount=type=cache,target=/root/.cache/uv"
PIP = "--mount=type=cache,target=/root/.cache/pip"
QUICK = f"RUN {MOUNT} uv pip install --system -r requirements.txt"


@pytest.mark.parametrize(
    "text",
    [
        "RUN pip install -r requirements.txt",
        "RUN pip install --no-cache-dir -r requirements.txt",
        f"RUN {PIP} pip install -r requirements.txt",
    ],
)
def test_pip_is_slow_with_a_cache_as_well(text: str) -> None:
    """The line is named, and one with uv that is right."""
    (found,) = slow(f"{FROM}{COPY}{text}\n")
    assert found.line == 4
    assert found.instead.startswith(f"{QUICK}, after RUN pip install uv")


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("RUN uv pip install --system \\\n    -r requirements.txt", QUICK),
        (f"RUN {MOUNT} uv pip install --system --no-cache -r requirements.txt", QUICK),
        ("RUN npm ci", "RUN --mount=type=cache,target=/root/.npm npm ci"),
        (
            "RUN poetry install --no-root --no-cache",
            "RUN --mount=type=cache,target=/root/.cache/pypoetry poetry install --no-root",
        ),
        ("RUN pdm sync --prod", "RUN --mount=type=cache,target=/root/.cache/pdm pdm sync --prod"),
        (
            "RUN pipenv install --system --deploy",
            "RUN --mount=type=cache,target=/root/.cache/pip pipenv install --system --deploy",
        ),
        (
            "RUN yarn --frozen-lockfile",
            "RUN --mount=type=cache,target=/usr/local/share/.cache/yarn yarn --frozen-lockfile",
        ),
    ],
)
def test_an_install_that_keeps_nothing(text: str, instead: str) -> None:
    """The line is named, and the one that is right."""
    (found,) = slow(f"{FROM}{COPY}{text}\n")
    assert (found.line, found.instead) == (4, instead)


def test_a_script_in_the_dockerfile() -> None:
    """Its lines are the instruction's; what a file gets so is none."""
    text = f"{FROM}COPY <<EOF /start\nRUN npm ci\nEOF\n{COPY}RUN <<END\nset -e\nnpm ci\nEND\n"
    (found,) = slow(text)
    assert found.line == 7
    assert "cache,target=/root/.npm" in found.instead


def test_code_that_is_copied_before_the_install() -> None:
    """Only in the same stage: what another one copies is none of its layers."""
    text = f"{FROM}COPY . .\n{QUICK}\n"
    (found,) = slow(text)
    assert found.line == 3
    assert "line 4" in found.why
    other = f"FROM node:22 AS assets\nCOPY . .\nRUN true\n{FROM}{COPY}"
    assert list(slow(f"{other}{QUICK}\nCOPY . .\n")) == []


@pytest.mark.parametrize(
    "text",
    [
        QUICK,
        f"RUN {MOUNT} uv sync --locked",
        "RUN pip install uv",
        "RUN pip install poetry pdm pipenv",
        "RUN yarn build",
        "RUN apt-get update && apt-get install -y curl",
        "# RUN pip install -r requirements.txt",
        "COPY ./.npmrc ./",
    ],
)
def test_what_is_well(text: str) -> None:
    assert list(slow(f"{FROM}{COPY}{text}\nCOPY . .\n")) == []


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        ("FROM postgres:17", "", "postgres:17"),
        ("from --platform=$BUILDPLATFORM node AS web\nFROM nginx", "", "nginx"),
        ("ARG TAG=8\nFROM redis:$TAG AS one\nFROM one as two\nRUN x", "", "redis:8"),
        ("FROM a AS one\nFROM b AS two", "one", "a"),
        ("FROM ${IMAGE:-mysql}", "", "mysql"),
        ("RUN nothing", "", ""),
    ],
)
def test_what_a_build_begins_with(text: str, target: str, found: str) -> None:
    """Through stages that go on from each other, and arguments with a default."""
    assert base({"dockerfile_inline": text, "target": target}) == found


def test_a_dockerfile_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert base({"context": str(tmp_path)}) == ""
    assert not exposes({"context": str(tmp_path)})
    (tmp_path / "Dockerfile").write_text("FROM a\nEXPOSE 80\n")
    assert exposes({"context": str(tmp_path)})

"""The variables that Compose files use, and values that must not go live."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.compose.variables import Use, here, line_of, missing, uses
from holdfast.runtimes.compose.resolving import quoted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${A}", [("A", False)]),
        ("$A-$B", [("A", False), ("B", False)]),
        ("${A:-x}", [("A", True)]),
        ("${A-x}${B+y}", [("A", True), ("B", True)]),
        ("${A:?must be set}", [("A", False)]),
        ("$$A costs $$5", []),
    ],
)
def test_what_is_used(text: str, found: list[tuple[str, bool]]) -> None:
    """A default, or an alternative, makes a variable one that may be missing."""
    document = {"services": {"web": {"environment": [text]}}}
    assert list(uses(document)) == [
        Use(name, "services.web.environment", optional) for name, optional in found
    ]


def test_what_is_missing() -> None:
    found = uses({"a": "${A} ${B} ${C:-1}"})
    assert missing(found, ["B"]) == {"A": "a"}
    assert missing(uses({"a": "${PWD}/x ${COMPOSE_PROJECT_NAME}"}), []) == {}


def test_the_line_that_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text("# SECRET\nservices:\n  web:\n    x: ${SECRET}\n")
    assert line_of("SECRET", [path]) == "compose.yaml, line 4"
    assert line_of("OTHER", [path]) == ""


def test_the_line_is_the_services_own(tmp_path: Path) -> None:
    """Another service's line says nothing of this one; what belongs to none may be an anchor."""
    path = tmp_path / "compose.yaml"
    path.write_text(
        "x-common: &common\n  stop_signal: INT\n"
        "services:\n  web:\n    restart: always\n\n  # of old\n  worker:\n"
        "    restart: 'no'\n  beat:\n    <<: *common\nvolumes:\n  beat:\n"
    )
    assert line_of("restart", [path], "worker") == "compose.yaml, line 9"
    assert line_of("restart", [path], "web") == "compose.yaml, line 5"
    assert line_of("restart", [path], "beat") == ""
    assert line_of("stop_signal", [path], "beat") == "compose.yaml, line 2"


def test_the_line_below_a_key(tmp_path: Path) -> None:
    """A port's line is the one of the list, not a variable's before it; else the list's own."""
    path = tmp_path / "compose.yaml"
    path.write_text(
        "services:\n  web:\n    environment:\n      PORT: 8000\n    ports:\n      - '80:80'\n"
        "      - '8000:8000'\n  api: {expose: [9000], ports: ['9000:9000']}\n"
    )
    assert line_of("8000", [path], "web", "ports") == "compose.yaml, line 7"
    assert line_of("9000", [path], "api", "ports") == "compose.yaml, line 8"
    assert line_of("3001", [path], "web", "ports") == "compose.yaml, line 5"
    assert line_of("8000", [path], "other", "ports") == ""


def test_values_in_a_file_that_compose_reads_as_they_are() -> None:
    """Dollar signs, quotes and line ends are part of the value (tests/compose asks Compose)."""
    assert quoted("a$b c") == "'a$b c'"
    assert quoted("it's\n$x") == '"it\'s\\n\\$x"'


@pytest.mark.parametrize(
    ("said", "given", "other"),
    [
        ("db", "localhost", "db"),
        ("redis://cache:6379/0", "redis://127.0.0.1:6379/0", "cache"),
        ("postgres://a:b@db/shop", "postgres://a:b@localhost:5432/shop", "db"),
        ("postgres://a:b@db/shop", "postgres://a:b@managed.example/shop", ""),
        ("postgres://a:b@elsewhere/shop", "postgres://a:b@localhost/shop", ""),
        ("db", "db.localhost", ""),
        (None, "localhost", ""),
    ],
)
def test_what_leads_to_the_container_itself(said: str | None, given: str, other: str) -> None:
    """A name of the project's own is right there; any other value of production is meant so."""
    found = here({"A": said}, {"A": given}, ["db", "cache"])
    assert found == ({"A": other} if other else {})

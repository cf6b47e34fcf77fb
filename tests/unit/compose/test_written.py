"""A project by its files alone, in the form that Compose prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.compose import written
from holdfast.compose.project import read
from holdfast.errors import DetectionError


def services(home: Path, files: dict[str, str], **values: str) -> dict[str, Any]:
    """What stands in the files, laid over each other in their order; the first is the main one."""
    for name, text in files.items():
        (home / name).write_text(text)
    names = [name for name in files if name.startswith("compose")]
    found: dict[str, Any] = written.document(home, names, values, set())["services"]
    return found


def test_short_forms_are_made_long(tmp_path: Path) -> None:
    """Everything that Project reads of it is as Compose would print it."""
    text = (
        "services:\n  web:\n    build: .\n    ports: ['127.0.0.1:8000:80', '9000:90/tcp', 70]\n"
        "    environment: [A=1=2, B]\n    volumes: ['./data:/data:ro', 'kept:/kept']\n"
        "    depends_on: [db]\n    healthcheck: {test: curl -f http://x/up}\n"
        "  db: {image: 'postgres:17'}\n"
    )
    said = services(tmp_path, {"compose.yaml": text}, B="2")
    web = read({"services": said}).services["web"]
    assert web.published == ((80, "8000", "127.0.0.1"), (90, "9000", ""), (70, "", ""))
    assert web.environment == {"A": "1=2", "B": "2"}
    assert [(item.kind, item.source, item.target) for item in web.mounts] == [
        ("bind", str(tmp_path / "data"), "/data"),
        ("volume", "kept", "/kept"),
    ]
    assert (web.mounts[0].read_only, web.depends) == (True, ("db",))
    assert web.check == ("CMD-SHELL", "curl -f http://x/up")
    assert web.build == {"context": str(tmp_path)}


def test_who_shares_a_network_waits_for_whose_it_is(tmp_path: Path) -> None:
    """Compose puts that in, and files of variables that need not be there out."""
    text = (
        "services:\n  web: {build: ., env_file: [{path: no.env, required: false}, a.env, b.env]}\n"
        "  side: {image: x, network_mode: 'service:web'}\n"
    )
    said = services(tmp_path, {"compose.yaml": text, "a.env": "A=1\n"})
    assert read({"services": said}).services["side"].depends == ("web",)
    assert written.env_files({"services": said}) == [tmp_path / "b.env"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("$A-${NONE}", "1-"),
        ("${NONE:-2}${A:-2}", "21"),
        ("${EMPTY-2}${EMPTY:-2}", "2"),
        ("${NONE:-${A}}", "1"),
        ("${A:+yes}${NONE:+no}", "yes"),
        ("$$A", "$A"),
    ],
)
def test_variables_are_put_in(text: str, value: str, tmp_path: Path) -> None:
    """With their defaults and alternatives, one in another."""
    file = f"services:\n  web:\n    environment: {{X: '{text}'}}\n"
    found = services(tmp_path, {"compose.yaml": file}, A="1", EMPTY="")
    assert found["web"]["environment"] == {"X": value}


def test_text_is_what_is_written(tmp_path: Path) -> None:
    """YAML 1.1 would make a truth of ``yes``, and minutes of ``22:22``."""
    text = "services:\n  web:\n    environment: {A: yes, B: 010, C: true}\n    ports: [22:22]\n"
    found = services(tmp_path, {"compose.yaml": text})["web"]
    assert found["environment"] == {"A": "yes", "B": "010", "C": "true"}
    assert found["ports"] == [{"target": "22", "published": "22", "host_ip": None}]


def test_files_are_laid_over_each_other(tmp_path: Path) -> None:
    """Lists grow, values are replaced; !reset takes away, !override replaces."""
    base = (
        "services:\n  web:\n    build: .\n    ports: ['80:80']\n    expose: ['1']\n"
        "    environment: {A: a, B: b}\n    command: [one, two]\n    restart: 'no'\n"
    )
    over = (
        "services:\n  web:\n    ports: !override ['90:90']\n    expose: ['2']\n"
        "    environment: [A=c]\n    command: [three]\n    restart: !reset null\n"
    )
    found = services(tmp_path, {"compose.yaml": base, "compose.production.yaml": over})["web"]
    assert [item["published"] for item in found["ports"]] == ["90"]
    assert found["expose"] == ["1", "2"]
    assert found["environment"] == {"A": "c", "B": "b"}
    assert found["command"] == ["three"]
    assert "restart" not in found


def test_includes_extends_and_anchors(tmp_path: Path) -> None:
    """Of other files, of the same one, and merged by YAML itself."""
    files = {
        "compose.yaml": "include: [more.yaml]\nx-a: &a\n  environment: {A: a}\nservices:\n"
        "  web:\n    <<: *a\n    extends: {file: base.yaml, service: base}\n"
        "  worker:\n    extends: web\n    command: work\n",
        "more.yaml": "services:\n  cache: {image: redis}\n",
        "base.yaml": "services:\n  base:\n    build: .\n    environment: {B: b}\n",
    }
    found = services(tmp_path, files)
    assert set(found) == {"web", "worker", "cache"}
    assert found["worker"]["environment"] == {"A": "a", "B": "b"}
    assert found["web"]["build"] == {"context": str(tmp_path)}


def test_only_what_its_profiles_let_run(tmp_path: Path) -> None:
    """Said in the config or by a variable; a variable that the server alone knows may be any."""
    text = "services:\n  web: {image: a}\n  jobs: {image: a, profiles: [jobs]}\n"
    (tmp_path / "compose.yaml").write_text(text)
    for said, values, unknown, wanted in (
        ((), {}, (), {"web"}),
        (("jobs",), {}, (), {"web", "jobs"}),
        ((), {"COMPOSE_PROFILES": "x, jobs"}, (), {"web", "jobs"}),
        ((), {}, ("COMPOSE_PROFILES",), {"web", "jobs"}),
    ):
        enabled = written.profiles(said, values, unknown)
        found = written.document(tmp_path, ["compose.yaml"], values, enabled)
        assert set(found["services"]) == wanted


def test_files_of_variables(tmp_path: Path) -> None:
    """Behind what the service says itself; one that is not sent says nothing."""
    (tmp_path / "web.env").write_text("export DEBUG=1\nB='two words'\n")
    text = "services:\n  web:\n    env_file: [web.env, .env]\n    environment: {B: mine}\n"
    found = services(tmp_path, {"compose.yaml": text})["web"]
    assert found["environment"] == {"DEBUG": "1", "B": "mine"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services:\n  web: [\n", "compose.yaml, line 3: is not YAML"),
        ("- web\n", "compose.yaml: is no Compose file"),
        ("services:\n  web:\n    extends: web\n", "compose.yaml: extends or includes itself"),
        ("services:\n  web:\n    extends: other\n", "the service other says nothing"),
        ("include: [none.yaml]\n", "none.yaml: no such file"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DetectionError) as caught:
        services(tmp_path, {"compose.yaml": text})
    assert told in caught.value.message


def test_paths_begin_where_the_first_file_lies(tmp_path: Path) -> None:
    """As Compose takes them; a file that is included has its own beginning."""
    (tmp_path / "docker" / "more").mkdir(parents=True)
    (tmp_path / "live").mkdir()
    (tmp_path / "docker" / "compose.yaml").write_text(
        "include: [more/compose.yaml]\nservices:\n  web: {build: ..}\n"
    )
    (tmp_path / "docker" / "more" / "compose.yaml").write_text("services:\n  job: {build: .}\n")
    (tmp_path / "live" / "compose.yaml").write_text(
        "services:\n  web: {volumes: ['./a:/a']}\n  far: {build: 'https://git.example/a.git#main'}\n"
    )
    names = ["docker/compose.yaml", "live/compose.yaml"]
    found = written.document(tmp_path, names, {}, set())["services"]
    assert found["web"]["build"]["context"] == str(tmp_path)
    assert found["web"]["volumes"][0]["source"] == str(tmp_path / "docker" / "a")
    assert found["job"]["build"]["context"] == str(tmp_path / "docker" / "more")
    assert found["far"]["build"]["context"] == "https://git.example/a.git#main"

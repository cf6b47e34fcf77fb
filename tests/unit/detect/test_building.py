"""What is run when a release is built, and how each command is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast import config, detect
from holdfast.app import AppSpec
from holdfast.detect import building, system
from holdfast.detect.answers import Answers, DjangoAnswers

MANAGE = (
    "import os\nimport django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n"
)
FILES = {
    "site/manage.py": MANAGE,
    "site/conf/settings.py": "DEBUG = False\n",
    "site/locale/de/LC_MESSAGES/django.po": "",
    "requirements.txt": "django\n",
}
DJANGO = DjangoAnswers(
    settings=None,
    debug=False,
    allowed_hosts=("*",),
    apps=frozenset({"django.contrib.staticfiles", "compressor"}),
    middleware=(),
    static_url="/static/",
    static_root="site/staticfiles",
    media_url="",
    media_root=None,
    ssl_redirect=False,
    proxy_ssl_header=True,
    insecure_key="",
    compress="unless DEBUG",
)
COLLECT = "cd site && python manage.py collectstatic --noinput"
COMPRESS = "cd site && python manage.py compress"
COMPILE = "cd site && python manage.py compilemessages"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Django project, on a machine with msgfmt."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "msgfmt").write_text("#!/bin/sh\n")
    (programs / "msgfmt").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path / "tree"


def resolved(
    tree: Path,
    toml: str = "",
    django: DjangoAnswers | None = DJANGO,
    files: Mapping[str, str] = FILES,
) -> AppSpec:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "holdfast.toml").write_text(f'[app]\nname = "x"\n{toml}')
    said = config.load(tree)
    return detect.resolve(said, detect.scan(tree, said), Answers(django=django))


def test_each_in_the_order_of_need(tree: Path) -> None:
    """What is compressed was collected before."""
    assert resolved(tree).build == (COMPILE, COLLECT, COMPRESS)


@pytest.mark.parametrize(
    ("toml", "left"),
    [
        ('[django]\nleave = ["compress"]', (COMPILE, COLLECT)),
        ('[django]\nleave = ["compilemessages", "collectstatic"]', (COMPRESS,)),
        ('[build]\ncommands = ["make compress"]', ("make compress", COMPILE, COLLECT)),
    ],
)
def test_each_can_be_left_out(tree: Path, toml: str, left: tuple[str, ...]) -> None:
    """By name, or by a command of the user's that does it."""
    assert resolved(tree, toml).build == left


def test_what_is_compiled_is_not_compiled_again(tree: Path) -> None:
    """A ``.mo`` file in git is the author's."""
    spec = resolved(tree, files={**FILES, "site/locale/de/LC_MESSAGES/django.mo": ""})
    assert spec.build == (COLLECT, COMPRESS)


def test_without_msgfmt_the_plan_says_what_to_install(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app goes live with the untranslated text."""
    monkeypatch.setenv("PATH", str(tree))
    spec = resolved(tree)
    assert COMPILE not in spec.build
    (said,) = [item for item in spec.findings if item.what == "translations"]
    assert (said.value, said.level) == ("de", "info")
    project = detect.scan(tree, config.load(tree))
    (lacks,) = system.lacking(system.needs(project))
    assert (lacks.value, lacks.level) == ("gettext", "warning")
    assert "apt-get install gettext" in lacks.why


def test_translations_that_django_does_not_find_are_left_alone(tree: Path) -> None:
    """Beside the project, or of another program: the command would fail."""
    po = {"locale/fr/LC_MESSAGES/django.po": "", "site/locale/de/LC_MESSAGES/django.mo": ""}
    assert resolved(tree, files={**FILES, **po}).build == (COLLECT, COMPRESS)


def test_babel_compiles_its_own(tree: Path) -> None:
    """Each folder and domain; only where it is installed."""
    files = {
        "app.py": "from flask import Flask\napp = Flask(__name__)\n",
        "translations/de/LC_MESSAGES/messages.po": "",
        "requirements.txt": "flask\nflask-babel\n",
    }
    spec = resolved(tree, django=None, files=files)
    assert spec.build == ("pybabel compile -d translations -D messages",)
    assert resolved(tree, django=None, files={"requirements.txt": "flask\n"}).build == ()


def test_tailwind_that_a_package_fetches(tree: Path) -> None:
    """Its styles are made before they are collected; without them the app is served still."""
    with_it = replace(DJANGO, apps=DJANGO.apps | {"django_tailwind_cli"}, compress="")
    command = "cd site && python manage.py tailwind build"
    assert resolved(tree, django=with_it).build == (COMPILE, command, COLLECT)
    left = resolved(tree, '[django]\nleave = ["tailwind"]', django=with_it).build
    assert left == (COMPILE, COLLECT)
    assert 'leave = ["tailwind"]' in (building.without(command, "no network") or "")


def test_a_catalog_that_cannot_be_compiled() -> None:
    """It costs its language, not the release; where it is wrong is said. Other steps must end."""
    output = (
        "File is being processed\nExecution of msgfmt failed: errors happened while running msgfmt"
        "\n/srv/apps/x/src/locale/de/LC_MESSAGES/django.po:7: end-of-line within string\n"
    )
    said = building.without(COMPILE, output) or ""
    assert "locale/de/LC_MESSAGES/django.po:7: end-of-line within string" in said
    assert 'leave = ["compilemessages"]' in said
    assert "/srv" not in said.partition("locale/")[0]
    assert building.without(COLLECT, output) is None

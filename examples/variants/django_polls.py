"""What each kind changes in django-polls."""

from __future__ import annotations

import re
from pathlib import Path

from examples.variants.edit import append, insert_after, replace
from examples.variants.texts import DEPENDENCY, FAIL, HANG, HANG_LOADING, NOT_LOADING, column

MIGRATION = '''"""{title}."""

import time

from django.db import migrations, models
from django.db.models.functions import Trim


{function}class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("ballots", "{previous}")]

    operations = [
{operations}    ]
'''

ADD_COLUMN = """\
        migrations.AddField(
            "ballot", "{column}", models.CharField(max_length=40, null=True, editable=False)
        ),
"""

TIDY = """\
def tidy(apps, _schema_editor):
    apps.get_model("ballots", "Ballot").objects.update(token=Trim("token"))
    time.sleep(1)  # as with a table of some size


"""

END = """\
def end(_apps, _schema_editor):
    {end}


"""

HALF = """\
        migrations.RunSQL("CREATE TABLE half_done (id integer PRIMARY KEY)"),
        migrations.RunSQL("UPDATE ballots_ballot SET token = upper(token)"),
        migrations.RunPython(end),
"""


def migration(tree: Path, version: str) -> None:
    name = column(version)
    title = f"Ballots say that version {version} took them"
    _add(tree, title, ADD_COLUMN.format(column=name))
    models = tree / "ballots/models.py"
    insert_after(
        models,
        "cast_at = models.DateTimeField(auto_now_add=True)",
        f"    {name} = models.CharField(max_length=40, null=True, editable=False)\n",
    )
    replace(
        models, "(choice=choice, token=token", f'(choice=choice, token=token, {name}="{version}"'
    )
    insert_after(
        tree / "ballots/views.py",
        '"token": ballot.token,',
        f'        "{name}": ballot.{name},\n',
    )


def slow_migration(tree: Path, _version: str) -> None:
    _add(tree, "No blanks around tokens", "        migrations.RunPython(tidy),\n", function=TIDY)


def broken_migration(tree: Path, _version: str) -> None:
    _add(tree, "Tokens in capitals", HALF, function=END.format(end=FAIL), atomic=False)


def hanging_migration(tree: Path, _version: str) -> None:
    _add(tree, "Tokens in capitals", HALF, function=END.format(end=HANG), atomic=False)


def dependency(tree: Path, _version: str) -> None:
    append(tree / "requirements.txt", DEPENDENCY)
    views = tree / "polls/views.py"
    insert_after(views, "import uuid", "\nimport humanize\n")
    replace(views, '"total": total}', '"total": total, "counted": humanize.intcomma(total)}')
    insert_after(
        tree / "polls/templates/polls/results.html",
        "<h2>{{ question }}</h2>",
        "<p>{{ counted }} counted</p>\n",
    )


def broken_import(tree: Path, _version: str) -> None:
    insert_after(
        tree / "config/settings.py",
        "from pathlib import Path",
        "\nfrom config import nothing_of_that_name\n",
    )


def broken_boot(tree: Path, _version: str) -> None:
    append(tree / "config/wsgi.py", NOT_LOADING)


def never_listens(tree: Path, _version: str) -> None:
    append(tree / "config/wsgi.py", HANG_LOADING)


def broken_health(tree: Path, _version: str) -> None:
    replace(
        tree / "core/middleware.py",
        "response = get_response(request)",
        'response = HttpResponse("This version is broken.", status=500)',
    )


CHANGES = {
    "migration": migration,
    "slow-migration": slow_migration,
    "dependency": dependency,
    "broken-import": broken_import,
    "broken-boot": broken_boot,
    "never-listens": never_listens,
    "broken-health": broken_health,
    "broken-migration": broken_migration,
    "hanging-migration": hanging_migration,
}


def _add(
    tree: Path, title: str, operations: str, *, function: str = "", atomic: bool = True
) -> None:
    """A migration of ``ballots`` after its last one."""
    migrations = tree / "ballots/migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    name = f"{int(last[:4]) + 1:04d}_" + re.sub(r"\W+", "_", title.lower())
    text = MIGRATION.format(
        title=title, function=function, previous=last, operations=operations, atomic=atomic
    )
    (migrations / f"{name}.py").write_text(text)

"""What each kind changes in flask-notes."""

from __future__ import annotations

from pathlib import Path

from examples.variants.edit import append, insert_after, insert_before, replace
from examples.variants.texts import DEPENDENCY, FAIL, HANG, HANG_LOADING, NOT_LOADING, column

MIGRATION = '''"""{title}."""

import time

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{previous}"
branch_labels = None
depends_on = None


def upgrade():
{body}

def downgrade():
    pass
'''

ADD_COLUMN = """\
    op.add_column("note", sa.Column("{column}", sa.String(40)))
"""

TIDY = """\
    notes = sa.table("note", sa.column("title"))
    op.execute(notes.update().values(title=sa.func.trim(notes.c.title)))
    time.sleep(1)  # as with a table of some size
"""

HALF = """\
    op.create_table("half_done", sa.Column("id", sa.Integer(), primary_key=True))
    with op.get_context().autocommit_block():
        op.execute("UPDATE note SET title = upper(title)")
    {end}
"""


def migration(tree: Path, version: str) -> None:
    name = column(version)
    _add(tree, f"Notes say that version {version} wrote them", ADD_COLUMN.format(column=name))
    insert_after(
        tree / "notes/models.py",
        'pinned: Mapped[bool] = mapped_column(default=False, server_default="0")',
        f'    {name}: Mapped[str | None] = mapped_column(String(40), default="{version}")\n',
    )
    insert_after(
        tree / "notes/api.py",
        '"pinned": note.pinned,',
        f'        "{name}": note.{name},\n',
    )


def slow_migration(tree: Path, _version: str) -> None:
    _add(tree, "No blanks around titles", TIDY)


def broken_migration(tree: Path, _version: str) -> None:
    _add(tree, "Titles in capitals", HALF.format(end=FAIL))


def hanging_migration(tree: Path, _version: str) -> None:
    _add(tree, "Titles in capitals", HALF.format(end=HANG))


def dependency(tree: Path, _version: str) -> None:
    append(tree / "requirements.txt", DEPENDENCY)
    package = tree / "notes/__init__.py"
    insert_before(package, "from flask import Flask, Response", "import humanize\n")
    insert_before(
        package, "return app", '    app.add_template_filter(humanize.naturaldate, "day")\n'
    )
    replace(
        tree / "notes/templates/index.html",
        'note.created.strftime("%-d %B %Y")',
        "note.created|day",
    )


def broken_import(tree: Path, _version: str) -> None:
    insert_before(
        tree / "notes/__init__.py",
        "from notes import api, pages",
        "from notes import nothing_of_that_name\n",
    )


def broken_boot(tree: Path, _version: str) -> None:
    append(tree / "notes/__init__.py", NOT_LOADING)


def never_listens(tree: Path, _version: str) -> None:
    append(tree / "notes/__init__.py", HANG_LOADING)


def broken_health(tree: Path, _version: str) -> None:
    insert_before(
        tree / "notes/__init__.py",
        "app.before_request(refuse_cross_site)",
        '    app.before_request(lambda: ("This version is broken.", 500))\n',
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


def _add(tree: Path, title: str, body: str) -> None:
    """A migration after the last one."""
    versions = tree / "migrations/versions"
    number = len(list(versions.glob("*.py"))) + 1
    revision, previous = f"{number:04d}", f"{number - 1:04d}"
    text = MIGRATION.format(title=title, revision=revision, previous=previous, body=body)
    (versions / f"{revision}_{title.lower().replace(' ', '_')}.py").write_text(text)

"""Run by the app's own Python: print which Alembic revisions are pending, oldest first.

Arguments: ``flask-migrate`` or ``alembic``, the Flask app (``package:create_app``), and the
directory of the migrations, empty for the app's own. It imports nothing of Holdfast and
works on Python 3.8.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def unseen(scripts: Any, heads: Any) -> list[str]:
    """Revisions of the scripts that a database with these heads has not seen."""
    applied = {item.revision for head in heads for item in scripts.iterate_revisions(head, "base")}
    every = [item.revision for item in scripts.walk_revisions("base", "heads")]
    return [revision for revision in reversed(every) if revision not in applied]


def flask_migrate(app: str, directory: str) -> list[str]:
    """By the app's own Flask-Migrate."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from flask.cli import ScriptInfo

    loaded = ScriptInfo(app_import_path=app or None).load_app()
    with loaded.app_context():
        migrate = loaded.extensions["migrate"]
        scripts = ScriptDirectory.from_config(migrate.migrate.get_config(directory or None))
        with migrate.db.engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    return unseen(scripts, heads)


def alembic() -> list[str]:
    """Through the project's own env.py, which alone knows the database's URL."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config("alembic.ini")
    scripts = ScriptDirectory.from_config(config)
    found: list[str] = []

    def look(heads: Any, _context: Any) -> list[Any]:
        found.extend(unseen(scripts, heads))
        return []

    with EnvironmentContext(config, scripts, fn=look):
        scripts.run_env()
    return found


def main(kind: str, app: str, directory: str) -> None:
    """Print the answer behind a marker: the app may print what it likes."""
    sys.path.insert(0, os.getcwd())
    found = flask_migrate(app, directory) if kind == "flask-migrate" else alembic()
    print("HOLDFAST-PENDING " + json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:4])

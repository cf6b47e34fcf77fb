"""Run by the app's own Python: print which Alembic revisions are pending, oldest first.

Arguments: ``flask-migrate`` or ``alembic``, the Flask app (``package:create_app``), and the
directory of the migrations. It imports nothing of Holdfast and works on Python 3.8.
"""

import json
import os
import sys
from pathlib import Path


def revisions(config, connection):
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_heads()
    applied = set()
    for head in current:
        applied.update(item.revision for item in script.iterate_revisions(head, "base"))
    every = [item.revision for item in script.walk_revisions("base", "heads")]
    return [revision for revision in reversed(every) if revision not in applied]


def flask_migrate(app, directory):
    from flask.cli import ScriptInfo

    loaded = ScriptInfo(app_import_path=app or None).load_app()
    with loaded.app_context():
        migrate = loaded.extensions["migrate"]
        config = migrate.migrate.get_config(directory)
        with migrate.db.engine.connect() as connection:
            return revisions(config, connection)


def alembic():
    """Through the project's own env.py, which alone knows the database's URL."""
    from alembic import command
    from alembic.config import Config

    config = Config("alembic.ini")
    found = []

    def look(current, context):
        from alembic.script import ScriptDirectory

        script = ScriptDirectory.from_config(config)
        applied = set()
        for head in current:
            applied.update(item.revision for item in script.iterate_revisions(head, "base"))
        every = [item.revision for item in script.walk_revisions("base", "heads")]
        found.extend(item for item in reversed(every) if item not in applied)
        return []

    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=look):
        script.run_env()
    return found


def main(kind, app, directory):
    sys.path.insert(0, os.getcwd())
    if kind == "flask-migrate":
        found = flask_migrate(app, str(Path(directory)))
    else:
        found = alembic()
    print("HOLDFAST-PENDING " + json.dumps(found))


main(*sys.argv[1:4])

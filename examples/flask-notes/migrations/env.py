"""How Alembic reaches the app's database: through the app that ``flask --app notes`` made."""

import logging
from logging.config import fileConfig

from alembic import context
from flask import current_app

fileConfig(context.config.config_file_name, disable_existing_loggers=False)
logger = logging.getLogger("alembic.env")
settings = current_app.extensions["migrate"]


def skip_empty(_context, _revision, directives):
    """Write no migration when nothing has changed (``flask db migrate``)."""
    if getattr(context.config.cmd_opts, "autogenerate", False):
        script = directives[0]
        if script.upgrade_ops.is_empty():
            directives[:] = []
            logger.info("No changes in schema detected.")


def run_migrations_offline():
    """Print the SQL instead of running it (``flask db upgrade --sql``)."""
    context.configure(
        url=settings.db.engine.url, target_metadata=settings.db.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online():
    arguments = {"process_revision_directives": skip_empty, **settings.configure_args}
    with settings.db.engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=settings.db.metadata, **arguments
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()

"""Alembic's entry: runs the migrations on the connection that `migrate.upgrade` hands over."""

from alembic import context

from alertd.store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite can take back what it has changed of a schema, too, whatever Alembic supposes.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

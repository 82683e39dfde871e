"""Where alembic begins: migrations run on the connection that ``upgrade.py`` has locked."""

from alembic import context

from serving.ledger.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()

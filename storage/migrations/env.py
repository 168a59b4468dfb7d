"""Alembic's entry: runs inside the caller's transaction and opens nothing itself."""

from alembic import context

from storage.tables import metadata
from storage.versions import AT

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("migrations run through `python app.py migrate`")
context.configure(
    connection=connection, target_metadata=metadata, transactional_ddl=False, version_table=AT
)
context.run_migrations()

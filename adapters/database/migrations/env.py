"""How Alembic runs a migration: in the transaction that it is given."""

from __future__ import annotations

from alembic import context

from adapters.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()

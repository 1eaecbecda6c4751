"""Alembic's entry: runs on the connection that ``migrate.upgrade`` opened as the owner."""

from __future__ import annotations

from alembic import context

from python_nodes.store.alert_tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()

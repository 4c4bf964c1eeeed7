"""Alembic's entry: it gets its connection from ``knowledge.ledger.schema`` and never opens one."""

from __future__ import annotations

from alembic import context

from knowledge.ledger.rows.every import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's scripts. ``knowledge.ledger.schema`` runs them; ``alembic`` itself is never called with a file."""

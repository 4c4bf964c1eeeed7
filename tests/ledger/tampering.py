"""What a forger who owns the database does first: take off the guard that keeps the audit append-only."""

from __future__ import annotations

from sqlalchemy import text

from knowledge.ledger.store import Writing


def without_guard(writing: Writing) -> None:
    """Lifts the triggers for the rest of this transaction (PostgreSQL) or for good (SQLite: the file is the test's own)."""
    if writing.is_postgresql:
        writing.session.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for table in ("audit", "audit_checkpoint"):
        for deed in ("update", "delete"):
            writing.session.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{deed}"))

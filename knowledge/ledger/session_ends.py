"""Ends browser sessions within the transaction that takes away what they rest on: a role, a password, a token, the account."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete

from knowledge.ledger.rows.identity import BrowserSessionRow
from knowledge.ledger.store import Writing


def end_sessions(
    writing: Writing,
    principal_id: str,
    actor: str,
    because: str,
    *,
    token_digest: str = "",
    method: str = "",
    but: str = "",
) -> int:
    """All of the principal's, or those that one token or one method opened; ``but`` is the id of one that stays. How many."""
    which = (BrowserSessionRow.principal_id == principal_id) & (BrowserSessionRow.id != but)
    if token_digest:
        which &= BrowserSessionRow.token_digest == token_digest
    if method:
        which &= BrowserSessionRow.method == method
    ended = [row.id for row in end_those(writing, which)]
    if ended:
        writing.audit(actor, "session.end", principal_id, because=because, sessions=ended)
    return len(ended)


def end_those(writing: Writing, which: ColumnElement[bool]) -> list[BrowserSessionRow]:
    """Without a word in the audit: the caller says why."""
    return list(writing.session.scalars(delete(BrowserSessionRow).where(which).returning(BrowserSessionRow)).all())

"""All tables at once: what migrations compare with and what an opened database must have."""

from __future__ import annotations

from knowledge.ledger.rows import conversations, desk, figures, identity, intake, lore, messengers, notices, work
from knowledge.ledger.rows.base import Base

metadata = Base.metadata
modules = (conversations, desk, figures, identity, intake, lore, messengers, notices, work)

__all__ = ["metadata", "modules"]

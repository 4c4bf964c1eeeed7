"""The ledger's tables. ``knowledge.ledger.rows.every`` imports them all."""

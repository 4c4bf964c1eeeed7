"""The ledger: what the desk did and may do, in one relational database. ``knowledge.ledger.ledger.Ledger`` is the door."""

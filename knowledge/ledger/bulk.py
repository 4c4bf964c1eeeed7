"""Rows in bulk, past every rule: for benchmarks that need a ledger of fifty thousand incidents. Never for one in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from knowledge.ledger.connection import WRITES, connect, parse_url, told
from knowledge.ledger.rows.every import metadata


def put_rows(url: str, tables: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Puts the rows into the tables, in the order given, in one transaction."""
    parsed = parse_url(url)
    engine = connect(parsed, busy_seconds=60).execution_options(**{WRITES: True})
    try:
        with told(parsed), engine.begin() as connection:
            for name, rows in tables.items():
                if rows:
                    connection.execute(metadata.tables[name].insert(), list(rows))
    finally:
        engine.dispose()

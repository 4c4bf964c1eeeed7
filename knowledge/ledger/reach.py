"""A page of a list, full of what its reader may see and of nothing else.

The database narrows with LIKE, which lets a little too much through (its case rules differ between engines, and it knows
no ``[abc]``); ``Scope.allows`` then has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from knowledge.ledger.rows.intake import AlertRow, IncidentRow
from knowledge.vocabulary import Scope

Placed = TypeVar("Placed", IncidentRow, AlertRow)

_PARTS = re.compile(r"(?P<many>\*)|(?P<one>\?|\[.[^\]]*\])|(?P<plain>.)", re.DOTALL)


def newest(
    session: Session,
    query: Select[Placed],
    table: type[Placed],
    reach: Scope,
    limit: int,
    before: str | None,
    seen: Callable[[Sequence[Placed]], Sequence[Placed]] = tuple,
) -> list[Placed]:
    """Up to ``limit`` rows that ``reach`` allows, newest id first, older than the id ``before``. ``seen`` may take some away."""
    query = roughly_within(query, table, reach)
    page: list[Placed] = []
    while len(page) < limit:
        batch = session.scalars(
            (query.where(table.id < before) if before else query).order_by(table.id.desc()).limit(limit)
        ).all()
        allowed = [
            row for row in batch if reach.allows(cluster=row.cluster, namespace=row.namespace, service=row.service)
        ]
        page += seen(allowed)
        if len(batch) < limit:
            break
        before = batch[-1].id
    return page[:limit]


def roughly_within(query: Select[Any], table: type[Placed], reach: Scope) -> Select[Any]:
    """The query narrowed as far as the database can: ``reach.allows`` has the last word on what it gives."""
    for column, patterns in (
        (table.cluster, reach.clusters),
        (table.namespace, reach.namespaces),
        (table.service, reach.services),
    ):
        if "*" not in patterns:
            query = query.where(_roughly(column, patterns))
    return query


def _roughly(column: InstrumentedAttribute[str], patterns: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(column == "", *(column.like(_wider(pattern), escape="\\") for pattern in patterns))


def _wider(pattern: str) -> str:
    """A LIKE pattern that lets through at least what the shell-style ``pattern`` does."""

    def spelled(part: re.Match[str]) -> str:
        if part["many"]:
            return "%"
        if part["one"]:
            return "_"
        return "\\" + part["plain"] if part["plain"] in "%_\\" else part["plain"]

    return _PARTS.sub(spelled, pattern)

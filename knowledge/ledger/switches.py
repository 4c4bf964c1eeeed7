"""``opsdesk freeze``: while a cluster is frozen no execution is handed out in it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.ledger.rows.desk import FreezeRow
from knowledge.ledger.store import Store
from knowledge.ledger.values import Freeze

EVERY_CLUSTER = "*"


class Switches:
    def __init__(self, store: Store) -> None:
        self._store = store

    def freeze(self, cluster: str, actor: str, reason: str) -> None:
        """Freezes one cluster, or all with ``*``. Freezing again replaces the reason."""
        with self._store.write() as writing:
            writing.session.merge(FreezeRow(cluster=cluster, actor=actor, reason=reason, frozen_at=writing.at))
            writing.audit(actor, "freeze", cluster, reason=reason)

    def unfreeze(self, cluster: str, actor: str) -> bool:
        """False when it was not frozen. Thawing one cluster does not lift a freeze of all."""
        with self._store.write() as writing:
            row = writing.session.get(FreezeRow, cluster)
            if row is None:
                return False
            writing.session.delete(row)
            writing.audit(actor, "unfreeze", cluster)
            return True

    def is_frozen(self, cluster: str) -> str | None:
        """Why the cluster is frozen, None when it is not."""
        with self._store.read() as session:
            return freeze_reason(session, cluster)

    def list(self) -> list[Freeze]:
        with self._store.read() as session:
            return [
                Freeze(cluster=row.cluster, actor=row.actor, reason=row.reason, frozen_at=row.frozen_at)
                for row in session.scalars(select(FreezeRow).order_by(FreezeRow.cluster))
            ]


def freeze_reason(session: Session, cluster: str) -> str | None:
    query = select(FreezeRow).where(FreezeRow.cluster.in_([EVERY_CLUSTER, cluster])).order_by(FreezeRow.cluster)
    row = session.scalars(query.limit(1)).first()
    return None if row is None else (row.reason or f"frozen by {row.actor}")

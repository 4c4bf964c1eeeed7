"""What has been done to a target lately: what rate limits, change budgets and "not the same remedy again" count."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.ledger.remedies import changes_of, remedy_of
from knowledge.ledger.rows.work import (
    DiagnosisRow,
    ExecutionRow,
    ExecutionTargetRow,
    ReviewRow,
    VerificationRow,
)
from knowledge.ledger.store import Store
from knowledge.vocabulary import Diagnosis, ExecutionStatus, Noun, Review, Verification


class PastChange(Noun):
    """One execution that a worker has begun. ``changes`` are (lasting key of the target, action), one for each change of its
    plan; ``remedy`` are those changes in their canonical words, without what was read; ``outcome`` is its last verification's, empty when there was none; ``fault`` what it was to remedy, empty when nobody
    diagnosed."""

    execution_id: str
    incident_id: str
    remedy: frozenset[str]
    fault: str
    status: ExecutionStatus
    outcome: str
    changes: tuple[tuple[str, str], ...]
    began_at: datetime

    @property
    def is_over(self) -> bool:
        return self.status not in {ExecutionStatus.RUNNING, ExecutionStatus.UNDO_REQUESTED, ExecutionStatus.UNDOING}

    @property
    def was_applied(self) -> bool:
        """Whether its remedy was carried out whole, kept or not: one that broke off half-way was never tried."""
        return self.status is ExecutionStatus.DONE or bool(self.outcome)


class PastChanges:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of_targets(self, cluster: str, keys: Collection[str], since: datetime) -> list[PastChange]:
        """Executions of these targets (by lasting keys) that a worker began since then, newest first."""
        touched = select(ExecutionTargetRow.execution_id).where(
            ExecutionTargetRow.cluster == cluster, ExecutionTargetRow.target_key.in_(list(keys))
        )
        begun = (
            select(ExecutionRow)
            .where(ExecutionRow.id.in_(touched), ExecutionRow.token > 0, ExecutionRow.requested_at >= since)
            .order_by(ExecutionRow.id.desc())
        )
        with self._store.read() as session:
            return [_past(session, row) for row in session.scalars(begun).all()]

    def fault_of(self, incident_id: str) -> str:
        """What the incident's latest diagnosis names; empty when there is none."""
        with self._store.read() as session:
            return _fault(session, incident_id)


def _past(session: Session, row: ExecutionRow) -> PastChange:
    review = Review.model_validate(session.get_one(ReviewRow, row.review_id).payload)
    verified = (
        select(VerificationRow)
        .where(VerificationRow.execution_id == row.id)
        .order_by(VerificationRow.id.desc())
        .limit(1)
    )
    last = session.scalars(verified).first()
    return PastChange(
        execution_id=row.id,
        incident_id=row.incident_id,
        remedy=remedy_of(review),
        fault=_fault(session, row.incident_id),
        status=ExecutionStatus(row.status),
        outcome=Verification.model_validate(last.payload).outcome if last else "",
        changes=changes_of(review),
        began_at=row.requested_at,
    )


def _fault(session: Session, incident_id: str) -> str:
    newest = (
        select(DiagnosisRow).where(DiagnosisRow.incident_id == incident_id).order_by(DiagnosisRow.id.desc()).limit(1)
    )
    row = session.scalars(newest).first()
    chosen = Diagnosis.model_validate(row.payload).chosen if row else None
    return chosen.fault if chosen else ""

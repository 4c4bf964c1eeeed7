"""Plans that wait for the executor's review: it alone holds the identity that permissions and dry runs are judged by."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select

from knowledge.errors import LeaseLost, NotFound
from knowledge.ledger.rows.work import PlanRow, RehearsalRow
from knowledge.ledger.store import Store
from knowledge.ledger.wakes import add_wake
from knowledge.vocabulary import Noun, Plan

REQUESTED, CLAIMED, DONE = "requested", "claimed", "done"


class Rehearsal(Noun):
    """``review_id`` once it is done, or ``error`` when the executor could not review."""

    plan_id: str
    incident_id: str
    cluster: str
    is_done: bool
    review_id: str = ""
    error: str = ""
    requested_at: datetime | None = None


class Rehearsals:
    def __init__(self, store: Store) -> None:
        self._store = store

    def request(self, plan_id: str) -> Rehearsal:
        """Asks the executor to review a plan. Asked for again: the same one, with its result when it is done."""
        with self._store.write() as writing:
            writing.hold(f"rehearsal {plan_id}")
            row = writing.session.get(RehearsalRow, plan_id)
            if row is None:
                plan_row = writing.session.get(PlanRow, plan_id)
                if plan_row is None:
                    raise NotFound(f"there is no plan {plan_id}", next_step="put the plan first")
                plan = Plan.model_validate(plan_row.payload)
                row = RehearsalRow(
                    plan_id=plan_id,
                    incident_id=plan.incident_id,
                    cluster=plan.cluster,
                    status=REQUESTED,
                    token=0,
                    leased_until=None,
                    review_id="",
                    error="",
                    requested_at=writing.at,
                )
                writing.session.add(row)
            return _rehearsal(row)

    def claim_next(self, clusters: list[str], lease_seconds: float) -> tuple[Rehearsal, int] | None:
        """The oldest one of these clusters that waits, or whose executor fell silent, with its fencing token."""
        with self._store.write() as writing:
            query = (
                select(RehearsalRow)
                .where(
                    RehearsalRow.cluster.in_(clusters),
                    or_(
                        RehearsalRow.status == REQUESTED,
                        (RehearsalRow.status == CLAIMED) & (RehearsalRow.leased_until <= writing.at),
                    ),
                )
                .order_by(RehearsalRow.requested_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = writing.session.scalars(query).first()
            if row is None:
                return None
            row.status, row.token = CLAIMED, row.token + 1
            row.leased_until = writing.at + timedelta(seconds=lease_seconds)
            return _rehearsal(row), row.token

    def renew(self, plan_id: str, token: int, lease_seconds: float) -> None:
        """Keeps a claimed rehearsal that takes long. LeaseLost when it is done, or another executor's now."""
        with self._store.write() as writing:
            row = writing.session.get(RehearsalRow, plan_id, with_for_update=True)
            if row is None or row.token != token or row.status != CLAIMED:
                raise LeaseLost(f"the rehearsal of {plan_id} is another executor's now", next_step="stop")
            row.leased_until = writing.at + timedelta(seconds=lease_seconds)

    def finish(self, plan_id: str, token: int, *, review_id: str = "", error: str = "") -> None:
        """Keeps the result and wakes the incident. LeaseLost with a stale token."""
        with self._store.write() as writing:
            row = writing.session.get(RehearsalRow, plan_id, with_for_update=True)
            if row is None or row.token != token or row.status != CLAIMED:
                raise LeaseLost(f"the rehearsal of {plan_id} is another executor's now", next_step="stop")
            row.status, row.review_id, row.error = DONE, review_id, error
            add_wake(writing, row.incident_id, "rehearsed")


def _rehearsal(row: RehearsalRow) -> Rehearsal:
    return Rehearsal(
        plan_id=row.plan_id,
        incident_id=row.incident_id,
        cluster=row.cluster,
        is_done=row.status == DONE,
        review_id=row.review_id,
        error=row.error,
        requested_at=row.requested_at,
    )

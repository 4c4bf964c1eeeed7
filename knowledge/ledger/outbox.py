"""The outbox: every notice that is on its way, one row each, until it was delivered, given up, or had become pointless.

Happenings become notices in one transaction (so that each is composed once, whoever dies where), notices become batches in
one transaction under one lock (so that two processes never carry the same), and a batch that failed comes back whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from knowledge.errors import NotFound, Refused
from knowledge.ledger.happenings import Happening, HappeningKind
from knowledge.ledger.ids import new_id
from knowledge.ledger.outbox_batches import batch_of, due_batches
from knowledge.ledger.outbox_values import Batch, NoticeRecord, NoticeState, Outgoing, Pace, SilentExecution
from knowledge.ledger.principals import known_principal
from knowledge.ledger.rows.desk import PrincipalRow
from knowledge.ledger.rows.intake import IncidentRow
from knowledge.ledger.rows.notices import HappeningRow, NoticeRow
from knowledge.ledger.rows.work import ApprovalRow, ExecutionRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.voting import voter_of
from knowledge.vocabulary import ApprovalRequest, ExecutionStatus, Text

_KEEP_POSTGRESQL = postgresql.insert(NoticeRow).on_conflict_do_nothing(index_elements=["key"]).returning(NoticeRow.id)
_KEEP_SQLITE = sqlite.insert(NoticeRow).on_conflict_do_nothing(index_elements=["key"]).returning(NoticeRow.id)

LONGEST_ERROR = 500


class Outbox:
    def __init__(self, store: Store) -> None:
        self._store = store

    def happenings(self, limit: int = 200) -> list[Happening]:
        """What nobody has composed notices of yet, oldest first."""
        with self._store.read() as session:
            rows = session.scalars(select(HappeningRow).order_by(HappeningRow.id).limit(limit))
            return [
                Happening(
                    id=row.id,
                    kind=HappeningKind(row.kind),
                    incident_id=row.incident_id,
                    subject=row.subject,
                    is_page=row.is_page,
                    said=Text.model_validate(row.said),
                    at=row.at,
                )
                for row in rows
            ]

    def take(self, composed: Sequence[tuple[str, Sequence[Outgoing]]]) -> int:
        """Keeps the notices of happenings, by happening id, and forgets the happenings: both or neither. One that another
        process took meanwhile is left to it. Returns how many notices were kept."""
        with self._store.write() as writing:
            kept = 0
            for happening_id, notices in composed:
                gone: CursorResult[Any] = writing.session.connection().execute(
                    delete(HappeningRow).where(HappeningRow.id == happening_id)
                )
                kept += _keep(writing, notices) if gone.rowcount else 0
            return kept

    def put(self, notices: Sequence[Outgoing]) -> int:
        """Keeps notices that no happening stands for. A key that is known is not kept again: returns how many were new."""
        with self._store.write() as writing:
            return _keep(writing, notices)

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of the keys were kept before."""
        with self._store.read() as session:
            return set(session.scalars(select(NoticeRow.key).where(NoticeRow.key.in_(keys))))

    def claim(self, holder: str, lease_seconds: float, pace: Pace, limit: int = 20) -> list[Batch]:
        """Batches to send now: those that come back first, then new ones. Each is the holder's until its lease ends."""
        if not self._is_anything_due():  # asked every second: a writer's turn is only taken for something
            return []
        with self._store.write() as writing:
            writing.hold("notices")
            batches = []
            for rows in due_batches(writing, pace, limit):
                for row in rows:
                    row.holder, row.leased_until = holder, writing.at + timedelta(seconds=lease_seconds)
                batches.append(batch_of(rows))
            return batches

    def _is_anything_due(self) -> bool:
        due = select(NoticeRow.id).where(NoticeRow.state == NoticeState.WAITING, NoticeRow.due_at <= self._store.now())
        with self._store.read() as session:
            return session.scalar(due.limit(1)) is not None

    def sent(self, batch_id: str, holder: str) -> bool:
        """The batch was delivered. False when it is somebody else's by now."""
        with self._store.write() as writing:
            rows = _held(writing, batch_id, holder)
            for row in rows:
                row.state, row.ended_at, row.attempts = NoticeState.SENT, writing.at, row.attempts + 1
                row.holder, row.leased_until, row.error = "", None, ""
            return bool(rows)

    def postpone(self, batch_id: str, holder: str, error: str, due_at: datetime) -> bool:
        """The batch goes again, whole, at ``due_at``."""
        with self._store.write() as writing:
            rows = _held(writing, batch_id, holder)
            for row in rows:
                row.attempts, row.error, row.due_at = row.attempts + 1, error[:LONGEST_ERROR], due_at
                row.holder, row.leased_until = "", None
            return bool(rows)

    def give_up(self, batch_id: str, holder: str, error: str) -> bool:
        """Nobody will try again by himself. Each incident's timeline says that somebody was not told."""
        with self._store.write() as writing:
            rows = _held(writing, batch_id, holder)
            for row in rows:
                row.state, row.ended_at, row.attempts = NoticeState.GIVEN_UP, writing.at, row.attempts + 1
                row.holder, row.leased_until, row.error = "", None, error[:LONGEST_ERROR]
            _say_untold(writing, rows, error)
            return bool(rows)

    def retry(self, ids: Iterable[str] | None, actor: str) -> int:
        """Given-up notices wait again: those named, or all (None). NotFound for an id that is not given up."""
        with self._store.write() as writing:
            query = select(NoticeRow).where(NoticeRow.state == NoticeState.GIVEN_UP).with_for_update()
            wanted = None if ids is None else set(ids)
            rows = list(writing.session.scalars(query if wanted is None else query.where(NoticeRow.id.in_(wanted))))
            if wanted is not None and (missing := wanted - {row.id for row in rows}):
                raise NotFound(
                    f"{min(missing)} is no notice that was given up",
                    next_step="opsdesk notices list --state given_up",
                )
            for row in rows:
                row.state, row.ended_at, row.attempts, row.due_at = NoticeState.WAITING, None, 0, writing.at
                row.batch, row.batched_at = "", None
            if rows:
                writing.audit(actor, "notice.retry", rows[0].id, count=len(rows))
            return len(rows)

    def counts(self) -> dict[NoticeState, int]:
        """Every state; of those that ended, what was not swept yet."""
        with self._store.read() as session:
            found = session.execute(select(NoticeRow.state, func.count()).group_by(NoticeRow.state))
            tally = {NoticeState(state): count for state, count in found}
        return {state: tally.get(state, 0) for state in NoticeState}

    def overdue_since(self) -> datetime | None:
        """Since when the oldest waiting notice should have gone; None when nothing is late."""
        late = select(func.min(NoticeRow.due_at)).where(
            NoticeRow.state == NoticeState.WAITING, NoticeRow.due_at <= self._store.now()
        )
        with self._store.read() as session:
            return session.scalar(late)

    def silent_executions(self, grace_seconds: float) -> list[SilentExecution]:
        """Executions whose executor fell silent and that no other one took over within the grace."""
        ended = self._store.now() - timedelta(seconds=grace_seconds)
        query = select(ExecutionRow).where(
            ExecutionRow.status.in_((ExecutionStatus.RUNNING, ExecutionStatus.UNDOING)),
            ExecutionRow.leased_until <= ended,
        )
        with self._store.read() as session:
            return [
                SilentExecution(
                    execution_id=row.id, incident_id=row.incident_id, holder=row.holder, token=row.token, since=row.leased_until
                )
                for row in session.scalars(query.order_by(ExecutionRow.id).limit(200))
                if row.leased_until is not None
            ]  # fmt: skip

    def entitled(self, approval_id: str) -> list[str]:
        """The principals who could vote on a request now: with the role, the scope, and no part in the asking."""
        with self._store.read() as session:
            row = session.get(ApprovalRow, approval_id)
            if row is None:
                return []
            request = ApprovalRequest.model_validate(row.payload)
            persons = session.scalars(
                select(PrincipalRow).where(PrincipalRow.kind == "person").order_by(PrincipalRow.id)
            )
            return [person.id for person in persons.all() if _may_vote(session, person.id, request)]

    def may_vote(self, approval_id: str, principal_id: str) -> bool:
        """Whether that person could vote on a request now."""
        with self._store.read() as session:
            row = session.get(ApprovalRow, approval_id)
            return row is not None and _may_vote(session, principal_id, ApprovalRequest.model_validate(row.payload))

    def sweep(self, before: datetime) -> int:
        """Forgets what ended before then. Returns how many."""
        with self._store.write() as writing:
            gone: CursorResult[Any] = writing.session.connection().execute(
                delete(NoticeRow).where(NoticeRow.state != NoticeState.WAITING, NoticeRow.ended_at < before)
            )
            return gone.rowcount

    def list(
        self, state: NoticeState | None = None, incident_id: str = "", limit: int = 50, before: str | None = None
    ) -> list[NoticeRecord]:
        """Newest first. ``before`` is the id of the last one of the page before."""
        query = select(NoticeRow)
        if state is not None:
            query = query.where(NoticeRow.state == state)
        if incident_id:
            query = query.where(NoticeRow.incident_id == incident_id)
        if before is not None:
            query = query.where(NoticeRow.id < before)
        with self._store.read() as session:
            return [_record(row) for row in session.scalars(query.order_by(NoticeRow.id.desc()).limit(limit))]


def _may_vote(session: Session, principal_id: str, request: ApprovalRequest) -> bool:
    known = known_principal(session, principal_id)
    try:
        return known is not None and voter_of(session, known, request, request.digest) is not None
    except Refused:
        return False


def _keep(writing: Writing, notices: Sequence[Outgoing]) -> int:
    rows = [
        {
            **one.model_dump(exclude={"address", "notice"}),
            "id": new_id("ntc", writing.at),
            "state": NoticeState.WAITING,
            "batch": "",
            "batched_at": None,
            "attempts": 0,
            "holder": "",
            "leased_until": None,
            "created_at": writing.at,
            "ended_at": None,
            "error": "",
            "address": one.address,
            "payload": one.notice,
        }
        for one in notices
    ]
    keep = _KEEP_POSTGRESQL if writing.is_postgresql else _KEEP_SQLITE
    kept = 0
    for row in rows:
        kept += len(writing.session.connection().execute(keep, row).all())
    return kept


def _held(writing: Writing, batch_id: str, holder: str) -> Sequence[NoticeRow]:
    query = select(NoticeRow).where(
        NoticeRow.batch == batch_id, NoticeRow.holder == holder, NoticeRow.state == NoticeState.WAITING
    )
    return writing.session.scalars(query.order_by(NoticeRow.id).with_for_update()).all()


def _say_untold(writing: Writing, rows: Sequence[NoticeRow], error: str) -> None:
    for incident_id in sorted({row.incident_id for row in rows if row.incident_id}):
        if writing.session.get(IncidentRow, incident_id) is None:
            continue
        own = [row for row in rows if row.incident_id == incident_id]
        to = f"{own[0].channel} {own[0].place.partition(':')[2]}".strip()
        said = Text(
            en=f"could not be told to {to}: {error[:LONGEST_ERROR]}",
            zh=f"未能通知 {to}：{error[:LONGEST_ERROR]}",
        )
        data = {"notices": [row.id for row in own], "kinds": sorted({row.kind for row in own})}
        tell(writing, locked_incident(writing, incident_id), "notify", "desk", said, data)
    if rows:
        writing.audit("desk", "notice.give_up", rows[0].batch, channel=rows[0].channel, count=len(rows), error=error)


def _record(row: NoticeRow) -> NoticeRecord:
    return NoticeRecord(
        id=row.id,
        key=row.key,
        route=row.route,
        channel=row.channel,
        place=row.place,
        kind=row.kind,
        incident_id=row.incident_id,
        subject=row.subject,
        is_page=row.is_page,
        state=NoticeState(row.state),
        due_at=row.due_at,
        batch=row.batch,
        attempts=row.attempts,
        created_at=row.created_at,
        ended_at=row.ended_at,
        error=row.error,
        address=row.address,
        notice=row.payload,
    )

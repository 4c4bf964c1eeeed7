"""What the desk learns from an incident: proposed cases, what people say of a diagnosis, and whether remedies held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from sqlalchemy import func, select

from knowledge.errors import BadInput, NotFound, WrongState
from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.lore import FeedbackRow, LessonRow, OutcomeRow
from knowledge.ledger.store import Store
from knowledge.ledger.timeline import locked_incident
from knowledge.ledger.values import Feedback
from knowledge.vocabulary import Lesson, Principal, digest_of

Said = Literal["right", "wrong", "partly"]


class Lessons:
    def __init__(self, store: Store) -> None:
        self._store = store

    def propose(self, lesson: Lesson) -> Lesson:
        """Keeps a proposed case: an incident's, or, without one, a person's. The same id again: the first one stands."""
        with self._store.write() as writing:
            if lesson.incident_id:
                locked_incident(writing, lesson.incident_id)
            known = writing.session.get(LessonRow, lesson.id)
            if known is not None:
                return Lesson.model_validate(known.payload)
            payload = lesson.model_dump(mode="json")
            writing.session.add(
                LessonRow(id=lesson.id, incident_id=lesson.incident_id or None, status=lesson.status, payload=payload)
            )
            writing.audit(
                lesson.proposed_by or "desk",
                "lesson.propose",
                lesson.id,
                incident=lesson.incident_id,
                case=lesson.case_id,
            )
            return lesson

    def get(self, id: str) -> Lesson:
        with self._store.read() as session:
            row = session.get(LessonRow, id)
        if row is None:
            raise _no_lesson(id)
        return Lesson.model_validate(row.payload)

    def list(
        self, status: str | None = None, limit: int = 50, before: str | None = None, *, incident_id: str | None = None
    ) -> list[Lesson]:
        """Greatest id first."""
        query = select(LessonRow)
        if status is not None:
            query = query.where(LessonRow.status == status)
        if incident_id is not None:
            query = query.where(LessonRow.incident_id == incident_id)
        if before is not None:
            query = query.where(LessonRow.id < before)
        with self._store.read() as session:
            rows = session.scalars(query.order_by(LessonRow.id.desc()).limit(limit))
            return [Lesson.model_validate(row.payload) for row in rows]

    def decide(
        self, id: str, status: Literal["accepted", "rejected"], principal: Principal, markdown: str | None = None
    ) -> Lesson:
        """A human's word on a proposed case, with the text as they edited it. WrongState when it was decided."""
        with self._store.write() as writing:
            row = writing.session.get(LessonRow, id, with_for_update=True)
            if row is None:
                raise _no_lesson(id)
            lesson = Lesson.model_validate(row.payload)
            if lesson.status != "proposed":
                raise WrongState(f"{id} was {lesson.status} by {lesson.decided_by}", next_step="edit the case instead")
            change = {"status": status, "decided_by": principal.id, "markdown": markdown or lesson.markdown}
            lesson = lesson.model_copy(update=change)
            row.status, row.payload = status, lesson.model_dump(mode="json")
            writing.audit(principal.id, "lesson.decide", id, status=status, digest=digest_of(lesson.markdown))
            return lesson


class Feedbacks:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, incident_id: str, principal: Principal, verdict: Said, text: str = "") -> Feedback:
        if verdict not in {"right", "wrong", "partly"}:
            raise BadInput(f"feedback cannot be {verdict!r}", next_step="right, wrong or partly")
        with self._store.write() as writing:
            locked_incident(writing, incident_id)
            row = FeedbackRow(
                id=new_id("fbk", writing.at),
                incident_id=incident_id,
                principal=principal.id,
                verdict=verdict,
                text=text,
                at=writing.at,
            )
            writing.session.add(row)
            writing.audit(principal.id, "feedback.add", incident_id, verdict=verdict)
            return _feedback(row)

    def for_incident(self, incident_id: str) -> list[Feedback]:
        """Oldest first."""
        with self._store.read() as session:
            query = select(FeedbackRow).where(FeedbackRow.incident_id == incident_id).order_by(FeedbackRow.id)
            return [_feedback(row) for row in session.scalars(query)]


class Outcomes:
    """How often a case's remedy held: cases are ranked by it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, case_id: str, held: bool, *, fault: str = "", execution_id: str = "") -> None:
        """One outcome of a case's remedy. With ``execution_id`` it is counted once however often it is told; the last
        word stands (a remedy that held may turn out not to have)."""
        with self._store.write() as writing:
            outcome_id = f"{execution_id}/{case_id}/{fault}" if execution_id else new_id("out", writing.at)
            writing.session.merge(OutcomeRow(id=outcome_id, case_id=case_id, fault=fault, held=held, at=writing.at))
            writing.audit("desk", "outcome.record", case_id, held=held, fault=fault, execution=execution_id)

    def counts(self, case_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Per case (held, did not hold); (0, 0) for a case that was never tried."""
        tally = dict.fromkeys(case_ids, (0, 0))
        query = (
            select(OutcomeRow.case_id, OutcomeRow.held, func.count())
            .where(OutcomeRow.case_id.in_(case_ids))
            .group_by(OutcomeRow.case_id, OutcomeRow.held)
        )
        with self._store.read() as session:
            for case_id, held, count in session.execute(query):
                good, bad = tally[case_id]
                tally[case_id] = (good + count, bad) if held else (good, bad + count)
        return tally


def _no_lesson(id: str) -> NotFound:
    return NotFound(f"there is no lesson {id}", next_step="opsdesk kb lessons shows the proposed ones")


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(
        id=row.id,
        incident_id=row.incident_id,
        principal=row.principal,
        verdict=cast("Said", row.verdict),
        text=row.text,
        at=row.at,
    )

"""What reports sum over, as narrow rows: never a payload where a column will do. Everything is narrowed to the reader's scope
by the incident that it belongs to.

``since`` is included, ``until`` is not. Rows of one incident are joined here, in two passes of an index; the sums are made by
``api.figures``, which has no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select

from knowledge.ledger.ids import first_id
from knowledge.ledger.reach import roughly_within
from knowledge.ledger.rows.figures import ConclusionRow, ModelCallRow
from knowledge.ledger.rows.intake import IncidentRow
from knowledge.ledger.rows.lore import FeedbackRow
from knowledge.ledger.rows.work import ApprovalRow, FindingRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import ApprovalRequest, Scope

_AT_ONCE = 500
_PLACE = (IncidentRow.cluster, IncidentRow.namespace, IncidentRow.service)


class Concluded(NamedTuple):
    """One diagnosis without its reasons."""

    incident_id: str
    at: datetime
    verdict: str
    fault: str
    object_key: str
    confidence: float
    seconds: float


class IncidentFact(NamedTuple):
    """``first`` and ``last`` of its diagnoses; None for both where nobody concluded anything."""

    id: str
    cluster: str
    namespace: str
    service: str
    severity: str
    status: str
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None
    first: Concluded | None
    last: Concluded | None


class FeedbackFact(NamedTuple):
    """The latest word of one person on one incident."""

    incident_id: str
    principal: str
    verdict: str
    service: str
    at: datetime
    last: Concluded | None


class HitFact(NamedTuple):
    """How many incidents of one place a detector spoke in, and when the last of them opened."""

    fault: str
    incidents: int
    lately: int
    last_at: datetime


class ApprovalFact(NamedTuple):
    service: str
    severity: str
    request: ApprovalRequest


class ModelCallFact(NamedTuple):
    at: datetime
    incident_id: str
    purpose: str
    profile: str
    model: str
    outcome: str
    input_tokens: int
    output_tokens: int
    cost: float
    seconds: float


class Figures:
    def __init__(self, store: Store) -> None:
        self._store = store

    def incidents(self, reach: Scope, since: datetime, until: datetime) -> list[IncidentFact]:
        """Those that opened within the time, merged ones left out, oldest first."""
        within = (IncidentRow.opened_at >= since, IncidentRow.opened_at < until, IncidentRow.status != "merged")
        query = _incidents().where(*within).order_by(IncidentRow.opened_at, IncidentRow.id)
        concluded = select(*_CONCLUDED).join(IncidentRow, IncidentRow.id == ConclusionRow.incident_id).where(*within)
        return self._facts(query, concluded, reach)

    def first_answers(self, incident_ids: Sequence[str]) -> dict[str, datetime]:
        """When each was first diagnosed; absent for one that was not."""
        first = select(ConclusionRow.incident_id, func.min(ConclusionRow.at)).group_by(ConclusionRow.incident_id)
        found: dict[str, datetime] = {}
        with self._store.read() as session:
            for start in range(0, len(incident_ids), _AT_ONCE):
                some = ConclusionRow.incident_id.in_(incident_ids[start : start + _AT_ONCE])
                found |= {row[0]: row[1] for row in session.execute(first.where(some))}
        return found

    def feedback(self, reach: Scope, since: datetime, until: datetime) -> list[FeedbackFact]:
        """What people said within the time; of one person on one incident the last word."""
        columns = (FeedbackRow.incident_id, FeedbackRow.principal, FeedbackRow.verdict, FeedbackRow.at)
        said = (FeedbackRow.id >= first_id("fbk", since), FeedbackRow.at >= since, FeedbackRow.at < until)
        query = select(*columns, *_PLACE).join(IncidentRow, IncidentRow.id == FeedbackRow.incident_id).where(*said)
        of_said = select(FeedbackRow.incident_id).where(*said)
        concluded = select(*_CONCLUDED).where(ConclusionRow.incident_id.in_(of_said))
        allows = _allowing(reach)
        with self._store.read() as session:
            last = _last(session.execute(_ordered(concluded)))
            found: dict[tuple[str, str], FeedbackFact] = {}
            for incident_id, principal, verdict, at, *place in session.execute(query.order_by(FeedbackRow.id)):
                if allows(*place):
                    fact = FeedbackFact(incident_id, principal, verdict, place[2], at, last.get(incident_id))
                    found[incident_id, principal] = fact
        return list(found.values())

    def hits(self, reach: Scope, since: datetime, lately: datetime, until: datetime) -> list[HitFact]:
        """Per detector and place: in how many incidents that opened since ``since`` it spoke, and since ``lately``."""
        recent = func.count(case((IncidentRow.opened_at >= lately, FindingRow.incident_id)).distinct())
        hits = func.count(FindingRow.incident_id.distinct())
        columns: tuple[Any, ...] = (FindingRow.fault, hits, recent, func.max(IncidentRow.opened_at), *_PLACE)
        query = (
            select(*columns)
            .join(IncidentRow, IncidentRow.id == FindingRow.incident_id)
            .where(IncidentRow.opened_at >= since, IncidentRow.opened_at < until, IncidentRow.status != "merged")
            .group_by(FindingRow.fault, *_PLACE)
        )
        allows = _allowing(reach)
        with self._store.read() as session:
            rows = session.execute(roughly_within(query, IncidentRow, reach))
            return [HitFact(fault, count, few, last) for fault, count, few, last, *place in rows if allows(*place)]

    def approvals(self, reach: Scope, since: datetime, until: datetime) -> list[ApprovalFact]:
        """Requests that were asked for within the time, oldest first."""
        query = (
            select(ApprovalRow.payload, IncidentRow.severity, *_PLACE)
            .join(IncidentRow, IncidentRow.id == ApprovalRow.incident_id)
            .where(ApprovalRow.id >= first_id("apr", since), ApprovalRow.id < first_id("apr", until))
            .order_by(ApprovalRow.id)
        )
        allows = _allowing(reach)
        with self._store.read() as session:
            return [
                ApprovalFact(place[2], severity, ApprovalRequest.model_validate(payload))
                for payload, severity, *place in session.execute(query)
                if allows(*place)
            ]

    def model_calls(self, reach: Scope, since: datetime, until: datetime) -> list[ModelCallFact]:
        """Calls within the time, oldest first. Those of a chat about no incident are told to who may see everything."""
        columns = tuple(getattr(ModelCallRow, name) for name in ModelCallFact._fields)
        query = (
            select(*columns, IncidentRow.id, *_PLACE)
            .outerjoin(IncidentRow, IncidentRow.id == ModelCallRow.incident_id)
            .where(ModelCallRow.id >= first_id("mdl", since), ModelCallRow.at >= since, ModelCallRow.at < until)
            .order_by(ModelCallRow.id)
        )
        allows = _allowing(reach)
        with self._store.read() as session:
            found = []
            for *values, known, cluster, namespace, service in session.execute(query):
                if reach.is_everything or (known is not None and allows(cluster, namespace, service)):
                    found.append(ModelCallFact(*values))
            return found

    def _facts(self, query: Select[Any], concluded: Select[Any], reach: Scope) -> list[IncidentFact]:
        allows = _allowing(reach)
        with self._store.read() as session:
            first: dict[str, Concluded] = {}
            last: dict[str, Concluded] = {}
            for row in session.execute(_ordered(concluded)):
                one = Concluded(*row)
                first.setdefault(one.incident_id, one)
                last[one.incident_id] = one
            return [
                _fact(row, first.get(row[0]), last.get(row[0]))
                for row in session.execute(roughly_within(query, IncidentRow, reach))
                if allows(row[1], row[2], row[3])
            ]


_CONCLUDED = tuple(getattr(ConclusionRow, name) for name in Concluded._fields)


def _incidents() -> Select[Any]:
    names = [name for name in IncidentFact._fields if name not in {"first", "last"}]
    return select(*(getattr(IncidentRow, name) for name in names))


def _fact(row: Sequence[Any], first: Concluded | None, last: Concluded | None) -> IncidentFact:
    return IncidentFact(*(*row, first, last))


def _ordered(query: Select[Any]) -> Select[Any]:
    return query.order_by(ConclusionRow.diagnosis_id)


def _last(rows: Iterable[Sequence[Any]]) -> dict[str, Concluded]:
    return {one.incident_id: one for one in (Concluded(*row) for row in rows)}


def _allowing(reach: Scope) -> Callable[[str, str, str], bool]:
    """``reach.allows``, remembered per place: fifty thousand incidents lie in a few hundred. What lies in no namespace is
    counted for who may see every one: it may be anybody's."""
    known: dict[tuple[str, str, str], bool] = {}

    def allows(cluster: str, namespace: str, service: str) -> bool:
        place = (cluster, namespace, service)
        if place not in known:
            is_placed = bool(namespace) or "*" in reach.namespaces
            known[place] = is_placed and reach.allows(cluster=cluster, namespace=namespace, service=service)
        return known[place]

    return allows

"""Incidents and the lifecycle that a person or the desk may move them through."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from sqlalchemy import Select, func, or_, select, update

from knowledge.errors import NotFound, WrongState
from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.joining import intake_lock, move_points
from knowledge.ledger.lifecycle import ENDS, LATER_ENDS, incident_of
from knowledge.ledger.reach import newest
from knowledge.ledger.rows.intake import (
    AlertRow,
    EvidenceLinkRow,
    IncidentRow,
    TicketRow,
)
from knowledge.ledger.sight import seen_of
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.values import WakeReason
from knowledge.ledger.wakes import add_wake
from knowledge.ledger.withdrawal import withdraw
from knowledge.vocabulary import Incident, IncidentStatus, Json, Language, Scope, Severity, Text

_TOLD = {
    IncidentStatus.HANDED_OVER: HappeningKind.HANDED_OVER,
    IncidentStatus.ANSWERED: HappeningKind.ANSWERED,
    IncidentStatus.RESOLVED: HappeningKind.RESOLVED,
}


class Incidents:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, id: str) -> Incident:
        with self._store.read() as session:
            row = session.get(IncidentRow, id)
        if row is None:
            raise NotFound(f"there is no incident {id}", next_step="opsdesk incidents lists them")
        return incident_of(row)

    def list(
        self,
        reach: Scope,
        status: IncidentStatus | Iterable[IncidentStatus] | None = None,
        severity: Severity | None = None,
        service: str | None = None,
        cluster: str | None = None,
        assignee: str | None = None,
        text: str | None = None,
        limit: int = 50,
        before: str | None = None,
        reader: str = "",
    ) -> list[Incident]:
        """Newest first, only what ``reach`` lets its ``reader`` (a principal's id) see: of those without a namespace who has
        some namespaces only sees what they asked themselves, and what lies in them. ``before`` is the id of the last one of
        the page before.

        ``text`` is looked for in id, title and reason, without regard to case.
        """
        query = _filtered(
            status=status, severity=severity, service=service, cluster=cluster, assignee=assignee, text=text
        )
        with self._store.read() as session:
            seen = partial(seen_of, session, reach=reach, reader=reader)
            return [incident_of(row) for row in newest(session, query, IncidentRow, reach, limit, before, seen)]

    def sees(self, reach: Scope, reader: str, id: str) -> bool:
        """Whether ``reach`` lets its ``reader`` see the incident; False when there is none."""
        with self._store.read() as session:
            row = session.get(IncidentRow, id)
            return row is not None and bool(seen_of(session, [row], reach, reader))

    def set_status(
        self,
        id: str,
        status: IncidentStatus,
        reason: str | Text,
        expected_version: int | None = None,
        *,
        actor: str = "desk",
    ) -> Incident:
        """Moves on. WrongState from an end (``reopen`` does that), to ``merged``, or when the version is not the
        expected one."""
        with self._store.write() as writing:
            row = locked_incident(writing, id)
            _check_move(row, status, expected_version)
            before = row.status
            row.status = status
            row.reason, row.reason_zh = (reason.en, reason.zh) if isinstance(reason, Text) else (reason, "")
            if status in ENDS:
                row.closed_at = row.closed_at or writing.at
            if status != before and status in _TOLD:
                said = Text(en=row.reason, zh=row.reason_zh or row.reason)
                happened(writing, _TOLD[status], row.id, said=said)
            return _changed(writing, row, actor, "incident.set_status", before=before, status=status, reason=row.reason)

    def update(
        self,
        id: str,
        *,
        title: str | None = None,
        severity: Severity | None = None,
        namespace: str | None = None,
        service: str | None = None,
        language: Language | None = None,
        actor: str = "desk",
    ) -> Incident:
        """Changes what triage learns. What is None stays."""
        given = {"title": title, "severity": severity, "namespace": namespace, "service": service, "language": language}
        wanted = {name: str(value) for name, value in given.items() if value is not None}
        with self._store.write() as writing:
            row = locked_incident(writing, id)
            for name, value in wanted.items():
                setattr(row, name, value)
            return _changed(writing, row, actor, "incident.update", **wanted)

    def assign(self, id: str, assignee: str, actor: str) -> Incident:
        """``assignee`` empty: nobody's again."""
        with self._store.write() as writing:
            row = locked_incident(writing, id)
            row.assignee = assignee
            to = Text(en=f"assigned to {assignee or 'nobody'}", zh=f"已指派给 {assignee}" if assignee else "已取消指派")
            tell(writing, row, "assign", actor, to)
            return _changed(writing, row, actor, "incident.assign", assignee=assignee)

    def merge(self, id: str, into: str, actor: str) -> Incident:
        """``id`` ends as merged; its alerts, tickets and evidence are ``into``'s, which is woken. Returns ``into``.

        WrongState across clusters (a merged incident would show one cluster's evidence to the other's people), into
        itself, or when either one is merged already.
        """
        if id == into:
            raise WrongState(f"{id} cannot be merged into itself", next_step="name another incident")
        cluster = self.get(into).cluster
        with self._store.write() as writing:
            writing.hold(intake_lock(cluster))
            first, second = (locked_incident(writing, each) for each in sorted((id, into)))
            row, target = (first, second) if first.id == id else (second, first)
            _check_merge(row, target)
            withdraw(writing, row.id)
            _move_belongings(writing, row.id, target.id)
            row.status, row.merged_into, row.closed_at = IncidentStatus.MERGED, into, row.closed_at or writing.at
            row.reason, row.reason_zh = f"merged into {into}", f"已合并到 {into}"
            if Severity(row.severity).rank < Severity(target.severity).rank:
                target.severity = row.severity
            tell(writing, row, "merge", actor, Text(en=f"merged into {into}", zh=f"已合并到 {into}"), {"into": into})
            tell(
                writing,
                target,
                "merge",
                actor,
                Text(en=f"{id} was merged into this", zh=f"{id} 已合并到此"),
                {"from": id},
            )
            add_wake(writing, into, WakeReason.MERGED)
            _changed(writing, row, actor, "incident.merge", into=into)
            return _changed(writing, target, actor, "incident.absorb", merged=id)

    def close(self, id: str, actor: str, reason: str) -> Incident:
        with self._store.write() as writing:
            row = locked_incident(writing, id)
            _check_move(row, IncidentStatus.CLOSED, None)
            withdraw(writing, id)
            row.status, row.closed_at = IncidentStatus.CLOSED, writing.at
            row.reason, row.reason_zh = reason, ""
            tell(writing, row, "close", actor, Text(en=f"closed: {reason}", zh=f"已关闭：{reason}"))
            return _changed(writing, row, actor, "incident.close", reason=reason)

    def reopen(self, id: str, actor: str, reason: str) -> Incident:
        """Back to open, with a wake: for one that has ended, or that a person has in hand and gives back to the desk.
        WrongState for one that the desk is at, or that was merged."""
        with self._store.write() as writing:
            row = locked_incident(writing, id)
            if row.status not in {*ENDS, IncidentStatus.HANDED_OVER} - {IncidentStatus.MERGED}:
                raise _wrong(row, "reopened")
            withdraw(writing, id)
            row.status, row.closed_at = IncidentStatus.OPEN, None
            row.reason, row.reason_zh = reason, ""
            tell(writing, row, "reopen", actor, Text(en=f"reopened: {reason}", zh=f"已重新打开：{reason}"))
            add_wake(writing, id, WakeReason.REOPENED)
            happened(writing, HappeningKind.REOPENED, id, said=Text(en=reason, zh=reason))
            return _changed(writing, row, actor, "incident.reopen", reason=reason)


def _filtered(
    *,
    status: IncidentStatus | Iterable[IncidentStatus] | None,
    severity: Severity | None,
    service: str | None,
    cluster: str | None,
    assignee: str | None,
    text: str | None,
) -> Select[IncidentRow]:
    query = select(IncidentRow)
    if status is not None:
        wanted = [status] if isinstance(status, IncidentStatus) else list(status)
        query = query.where(IncidentRow.status.in_(wanted))
    exact = {"severity": severity, "service": service, "cluster": cluster, "assignee": assignee}
    query = query.filter_by(**{name: str(value) for name, value in exact.items() if value is not None})
    if text:
        where = (IncidentRow.title, IncidentRow.reason, IncidentRow.reason_zh, IncidentRow.id)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in where)))
    return query


def _check_move(row: IncidentRow, status: IncidentStatus, expected_version: int | None) -> None:
    if expected_version is not None and row.version != expected_version:
        raise WrongState(
            f"{row.id} has changed: version {row.version}, not {expected_version}",
            next_step="read it again, then decide",
        )
    before = IncidentStatus(row.status)
    if status == before:
        return
    if status == IncidentStatus.MERGED or (before in ENDS and status not in LATER_ENDS.get(before, set())):
        raise _wrong(row, status.value)


def _check_merge(row: IncidentRow, target: IncidentRow) -> None:
    if row.cluster != target.cluster:
        raise WrongState(
            f"{row.id} is of cluster {row.cluster}, {target.id} of {target.cluster}",
            next_step="merge within one cluster",
        )
    for each in (row, target):
        if each.status == IncidentStatus.MERGED:
            raise _wrong(each, "merged again")


def _move_belongings(writing: Writing, id: str, into: str) -> None:
    session = writing.session
    writing.hold("evidence")
    for owned in (AlertRow, TicketRow):
        session.execute(update(owned).where(owned.incident_id == id).values(incident_id=into))
    move_points(writing, id, into)
    known = set(session.scalars(select(EvidenceLinkRow.evidence_id).where(EvidenceLinkRow.incident_id == into)))
    last = session.scalar(select(func.max(EvidenceLinkRow.position)).where(EvidenceLinkRow.incident_id == into)) or 0
    links = (
        select(EvidenceLinkRow.evidence_id).where(EvidenceLinkRow.incident_id == id).order_by(EvidenceLinkRow.position)
    )
    missing = [evidence_id for evidence_id in session.scalars(links) if evidence_id not in known]
    session.add_all(
        EvidenceLinkRow(incident_id=into, evidence_id=evidence_id, position=position)
        for position, evidence_id in enumerate(missing, last + 1)
    )


def _wrong(row: IncidentRow, wish: str) -> WrongState:
    return WrongState(f"{row.id} is {row.status} and cannot become {wish}", next_step="reopen it first, or look at it")


def _changed(writing: Writing, row: IncidentRow, actor: str, verb: str, **detail: Any) -> Incident:
    row.version += 1
    row.updated_at = writing.at
    told: Json = dict(detail)
    writing.audit(actor, verb, row.id, **told)
    writing.session.flush()
    return incident_of(row)

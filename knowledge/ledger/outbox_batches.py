"""Which notices go together: one incident's to one place are one message; more messages than a place bears are one digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, func, or_, select, update

from knowledge.ledger.happenings import HappeningKind
from knowledge.ledger.ids import new_id
from knowledge.ledger.outbox_values import Batch, NoticeState, Pace
from knowledge.ledger.rows.notices import NoticeRow
from knowledge.ledger.rows.work import ApprovalRow
from knowledge.ledger.store import Writing
from knowledge.vocabulary import ApprovalStatus

APPROVAL_EXPIRING = "approval_expiring"
_ASKS = (HappeningKind.WAITING_FOR_APPROVAL, APPROVAL_EXPIRING)
_LOOKED_AT = 2_000


def due_batches(writing: Writing, pace: Pace, limit: int) -> list[Sequence[NoticeRow]]:
    """Rows that go now, batch by batch, within a transaction that holds ``notices``."""
    _drop_pointless(writing)
    batches = list(_coming_back(writing, limit))
    for place, rows in _fresh_by_place(writing).items():
        if len(batches) >= limit:
            break
        batches += _batched(writing, place, rows, pace)[: limit - len(batches)]
    return batches


def batch_of(rows: Sequence[NoticeRow]) -> Batch:
    first = rows[0]
    assert first.batched_at is not None
    return Batch(
        id=first.batch,
        channel=first.channel,
        place=first.place,
        address=first.address,
        notices=tuple(row.payload for row in rows),
        attempts=first.attempts,
        began_at=first.batched_at,
    )


def _drop_pointless(writing: Writing) -> None:
    """Nobody is asked for what is decided: not after the quiet hours, not when a mail server comes back."""
    waiting = select(ApprovalRow.id).where(ApprovalRow.status == ApprovalStatus.WAITING)
    writing.session.execute(
        update(NoticeRow)
        .where(
            NoticeRow.state == NoticeState.WAITING,
            NoticeRow.due_at <= writing.at,
            NoticeRow.kind.in_(_ASKS),
            NoticeRow.subject.not_in(waiting),
            _is_nobodys(writing),
        )
        .values(state=NoticeState.OBSOLETE, ended_at=writing.at, holder="", leased_until=None),
        execution_options={"synchronize_session": False},
    )


def _is_nobodys(writing: Writing) -> ColumnElement[bool]:
    return or_(NoticeRow.leased_until.is_(None), NoticeRow.leased_until <= writing.at)


def _coming_back(writing: Writing, limit: int) -> Iterator[Sequence[NoticeRow]]:
    due = (
        select(NoticeRow.batch)
        .where(
            NoticeRow.state == NoticeState.WAITING,
            NoticeRow.batch != "",
            NoticeRow.due_at <= writing.at,
            _is_nobodys(writing),
        )
        .group_by(NoticeRow.batch)
        .order_by(NoticeRow.batch)
        .limit(limit)
    )
    names = list(writing.session.scalars(due))
    query = (
        select(NoticeRow)
        .where(NoticeRow.batch.in_(names), NoticeRow.state == NoticeState.WAITING)
        .order_by(NoticeRow.batch, NoticeRow.id)
        .with_for_update()
    )
    for _, rows in groupby(writing.session.scalars(query), key=lambda row: row.batch):
        yield list(rows)


def _fresh_by_place(writing: Writing) -> dict[tuple[str, str], list[NoticeRow]]:
    """Due rows of no batch yet, oldest first. An incident's later notices wait behind one that is still on its way to the
    same place, so that nobody reads the end before the beginning; a page waits for nothing."""
    unsent = select(NoticeRow.channel, NoticeRow.place, NoticeRow.incident_id).where(
        NoticeRow.state == NoticeState.WAITING, NoticeRow.batch != "", NoticeRow.incident_id != ""
    )
    busy = {(row.channel, row.place, row.incident_id) for row in writing.session.execute(unsent.distinct())}
    query = (
        select(NoticeRow)
        .where(NoticeRow.state == NoticeState.WAITING, NoticeRow.batch == "", NoticeRow.due_at <= writing.at)
        .order_by(NoticeRow.is_page.desc(), NoticeRow.id)
        .limit(_LOOKED_AT)
        .with_for_update()
    )
    places: dict[tuple[str, str], list[NoticeRow]] = {}
    for row in writing.session.scalars(query):
        if row.is_page or (row.channel, row.place, row.incident_id) not in busy:
            places.setdefault((row.channel, row.place), []).append(row)
    return places


def _batched(
    writing: Writing, place: tuple[str, str], rows: Sequence[NoticeRow], pace: Pace
) -> list[Sequence[NoticeRow]]:
    groups: dict[str, list[NoticeRow]] = {}
    for row in rows:
        groups.setdefault(row.incident_id or row.id, []).append(row)
    urgent = [group for group in groups.values() if any(row.is_page for row in group)]
    others = [group for group in groups.values() if not any(row.is_page for row in group)]
    return [_named(writing, group) for group in (*urgent, *_within(writing, place, others, pace))]


def _within(
    writing: Writing, place: tuple[str, str], groups: Sequence[list[NoticeRow]], pace: Pace
) -> Sequence[list[NoticeRow]]:
    """Each incident for itself while the place bears it; else all in one, or nothing until a digest is due. After a digest
    the next one is waited for: a storm is told once a minute, not by a digest and what came just after it."""
    lately = writing.at - timedelta(seconds=max(pace.burst_seconds, pace.digest_seconds))
    recent = (
        select(NoticeRow.batched_at, func.count(NoticeRow.incident_id.distinct()))
        .where(NoticeRow.channel == place[0], NoticeRow.place == place[1], NoticeRow.batched_at > lately)
        .group_by(NoticeRow.batch, NoticeRow.batched_at)
    )
    batches = [(at, incidents) for at, incidents in writing.session.execute(recent) if at is not None]
    used = sum(at > writing.at - timedelta(seconds=pace.burst_seconds) for at, _ in batches)
    since = writing.at - timedelta(seconds=pace.digest_seconds)
    had_digest = any(at > since and incidents > 1 for at, incidents in batches)
    if not had_digest and len(groups) <= pace.burst - used:
        return groups
    if had_digest or any(at > since for at, _ in batches):
        return []
    together = sorted((row for group in groups for row in group), key=lambda row: row.id)
    return [together[: pace.most_in_digest]]


def _named(writing: Writing, rows: Sequence[NoticeRow]) -> Sequence[NoticeRow]:
    name = new_id("ntb", writing.at)
    for row in rows:
        row.batch, row.batched_at = name, writing.at
    return sorted(rows, key=lambda row: row.id)

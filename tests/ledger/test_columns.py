"""What goes into a column comes out, on both engines, whatever text or time it is."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ledger.ids import new_id
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.rows.base import KEY_LENGTH, UtcTime, bounded, clean
from knowledge.vocabulary import Severity, Text
from tests.ledger.conftest import TestClock
from tests.ledger.makers import make_ticket, open_incident

_serial = itertools.count()
any_text = st.text(st.characters(), max_size=50)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@given(data=st.dictionaries(any_text, any_json, max_size=4), said=any_text)
def test_json_comes_back_as_it_went_in(ledger: Ledger, data: dict[str, object], said: str) -> None:
    incident = open_incident(ledger, f"tkt-{next(_serial)}")
    entry = ledger.timeline.add(incident.id, "triage", "desk", Text(en=said, zh=said), data)
    assert ledger.timeline.for_incident(incident.id, after_sequence=entry.sequence - 1) == [entry]
    assert (entry.data, entry.summary.en) == (data, said)


@given(title=any_text, requester=any_text)
def test_text_comes_back_but_for_what_no_engine_can_keep(ledger: Ledger, title: str, requester: str) -> None:
    ticket = make_ticket(f"tkt-{next(_serial)}", requester=requester)
    incident = ledger.tickets.open(ticket, title, Severity.LOW)
    kept = ledger.incidents.get(incident.id)
    assert (kept.title, kept.requester) == (clean(title), clean(requester))
    assert ledger.tickets.for_incident(incident.id) == [ticket]
    assert ledger.audit.verify()[1] is None


@given(text=st.text(min_size=KEY_LENGTH + 1, max_size=KEY_LENGTH * 3), more=st.text(min_size=1, max_size=5))
def test_long_keys_are_short_and_still_different(text: str, more: str) -> None:
    assert len(bounded(text)) == KEY_LENGTH
    assert bounded(text) == bounded(text)
    assert (bounded(text) == bounded(text + more)) == (clean(text) == clean(text + more))


def test_times_are_utc_whatever_zone_they_came_in(ledger: Ledger, clock: TestClock) -> None:
    shanghai = datetime(2026, 3, 1, 20, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    incident = open_incident(ledger, opened_at=shanghai)
    kept = ledger.incidents.get(incident.id).opened_at
    assert kept == shanghai
    assert kept.utcoffset() == timedelta(0)
    assert kept.isoformat() == "2026-03-01T12:00:00.123456+00:00"


def test_naive_time_is_refused() -> None:
    from sqlalchemy.dialects import sqlite

    with pytest.raises(ValueError, match="naive"):
        UtcTime().process_bind_param(datetime(2026, 3, 1), sqlite.dialect())  # noqa: DTZ001


def test_ids_sort_by_time_and_by_order_within_one_moment() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    ids = [new_id("inc", moment) for _ in range(1000)]
    assert ids == sorted(set(ids))
    later = new_id("inc", moment + timedelta(hours=1))
    assert ids[-1] < later
    assert {len(one) for one in ids} == {len("inc-") + 16}

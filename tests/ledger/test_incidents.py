"""Incidents, their timeline, and the wakes that ask for a worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from knowledge.errors import LeaseLost, NotFound, WrongState
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Incident, IncidentStatus, Language, Scope, Severity, Text
from tests.ledger.conftest import TestClock
from tests.ledger.makers import make_alert, make_evidence, open_incident

EVERYTHING = Scope()
SAID = Text(en="looked", zh="已查看")


def titles(incidents: list[Incident]) -> list[str]:
    return [incident.title for incident in incidents]


def reasons(ledger: Ledger, incident_id: str) -> list[str]:
    return sorted(wake.reason for wake in ledger.wakes.waiting(incident_id))


def test_get_and_every_change_say_not_found_when_there_is_no_incident(ledger: Ledger) -> None:
    for attempt in (
        lambda: ledger.incidents.get("inc-none"),
        lambda: ledger.incidents.set_status("inc-none", IncidentStatus.CLOSED, ""),
        lambda: ledger.timeline.add("inc-none", "triage", "desk", SAID),
        lambda: ledger.wakes.add("inc-none", "opened"),
        lambda: ledger.evidence.put_many("inc-none", []),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_list_pages_newest_first_without_gap_or_repeat(ledger: Ledger) -> None:
    ids = [open_incident(ledger, f"tkt-{number}").id for number in range(7)]
    seen: list[str] = []
    before = None
    while page := ledger.incidents.list(EVERYTHING, limit=3, before=before):
        seen += [incident.id for incident in page]
        before = seen[-1]
    assert seen == ids[::-1]


def test_list_is_limited_to_the_readers_reach(ledger: Ledger) -> None:
    places = [
        ("prod", "team-a"),
        ("prod", "team-b"),
        ("prod", "team_a"),
        ("prod", ""),
        ("test", "team-a"),
        ("prod", "Team-a"),
    ]
    for number, (cluster, namespace) in enumerate(places):
        open_incident(ledger, f"tkt-{number}", cluster=cluster, namespace=namespace)
    for reach in (
        Scope(clusters=("prod",), namespaces=("team-[a]",)),
        Scope(clusters=("pro?",), namespaces=("team_a", "team-b")),
        Scope(clusters=("[!p]*",)),
        Scope(namespaces=("*-a",), services=("v[k-m]lm", "triton")),
        Scope(namespaces=()),
        EVERYTHING,
    ):
        allowed = {place for place in places if reach.allows(cluster=place[0], namespace=place[1], service="vllm")}
        if "*" not in reach.namespaces:  # nothing is known yet of those without a namespace: nobody's of a part
            allowed = {place for place in allowed if place[1]}
        for limit in (1, 50):
            found = ledger.incidents.list(reach, limit=limit)
            assert len(found) == min(limit, len(allowed))
            assert {(incident.cluster, incident.namespace) for incident in found} <= allowed


def test_list_filters_by_what_people_ask_for(ledger: Ledger) -> None:
    first = open_incident(ledger, "tkt-1")
    second = open_incident(ledger, "tkt-2", cluster="test", service="triton")
    ledger.incidents.assign(first.id, "wei", "li")
    ledger.incidents.set_status(second.id, IncidentStatus.INVESTIGATING, "image cannot be pulled 100%")
    listed = ledger.incidents.list
    assert listed(EVERYTHING, status=IncidentStatus.INVESTIGATING)[0].id == second.id
    assert len(listed(EVERYTHING, status=[IncidentStatus.OPEN, IncidentStatus.INVESTIGATING])) == 2
    assert [each.id for each in listed(EVERYTHING, cluster="test")] == [second.id]
    assert [each.id for each in listed(EVERYTHING, service="triton")] == [second.id]
    assert [each.id for each in listed(EVERYTHING, assignee="wei")] == [first.id]
    assert [each.id for each in listed(EVERYTHING, assignee="")] == [second.id]
    assert listed(EVERYTHING, severity=Severity.CRITICAL) == []
    assert [each.id for each in listed(EVERYTHING, text="PULLED 100%")] == [second.id]
    assert listed(EVERYTHING, text="100_") == []
    assert [each.id for each in listed(EVERYTHING, text=first.id)] == [first.id]


def test_update_changes_what_is_given_and_nothing_else(ledger: Ledger) -> None:
    before = open_incident(ledger)
    after = ledger.incidents.update(before.id, severity=Severity.CRITICAL, language=Language.EN)
    assert after == before.model_copy(
        update={"severity": Severity.CRITICAL, "language": Language.EN, "version": before.version + 1}
    )


def test_set_status_refuses_when_the_version_has_moved_on(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    moved = ledger.incidents.set_status(
        incident.id, IncidentStatus.INVESTIGATING, "", expected_version=incident.version
    )
    with pytest.raises(WrongState, match="has changed"):
        ledger.incidents.set_status(incident.id, IncidentStatus.CLOSED, "", expected_version=incident.version)
    assert moved.version == incident.version + 1


def test_exactly_one_status_change_wins_when_many_expect_one_version(ledger: Ledger) -> None:
    incident = open_incident(ledger)

    def change(_: int) -> bool:
        try:
            ledger.incidents.set_status(
                incident.id, IncidentStatus.INVESTIGATING, "", expected_version=incident.version
            )
        except WrongState:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, range(8))) == 1


def test_ended_incident_moves_by_reopening_only(ledger: Ledger, clock: TestClock) -> None:
    incident = open_incident(ledger)
    with pytest.raises(WrongState):
        ledger.incidents.reopen(incident.id, "wei", "")
    closed = ledger.incidents.close(incident.id, "wei", "not ours")
    assert (closed.status, closed.closed_at, closed.reason) == (IncidentStatus.CLOSED, clock.at, "not ours")
    for status in (IncidentStatus.OPEN, IncidentStatus.EXECUTING, IncidentStatus.RESOLVED, IncidentStatus.MERGED):
        with pytest.raises(WrongState):
            ledger.incidents.set_status(incident.id, status, "")
    reopened = ledger.incidents.reopen(incident.id, "wei", "it is back")
    assert (reopened.status, reopened.closed_at) == (IncidentStatus.OPEN, None)
    assert "reopened" in reasons(ledger, incident.id)


def test_merge_moves_alerts_tickets_and_evidence(ledger: Ledger) -> None:
    [receipt] = ledger.alerts.receive("k1", "am", b"", [make_alert("a", severity=Severity.CRITICAL)])
    ticket = open_incident(ledger)
    shared, own = make_evidence("shared"), make_evidence("own")
    ledger.evidence.put_many(receipt.incident_id, [shared, own])
    ledger.evidence.put_many(ticket.id, [shared])
    into = ledger.incidents.merge(receipt.incident_id, ticket.id, "wei")
    assert (into.id, into.severity) == (ticket.id, Severity.CRITICAL)
    merged = ledger.incidents.get(receipt.incident_id)
    assert (merged.status, merged.merged_into) == (IncidentStatus.MERGED, ticket.id)
    assert len(ledger.alerts.for_incident(ticket.id)) == 1
    assert [fact.text for fact in ledger.evidence.for_incident(ticket.id)] == ["shared", "own"]
    assert "merged" in reasons(ledger, ticket.id)
    again = make_alert("a", starts_at=make_alert().starts_at + timedelta(hours=1))
    assert ledger.alerts.receive("k2", "am", b"", [again])[0].incident_id == ticket.id, "what comes later follows"


def test_merge_is_refused_when_it_makes_no_sense(ledger: Ledger) -> None:
    first, second = open_incident(ledger, "tkt-1"), open_incident(ledger, "tkt-2")
    elsewhere = open_incident(ledger, "tkt-3", cluster="test")
    with pytest.raises(WrongState, match="itself"):
        ledger.incidents.merge(first.id, first.id, "wei")
    with pytest.raises(WrongState, match="cluster"):
        ledger.incidents.merge(first.id, elsewhere.id, "wei")
    ledger.incidents.merge(first.id, second.id, "wei")
    for pair in ((first.id, second.id), (second.id, first.id)):
        with pytest.raises(WrongState):
            ledger.incidents.merge(*pair, "wei")
    with pytest.raises(WrongState):
        ledger.incidents.reopen(first.id, "wei", "")


def test_timeline_counts_without_gaps_when_many_write(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.timeline.add(incident.id, "triage", f"w{n}", SAID, {"n": n}), range(24)))
    entries = ledger.timeline.for_incident(incident.id)
    assert [entry.sequence for entry in entries] == list(range(1, 26))
    assert [entry.sequence for entry in ledger.timeline.for_incident(incident.id, after_sequence=23)] == [24, 25]
    assert sorted(entry.data["n"] for entry in entries[1:]) == list(range(24))


def test_wakes_of_one_reason_are_one_at_the_earlier_time(ledger: Ledger, clock: TestClock) -> None:
    incident = open_incident(ledger)
    ledger.wakes.add(incident.id, "soak", clock.at + timedelta(minutes=10))
    ledger.wakes.add(incident.id, "soak", clock.at + timedelta(minutes=5))
    ledger.wakes.add(incident.id, "soak", clock.at + timedelta(minutes=20))
    [soak] = [wake for wake in ledger.wakes.waiting(incident.id) if wake.reason == "soak"]
    assert soak.due_at == clock.at + timedelta(minutes=5)
    ledger.wakes.done(ledger.wakes.claim("w1", 10, 30)[0].id)
    assert ledger.wakes.claim("w1", 10, 30) == []
    clock.advance(minutes=5)
    assert [wake.reason for wake in ledger.wakes.claim("w1", 10, 30)] == ["soak"]


def test_one_worker_per_incident_at_a_time(ledger: Ledger) -> None:
    incident, other = open_incident(ledger, "tkt-1"), open_incident(ledger, "tkt-2")
    ledger.wakes.add(incident.id, "again")
    first = ledger.wakes.claim("w1", 1, 30)
    assert [wake.incident_id for wake in first] == [incident.id]
    assert [wake.incident_id for wake in ledger.wakes.claim("w2", 10, 30)] == [other.id]
    ledger.wakes.done(first[0].id, "w1")
    assert [wake.reason for wake in ledger.wakes.claim("w2", 10, 30)] == ["again"]


def test_wake_that_comes_while_its_incident_is_worked_on_is_kept(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    [claimed] = ledger.wakes.claim("w1", 1, 30)
    ledger.wakes.add(incident.id, claimed.reason)
    ledger.wakes.done(claimed.id, "w1")
    assert [wake.reason for wake in ledger.wakes.claim("w1", 1, 30)] == [claimed.reason]


def test_wake_comes_back_when_its_worker_dies(ledger: Ledger, clock: TestClock) -> None:
    open_incident(ledger)
    [lost] = ledger.wakes.claim("w1", 1, 30)
    clock.advance(seconds=20)
    ledger.wakes.renew(lost.id, "w1", 30)
    clock.advance(seconds=20)
    assert ledger.wakes.claim("w2", 1, 30) == []
    clock.advance(seconds=10)
    [again] = ledger.wakes.claim("w2", 1, 30)
    assert again.id == lost.id
    with pytest.raises(LeaseLost):
        ledger.wakes.done(lost.id, "w1")
    with pytest.raises(LeaseLost):
        ledger.wakes.renew(lost.id, "w1", 30)
    ledger.wakes.done(again.id, "w2")
    ledger.wakes.done(again.id, "w2")


def test_each_wake_is_handed_out_once_when_workers_race(ledger: Ledger) -> None:
    ids = {open_incident(ledger, f"tkt-{number}").id for number in range(12)}

    def work(worker: int) -> list[str]:
        mine: list[str] = []
        while wakes := ledger.wakes.claim(f"w{worker}", 2, 30):
            mine += [wake.incident_id for wake in wakes]
            for wake in wakes:
                ledger.wakes.done(wake.id, f"w{worker}")
        return mine

    with ThreadPoolExecutor(4) as pool:
        handed_out = [one for mine in pool.map(work, range(4)) for one in mine]
    assert sorted(handed_out) == sorted(ids)


def test_lease_goes_to_one_holder_and_its_token_only_rises(ledger: Ledger, clock: TestClock) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda n: ledger.leases.acquire("sweeper", f"w{n}", 30), range(8)))
    assert sorted(token or 0 for token in tokens) == [0] * 7 + [1]
    ledger.leases.renew("sweeper", 1, 60)
    clock.advance(seconds=59)
    assert ledger.leases.acquire("sweeper", "w9", 30) is None
    clock.advance(seconds=1)
    assert ledger.leases.acquire("sweeper", "w9", 30) == 2
    with pytest.raises(LeaseLost):
        ledger.leases.renew("sweeper", 1, 60)
    ledger.leases.release("sweeper", 1)
    assert ledger.leases.acquire("sweeper", "w1", 30) is None, "a stale holder releases nothing"
    ledger.leases.release("sweeper", 2)
    assert ledger.leases.acquire("sweeper", "w1", 30) == 3

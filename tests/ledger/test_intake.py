"""Alerts and tickets: nothing acknowledged is lost, one fault is one incident."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import AlertFate, IncidentStatus, Language, Scope, Severity
from tests.ledger.conftest import TestClock
from tests.ledger.makers import NOON, make_alert, make_ticket, open_incident

EVERYTHING = Scope()


def receive(ledger: Ledger, key: str, *alerts: object) -> list[tuple[str, str]]:
    receipts = ledger.alerts.receive(key, "alertmanager", key.encode(), alerts)  # type: ignore[arg-type]
    return [(receipt.fate.value, receipt.incident_id) for receipt in receipts]


def reasons(ledger: Ledger, incident_id: str) -> list[str]:
    return sorted(wake.reason for wake in ledger.wakes.waiting(incident_id))


def stages(ledger: Ledger, incident_id: str) -> list[str]:
    return [entry.stage for entry in ledger.timeline.for_incident(incident_id)]


def test_alert_opens_an_incident_with_a_wake_when_nothing_is_open(ledger: Ledger) -> None:
    [(fate, incident_id)] = receive(ledger, "k1", make_alert(severity=Severity.CRITICAL))
    incident = ledger.incidents.get(incident_id)
    assert fate == "opened"
    assert incident.title == "ModelDown: the model is down"
    assert (incident.status, incident.severity) == (IncidentStatus.OPEN, Severity.CRITICAL)
    assert (incident.cluster, incident.namespace, incident.service) == ("prod", "serving", "vllm")
    assert incident.opened_by == "alert"
    assert incident.requester == ""
    assert reasons(ledger, incident_id) == ["opened"]
    assert stages(ledger, incident_id) == ["intake"]
    assert [alert.fingerprint for alert in ledger.alerts.for_incident(incident_id)] == ["f1"]


def test_delivery_changes_nothing_and_gets_the_same_receipts_when_it_comes_again(ledger: Ledger) -> None:
    first = receive(ledger, "k1", make_alert("a"), make_alert("b"))
    audited = ledger.audit.verify()
    assert receive(ledger, "k1", make_alert("a"), make_alert("b")) == first
    assert len(ledger.incidents.list(EVERYTHING)) == 1
    assert [record.resends for record in ledger.alerts.list()] == [0, 0]
    assert ledger.audit.verify() == audited


def test_delivery_is_taken_when_its_key_is_known_but_its_body_is_not(ledger: Ledger) -> None:
    ledger.alerts.receive("k1", "alertmanager", b"one", [make_alert("a")])
    [receipt] = ledger.alerts.receive("k1", "alertmanager", b"two", [make_alert("b")])
    assert receipt.fate is AlertFate.JOINED


def test_resend_is_a_duplicate_and_is_counted(ledger: Ledger, clock: TestClock) -> None:
    [(_, incident_id)] = receive(ledger, "k1", make_alert())
    clock.advance(hours=4)
    assert receive(ledger, "k2", make_alert()) == [("duplicate", incident_id)]
    [record] = ledger.alerts.list()
    assert (record.resends, record.fate, record.seen_at) == (1, AlertFate.OPENED, clock.at)
    assert stages(ledger, incident_id) == ["intake"]


def test_alert_joins_when_its_fingerprint_is_in_an_open_incident_however_old(ledger: Ledger, clock: TestClock) -> None:
    [(_, incident_id)] = receive(ledger, "k1", make_alert())
    again = make_alert(starts_at=clock.advance(days=2))
    assert receive(ledger, "k2", again) == [("joined", incident_id)]
    assert [alert.status for alert in ledger.alerts.for_incident(incident_id)] == ["resolved", "firing"]


def test_alert_joins_its_services_incident_within_the_window_only(ledger: Ledger, clock: TestClock) -> None:
    [(_, first)] = receive(ledger, "k1", make_alert("a"))
    clock.advance(minutes=29)
    assert receive(ledger, "k2", make_alert("b", name="LatencyHigh")) == [("joined", first)]
    clock.advance(minutes=29)
    assert receive(ledger, "k3", make_alert("c", name="QueueLong")) == [("joined", first)]
    clock.advance(minutes=31)
    [(fate, second)] = receive(ledger, "k4", make_alert("d"))
    assert (fate, second != first) == ("opened", True)


def test_alert_raises_the_severity_and_never_lowers_it(ledger: Ledger) -> None:
    [(_, incident_id)] = receive(ledger, "k1", make_alert("a", severity=Severity.MEDIUM))
    receive(ledger, "k2", make_alert("b", severity=Severity.CRITICAL), make_alert("c", severity=Severity.LOW))
    assert ledger.incidents.get(incident_id).severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "other",
    [{"cluster": "test"}, {"service": "triton"}, {"namespace": "research"}],
    ids=["cluster", "service", "namespace"],
)
def test_alert_opens_its_own_incident_when_it_is_of_another_place(ledger: Ledger, other: dict[str, str]) -> None:
    [(_, first)] = receive(ledger, "k1", make_alert("a"))
    [(fate, second)] = receive(ledger, "k2", make_alert("b", **other))  # type: ignore[arg-type]
    assert fate == "opened"
    assert first != second


def test_alert_without_service_joins_by_namespace_and_name(ledger: Ledger) -> None:
    [(_, first)] = receive(ledger, "k1", make_alert("a", service=""))
    assert receive(ledger, "k2", make_alert("b", service="")) == [("joined", first)]
    assert receive(ledger, "k3", make_alert("c", service="", name="DiskFull"))[0][0] == "opened"
    assert receive(ledger, "k4", make_alert("d", service="", namespace="research"))[0][0] == "opened"


def test_alert_without_namespace_joins_its_services_incident(ledger: Ledger) -> None:
    [(_, first)] = receive(ledger, "k1", make_alert("a"))
    assert receive(ledger, "k2", make_alert("b", namespace="")) == [("joined", first)]


def test_alert_does_not_hide_in_a_persons_ticket(ledger: Ledger) -> None:
    ticket = open_incident(ledger)
    [(fate, incident_id)] = receive(ledger, "k1", make_alert())
    assert fate == "opened"
    assert incident_id != ticket.id


@pytest.mark.parametrize("end", ["closed", "resolved"])
def test_alert_opens_a_new_incident_when_the_old_one_has_ended(ledger: Ledger, clock: TestClock, end: str) -> None:
    [(_, first)] = receive(ledger, "k1", make_alert())
    ledger.incidents.set_status(first, IncidentStatus(end), "done")
    [(fate, second)] = receive(ledger, "k2", make_alert(starts_at=clock.advance(minutes=1)))
    assert fate == "opened"
    assert first != second


def test_incident_wakes_when_its_last_alert_is_resolved(ledger: Ledger, clock: TestClock) -> None:
    [(_, incident_id), _] = receive(ledger, "k1", make_alert("a"), make_alert("b"))
    ends_at = clock.advance(minutes=5)
    assert receive(ledger, "k2", make_alert("a", "resolved", ends_at=ends_at)) == [("resolved", incident_id)]
    assert reasons(ledger, incident_id) == ["opened"]
    receive(ledger, "k3", make_alert("b", "resolved", ends_at=ends_at))
    assert reasons(ledger, incident_id) == ["alerts_resolved", "opened"]
    assert stages(ledger, incident_id)[-1] == "alerts_resolved"
    assert {(alert.status, alert.ends_at) for alert in ledger.alerts.for_incident(incident_id)} == {
        ("resolved", ends_at)
    }
    assert receive(ledger, "k4", make_alert("b", "resolved", ends_at=ends_at)) == [("duplicate", incident_id)]


def test_resolved_alert_is_recorded_without_incident_when_nobody_saw_it_fire(ledger: Ledger) -> None:
    assert receive(ledger, "k1", make_alert(status="resolved")) == [("resolved", "")]
    assert ledger.incidents.list(EVERYTHING) == []
    assert receive(ledger, "k2", make_alert()) == [("duplicate", "")], "its firing came too late to matter"


def test_resolved_alert_finds_its_firing_when_the_source_gives_it_another_start(
    ledger: Ledger, clock: TestClock
) -> None:
    [(_, incident_id)] = receive(ledger, "k1", make_alert())
    clock.advance(minutes=5)
    assert receive(ledger, "k2", make_alert(status="resolved", starts_at=clock.at)) == [("resolved", incident_id)]


def test_late_resolution_of_an_old_firing_leaves_the_new_one_firing(ledger: Ledger, clock: TestClock) -> None:
    newer = clock.advance(minutes=10)
    [(_, incident_id)] = receive(ledger, "k1", make_alert(starts_at=newer))
    old = make_alert(status="resolved", starts_at=NOON, ends_at=NOON + timedelta(minutes=5))
    assert receive(ledger, "k2", old) == [("resolved", "")]
    assert [alert.status for alert in ledger.alerts.for_incident(incident_id)] == ["firing"]


def test_late_firing_is_filed_as_history_when_a_newer_one_is_known(ledger: Ledger, clock: TestClock) -> None:
    newer = clock.advance(minutes=10)
    [(_, incident_id)] = receive(ledger, "k1", make_alert(starts_at=newer))
    assert receive(ledger, "k2", make_alert(starts_at=NOON)) == [("joined", incident_id)]
    firing = [alert for alert in ledger.alerts.for_incident(incident_id) if alert.status == "firing"]
    assert [alert.starts_at for alert in firing] == [newer]


def test_hostile_text_is_kept_when_it_would_choke_an_engine(ledger: Ledger) -> None:
    nasty = make_alert("f" * 50_000, name="a\x00b", service="s" * 5_000, summary="nul \x00, lone \ud800, 中文 🧯")
    [(fate, incident_id)] = receive(ledger, "k1", nasty)
    assert fate == "opened"
    assert ledger.alerts.for_incident(incident_id)[0].annotations == nasty.annotations
    other = nasty.model_copy(update={"fingerprint": "f" * 50_000 + "x", "service": "s" * 5_000 + "x"})
    assert receive(ledger, "k2", other)[0][0] == "opened", "long texts that differ at the end differ"
    assert receive(ledger, "k3", nasty)[0][0] == "duplicate"


def test_receive_loses_nothing_and_opens_once_when_a_hundred_arrive_together(ledger: Ledger) -> None:
    """Every delivery is sent twice, as a sender does that got no answer in time."""
    deliveries = [(f"k{number}", make_alert(f"f{number}")) for number in range(50)] * 2

    def send(delivery: tuple[str, object]) -> tuple[str, str]:
        return receive(ledger, *delivery)[0]

    with ThreadPoolExecutor(20) as pool:
        receipts = list(pool.map(send, deliveries))
    [incident] = ledger.incidents.list(EVERYTHING)
    assert {incident_id for _, incident_id in receipts} == {incident.id}
    assert receipts[:50] == receipts[50:]
    assert sorted(fate for fate, _ in receipts[:50]) == ["joined"] * 49 + ["opened"]
    assert {alert.fingerprint for alert in ledger.alerts.for_incident(incident.id)} == {
        f"f{number}" for number in range(50)
    }
    assert ledger.audit.verify() == (50, None)
    sequences = [entry.sequence for entry in ledger.timeline.for_incident(incident.id)]
    assert sequences == list(range(1, 51))


def test_firing_is_one_alert_when_many_deliveries_carry_it_at_once(ledger: Ledger) -> None:
    with ThreadPoolExecutor(16) as pool:
        fates = list(pool.map(lambda number: receive(ledger, f"k{number}", make_alert())[0][0], range(32)))
    assert sorted(fates) == ["duplicate"] * 31 + ["opened"]
    assert len(ledger.alerts.list()) == 1


def test_alerts_page_without_gap_and_within_reach(ledger: Ledger) -> None:
    for number in range(7):
        receive(ledger, f"k{number}", make_alert(f"f{number}", namespace=["serving", "research"][number % 2]))
    reach = Scope(namespaces=("serv*",))
    first = ledger.alerts.list(limit=3, reach=reach)
    second = ledger.alerts.list(limit=3, before=first[-1].alert_id, reach=reach)
    assert [record.alert.fingerprint for record in first + second] == ["f6", "f4", "f2", "f0"]


def test_sweep_forgets_raw_bodies_and_keeps_alerts(ledger: Ledger, clock: TestClock) -> None:
    receive(ledger, "k1", make_alert())
    clock.advance(days=8)
    receive(ledger, "k2", make_alert())
    assert ledger.alerts.sweep_deliveries(clock.at - timedelta(days=7)) == 1
    assert len(ledger.alerts.list()) == 1


def test_ticket_opens_an_incident_with_a_wake(ledger: Ledger) -> None:
    incident = ledger.tickets.open(make_ticket(), "vllm is slow", Severity.LOW)
    assert (incident.requester, incident.opened_by, incident.language) == ("mei", "ticket", Language.ZH)
    assert reasons(ledger, incident.id) == ["opened"]
    assert [ticket.text for ticket in ledger.tickets.for_incident(incident.id)] == ["模型服务很慢"]


def test_ticket_opens_once_when_it_is_sent_again(ledger: Ledger) -> None:
    first = ledger.tickets.open(make_ticket("tkt-1"), "slow", Severity.LOW, "key")
    assert ledger.tickets.open(make_ticket("tkt-1"), "slow", Severity.LOW).id == first.id
    assert ledger.tickets.open(make_ticket("tkt-2"), "slow", Severity.LOW, "key").id == first.id
    other = ledger.tickets.open(make_ticket("tkt-3", requester="wei"), "slow", Severity.LOW, "key")
    assert other.id != first.id, "a key is its requester's own"


def test_ticket_opens_once_when_its_senders_race(ledger: Ledger) -> None:
    def send(number: int) -> str:
        return ledger.tickets.open(make_ticket(f"tkt-{number}"), "slow", Severity.LOW, "key").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(16)))) == 1

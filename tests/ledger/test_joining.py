"""Joining, for any storm: held against a plain reading of the rule that searches every alert there ever was."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Alert, AlertFate, IncidentStatus, Scope
from tests.ledger.conftest import TestClock
from tests.ledger.makers import make_alert

WINDOW = timedelta(minutes=30)
_serial = itertools.count()


@dataclass(frozen=True)
class Post:
    """A delivery of a few alerts, ``minutes`` after what was before. Each is (fingerprint, how many minutes ago it began)."""

    minutes: int
    alerts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Close:
    """A person closes the ``index``-th incident."""

    minutes: int
    index: int


# A fingerprint is a label set: it always names the same alert of the same place.
PLACES = {
    "a": ("serving", "vllm", "Down"),
    "b": ("serving", "vllm", "Slow"),
    "c": ("serving", "triton", "Down"),
    "d": ("research", "vllm", "Down"),
    "e": ("serving", "", "DiskFull"),
    "f": ("serving", "", "DiskFull"),
    "g": ("serving", "", "NodeDown"),
}
_alerts = st.tuples(st.sampled_from(sorted(PLACES)), st.integers(0, 3))
posts = st.builds(Post, st.integers(0, 40), st.lists(_alerts, min_size=1, max_size=4).map(tuple))
closes = st.builds(Close, st.integers(0, 40), st.integers(0, 5))
histories = st.lists(st.one_of(posts, posts, posts, closes), min_size=1, max_size=12)


@dataclass
class Rule:
    """The rule, read plainly."""

    placed: list[tuple[Alert, str]] = field(default_factory=list)
    touched: dict[str, datetime] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def candidates(self, alert: Alert, now: datetime) -> set[str]:
        """The incidents that may take a firing that was never seen; empty: it opens its own."""
        same = {at for other, at in self.placed if other.fingerprint == alert.fingerprint} - self.ended
        if same:
            return same
        kin = {at for other, at in self.placed if _kin(other) == _kin(alert)} - self.ended
        return {at for at in kin if self.touched[at] >= now - WINDOW}

    def is_late(self, alert: Alert) -> bool:
        return any(
            other.fingerprint == alert.fingerprint and other.starts_at > alert.starts_at for other, _ in self.placed
        )

    def is_known(self, alert: Alert) -> bool:
        return any(
            (other.fingerprint, other.starts_at) == (alert.fingerprint, alert.starts_at) for other, _ in self.placed
        )


def _kin(alert: Alert) -> tuple[str, str, str]:
    return (alert.namespace, alert.service, "" if alert.service else alert.name)


@given(history=histories)
def test_every_alert_lands_where_the_rule_says(ledger: Ledger, clock: TestClock, history: list[Post | Close]) -> None:
    cluster = f"cluster-{next(_serial)}"
    rule, opened = Rule(), list[str]()
    for number, event in enumerate(history):
        clock.advance(minutes=event.minutes)
        if isinstance(event, Close):
            if opened and opened[event.index % len(opened)] not in rule.ended:
                rule.ended.add(opened[event.index % len(opened)])
                ledger.incidents.close(opened[event.index % len(opened)], "wei", "")
            continue
        alerts = [_alert(cluster, fingerprint, clock.at - timedelta(minutes=ago)) for fingerprint, ago in event.alerts]
        receipts = ledger.alerts.receive(f"{cluster}-{number}", "am", b"", alerts)
        for alert, receipt in zip(alerts, receipts, strict=True):
            _check(rule, alert, receipt.fate, receipt.incident_id, clock.at)
            if receipt.fate is AlertFate.OPENED:
                opened.append(receipt.incident_id)
    _check_nothing_is_lost(ledger, cluster, rule)


def _alert(cluster: str, fingerprint: str, starts_at: datetime) -> Alert:
    namespace, service, name = PLACES[fingerprint]
    return make_alert(
        fingerprint, cluster=cluster, namespace=namespace, service=service, name=name, starts_at=starts_at
    )


def _check(rule: Rule, alert: Alert, fate: AlertFate, incident_id: str, now: datetime) -> None:
    if rule.is_known(alert):
        assert fate is AlertFate.DUPLICATE
        return
    if rule.is_late(alert):
        assert fate is AlertFate.JOINED
    elif candidates := rule.candidates(alert, now):
        assert (fate, incident_id in candidates) == (AlertFate.JOINED, True)
    else:
        assert fate is AlertFate.OPENED
        assert incident_id not in rule.touched
    if not rule.is_late(alert):
        rule.touched[incident_id] = now
    rule.placed.append((alert, incident_id))


def _check_nothing_is_lost(ledger: Ledger, cluster: str, rule: Rule) -> None:
    records = ledger.alerts.list(limit=1000, reach=Scope(clusters=(cluster,)))
    kept = {(record.alert.fingerprint, record.alert.starts_at, record.incident_id) for record in records}
    assert kept == {(alert.fingerprint, alert.starts_at, at) for alert, at in rule.placed}
    firing = [record.alert.fingerprint for record in records if record.alert.status == "firing"]
    assert len(firing) == len(set(firing)), "one firing per fingerprint at most"
    for incident in ledger.incidents.list(Scope(clusters=(cluster,)), limit=1000):
        assert (incident.status is IncidentStatus.CLOSED) == (incident.id in rule.ended)
        assert {alert.cluster for alert in ledger.alerts.for_incident(incident.id)} == {cluster}


@given(order=st.permutations(sorted(PLACES)), resolved=st.permutations(sorted(PLACES)))
def test_storm_makes_the_same_incidents_in_any_order_and_ends_them_all(
    ledger: Ledger, clock: TestClock, order: list[str], resolved: list[str]
) -> None:
    cluster = f"cluster-{next(_serial)}"
    receipts = ledger.alerts.receive(f"{cluster}-on", "am", b"", [_alert(cluster, each, clock.at) for each in order])
    groups: dict[str, set[str]] = {}
    for fingerprint, receipt in zip(order, receipts, strict=True):
        groups.setdefault(receipt.incident_id, set()).add(fingerprint)
    assert sorted(map(sorted, groups.values())) == [["a", "b"], ["c"], ["d"], ["e", "f"], ["g"]]
    for number, fingerprint in enumerate(resolved):
        ended = _alert(cluster, fingerprint, clock.at).model_copy(update={"status": "resolved", "ends_at": clock.at})
        ledger.alerts.receive(f"{cluster}-off-{number}", "am", b"", [ended])
    for incident_id in groups:
        stages = [entry.stage for entry in ledger.timeline.for_incident(incident_id)]
        assert stages.count("alerts_resolved") == 1
        assert stages[-1] == "alerts_resolved"


@pytest.mark.parametrize("reopens", [True, False])
def test_join_goes_back_to_a_reopened_incident_unless_another_took_over(
    ledger: Ledger, clock: TestClock, reopens: bool
) -> None:
    [first] = ledger.alerts.receive("k1", "am", b"", [_alert("prod", "a", clock.at)])
    ledger.incidents.close(first.incident_id, "wei", "")
    if reopens:
        ledger.incidents.reopen(first.incident_id, "wei", "")
    [second] = ledger.alerts.receive("k2", "am", b"", [_alert("prod", "b", clock.at)])
    assert (second.incident_id == first.incident_id) == reopens

"""Webhooks become alerts, or an error that names the field. Nothing in between."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import MalformedAlert
from knowledge.vocabulary import Alert, Severity
from tools.alerts.alertmanager import SOURCE as ALERTMANAGER
from tools.alerts.generic import SOURCE as GENERIC
from tools.alerts.grafana import SOURCE as GRAFANA
from tools.contracts import AlertSource
from tools.discovery import load_values

RECORDED = json.loads((Path(__file__).parent / "alertmanager_v4.json").read_text())
SOURCES: dict[str, AlertSource] = load_values("tools.alerts", AlertSource)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
_FIELDS = [
    "alerts", "status", "labels", "annotations", "startsAt", "endsAt", "fingerprint", "generatorURL", "name", "severity",
    "alertname", "version", "ruleName", "state", "tags", "starts_at", "truncatedAlerts", "valueString", "title", "time",
]  # fmt: skip
shaped = st.recursive(
    json_values
    | st.sampled_from(["firing", "resolved", "4", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "alerting"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=8),
    max_leaves=30,
)


def one(labels: dict[str, Any], **more: Any) -> dict[str, Any]:
    alert = {"status": "firing", "labels": {"alertname": "A", **labels}, "startsAt": "2026-01-01T00:00:00Z", **more}
    return {"version": "4", "status": "firing", "alerts": [alert]}


def parse(labels: dict[str, Any], **more: Any) -> Alert:
    return ALERTMANAGER.parse(one(labels, **more), default_cluster="east")[0]


def test_sources_are_found_when_discovered() -> None:
    assert set(SOURCES) == {"alertmanager", "grafana", "generic"}


def test_recorded_alerts_are_read_when_alertmanager_sends_them() -> None:
    firing, resolved, *_ = [ALERTMANAGER.parse(body, default_cluster="east")[0] for body in RECORDED]
    assert (firing.name, firing.cluster, firing.namespace, firing.service) == ("GPUMemoryHigh", "lab", "prod", "llm")
    assert firing.severity is Severity.MEDIUM
    assert firing.ends_at is None
    assert firing.starts_at == datetime(2026, 11, 21, 0, 37, 57, 568000, tzinfo=UTC)
    assert resolved.status == "resolved"
    assert resolved.ends_at is not None
    assert (resolved.fingerprint, resolved.starts_at) == (firing.fingerprint, firing.starts_at)


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "chat", "job": "x"}, "chat"),
        ({"service": "kube-state-metrics", "deployment": "chat"}, "chat"),
        ({"pod": "chat-6d4cf56db6-x2x9z", "job": "kubelet"}, "chat"),
        ({"pod": "llm-0"}, "llm"),
        ({"model_name": "qwen"}, "qwen"),
        ({"job": "shop/gateway"}, "gateway"),
        ({"job": "node-exporter"}, ""),
    ],
)
def test_service_is_named_by_the_best_label_when_there_are_several(labels: dict[str, str], service: str) -> None:
    assert parse(labels).service == service


@pytest.mark.parametrize(
    ("word", "severity"),
    [("P1", "critical"), ("p2", "high"), ("P3", "medium"), ("P4", "low"), ("严重", "critical"), ("警告", "medium"),
     ("page", "critical"), ("WARNING", "medium"), ("none", "info"), ("odd", "medium"), ("error", "high")],
)  # fmt: skip
def test_severity_is_mapped_when_a_word_says_it(word: str, severity: str) -> None:
    assert parse({"severity": word}).severity == severity


def test_fingerprint_is_computed_and_stable_when_absent() -> None:
    assert parse({"pod": "a"}).fingerprint == parse({"pod": "a"}).fingerprint != parse({"pod": "b"}).fingerprint


def test_zero_end_is_no_end_when_firing() -> None:
    assert parse({}, endsAt="0001-01-01T00:00:00Z").ends_at is None


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ([], "payload"),
        ({"version": "4"}, "alerts"),
        ({"version": "3", "alerts": []}, "version"),
        ({"version": "4", "alerts": [3]}, "alerts[0]"),
        (one({"pod": ["x"]}), "alerts[0].labels.pod"),
        (one({}, startsAt="yesterday"), "alerts[0].startsAt"),
        (one({"big": "x" * 5000}), "alerts[0].labels.big"),
        (one({}, status="odd"), "alerts[0].status"),
        ({"version": "4", "alerts": [{}] * 2001}, "alerts"),
        ({"version": "4", "alerts": [{"labels": {}}]}, "alerts[0].labels.alertname"),
    ],
)
def test_error_names_the_field_when_a_payload_is_malformed(payload: object, path: str) -> None:
    with pytest.raises(MalformedAlert) as caught:
        ALERTMANAGER.parse(payload, default_cluster="east")
    assert caught.value.message.startswith(f"{path}:")
    assert caught.value.next_step


def test_truncated_group_says_so_when_the_sender_left_alerts_out() -> None:
    alert = ALERTMANAGER.parse({**one({}), "truncatedAlerts": 7}, default_cluster="east")[0]
    assert alert.annotations["opsdesk_truncated"].startswith("7 more")


def test_grafana_alert_keeps_its_panel_when_unified_alerting_sends_it() -> None:
    payload = {
        **one({"grafana_folder": "llm"}, panelURL="http://g/p", valueString="[ var='A' value=9 ]"),
        "version": "1",
    }
    alert = GRAFANA.parse(payload, default_cluster="east")[0]
    assert alert.annotations["panelURL"] == "http://g/p"
    assert alert.source == "grafana"


def test_grafana_legacy_rule_is_one_alert_when_it_recovers() -> None:
    payload = {"ruleName": "latency", "ruleId": 7, "state": "ok", "tags": {"severity": "P2", "service": "chat"}}
    alert = GRAFANA.parse(payload, default_cluster="east")[0]
    assert (alert.status, alert.severity, alert.service) == ("resolved", "high", "chat")


def test_generic_alert_is_read_when_only_a_name_or_chinese_words_are_given() -> None:
    assert GENERIC.parse({"name": "disk"}, default_cluster="east")[0].cluster == "east"
    alert = GENERIC.parse(
        [{"名称": "推理超时", "级别": "严重", "服务": "chat", "time": 1767225600000}], default_cluster="east"
    )[0]
    assert (alert.name, alert.severity, alert.service) == ("推理超时", "critical", "chat")
    assert alert.starts_at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
@given(payload=json_values | shaped)
def test_any_json_gives_alerts_or_malformed_alert_when_parsed(source: AlertSource, payload: object) -> None:
    try:
        alerts = source.parse(payload, default_cluster="east")
    except MalformedAlert:
        return
    assert alerts
    for alert in alerts:
        alert.model_dump_json().encode()
        assert alert.starts_at.tzinfo is not None

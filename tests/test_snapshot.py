"""A snapshot finds what was gathered and cites it redacted."""

from __future__ import annotations

from datetime import UTC, datetime

from knowledge.vocabulary import EvidenceKind, Focus, Json
from tools.contracts import LogText, MetricAnswer
from tools.field_paths import pick
from tools.ports import Series
from tools.snapshot import ClusterSnapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u1",
        "annotations": {"a.b/c": "d"},
        "managedFields": [{}],
    },
    "spec": {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "PASSWORD", "value": "hunter2"}]}]},
    "status": {"conditions": [{"type": "Ready", "status": "False"}]},
}
EVENT: Json = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "web-1.1", "namespace": "shop"},
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"},
    "type": "Warning",
    "reason": "BackOff",
    "message": "back-off, password=hunter2",
    "count": 3,
    "firstTimestamp": "2026-01-01T00:00:00Z",
    "lastTimestamp": "2026-01-01T00:05:00Z",
}


def snapshot() -> ClusterSnapshot:
    return ClusterSnapshot("east", Focus(cluster="east", since=NOW, until=NOW), NOW, objects=[POD, EVENT, POD])


def test_snapshot_finds_objects_and_their_events_when_asked_by_identity() -> None:
    shot = snapshot()
    assert set(shot.kinds()) == {"Pod", "Event"}
    assert len(shot.of_kind("Pod")) == 1
    assert shot.find("Pod", "shop", "web-1") is POD
    assert shot.find("Pod", "shop", "none") is None
    assert list(shot.events_about("Pod", "shop", "web-1")) == [EVENT]
    assert shot.reference(POD).key == "Pod/shop/web-1"


def test_citation_is_redacted_and_stored_once_when_cited_twice() -> None:
    shot = snapshot()
    whole = shot.cite_object(POD)
    narrowed = shot.cite_object(POD, ["spec.containers[name=web].env", "status.nothing"])
    assert shot.cite_object(POD) == whole != narrowed
    event = shot.cite_event(EVENT)
    log = shot.cite_log(LogText(shot.reference(POD), "web", "", is_previous=True), ["token=abcdefgh12345"])
    assert [each.id for each in shot.cited()] == [whole, narrowed, event, log]
    told = "".join(each.model_dump_json() for each in shot.cited())
    assert "hunter2" not in told
    assert "abcdefgh12345" not in told
    assert "managedFields" not in told
    assert shot.cited()[1].body["absent"] == ["status.nothing"]
    assert "3 times" in shot.cited()[2].text


def test_metric_citation_keeps_the_last_point_when_thinned() -> None:
    shot = snapshot()
    series = Series({"pod": "web-1"}, [(float(n), float(n)) for n in range(1000)])
    shot.cite_metric(MetricAnswer("memory", "up", [series]), series)
    evidence = shot.cited()[0]
    assert evidence.kind is EvidenceKind.METRIC
    assert evidence.body["points"][-1] == [999.0, 999.0]
    assert len(evidence.body["points"]) <= 240
    assert "last 999" in evidence.text


def test_field_path_picks_by_name_position_and_field_when_written_so() -> None:
    assert pick(POD, "spec.containers[0].image") == ("web:1", True)
    assert pick(POD, "status.conditions[type=Ready].status") == ("False", True)
    assert pick(POD, 'metadata.annotations["a.b/c"]') == ("d", True)
    assert pick(POD, "spec.containers[*].name") == (["web"], True)
    assert pick(POD, "spec.containers.name") == (["web"], True)
    assert pick(POD, "spec.containers[5]") == (None, False)

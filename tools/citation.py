"""Turns one gathered fact into Evidence: redacted, bounded, with a text that a person and a prompt read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from knowledge.vocabulary import Alert, Evidence, EvidenceKind, Json, ObjectRef
from tools.contracts import LogText, MetricAnswer
from tools.field_paths import head, pick
from tools.ports import Series
from tools.redaction import redact_object, redact_text

MAX_TEXT = 8_000
MAX_BODY = 64_000
MAX_POINTS = 240
_NOISE = ("managedFields", "selfLink")


def of_object(reference: ObjectRef, item: Json, paths: tuple[str, ...], at: datetime) -> Evidence:
    """``body.fields`` holds path and value when narrowed, ``body.object`` the object when not."""
    clean = _clean(item, paths)
    query = f"get {reference.kind} {reference.namespace + '/' if reference.namespace else ''}{reference.name}"
    if not paths:
        return _evidence(
            EvidenceKind.OBJECT,
            reference,
            "kubernetes",
            query,
            f"{reference.key}: {_told(clean)}",
            {"object": clean},
            at,
        )
    fields = {path: value for path in paths for value, is_there in [pick(clean, path)] if is_there}
    absent = [path for path in paths if path not in fields]
    lines = [f"{path} = {_told(value)}" for path, value in fields.items()] + [f"{path} is absent" for path in absent]
    text = f"{reference.key}: " + ("; ".join(lines) if len(lines) == 1 else "\n  " + "\n  ".join(lines))
    return _evidence(
        EvidenceKind.OBJECT,
        reference,
        "kubernetes",
        query + " " + ",".join(paths),
        text,
        {"fields": fields, "absent": absent},
        at,
    )


def _clean(item: Json, paths: tuple[str, ...]) -> Json:
    """Redacted, without the server's book-keeping; of a narrowed object only the top-level fields that the paths start in. A
    secret is told by what stands around it, which these fields hold whole."""
    wanted = {head(path) for path in paths}
    kept = (
        item if not wanted or "" in wanted else {name: item[name] for name in item if name in wanted or name == "kind"}
    )
    if isinstance(metadata := kept.get("metadata"), dict):
        kept = {**kept, "metadata": {key: value for key, value in metadata.items() if key not in _NOISE}}
    return redact_object(kept)


def of_event(subject: ObjectRef, event: Json, at: datetime) -> Evidence:
    series = event.get("series") or {}
    times = int(series.get("count") or event.get("count") or event.get("deprecatedCount") or 1)
    first = event.get("firstTimestamp") or event.get("deprecatedFirstTimestamp") or event.get("eventTime") or ""
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("deprecatedLastTimestamp") or first
    message = redact_text(str(event.get("message") or event.get("note") or ""))
    seen = f"{times} times from {first} to {last}" if times > 1 else f"at {last}"
    text = f"{event.get('type', 'Normal')} {event.get('reason', '')} on {subject.key}, {seen}: {message}"
    reporter = (
        event.get("reportingComponent")
        or event.get("reportingController")
        or (event.get("source") or {}).get("component")
    )
    body = {
        "type": event.get("type"), "reason": event.get("reason"), "message": message, "count": times,
        "first": first, "last": last, "reporter": reporter,
    }  # fmt: skip
    name = (event.get("metadata") or {}).get("name", "")
    return _evidence(EvidenceKind.EVENT, subject, "kubernetes", f"event {name}", text, body, at)


def of_log(log: LogText, lines: Sequence[str], at: datetime) -> Evidence:
    clean = redact_text("\n".join(lines))
    which = "previous " if log.is_previous else ""
    container = f" container {log.container}" if log.container else ""
    return _evidence(
        EvidenceKind.LOG,
        log.object,
        "kubernetes",
        f"{which}logs {log.object.key}{container}",
        f"{which}log of {log.object.key}{container}:\n{clean}",
        {"container": log.container, "is_previous": log.is_previous, "lines": clean.split("\n")},
        at,
    )


def of_metric(cluster: str, answer: MetricAnswer, series: Series, at: datetime) -> Evidence:
    """The body keeps at most 240 points, evenly thinned, the last one always."""
    labels = {str(name): redact_text(str(value)) for name, value in series.labels.items()}
    values = [value for _, value in series.points]
    shown = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    if not values:
        told = "no points"
    elif len(values) == 1:
        told = f"{values[0]:.6g}"
    else:
        told = f"last {values[-1]:.6g}, first {values[0]:.6g}, min {min(values):.6g}, max {max(values):.6g}"
        told += f" over {series.points[-1][0] - series.points[0][0]:.0f} s"
    query = redact_text(answer.query)
    points = [[time, value] for time, value in series.points]
    step = -(-len(points) // MAX_POINTS)
    thinned = points[::-1][:: step or 1][::-1]
    body = {"key": answer.key, "labels": labels, "points": thinned}
    return _make(EvidenceKind.METRIC, cluster, "prometheus", query, f"{answer.key}{{{shown}}}: {told}", body, at, None)


def of_alert(alert: Alert, at: datetime) -> Evidence:
    body = redact_object(alert.model_dump(mode="json"))
    until = f" until {alert.ends_at.isoformat()}" if alert.ends_at else ""
    text = redact_text(
        f"alert {alert.name} ({alert.severity}) {alert.status} since {alert.starts_at.isoformat()}{until}: {alert.summary}"
    )
    return _make(EvidenceKind.ALERT, alert.cluster, alert.source, f"alert {alert.fingerprint}", text, body, at, None)


def of_note(
    kind: EvidenceKind, cluster: str, source: str, query: str, text: str, object: ObjectRef | None, at: datetime
) -> Evidence:
    return _make(kind, cluster, source, redact_text(query), redact_text(text), {}, at, object)


def _evidence(
    kind: EvidenceKind, object: ObjectRef, source: str, query: str, text: str, body: Json, at: datetime
) -> Evidence:
    return _make(kind, object.cluster, source, query, text, body, at, object)


def retold(evidence: Evidence, told_by: str) -> Evidence:
    """The same fact on another's word, with an address of its own: what was pasted is never taken for what was read."""
    key = evidence.object.key if evidence.object else ""
    address = Evidence.address(evidence.kind, evidence.cluster, told_by, evidence.query, key, evidence.text)
    return evidence.model_copy(update={"id": address, "source": told_by})


def _make(
    kind: EvidenceKind,
    cluster: str,
    source: str,
    query: str,
    text: str,
    body: Json,
    at: datetime,
    object: ObjectRef | None,
) -> Evidence:
    # Of a short text the body is short too, however its letters are escaped: most are not measured.
    size = len(json.dumps(body, default=str)) if kind is not EvidenceKind.OBJECT or len(text) > MAX_BODY // 16 else 0
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + f" ... (cut, {len(text)} characters)"
    if size > MAX_BODY:
        body = {"cut": f"{size} characters are more than the {MAX_BODY} kept; the text has the beginning"}
    return Evidence(
        id=Evidence.address(kind, cluster, source, query, object.key if object else "", text),
        kind=kind,
        cluster=cluster,
        source=source,
        query=query,
        observed_at=at,
        object=object,
        text=text,
        body=body,
    )


def _told(value: Any) -> str:
    """One line of what is redacted already."""
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)
    )

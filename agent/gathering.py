"""Gathering for an incident: the first look, the same look again after a restart, and the model's typed requests."""

from __future__ import annotations

import asyncio
from typing import Any

from agent.deps import Deps
from agent.reasoning.evidence_requests import MOST, EvidenceRequest, read_request
from agent.steering import cite_steers, steers_of, widened
from knowledge.errors import BadInput, NotAuthorised, NotFound, OpsdeskError
from knowledge.vocabulary import EvidenceKind, Focus, Gap, ObjectRef, Plan
from tools.collectors.gather import gather
from tools.ports import Cluster, ResourceKind
from tools.redaction import redact_text
from tools.snapshot import ClusterSnapshot, event_subject

LOG_LINES = 200
LOG_CHARACTERS = 6_000
MOST_EVENTS = 20


async def gather_for(incident_id: str, focus: Focus, deps: Deps, *, with_alerts: bool = True) -> ClusterSnapshot:
    """One look at the incident's cluster, widened by what people hinted at, its alerts beside it; kept on the shelf for the nodes
    that follow."""
    cluster = deps.cluster(focus.cluster)
    steers = await steers_of(incident_id, deps)
    focus = widened(focus, steers)
    alerts = await asyncio.to_thread(deps.ledger.alerts.for_incident, incident_id) if with_alerts else []
    snapshot = await gather(cluster, focus, deps.clock, deps.collectors, deps.options.limits, alerts=alerts)
    cite_steers(snapshot, steers)
    deps.snapshots.put(incident_id, snapshot)
    return snapshot


async def snapshot_of(incident_id: str, focus: Focus, deps: Deps) -> ClusterSnapshot:
    """The snapshot that collect gathered; after a restart it is gathered again, which reading makes harmless."""
    return deps.snapshots.get(incident_id) or await gather_for(incident_id, focus, deps)


async def take_baseline(incident_id: str, focus: Focus, plan: Plan, deps: Deps) -> None:
    """Stores what is wrong now around an ordered change, so that only what is new afterwards counts against it."""
    namespaces = [str(step.parameters.get("namespace", "")) for step in plan.steps]
    wider = focus.model_copy(
        update={"namespaces": tuple(dict.fromkeys((*focus.namespaces, *filter(None, namespaces))))}
    )
    snapshot = await gather_for(incident_id, wider, deps)
    findings = await asyncio.to_thread(deps.detectors.detect, snapshot)
    await asyncio.to_thread(deps.ledger.evidence.put_many, incident_id, list(snapshot.cited()))
    await asyncio.to_thread(deps.ledger.findings.put_many, incident_id, findings)


async def serve_requests(requests: list[dict[str, Any]], snapshot: ClusterSnapshot, focus: Focus, deps: Deps) -> int:
    """Reads what a model asked for, within the focus's reach. What cannot be had becomes a gap. Returns how many were had."""
    cluster = deps.cluster(focus.cluster)
    had = 0
    for number, row in enumerate(requests):
        where = f"{row.get('object_kind', '')}/{row.get('namespace', '')}/{row.get('name', '')}"
        query = redact_text(f"{row.get('kind', '')} {row.get('query') or where}")[:200]
        try:
            if number >= MOST:
                raise BadInput(f"a round serves {MOST} requests")
            await _serve(read_request(row), cluster, snapshot, focus, deps)
            had += 1
        except OpsdeskError as error:
            reason = redact_text(error.message)[:300]
            snapshot.add_gap(Gap(source="request", query=query, reason=reason, next_step=redact_text(error.next_step)))
    return had


async def _serve(
    request: EvidenceRequest, cluster: Cluster, snapshot: ClusterSnapshot, focus: Focus, deps: Deps
) -> None:
    if not focus.reach.allows(cluster=focus.cluster, namespace=request.namespace):
        raise NotAuthorised("outside the asker's scope")
    if request.kind == "metric":
        await _serve_metric(request, cluster, snapshot, focus, deps)
    elif request.kind == "logs":
        text = await cluster.reader.logs(request.namespace, request.name, request.container, tail_lines=LOG_LINES)
        pod = ObjectRef(cluster=cluster.name, kind="Pod", namespace=request.namespace, name=request.name)
        # The end of a log says how it ended; a citation keeps the beginning of a long text.
        told = redact_text(text)[-LOG_CHARACTERS:] or "(no lines)"
        snapshot.cite_note(EvidenceKind.LOG, "kubernetes", f"logs {request.namespace}/{request.name}", told, pod)
    else:
        kind = await _kind_named(request.object_kind, cluster)
        if kind.kind == "Secret":
            raise NotAuthorised("Secrets are never read")
        if kind.is_namespaced and not request.namespace:
            raise BadInput(f"the request names no namespace of the {kind.kind}")
        if kind.kind == "Namespace" and not focus.reach.allows(cluster=focus.cluster, namespace=request.name):
            raise NotAuthorised("outside the asker's scope")
        if request.kind == "object":
            item = await cluster.reader.get(kind, request.namespace if kind.is_namespaced else "", request.name)
            snapshot.cite_object({**item, "kind": kind.kind, "apiVersion": kind.api_version})
        else:
            await _serve_events(request, kind, cluster, snapshot)


async def _serve_events(
    request: EvidenceRequest, kind: ResourceKind, cluster: Cluster, snapshot: ClusterSnapshot
) -> None:
    """The object itself may be gone: its events outlive it."""
    events = next((one for one in await cluster.reader.kinds() if one.kind == "Event" and not one.group), None)
    if events is None:
        raise NotFound("the cluster serves no events")
    chosen = f"involvedObject.kind={kind.kind},involvedObject.name={request.name}"
    namespace = request.namespace if kind.is_namespaced else ""
    listing = await cluster.reader.list(events, namespace, field_selector=chosen, limit=500)
    wanted = {"kind": kind.kind, "name": request.name, "namespace": namespace}
    found = [
        item for item in listing.items
        if all(str(event_subject(item).get(name) or "") == value for name, value in wanted.items())
    ]  # fmt: skip
    if not found:
        raise NotFound(f"no events of {kind.kind} {request.name} are left")
    for item in found[-MOST_EVENTS:]:
        snapshot.cite_event(item)


async def _serve_metric(
    request: EvidenceRequest, cluster: Cluster, snapshot: ClusterSnapshot, focus: Focus, deps: Deps
) -> None:
    if cluster.metrics is None:
        raise NotFound(f"cluster {cluster.name} has no metrics configured")
    if "*" not in focus.reach.namespaces or "*" not in focus.reach.services:
        # An expression can rename and sum away every label, so no answer can be held to a scope.
        raise NotAuthorised("outside the asker's scope: a free metric query cannot be limited to it")
    series = await cluster.metrics.instant(request.query, deps.clock.now())
    lines = [f"{dict(one.labels)} {one.points[-1][1]}" for one in series[:20] if one.points]
    snapshot.cite_note(EvidenceKind.METRIC, "prometheus", request.query, "\n".join(lines) or "(no series)")


async def _kind_named(name: str, cluster: Cluster) -> ResourceKind:
    for kind in await cluster.reader.kinds():
        if name.lower() in {kind.kind.lower(), kind.plural, kind.singular, kind.resource, *kind.short_names}:
            return kind
    raise NotFound(f"the cluster knows no kind {name!r}")

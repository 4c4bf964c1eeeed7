"""Gathering for an incident: the first look, the same look again after a restart, and the model's typed requests."""

from __future__ import annotations

import asyncio
from typing import Any

from agent.deps import Deps
from knowledge.errors import NotFound, OpsdeskError
from knowledge.vocabulary import EvidenceKind, Focus, Gap, ObjectRef, Plan
from tools.collectors.gather import gather
from tools.ports import Cluster, ResourceKind
from tools.snapshot import ClusterSnapshot

MOST_REQUESTS = 5
LOG_LINES = 200


async def gather_for(incident_id: str, focus: Focus, deps: Deps) -> ClusterSnapshot:
    """One look at the incident's cluster, its alerts beside it, kept on the shelf for the nodes that follow."""
    cluster = deps.cluster(focus.cluster)
    alerts = await asyncio.to_thread(deps.ledger.alerts.for_incident, incident_id)
    snapshot = await gather(cluster, focus, deps.clock, deps.collectors, deps.options.limits, alerts=alerts)
    deps.snapshots.put(incident_id, snapshot)
    return snapshot


async def snapshot_of(incident_id: str, focus: Focus, deps: Deps) -> ClusterSnapshot:
    """The snapshot that collect gathered; after a restart it is gathered again, which reading makes harmless."""
    return deps.snapshots.get(incident_id) or await gather_for(incident_id, focus, deps)


async def take_baseline(incident_id: str, focus: Focus, plan: Plan, deps: Deps) -> None:
    """Stores what is wrong now around an ordered change, so that only what is new afterwards counts against it."""
    namespaces = [str(step.parameters.get("namespace", "")) for step in plan.steps]
    wider = focus.model_copy(update={"namespaces": tuple(dict.fromkeys((*focus.namespaces, *filter(None, namespaces))))})
    snapshot = await gather_for(incident_id, wider, deps)
    findings = await asyncio.to_thread(deps.detectors.detect, snapshot)
    await asyncio.to_thread(deps.ledger.evidence.put_many, incident_id, list(snapshot.cited()))
    await asyncio.to_thread(deps.ledger.findings.put_many, incident_id, findings)


async def serve_requests(requests: list[dict[str, Any]], snapshot: ClusterSnapshot, focus: Focus, deps: Deps) -> int:
    """Reads what a model asked for, within the focus's reach. What cannot be had becomes a gap. Returns how many were had."""
    cluster = deps.cluster(focus.cluster)
    had = 0
    for request in requests[:MOST_REQUESTS]:
        namespace = str(request.get("namespace", ""))
        query = f"{request.get('kind')} {request.get('object_kind', '')}/{namespace}/{request.get('name', '')}"
        if not focus.reach.allows(cluster=focus.cluster, namespace=namespace):
            snapshot.add_gap(Gap(source="request", query=query, reason="outside the asker's scope"))
            continue
        try:
            await _serve(request, cluster, snapshot, deps)
            had += 1
        except OpsdeskError as error:
            snapshot.add_gap(Gap(source="request", query=query, reason=error.message, next_step=error.next_step))
    return had


async def _serve(request: dict[str, Any], cluster: Cluster, snapshot: ClusterSnapshot, deps: Deps) -> None:
    namespace, name = str(request.get("namespace", "")), str(request.get("name", ""))
    match request.get("kind"):
        case "logs":
            text = await cluster.reader.logs(namespace, name, str(request.get("container", "")), tail_lines=LOG_LINES)
            pod = ObjectRef(cluster=cluster.name, kind="Pod", namespace=namespace, name=name)
            snapshot.cite_note(EvidenceKind.LOG, "kubernetes", f"logs {namespace}/{name}", text, pod)
        case "object" | "events":
            kind = await _kind_named(str(request.get("object_kind", "")), cluster)
            if kind.kind == "Secret":
                raise NotFound("Secrets are never read")
            item = await cluster.reader.get(kind, namespace, name)
            snapshot.cite_object({**item, "kind": kind.kind, "apiVersion": kind.api_version})
            for event in snapshot.events_about(kind.kind, namespace, name):
                snapshot.cite_event(event)
        case "metric":
            if cluster.metrics is None:
                raise NotFound(f"cluster {cluster.name} has no metrics configured")
            query = str(request.get("query", ""))
            series = await cluster.metrics.instant(query, deps.clock.now())
            lines = [f"{dict(one.labels)} {one.points[-1][1]}" for one in series[:20] if one.points]
            snapshot.cite_note(EvidenceKind.METRIC, "prometheus", query, "\n".join(lines) or "(no series)")
        case other:
            raise NotFound(f"no evidence of the kind {other!r} can be asked for")


async def _kind_named(name: str, cluster: Cluster) -> ResourceKind:
    for kind in await cluster.reader.kinds():
        if name.lower() in {kind.kind.lower(), kind.plural, kind.singular, *kind.short_names}:
            return kind
    raise NotFound(f"the cluster knows no kind {name!r}")

"""What changed, and what the cluster itself reported: rollouts, edits, scaling, events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from agent.chat.asking import Asking, answered, counted, gaps_told, marks, offers, progress, said
from agent.chat.objects import MOST_ROWS
from agent.chat.reply import Offer, Part, Rows
from agent.chat.understood import Understood
from agent.reasoning.topology import Topology
from knowledge.ledger.past_changes import PastChange
from knowledge.vocabulary import Json, Text
from tools.detectors.changes import Change, recent_changes
from tools.detectors.watchers import event_time
from tools.redaction import redact_text
from tools.snapshot import ClusterSnapshot, event_subject

USUAL_MINUTES = 60
USUAL_MINUTES_OF_ONE = 24 * 60
MOST_CITED = 6
MOST_MESSAGE = 300
_KINDS = {
    "rollout": Text(en="rollout", zh="发布"),
    "config": Text(en="edit", zh="配置修改"),
    "scaling": Text(en="scaling", zh="伸缩"),
    "node": Text(en="node", zh="节点"),
}


async def answer_changes(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    yield progress(asking, "reading what changed ...", "正在读取变更……")
    start, end = asked.window.bounds(asking.now, USUAL_MINUTES_OF_ONE if asked.target else USUAL_MINUTES)
    namespace = asked.namespace or (asked.target.namespace if asked.target else "")
    names = ("workloads", "services", "configuration", "autoscalers", "quotas", "events", "nodes", "pods")
    snapshot = await asking.see(*names, namespace=namespace)
    found = await asyncio.to_thread(recent_changes, snapshot, snapshot.taken_at - start)
    found = [
        one
        for one in found
        if one.at <= end and _is_seen(one, asking) and (not namespace or one.object.namespace in {namespace, ""})
    ]
    if asked.target is not None or asked.node is not None:
        near = _near(asked, await asking.topology(snapshot))
        found = [one for one in found if one.object.key in near]
    own = await _own_changes(asked, asking, start)
    ids = [snapshot.cite_event(one.told_by) if one.told_by.get("kind") == "Event" else snapshot.cite_object(one.told_by, ("metadata.creationTimestamp", "metadata.annotations")) for one in found[:MOST_CITED] if one.told_by]  # fmt: skip
    asking.cite(snapshot)
    for part in _changes_told(asked, found, own, ids, start, end, asking):
        yield part
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


def _is_seen(change: Change, asking: Asking) -> bool:
    return asking.may_hear_of(change.object.namespace, change.object.name)


def _near(asked: Understood, topology: Topology) -> set[str]:
    """The thing itself, what it owns or is owned by, what selects it, and the configuration that it mounts."""
    thing = asked.target or asked.node
    assert thing is not None
    key = thing.ref.key
    near = {key, *topology.owners(key), *topology.owned(key), *topology.services_of(key)}
    for one in list(near):
        for edge in topology.neighbours(one):
            if edge.relation in {"mounts", "selects", "scales"}:
                near |= {edge.source, edge.target}
    return near


async def _own_changes(asked: Understood, asking: Asking, since: datetime) -> list[PastChange]:
    """What opsdesk itself carried out on the target: those are known with their incident."""
    thing = asked.target or asked.node
    if thing is None:
        return []
    return await asyncio.to_thread(
        asking.deps.ledger.past_changes.of_targets, asking.cluster.name, [thing.ref.key], since
    )


def _changes_told(
    asked: Understood, found: Sequence[Change], own: Sequence[PastChange], ids: Sequence[str], start: datetime, end: datetime,
    asking: Asking,
) -> list[Part]:  # fmt: skip
    citations = asking.cited(ids)
    span = f"{asking.at(start)} – {asking.at(end)}"
    where = (
        asked.target.name if asked.target else asked.node.name if asked.node else asked.namespace or asking.cluster.name
    )
    parts: list[Part] = []
    if not found and not own:
        parts.append(said(asking.text(
            f"No change of {where} was found for {span}: no rollout, no edit of configuration, no scaling.",
            f"{where} 在 {span} 没有发现变更：没有发布、配置修改或伸缩。",
        )))  # fmt: skip
    else:
        newest = f"{found[0].object.key}: {asking.of(found[0].what)} ({asking.at(found[0].at)})" if found else ""
        parts.append(said(asking.text(
            f"{counted(len(found), 'change')} of {where}, {span}. {f'The last: {newest}.' if newest else ''} {marks(len(citations))}",
            f"{where} 在 {span} 有 {len(found)} 处变更。{f'最近一次：{newest}。' if newest else ''}{marks(len(citations))}",
        ), citations))  # fmt: skip
    if found:
        parts.append(answered(_change_rows(found, asking)))
    if own:
        parts.append(answered(_own_rows(own, asking)))
    if end - start > timedelta(hours=2):
        parts.append(said(asking.text(
            "Scaling and node changes are told by events, which a cluster keeps for about an hour; who typed a change Kubernetes does not record, only the tool.",
            "伸缩与节点变更依据事件，集群一般只保留约一小时；Kubernetes 只记录修改所用的工具，不记录操作人。",
        )))  # fmt: skip
    if asked.target is not None and found:
        name = asked.target.name
        parts.append(
            offers(
                Offer(
                    label=asking.text("Diagnose it", "诊断"),
                    does="say",
                    text=asking.text(f"diagnose {name}", f"诊断 {name}"),
                )
            )
        )
    return parts


def _change_rows(found: Sequence[Change], asking: Asking) -> Rows:
    columns = asking.text("when,object,sort,what,with", "时间,对象,类型,内容,工具").split(",")
    rows = tuple(
        (asking.at(one.at), one.object.key, asking.of(_KINDS.get(one.kind, Text(en=one.kind, zh=one.kind))), asking.of(one.what), _tool(one))
        for one in found[:MOST_ROWS]
    )  # fmt: skip
    return Rows(
        title=asking.text("Changes", "变更"), columns=tuple(columns), rows=rows, left_out=max(0, len(found) - MOST_ROWS)
    )


def _tool(change: Change) -> str:
    """Which client wrote it last, as the server's book-keeping says."""
    entries = (change.told_by.get("metadata") or {}).get("managedFields") or ()
    written = [entry for entry in entries if not entry.get("subresource") and entry.get("manager")]
    return str(max(written, key=lambda entry: str(entry.get("time", "")))["manager"]) if written else "–"


def _own_rows(own: Sequence[PastChange], asking: Asking) -> Rows:
    columns = asking.text("when,incident,actions,outcome", "时间,事件,操作,结果").split(",")
    rows = tuple((asking.at(one.began_at), one.incident_id, ", ".join(sorted({action for _, action in one.changes})), one.outcome or one.status.value) for one in own[:MOST_ROWS])  # fmt: skip
    return Rows(title=asking.text("Carried out by opsdesk", "由 opsdesk 执行"), columns=tuple(columns), rows=rows)


# --- events ----------------------------------------------------------------------------------------------------------------


async def answer_events(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    yield progress(asking, "reading events ...", "正在读取事件……")
    start, end = asked.window.bounds(asking.now, USUAL_MINUTES)
    namespace = asked.namespace or (asked.target.namespace if asked.target else "")
    snapshot = await asking.see("events", "workloads", "pods", "services", namespace=namespace)
    about = await _subjects(asked, snapshot, asking)
    found = [
        (at, event)
        for event in snapshot.of_kind("Event")
        if (at := event_time(event)) is not None and start <= at <= end
    ]
    found = [(at, event) for at, event in found if about is None or _subject_key(event) in about]
    found = [(at, event) for at, event in found if _may_tell(event, asking)]
    found.sort(key=lambda pair: (pair[1].get("type") != "Warning", -pair[0].timestamp()))
    ids = [snapshot.cite_event(event) for _, event in found[:MOST_CITED]]
    asking.cite(snapshot)
    citations = asking.cited(ids)
    where = asked.target.name if asked.target else asked.node.name if asked.node else namespace or asking.cluster.name
    warnings = sum(event.get("type") == "Warning" for _, event in found)
    if found:
        yield said(asking.text(
            f"{counted(len(found), 'event')} of {where} since {asking.at(start)}, {counted(warnings, 'warning')} among them {marks(len(citations))}.",
            f"{where} 自 {asking.at(start)} 起有 {len(found)} 条事件，其中告警 {warnings} 条 {marks(len(citations))}。",
        ), citations, "warning" if warnings else "plain")  # fmt: skip
        yield answered(_event_rows(found, asking))
    else:
        yield said(asking.text(
            f"No events of {where} since {asking.at(start)}; a cluster keeps them for about an hour.",
            f"{where} 自 {asking.at(start)} 起没有事件；集群一般只保留约一小时。",
        ))  # fmt: skip
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


def _may_tell(event: Json, asking: Asking) -> bool:
    """An event stands in its object's namespace, those of nodes in ``default``: the object's own place counts."""
    about = event_subject(event)
    return asking.may_hear_of(str(about.get("namespace") or ""), str(about.get("name", "")))


async def _subjects(asked: Understood, snapshot: ClusterSnapshot, asking: Asking) -> set[str] | None:
    """Keys of what the events have to be about; None: whatever."""
    if asked.node is not None:
        return {asked.node.ref.key}
    if asked.target is None:
        return None
    topology = await asking.topology(snapshot)
    key = asked.target.ref.key
    selected = set(topology.targets(key, "selects"))
    return {key, *topology.owned(key), *topology.services_of(key), *selected}


def _subject_key(event: Json) -> str:
    about = event_subject(event)
    namespace = str(about.get("namespace") or "")
    kind, name = str(about.get("kind", "")), str(about.get("name", ""))
    return f"{kind}/{namespace}/{name}" if namespace and kind != "Node" else f"{kind}/{name}"


def _event_rows(found: Sequence[tuple[datetime, Json]], asking: Asking) -> Rows:
    columns = asking.text("when,sort,reason,object,message,times", "时间,类型,原因,对象,内容,次数").split(",")
    rows = tuple(
        (
            asking.at(at), str(event.get("type", "")), str(event.get("reason", "")), _subject_key(event),
            redact_text(str(event.get("message") or event.get("note") or ""))[:MOST_MESSAGE],
            str(event.get("count") or (event.get("series") or {}).get("count") or 1),
        )
        for at, event in found[:MOST_ROWS]
    )  # fmt: skip
    return Rows(
        title=asking.text("Events", "事件"), columns=tuple(columns), rows=rows, left_out=max(0, len(found) - MOST_ROWS)
    )

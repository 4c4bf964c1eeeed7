"""How things are, which there are, and where they run: read live, in tables, with the facts cited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agent.chat.asking import Asking, answered, counted, gaps_told, marks, name_of, namespace_of, offers, progress, said
from agent.chat.names import WORKLOAD_KINDS, Thing
from agent.chat.reply import Offer, Part, Rows
from agent.chat.understood import Understood
from agent.reasoning.topology import Topology
from knowledge.vocabulary import Json
from tools.collectors.pod_health import health_of
from tools.contracts import Snapshot
from tools.snapshot import ClusterSnapshot

MOST_ROWS = 30
_REPLICAS = {
    "Deployment": ("replicas", "readyReplicas", "updatedReplicas"),
    "StatefulSet": ("replicas", "readyReplicas", "updatedReplicas"),
    "DaemonSet": ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled"),
}


async def answer_status(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    if asked.node is not None:
        async for part in _status_of_node(asked.node, asking):
            yield part
        return
    target = asked.target
    assert target is not None
    yield progress(asking, f"reading {target.name} ...", f"正在读取 {target.name}……")
    snapshot = await asking.see("workloads", "pods", "services", "events", namespace=target.namespace)
    topology = await asking.topology(snapshot)
    item = snapshot.find(target.kind, target.namespace, target.name)
    if item is None:
        yield said(gone(target, asking), tone="warning")
    else:
        pods = pods_of(target, snapshot, topology)
        text, is_well = _status_text(item, target, pods, snapshot, asking)
        paths = ("spec.replicas", "status.readyReplicas", "status.replicas", "status.conditions")
        ids = [snapshot.cite_object(item, paths), *(snapshot.cite_object(pod, ("status",)) for pod in pods[:2])]
        asking.cite(snapshot)
        citations = asking.cited(ids)
        yield said(f"{text} {marks(len(citations))}", citations, "good" if is_well else "warning")
        if pods:
            yield answered(pod_rows(pods, snapshot, asking))
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap
    if item is not None:
        yield offers(
            Offer(label=asking.text("Diagnose it", "诊断"), does="say", text=asking.text(f"diagnose {target.name}", f"诊断 {target.name}")),
            Offer(label=asking.text("Its logs", "查看日志"), does="say", text=asking.text(f"logs of {target.name}", f"{target.name} 的日志")),
        )  # fmt: skip


def gone(target: Thing, asking: Asking) -> str:
    where = f" in {target.namespace}" if target.namespace else ""
    return asking.text(
        f"{target.kind} {target.name} was not found{where}: it may have just been deleted, or could not be read.",
        f"未找到 {target.kind} {target.name}（{target.namespace}）：可能刚被删除，或无法读取。",
    )


def pods_of(target: Thing, snapshot: ClusterSnapshot, topology: Topology) -> list[Json]:
    """Pods that the workload owns, or that the Service selects."""
    key = target.ref.key
    keys = topology.owned(key) if target.kind in WORKLOAD_KINDS else set(topology.targets(key, "selects"))
    for one in [one for one in keys if not one.startswith("Pod/")]:
        keys |= topology.owned(one)
    return [pod for pod in snapshot.of_kind("Pod") if f"Pod/{namespace_of(pod)}/{name_of(pod)}" in keys]


def _status_text(
    item: Json, target: Thing, pods: Sequence[Json], snapshot: ClusterSnapshot, asking: Asking
) -> tuple[str, bool]:
    images = sorted({str(one.get("image", "")) for one in _containers(item)})
    told = asking.text("; image ", "；镜像 ") + ", ".join(images) if images else ""
    unwell = [pod for pod in pods if health_of(pod, snapshot.focus.since).is_unhealthy]
    if target.kind not in _REPLICAS:
        text = asking.text(
            f"{target.kind} {target.namespace}/{target.name}: {counted(len(pods), 'pod')}",
            f"{target.kind} {target.namespace}/{target.name}：{len(pods)} 个 pod",
        )
        return text, bool(pods) and not unwell
    wanted, ready, updated = _counts(item, target.kind)
    text = asking.text(
        f"{target.kind} {target.namespace}/{target.name}: {ready} of {wanted} replicas ready, {updated} of the newest version{told}.",
        f"{target.kind} {target.namespace}/{target.name}：{ready}/{wanted} 个副本就绪，{updated} 个为最新版本{told}。",
    )
    if unwell:
        reasons = sorted({health_of(pod, snapshot.focus.since).reason for pod in unwell})
        text += asking.text(
            f" {counted(len(unwell), 'pod')} in trouble ({', '.join(reasons)}).",
            f"{len(unwell)} 个 pod 异常（{'、'.join(reasons)}）。",
        )
    return text, ready >= wanted > 0 and not unwell


def _counts(item: Json, kind: str) -> tuple[int, int, int]:
    status, spec = item.get("status") or {}, item.get("spec") or {}
    wanted_name, ready_name, updated_name = _REPLICAS[kind]
    wanted = spec.get("replicas", 1) if kind != "DaemonSet" else status.get(wanted_name, 0)
    return int(wanted or 0), int(status.get(ready_name) or 0), int(status.get(updated_name) or 0)


def _containers(item: Json) -> list[Json]:
    spec = ((item.get("spec") or {}).get("template") or {}).get("spec") or {}
    return list(spec.get("containers") or ())


def pod_rows(pods: Sequence[Json], snapshot: Snapshot, asking: Asking, title: str = "") -> Rows:
    columns = asking.text("pod,namespace,ready,state,restarts,node", "pod,命名空间,就绪,状态,重启,节点").split(",")
    rows = tuple(_pod_row(pod, snapshot) for pod in pods[:MOST_ROWS])
    return Rows(title=title or "Pods", columns=tuple(columns), rows=rows, left_out=max(0, len(pods) - MOST_ROWS))


def _pod_row(pod: Json, snapshot: Snapshot) -> tuple[str, ...]:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = sum(bool(one.get("ready")) for one in containers)
    restarts = sum(int(one.get("restartCount") or 0) for one in containers)
    state = health_of(pod, snapshot.focus.since).reason or str(status.get("phase", ""))
    node = str((pod.get("spec") or {}).get("nodeName") or "–")
    return name_of(pod), namespace_of(pod), f"{ready}/{len(containers)}", state, str(restarts), node


# --- nodes ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NodeState:
    name: str
    is_ready: bool
    problems: tuple[str, ...]
    gpus: int

    @property
    def is_well(self) -> bool:
        return self.is_ready and not self.problems


def node_state(node: Json) -> NodeState:
    conditions = {
        str(one.get("type")): str(one.get("status")) for one in (node.get("status") or {}).get("conditions") or ()
    }
    problems = [name for name, status in conditions.items() if name != "Ready" and status == "True"]
    if (node.get("spec") or {}).get("unschedulable"):
        problems.append("cordoned")
    gpus = int(((node.get("status") or {}).get("capacity") or {}).get("nvidia.com/gpu") or 0)
    return NodeState(name_of(node), conditions.get("Ready") == "True", tuple(sorted(problems)), gpus)


async def _status_of_node(node: Thing, asking: Asking) -> AsyncIterator[Part]:
    yield progress(asking, f"reading node {node.name} ...", f"正在读取节点 {node.name}……")
    snapshot = await asking.see("nodes", "pods")
    item = snapshot.find("Node", "", node.name)
    if item is None:
        yield said(gone(node, asking), tone="warning")
    else:
        state = node_state(item)
        pods = [pod for pod in snapshot.of_kind("Pod") if (pod.get("spec") or {}).get("nodeName") == node.name]
        ids = [snapshot.cite_object(item, ("status.conditions", "spec.unschedulable", "spec.taints"))]
        asking.cite(snapshot)
        citations = asking.cited(ids)
        ready = asking.text("Ready", "就绪") if state.is_ready else asking.text("not Ready", "未就绪")
        problems = f" ({', '.join(state.problems)})" if state.problems else ""
        yield said(
            asking.text(
                f"Node {node.name} is {ready}{problems}; {state.gpus} GPUs, {counted(len(pods), 'pod')} within your scope {marks(len(citations))}.",
                f"节点 {node.name} {ready}{problems}；{state.gpus} 张 GPU，您可见的 pod {len(pods)} 个 {marks(len(citations))}。",
            ),
            citations,
            "good" if state.is_well else "warning",
        )
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


# --- lists ---------------------------------------------------------------------------------------------------------------


async def answer_list(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    yield progress(asking, "reading the cluster ...", "正在读取集群……")
    collectors = {
        "pods": ("pods", "workloads", "services"),
        "nodes": ("nodes",),
        "services": ("services", "pods"),
        "workloads": ("workloads",),
    }
    namespace = asked.namespace or (asked.target.namespace if asked.target else "")
    snapshot = await asking.see(*collectors[asked.kind], namespace=namespace)
    rows = await _listed(asked, snapshot, asking)
    asking.cite(snapshot)
    where = f" ({namespace})" if namespace else ""
    if rows.rows:
        count = len(rows.rows) + rows.left_out
        yield said(
            asking.text(f"{count} {_what(asked, asking)}{where}.", f"{count} 个{_what(asked, asking)}{where}。"),
            tone="warning" if asked.only else "plain",
        )
        yield answered(rows)
    elif not any(gap.query == "all" or "reach" in gap.query for gap in snapshot.gaps):
        none = asking.text(f"No {_what(asked, asking)}{where}.", f"没有{_what(asked, asking)}{where}。")
        yield said(none, tone="good" if asked.only else "plain")
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


def _what(asked: Understood, asking: Asking) -> str:
    names = {"pods": "pod", "nodes": "节点", "services": "服务", "workloads": "工作负载"}
    trouble = asking.text(" in trouble", "") if asked.only else ""
    return asking.text(f"{asked.kind}{trouble}", f"{'异常的' if asked.only else ''}{names[asked.kind]}")


async def _listed(asked: Understood, snapshot: ClusterSnapshot, asking: Asking) -> Rows:
    if asked.kind == "nodes":
        return _node_rows(asked, snapshot, asking)
    if asked.kind == "services":
        return _service_rows(asked, snapshot, await asking.topology(snapshot), asking)
    if asked.kind == "workloads":
        return _workload_rows(asked, snapshot, asking)
    pods = list(snapshot.of_kind("Pod"))
    topology = await asking.topology(snapshot)
    if asked.target is not None:
        pods = pods_of(asked.target, snapshot, topology)
    pods = [pod for pod in pods if is_of_scope(pod, topology, asking)]
    if asked.only:
        pods = [pod for pod in pods if health_of(pod, snapshot.focus.since).is_unhealthy or _is_waiting(pod)]
    return pod_rows(pods, snapshot, asking)


def _is_waiting(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") == "Pending"


def is_of_scope(pod: Json, topology: Topology, asking: Asking) -> bool:
    """Where the scope names services, a pod is seen by who may see its workload."""
    if "*" in asking.scope.services:
        return asking.allows(namespace_of(pod))
    family = topology.family(f"Pod/{namespace_of(pod)}/{name_of(pod)}").rsplit("/", 1)[-1]
    return asking.allows(namespace_of(pod), family)


def _node_rows(asked: Understood, snapshot: ClusterSnapshot, asking: Asking) -> Rows:
    states = [node_state(node) for node in snapshot.of_kind("Node")]
    if asked.only:
        states = [state for state in states if not state.is_well]
    columns = asking.text("node,state,problems,GPUs", "节点,状态,问题,GPU").split(",")
    rows = tuple(
        (one.name, "Ready" if one.is_ready else "NotReady", ", ".join(one.problems) or "–", str(one.gpus))
        for one in states[:MOST_ROWS]
    )
    return Rows(
        title=asking.text("Nodes", "节点"), columns=tuple(columns), rows=rows, left_out=max(0, len(states) - MOST_ROWS)
    )


def _service_rows(asked: Understood, snapshot: ClusterSnapshot, topology: Topology, asking: Asking) -> Rows:
    rows = []
    for item in snapshot.of_kind("Service"):
        namespace, name = namespace_of(item), name_of(item)
        if not asking.allows(namespace, name):
            continue
        pods = pods_of(Thing(asking.cluster.name, "Service", namespace, name), snapshot, topology)
        unwell = sum(health_of(pod, snapshot.focus.since).is_unhealthy for pod in pods)
        has_selector = bool((item.get("spec") or {}).get("selector"))
        if asked.only and not unwell and (pods or not has_selector):
            continue
        rows.append(
            (name, namespace, str((item.get("spec") or {}).get("type", "ClusterIP")), str(len(pods)), str(unwell))
        )
    columns = asking.text("service,namespace,type,pods,in trouble", "服务,命名空间,类型,pod,异常").split(",")
    return Rows(
        title=asking.text("Services", "服务"),
        columns=tuple(columns),
        rows=tuple(rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def _workload_rows(asked: Understood, snapshot: ClusterSnapshot, asking: Asking) -> Rows:
    rows = []
    for kind in WORKLOAD_KINDS:
        for item in snapshot.of_kind(kind):
            if not asking.allows(namespace_of(item), name_of(item)):
                continue
            wanted, ready, _ = _counts(item, kind)
            if asked.only and ready >= wanted:
                continue
            image = next((str(one.get("image", "")) for one in _containers(item)), "")
            rows.append((name_of(item), namespace_of(item), kind, f"{ready}/{wanted}", image))
    columns = asking.text("workload,namespace,kind,ready,image", "工作负载,命名空间,类型,就绪,镜像").split(",")
    return Rows(
        title=asking.text("Workloads", "工作负载"),
        columns=tuple(columns),
        rows=tuple(rows[:MOST_ROWS]),
        left_out=max(0, len(rows) - MOST_ROWS),
    )


# --- where ---------------------------------------------------------------------------------------------------------------


async def answer_where(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    target = asked.target
    assert target is not None
    yield progress(asking, f"looking for {target.name} ...", f"正在查找 {target.name}……")
    snapshot = await asking.see("workloads", "pods", "services", namespace=target.namespace)
    pods = pods_of(target, snapshot, await asking.topology(snapshot))
    nodes: dict[str, int] = {}
    for pod in pods:
        node = str((pod.get("spec") or {}).get("nodeName") or "")
        nodes[node] = nodes.get(node, 0) + 1
    placed = ", ".join(f"{name} ({count})" for name, count in sorted(nodes.items()) if name)
    waiting = nodes.get("", 0)
    ids = [snapshot.cite_object(pod, ("spec.nodeName",)) for pod in pods[:4]]
    asking.cite(snapshot)
    citations = asking.cited(ids)
    place = asking.text(
        f"cluster {asking.cluster.name}, namespace {target.namespace}",
        f"集群 {asking.cluster.name}，命名空间 {target.namespace}",
    )
    if pods:
        text = asking.text(
            f"{target.name} runs in {place}, on {placed or 'no node yet'}",
            f"{target.name} 位于{place}，节点：{placed or '尚未分配'}",
        )
        if waiting:
            text += asking.text(f"; {counted(waiting, 'pod')} without a node yet", f"；{waiting} 个 pod 尚未调度")
        yield said(f"{text} {marks(len(citations))}", citations)
        yield answered(pod_rows(pods, snapshot, asking))
    else:
        yield said(
            asking.text(f"{target.name} ({place}) has no pods now.", f"{target.name}（{place}）目前没有 pod。"),
            tone="warning",
        )
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap

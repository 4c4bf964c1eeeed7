"""Who holds the GPUs, and how many are free: from what pods ask for, what the GPU exporter measures, and what the servers serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.chat.asking import Asking, answered, counted, gaps_told, marks, name_of, namespace_of, progress, said
from agent.chat.inventory import served_names
from agent.chat.numbers import shown
from agent.chat.objects import MOST_ROWS, is_of_scope, node_state
from agent.chat.reply import Citation, Part, Rows
from agent.chat.understood import Understood
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Gap, Json
from tools.collectors.reading import gap_of
from tools.ports import Series
from tools.snapshot import ClusterSnapshot

_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "huawei.com/ascend910", "huawei.com/ascend310p", "aliyun.com/gpu-count")
_SLICES = "nvidia.com/mig-"
_ENDED = frozenset({"Succeeded", "Failed"})
MIB = 1 << 20
USED = "DCGM_FI_DEV_FB_USED"


@dataclass
class Device:
    """One GPU as its exporter tells of it; ``holder`` is empty where nobody, or nobody that the asker sees, holds it."""

    node: str
    gpu: str
    used_bytes: float
    holder: str = ""
    is_hidden: bool = False


@dataclass
class Held:
    devices: list[Device] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    query: str = ""


def gpus_of(pod: Json) -> int:
    """How many devices (whole or sliced) the pod's containers ask for."""
    spec = pod.get("spec") or {}
    main = sum(_asked(one) for one in spec.get("containers") or ())
    return max(main, max((_asked(one) for one in spec.get("initContainers") or ()), default=0))


def _asked(container: Json) -> int:
    resources = container.get("resources") or {}
    amounts = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    found = [value for name, value in amounts.items() if name in _RESOURCES or str(name).startswith(_SLICES)]
    return sum(int(value) for value in found if str(value).isdigit())


def capacity_of(node: Json) -> int:
    amounts = (node.get("status") or {}).get("allocatable") or (node.get("status") or {}).get("capacity") or {}
    found = [value for name, value in amounts.items() if name in _RESOURCES or str(name).startswith(_SLICES)]
    return sum(int(value) for value in found if str(value).isdigit())


async def answer_gpu_holders(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    node = asked.node.name if asked.node else ""
    yield progress(
        asking,
        f"reading who holds the GPUs {f'of {node} ' if node else ''}...",
        f"正在查看{node or '集群'} 的 GPU 占用……",
    )
    snapshot = await asking.see("nodes", "pods", "workloads", namespace=asked.namespace if not node else "")
    topology = await asking.topology(snapshot)
    pods = [pod for pod in holders(snapshot, node) if is_of_scope(pod, topology, asking)]
    if asked.target is not None and not node:
        pods = [
            pod for pod in pods if topology.family(f"Pod/{namespace_of(pod)}/{name_of(pod)}") == asked.target.ref.key
        ]
    measured = await _measured(node, asking)
    ids = [snapshot.cite_object(pod, ("spec.containers", "spec.nodeName")) for pod in pods[:4]]
    asking.cite(snapshot)
    for part in _told(asked, node, snapshot, pods, measured, ids, asking):
        yield part
    for gap in gaps_told(asking, [*snapshot.gaps, *measured.gaps]):
        yield gap


def holders(snapshot: ClusterSnapshot, node: str) -> list[Json]:
    found = [
        pod for pod in snapshot.of_kind("Pod")
        if gpus_of(pod) and (pod.get("status") or {}).get("phase") not in _ENDED
        and (pod.get("spec") or {}).get("nodeName") and (not node or (pod.get("spec") or {}).get("nodeName") == node)
    ]  # fmt: skip
    return sorted(found, key=lambda pod: -gpus_of(pod))


async def _measured(node: str, asking: Asking) -> Held:
    """What DCGM measures of each device, its holder's name only where the asker may read it."""
    if asking.cluster.metrics is None:
        name = asking.cluster.name
        return Held(gaps=[Gap(source="metrics", query=USED, reason=f"cluster {name} has no metrics configured", next_step="set its prometheus_url")])  # fmt: skip
    where = f'{{Hostname="{node}"}}' if node else ""
    query = f"max by (Hostname, gpu, UUID, namespace, pod, exported_namespace, exported_pod) ({USED}{where})"
    try:
        series = await asking.cluster.metrics.instant(query, asking.now)
    except OpsdeskError as error:
        return Held(gaps=[gap_of("metrics", query, error)], query=query)
    return Held([_device(one, asking) for one in series if one.points], query=query)


def _device(one: Series, asking: Asking) -> Device:
    labels = one.labels
    namespace, pod = (labels.get("exported_namespace") or labels.get("namespace") or "", labels.get("exported_pod") or labels.get("pod") or "")  # fmt: skip
    is_own_exporter = "exported_pod" not in labels and pod.startswith(("dcgm-exporter", "nvidia-dcgm"))
    device = Device(labels.get("Hostname", ""), labels.get("gpu", ""), one.points[-1][1] * MIB)
    if not pod or is_own_exporter:
        return device
    if asking.allows(namespace) and "*" in asking.scope.services:
        device.holder = f"{namespace}/{pod}"
    else:
        device.is_hidden = True
    return device


def _told(
    asked: Understood, node: str, snapshot: ClusterSnapshot, pods: Sequence[Json], measured: Held, ids: Sequence[str],
    asking: Asking,
) -> list[Part]:  # fmt: skip
    citations = list(asking.cited(ids))
    if measured.devices:
        citations.append(Citation(kind="metric", id=measured.query, title="DCGM: GPU memory used"))
    where = node or asked.namespace or asking.cluster.name
    total = sum(gpus_of(pod) for pod in pods)
    cited = marks(len(citations))
    if not pods and not measured.devices:
        return [
            said(
                asking.text(
                    f"No pod that you can see holds a GPU of {where} {cited}.",
                    f"在您可见的范围内，没有 pod 占用 {where} 的 GPU {cited}。",
                ),
                citations,
            )
        ]
    parts: list[Part] = [said(_summary(where, node, snapshot, pods, total, cited, asking), citations)]
    if pods:
        parts.append(answered(_rows_of_pods(pods, _by_pod(measured.devices), asking)))
    if measured.devices:
        parts.append(answered(_rows_of_devices(measured.devices, asking)))
    return parts


def _summary(where: str, node: str, snapshot: ClusterSnapshot, pods: Sequence[Json], total: int, cited: str, asking: Asking) -> str:  # fmt: skip
    item = snapshot.find("Node", "", node) if node else None
    of = capacity_of(item) if item else 0
    text = asking.text(
        f"{counted(len(pods), 'pod')} {'holds' if len(pods) == 1 else 'hold'} {total}{f' of {of}' if of else ''} GPUs of {where} {cited}.",
        f"{where} 的 {f'{of} 张 GPU 中有 ' if of else ''}{total} 张 GPU 被 {len(pods)} 个 pod 占用 {cited}。",
    )
    if of and total < of and "*" not in asking.scope.namespaces:
        text += asking.text(" Pods outside your scope may hold the rest.", "其余可能被您权限范围外的 pod 占用。")
    return text


def _by_pod(devices: Sequence[Device]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for device in devices:
        if device.holder:
            found[device.holder] = found.get(device.holder, 0.0) + device.used_bytes
    return found


def _rows_of_pods(pods: Sequence[Json], memory: Mapping[str, float], asking: Asking) -> Rows:
    columns = asking.text("pod,namespace,node,GPUs,memory used,serves", "pod,命名空间,节点,GPU,显存用量,模型").split(
        ","
    )
    rows = []
    for pod in pods[:MOST_ROWS]:
        used = memory.get(f"{namespace_of(pod)}/{name_of(pod)}")
        models = ", ".join(served_names((pod.get("spec") or {}).get("containers") or ())) or "–"
        node = str((pod.get("spec") or {}).get("nodeName"))
        rows.append(
            (
                name_of(pod),
                namespace_of(pod),
                node,
                str(gpus_of(pod)),
                shown(used, "bytes") if used is not None else "–",
                models,
            )
        )
    return Rows(
        title=asking.text("Pods with GPUs", "占用 GPU 的 pod"),
        columns=tuple(columns),
        rows=tuple(rows),
        left_out=max(0, len(pods) - MOST_ROWS),
    )


def _rows_of_devices(devices: Sequence[Device], asking: Asking) -> Rows:
    columns = asking.text("node,GPU,memory used,held by", "节点,GPU,显存用量,占用者").split(",")
    hidden = asking.text("(outside your scope)", "（权限范围外）")
    nobody = asking.text("nobody known", "未知")
    ordered = sorted(devices, key=lambda one: (one.node, one.gpu))
    rows = tuple(
        (one.node, one.gpu, shown(one.used_bytes, "bytes"), hidden if one.is_hidden else one.holder or nobody)
        for one in ordered[:MOST_ROWS]
    )
    return Rows(
        title=asking.text("GPU memory as measured", "实测显存"),
        columns=tuple(columns),
        rows=rows,
        left_out=max(0, len(ordered) - MOST_ROWS),
    )


# --- capacity --------------------------------------------------------------------------------------------------------------


async def answer_capacity(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    yield progress(asking, "counting what is free ...", "正在统计空闲资源……")
    snapshot = await asking.see("nodes", "pods")
    wanted = asked.node.name if asked.node else ""
    nodes = [node for node in snapshot.of_kind("Node") if not wanted or name_of(node) == wanted]
    with_gpus = [node for node in nodes if capacity_of(node)]
    held = {name_of(node): sum(gpus_of(pod) for pod in holders(snapshot, name_of(node))) for node in with_gpus}
    ids = [snapshot.cite_object(node, ("status.allocatable", "spec.unschedulable")) for node in with_gpus[:4]]
    asking.cite(snapshot)
    citations = asking.cited(ids)
    if not nodes and snapshot.gaps:
        pass
    elif not with_gpus:
        where = wanted or asking.cluster.name
        yield said(asking.text(f"No node of {where} offers GPUs.", f"{where} 没有提供 GPU 的节点。"), tone="warning")
    else:
        yield said(_capacity_text(with_gpus, held, marks(len(citations)), asking), citations)
        yield answered(_capacity_rows(with_gpus, held, asking))
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


def _capacity_text(nodes: Sequence[Json], held: Mapping[str, int], cited: str, asking: Asking) -> str:
    usable = [node for node in nodes if node_state(node).is_ready and not (node.get("spec") or {}).get("unschedulable")]
    free = sum(max(0, capacity_of(node) - held[name_of(node)]) for node in usable)
    total = sum(capacity_of(node) for node in nodes)
    most = max((max(0, capacity_of(node) - held[name_of(node)]) for node in usable), default=0)
    is_partial = "*" not in asking.scope.namespaces
    text = asking.text(
        f"{free} of {total} GPUs are free on {counted(len(usable), 'usable node')}, at most {most} on one node {cited}.",
        f"{len(usable)} 个可用节点上共 {total} 张 GPU，空闲 {free} 张，单节点最多空闲 {most} 张 {cited}。",
    )
    if is_partial:
        text += asking.text(
            " Only pods within your scope were counted: fewer may really be free.",
            "仅统计了您权限范围内的 pod：实际空闲可能更少。",
        )
    return text


def _capacity_rows(nodes: Sequence[Json], held: Mapping[str, int], asking: Asking) -> Rows:
    columns = asking.text("node,GPU type,GPUs,held,free,state", "节点,GPU 型号,GPU,已占用,空闲,状态").split(",")
    rows = []
    for node in sorted(nodes, key=lambda one: held[name_of(one)] - capacity_of(one))[:MOST_ROWS]:
        state = node_state(node)
        product = str(((node.get("metadata") or {}).get("labels") or {}).get("nvidia.com/gpu.product", "–"))
        used, size = held[name_of(node)], capacity_of(node)
        told = ", ".join(state.problems) or ("Ready" if state.is_ready else "NotReady")
        rows.append((state.name, product, str(size), str(used), str(max(0, size - used)), told))
    return Rows(
        title=asking.text("GPU nodes", "GPU 节点"),
        columns=tuple(columns),
        rows=tuple(rows),
        left_out=max(0, len(nodes) - MOST_ROWS),
    )

"""Why the scheduler finds no node for a pod: its message, read beside the nodes and what the pod asks for.

The scheduler names, for each node, only the first check that failed. Which of them decides is told by the nodes that the
pod could run on at all (labels and size fit): when all of those are cordoned or tainted, that decides; when there is none,
what the pod asks for decides. Without nodes, the latest check that was reached decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from knowledge.vocabulary import Json
from tools.detectors.amounts import amount
from tools.detectors.labels import node_affinity_fits, tolerated
from tools.detectors.scene import Scene, name_of, namespace_of

PARTS = re.compile(r", (?=\d+ )")
HEAD = re.compile(r"^\d+/\d+ nodes? (?:are|is) available: ?")
COUNTED = re.compile(r"^(\d+) (.*)$", re.DOTALL)
TAINT = re.compile(r"taints? \{([^:}=]+)")
ACCELERATOR = re.compile(r"(?i)gpu|npu|ascend|tpu|mlu|dcu|accelerator|neuron")
OWN_TAINTS = re.compile(r"^(node-role\.kubernetes\.io/|node\.kubernetes\.io/unschedulable|CriticalAddonsOnly)")
CONDITION_TAINT = re.compile(
    r"^node\.(cloudprovider\.)?kubernetes\.io/(not-ready|unreachable|\w+-pressure|network-unavailable|out-of-service|uninitialized)"
)
CONTROL_PLANE = re.compile(r"^(node-role\.)?kubernetes\.io/(role=)?(master|control-plane)")

SAYINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("spread", re.compile("pod topology spread constraints")),
    ("anti-affinity", re.compile("anti-affinity rules")),
    ("pod-affinity", re.compile("pod affinity rules")),
    ("volume-node", re.compile("volume node affinity conflict|PersistentVolume's node affinity")),
    ("no-volume", re.compile("available persistent volumes to bind|enough free storage|bound to non-existent pv")),
    ("volume-count", re.compile("exceed max volume count")),
    ("claim", re.compile("cannot allocate all claims|(?i:resourceclaim)")),
    ("resource", re.compile("^Insufficient ")),
    ("pods", re.compile("Too many pods")),
    ("host-port", re.compile("free ports for the requested pod ports")),
    ("labels", re.compile("node affinity/selector|match node selector|match node affinity|match Pod's node")),
    ("taint", re.compile("taint")),
    ("cordon", re.compile("were unschedulable|was unschedulable")),
)
"""From the scheduler's latest check to its first."""


@dataclass(frozen=True, slots=True)
class Placement:
    """``reason``: one of the words of SAYINGS, with ``cpu``, ``memory``, ``gpu``, ``ephemeral-storage``, ``extended`` for a
    resource, ``selector`` or ``affinity`` for labels (``labels`` when the pod's template is not known), ``condition`` for a taint that a sick node carries; empty when the
    message tells nothing. ``nodes``: those that would do but for the reason."""

    reason: str = ""
    resource: str = ""
    is_too_large: bool = False
    taint: str = ""
    nodes: tuple[str, ...] = ()
    message: str = ""
    wanted: str = ""


@dataclass(slots=True)
class _Said:
    counts: dict[str, int] = field(default_factory=dict)
    resources: dict[str, int] = field(default_factory=dict)
    taints: dict[str, int] = field(default_factory=dict)


def placement_of(scene: Scene, pod: Json, message: str = "") -> Placement:
    """What hinders a pod that waits for a node; an empty one when it does not wait. Computed once per pod and message."""
    text = message or scheduler_message(scene, pod)
    key = ("placement", text, _alike(pod))
    known: Placement | None = scene.memo.get(key)
    if known is None:
        known = scene.memo[key] = _judged(scene, pod, text)
    return known


def _alike(pod: Json) -> bytes:
    """What of a pod the judgement looks at: replicas of one template share one."""
    spec = pod.get("spec") or {}
    containers = spec.get("containers")
    asked = None if not containers else [container.get("resources") for container in containers]
    return orjson.dumps(
        [spec.get("nodeSelector"), spec.get("affinity"), spec.get("tolerations"), asked, bool(pod)],
        option=orjson.OPT_NON_STR_KEYS,
    )


def pods_kept_by_cordon(scene: Scene) -> Sequence[Json]:
    """Pods that wait while the scheduler names cordoned nodes among its reasons."""
    known: list[Json] | None = scene.memo.get("pods kept by cordon")
    if known is None:
        pending = (pod for pod in scene.snapshot.of_kind("Pod") if not (pod.get("spec") or {}).get("nodeName"))
        known = [pod for pod in pending if "unschedulable" in scheduler_message(scene, pod)]
        scene.memo["pods kept by cordon"] = known
    return known


def scheduler_message(scene: Scene, pod: Json) -> str:
    """The condition's message, else that of the newest FailedScheduling event."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False" and condition.get("message"):
            return str(condition["message"])
    if (pod.get("spec") or {}).get("nodeName") or (pod.get("status") or {}).get("phase") not in (None, "Pending"):
        return ""
    events = scene.snapshot.events_about("Pod", namespace_of(pod), name_of(pod))
    said = [event for event in events if event.get("reason") == "FailedScheduling"]
    said.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return str(said[-1].get("message") or said[-1].get("note") or "") if said else ""


def _judged(scene: Scene, pod: Json, text: str) -> Placement:
    if not text:
        return Placement()
    said = _read(text)
    nodes = scene.snapshot.of_kind("Node")
    by_nodes = _by_nodes(pod, said, nodes, text) if nodes and pod else None
    if by_nodes is not None:
        return by_nodes
    for reason, _ in SAYINGS:
        if reason in said.counts and not _is_everyday(reason, said):
            return _detailed(reason, said, pod, nodes, text)
    everyday = next((reason for reason, _ in SAYINGS if reason in said.counts), "")
    return _detailed(everyday, said, pod, nodes, text) if everyday else Placement(message=text)


def _read(text: str) -> _Said:
    said = _Said()
    for part in PARTS.split(HEAD.sub("", text.split(" preemption:", maxsplit=1)[0])):
        counted = COUNTED.match(part.strip().rstrip("."))
        number, what = (int(counted.group(1)), counted.group(2)) if counted else (1, part)
        reason = next((reason for reason, pattern in SAYINGS if pattern.search(what)), "")
        if not reason:
            continue
        said.counts[reason] = said.counts.get(reason, 0) + number
        if reason == "resource":
            said.resources[what.split()[1].rstrip(".,")] = number
        if reason == "taint":
            named = TAINT.search(what)
            said.taints[named.group(1).strip() if named else ""] = number
    return said


def _is_everyday(reason: str, said: _Said) -> bool:
    """Control-plane nodes are cordoned or tainted in every cluster: that alone hinders no ordinary pod."""
    return reason == "cordon" or (reason == "taint" and all(OWN_TAINTS.match(taint) for taint in said.taints))


def _by_nodes(pod: Json, said: _Said, nodes: Sequence[Json], text: str) -> Placement | None:
    """What decides among the nodes that would do; None when the nodes do not tell."""
    spec = pod.get("spec") or {}
    asked = requests_of(pod)
    is_pinned = bool(spec.get("nodeSelector")) or bool(_required_affinity(spec))
    nodes = _open_to(spec, nodes)
    fitting = [node for node in nodes if node_affinity_fits(spec, node)]
    if "labels" in said.counts and not fitting and is_pinned:
        return Placement(reason=_which_labels(spec, nodes), message=text, wanted=_wanted_labels(spec))
    able = [node for node in fitting if _is_large_enough(node, asked)]
    if is_pinned or not all(_is_large_enough(node, asked) for node in nodes):
        cordoned = [node for node in able if (node.get("spec") or {}).get("unschedulable")]
        if able and len(cordoned) == len(able) and "cordon" in said.counts:
            return Placement(reason="cordon", nodes=_names(cordoned), message=text, wanted=_wanted_labels(spec))
        barred = {name_of(node): taint for node in able if (taint := untolerated(spec, node))}
        if able and "taint" in said.counts and len(set(barred) | set(_names(cordoned))) == len(able):
            first = next(iter(barred.values()))
            reason = "condition" if CONDITION_TAINT.match(first) else "taint"
            return Placement(reason=reason, taint=first, nodes=tuple(sorted(barred)), message=text)
    return None


def _which_labels(spec: Json, nodes: Sequence[Json]) -> str:
    """The plain selector when it alone fits no node; else the affinity."""
    selector = spec.get("nodeSelector") or {}
    alone = {"nodeSelector": selector}
    return "selector" if selector and not any(node_affinity_fits(alone, node) for node in nodes) else "affinity"


def _detailed(reason: str, said: _Said, pod: Json, nodes: Sequence[Json], text: str) -> Placement:
    if reason == "resource":
        resource = max(said.resources, key=lambda name: (said.resources[name], bool(ACCELERATOR.search(name)), name))
        return Placement(
            reason=_kind_of_resource(resource), resource=resource, message=text,
            is_too_large=_is_too_large(pod, nodes, resource), wanted=_shown(requests_of(pod).get(resource), pod, resource),
        )  # fmt: skip
    if reason == "labels":
        spec = pod.get("spec") or {}
        if not spec.get("containers"):
            return Placement(reason="labels", message=text)
        is_selector = bool(spec.get("nodeSelector")) and not _required_affinity(spec)
        return Placement(reason="selector" if is_selector else "affinity", message=text, wanted=_wanted_labels(spec))
    if reason == "taint":
        own = [taint for taint in said.taints if not OWN_TAINTS.match(taint)] or list(said.taints)
        chosen = max(own, key=lambda taint: said.taints[taint])
        return Placement(reason="condition" if CONDITION_TAINT.match(chosen) else "taint", taint=chosen, message=text)
    return Placement(reason=reason, message=text)


def _kind_of_resource(resource: str) -> str:
    if resource in ("cpu", "memory", "ephemeral-storage", "pods"):
        return resource
    return "gpu" if ACCELERATOR.search(resource) else "extended"


def requests_of(pod: Json) -> dict[str, float]:
    """What the containers of a pod ask for together; a limit without a request is a request."""
    total: dict[str, float] = {}
    for container in (pod.get("spec") or {}).get("containers") or ():
        resources = container.get("resources") or {}
        asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        for name, value in asked.items():
            number = amount(value)
            if number is not None:
                total[name] = total.get(name, 0.0) + number
    return total


def _shown(number: float | None, pod: Json, resource: str) -> str:
    """The request as it was written, when one container makes it; else the sum in plain numbers."""
    if number is None:
        return ""
    written = [
        str(value)
        for container in (pod.get("spec") or {}).get("containers") or ()
        if (value := ((container.get("resources") or {}).get("requests") or {}).get(resource)) is not None
    ]
    return written[0] if len(written) == 1 else f"{number:g}"


def allocatable_of(node: Json) -> Mapping[str, str]:
    status = node.get("status") or {}
    found: Mapping[str, str] = status.get("allocatable") or status.get("capacity") or {}
    return found


def _is_large_enough(node: Json, asked: Mapping[str, float]) -> bool:
    """Empty, the node could hold the pod. A size that is not known is no obstacle."""
    offered = allocatable_of(node)
    for name, wanted in asked.items():
        has = amount(offered.get(name)) if name in offered else (0.0 if offered and "/" in name else None)
        if has is not None and wanted > has:
            return False
    return True


def _is_too_large(pod: Json, nodes: Sequence[Json], resource: str) -> bool:
    wanted = requests_of(pod).get(resource)
    offered = [has for node in nodes if (has := amount(allocatable_of(node).get(resource))) is not None]
    return wanted is not None and bool(offered) and wanted > max(offered)


def untolerated(spec: Json, node: Json) -> str:
    """The key of the node's first taint that keeps the pod away; a cordon's own taint is not one."""
    for taint in (node.get("spec") or {}).get("taints") or ():
        key = str(taint.get("key", ""))
        hinders = taint.get("effect") in ("NoSchedule", "NoExecute") and not key.endswith("/unschedulable")
        if hinders and not tolerated(spec.get("tolerations") or (), taint):
            return key
    return ""


def is_control_plane(node: Json) -> bool:
    labels = (node.get("metadata") or {}).get("labels") or {}
    return any(CONTROL_PLANE.match(f"{key}={value}") or CONTROL_PLANE.match(key) for key, value in labels.items())


def _is_sent_to_some(spec: Json) -> bool:
    """Whether the pod asks for nodes of a kind; to keep away from some is not to ask for any."""
    terms = _required_affinity(spec).get("nodeSelectorTerms") or ()
    rules = [
        rule for term in terms for rule in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ()))
    ]
    return bool(spec.get("nodeSelector")) or any(rule.get("operator") in ("In", "Exists", "Gt", "Lt") for rule in rules)


def _open_to(spec: Json, nodes: Sequence[Json]) -> Sequence[Json]:
    """The nodes that are there for a pod: control-plane nodes only where it asks for them, or where there are no others."""
    if _is_sent_to_some(spec):
        return nodes
    return [node for node in nodes if not is_control_plane(node)] or nodes


def would_take(pod: Json, node: Json) -> bool:
    """But for the cordon, the node would do: its labels fit, its taints are tolerated, it is large enough."""
    spec = pod.get("spec") or {}
    if is_control_plane(node) and not _is_sent_to_some(spec):
        return False
    return node_affinity_fits(spec, node) and not untolerated(spec, node) and _is_large_enough(node, requests_of(pod))


def _required_affinity(spec: Json) -> Json:
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    found: Json = node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return found


def _wanted_labels(spec: Json) -> str:
    parts = [f"{key}={value}" for key, value in (spec.get("nodeSelector") or {}).items()]
    for term in _required_affinity(spec).get("nodeSelectorTerms") or ():
        for rule in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())):
            values = ",".join(map(str, rule.get("values") or ()))
            parts.append(f"{rule.get('key')} {rule.get('operator')} {values}".strip())
    return "; ".join(parts)


def _names(nodes: Sequence[Json]) -> tuple[str, ...]:
    return tuple(sorted(name_of(node) for node in nodes))

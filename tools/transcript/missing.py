"""What a paste does not tell, as gaps: what was listed only in part, and what nobody asked for though it matters."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.vocabulary import Json
from tools.transcript.harvest import Harvest
from tools.transcript.kinds import kind_named

_MATTERS = ("Pod", "Service", "Deployment", "ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "Endpoints",
            "Node", "PersistentVolume", "StorageClass", "ResourceQuota", "NetworkPolicy", "HorizontalPodAutoscaler")  # fmt: skip
_ASKED_WITH = {
    "Event": "kubectl get events -n {namespace} --sort-by=.lastTimestamp",
    "Node": "kubectl get nodes; kubectl describe nodes",
    "Pod": "kubectl get pods -n {namespace} -o wide",
}


def what_is_missing(harvest: Harvest, objects: Sequence[Json]) -> None:
    """Kinds that were not listed whole in the paste's namespace: "not there" must not be concluded of them."""
    namespace = harvest.namespace
    kinds = {str(item["kind"]) for item in objects}
    for kind in _MATTERS:
        row = kind_named(kind)
        if any(gap.query.startswith(f"list {row.plural}") for gap in harvest.gaps):
            continue
        is_listed = bool({(kind, namespace), (kind, "*")} & harvest.listed)
        if is_listed or (kind not in kinds and kind not in _ASKED_WITH):
            continue
        where = f" in {namespace}" if row.is_namespaced else ""
        reason = "only some of them were pasted" if kind in kinds else "nobody asked for them"
        command = _ASKED_WITH.get(kind, f"kubectl get {row.plural}" + (" -n {namespace}" if row.is_namespaced else ""))
        harvest.gap("transcript", f"list {row.plural}{where}", reason, command.format(namespace=namespace))
    if "Event" not in kinds and not {("Event", namespace), ("Event", "*")} & harvest.listed:
        harvest.gap(
            "events",
            f"list events in {namespace}",
            "nobody asked for them",
            _ASKED_WITH["Event"].format(namespace=namespace),
        )
    if not harvest.logs:
        harvest.gap(
            "logs", f"logs in {namespace}", "none were pasted", f"kubectl logs -n {namespace} POD --previous --tail=200"
        )

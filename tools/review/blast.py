"""How much feels the change."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.vocabulary import BlastRadius, BudgetRoom, Json
from tools.actions.contract import Frozen
from tools.review.surroundings import Surroundings, labels_of, selects

MOST_NAMES = 50
_FEELS_NOTHING = frozenset({"label", "annotate", "cordon", "uncordon", "rollout_pause"})


async def blast_of(steps: Sequence[tuple[str, Frozen]], around: Surroundings) -> BlastRadius:
    """Pods, replicas, services, nodes and budgets that feel the steps (given with their action's id)."""
    pods: dict[str, Json] = {}
    replicas = 0
    nodes: set[str] = set()
    for action, frozen in steps:
        item = frozen.observed
        if item is None or frozen.target is None or not frozen.requests:
            continue
        if frozen.target.kind == "Node":
            nodes.add(frozen.target.name)
            pods.update({_key(pod): pod for pod in await evicted_pods(frozen, around)})
            continue
        if action in _FEELS_NOTHING:
            continue
        pods.update({_key(pod): pod for pod in await around.pods_of(frozen.target.kind, item)})
        replicas += int(item.get("spec", {}).get("replicas") or 0)
    services: set[str] = set()
    rooms: dict[str, int] = {}
    for pod in pods.values():
        namespace, labels = pod["metadata"].get("namespace", ""), labels_of(pod)
        services |= {
            _key(s)
            for s in await around.found("services", namespace)
            if selects(s.get("spec", {}).get("selector"), labels)
        }
        for budget in await around.found("pdb", namespace):
            if selects(budget.get("spec", {}).get("selector"), labels):
                rooms[_key(budget)] = int((budget.get("status") or {}).get("disruptionsAllowed") or 0)
        if node := pod.get("spec", {}).get("nodeName"):
            nodes.add(node)
    return BlastRadius(
        pods=len(pods),
        replicas=replicas,
        services=tuple(sorted(services)),
        nodes=tuple(sorted(nodes)),
        budgets=tuple(sorted(name for name, allowed in rooms.items() if allowed == 0)),
        pod_names=tuple(sorted(pods)[:MOST_NAMES]),
        rooms=tuple(BudgetRoom(name=name, allowed=allowed) for name, allowed in sorted(rooms.items())),
    )


_EVICTION = re.compile(r"/namespaces/([^/]+)/pods/([^/]+)/eviction$")


async def evicted_pods(frozen: Frozen, around: Surroundings) -> list[Json]:
    """The pods that a drain evicts; one that cannot be read any more is only its name, and nobody's."""
    leaving = [found.groups() for request in frozen.requests if (found := _EVICTION.search(request.path))]
    if not leaving or frozen.target is None:
        return []
    everyone = await around.found("pods", "", field_selector=f"spec.nodeName={frozen.target.name}")
    known = {(pod["metadata"].get("namespace", ""), pod["metadata"]["name"]): pod for pod in everyone}
    return [
        known.get((namespace, name), {"kind": "Pod", "metadata": {"namespace": namespace, "name": name}})
        for namespace, name in leaving
    ]


def _key(item: Json) -> str:
    metadata = item["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"

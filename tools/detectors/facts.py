"""What is known of a faulty object without a detector saying so: its pods, nodes, images, revisions. Facts fill the
placeholders of explanations (``{container}``) and of remedies (``<container>``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from knowledge.vocabulary import Json, ObjectRef
from tools.detectors.hits import Hit, earliest
from tools.detectors.scene import Scene, read_time

LISTED_PODS = 20
REVISION = "deployment.kubernetes.io/revision"
ROLLOUT_LEAD = timedelta(hours=1)
IMAGE = re.compile(r"\bimage \"([^\"\s]+)\"")
"""How the kubelet's events name an image; what a paste of events alone tells of it."""

QUOTED = re.compile(r"\"[^\"\s]+\"|'[^'\s]+'|(?:/[\w.-]+){2,}")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
UNKNOWN = {"en": "(not known)", "zh": "（未知）"}


def filled_text(text: str, facts: Mapping[str, str], language: str) -> str:
    return PLACEHOLDER.sub(lambda found: facts.get(found.group(1)) or UNKNOWN[language], text)


def said_by(facts: Mapping[str, str]) -> str:
    """``{said}``: what the signal saw, whichever kind it was: the log line, the event's message, the number, the alert."""
    if facts.get("line") or facts.get("message"):
        return facts.get("line") or facts["message"]
    if facts.get("value") and facts.get("metric"):
        return f"{facts['metric']} = {facts['value']}"
    return ": ".join(filter(None, (facts.get("alert"), facts.get("alert_summary"))))


def automatic_facts(scene: Scene, target: ObjectRef, hits: Sequence[Hit]) -> dict[str, str]:
    """Facts of the target and of the pods in which the fault was seen; an unknown one is absent, never empty."""
    pods = list({hit.reference.key: hit.item for hit in hits if hit.reference.kind == "Pod"}.values())
    names = sorted({hit.reference.name for hit in hits if hit.reference.kind == "Pod"})
    container = next((hit.facts["container"] for hit in hits if hit.facts.get("container")), "")
    facts = {
        "kind": target.kind,
        "name": target.name,
        "namespace": target.namespace,
        "workload": f"{target.kind.lower()}/{target.name}",
        target.kind.lower(): target.name,
        "pods": ", ".join(names[:LISTED_PODS]),
        "pod_count": str(len(names)) if names else "",
        "pod": names[0] if names else "",
    }
    known = [pod for pod in pods if pod is not None]
    if known:
        facts.update(_pod_facts(known, container))
        facts["configmap"] = _suspect_config(scene, known[0], [value for hit in hits for value in _told(hit)])
    if not facts.get("image"):
        facts["image"] = next((found[1] for hit in hits if (found := IMAGE.search(hit.facts.get("message", "")))), "")
    began_at = earliest(hit.began_at for hit in hits)
    facts.update(_workload_facts(scene, target, container or facts.get("container", ""), began_at))
    return {name: value for name, value in facts.items() if value}


def _pod_facts(pods: Sequence[Json], container: str) -> dict[str, str]:
    spec = pods[0].get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    chosen = next((one for one in containers if one.get("name") == container), containers[0] if containers else {})
    statuses = (pods[0].get("status") or {}).get("containerStatuses") or ()
    status: Json = next((one for one in statuses if one.get("name") == chosen.get("name")), {})
    resources = chosen.get("resources") or {}
    return {
        "node": ", ".join(sorted({str((pod.get("spec") or {}).get("nodeName") or "") for pod in pods} - {""})),
        "container": str(chosen.get("name", "")),
        "image": str(chosen.get("image", "")),
        "restart_count": str(status.get("restartCount", "")),
        "memory_limit": str((resources.get("limits") or {}).get("memory", "")),
        "memory_limit_doubled": _doubled(str((resources.get("limits") or {}).get("memory", ""))),
        "cpu_limit": str((resources.get("limits") or {}).get("cpu", "")),
        "service_account": str(spec.get("serviceAccountName", "")),
    }


def _doubled(quantity: str) -> str:
    digits = quantity.rstrip("KMGTPEkmi")
    return f"{int(digits) * 2}{quantity[len(digits) :]}" if digits.isdigit() else ""


def _told(hit: Hit) -> list[str]:
    """Words of a log line that configuration may hold: what a detector captured, and paths and quoted words of the line."""
    captured = [hit.facts[name] for name in ("bad_value", "path", "model") if hit.facts.get(name)]
    return captured + [word.strip("\"'") for word in QUOTED.findall(hit.facts.get("line", ""))]


def _suspect_config(scene: Scene, pod: Json, words: Sequence[str]) -> str:
    """The one ConfigMap that the pod reads and that holds a word the log complains of; empty when none or several do."""
    spec = pod.get("spec") or {}
    names = {(volume.get("configMap") or {}).get("name") for volume in spec.get("volumes") or ()}
    for one in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        names |= {(source.get("configMapRef") or {}).get("name") for source in one.get("envFrom") or ()}
        for variable in one.get("env") or ():
            names.add(((variable.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name"))
    namespace = (pod.get("metadata") or {}).get("namespace", "")
    found = []
    for name in sorted(filter(None, names)):
        data = " ".join(
            map(str, ((scene.snapshot.find("ConfigMap", namespace, name) or {}).get("data") or {}).values())
        )
        if any(len(word) >= 3 and word in data for word in words):
            found.append(name)
    return found[0] if len(found) == 1 else ""


def _workload_facts(scene: Scene, target: ObjectRef, container: str, began_at: datetime | None) -> dict[str, str]:
    """For a Deployment whose fault came with a new template: the revision before, and the container's image in it."""
    item = scene.find(target)
    if item is None:
        return {}
    replicas = (item.get("spec") or {}).get("replicas")
    facts = {"replicas": "" if replicas is None else str(replicas)}
    if isinstance(replicas, int) and replicas > 0:
        facts["replicas_raised"] = str(replicas + max(1, replicas // 2))
    if target.kind == "Deployment":
        previous = _previous_replica_set(scene, target, began_at or scene.now)
        if previous is not None:
            annotations = previous["metadata"].get("annotations") or {}
            template = (((previous.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ()
            chosen: Json = next((one for one in template if one.get("name") == container), {})
            facts["previous_revision"] = str(annotations.get(REVISION, ""))
            facts["previous_image"] = str(chosen.get("image", ""))
    return facts


def _previous_replica_set(scene: Scene, target: ObjectRef, began_at: datetime) -> Json | None:
    """The newest of the deployment's ReplicaSets below its current revision, when the current one has another template (a
    restart has not) and came at most an hour before the fault: else going back would not put it right."""
    owned = []
    for replica_set in scene.replica_sets.get((target.namespace, target.name), ()):
        revision = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "")
        if revision.isdigit():
            owned.append((int(revision), replica_set))
    owned.sort(key=lambda pair: pair[0])
    if len(owned) < 2:
        return None
    current, previous = owned[-1][1], owned[-2][1]
    created = read_time(current["metadata"].get("creationTimestamp"))
    is_late = created is not None and began_at - created > ROLLOUT_LEAD
    return None if is_late or _template(current) == _template(previous) else previous


def _template(replica_set: Json) -> Json:
    """The pod's spec alone: labels and annotations differ by the template's hash and the restart's time."""
    found: Json = ((replica_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    return found

"""What stands around the targets of a plan, listed once: pods, services, budgets, autoscalers."""

from __future__ import annotations

from dataclasses import dataclass, field

from knowledge.errors import AccessDenied, ObjectNotFound, Permanent
from knowledge.vocabulary import Json, Text
from tools.actions.contract import Look


@dataclass(slots=True)
class Surroundings:
    """Lists of one namespace at a time, cached. What may not be read is an open point, not an error."""

    look: Look
    open_points: list[Text] = field(default_factory=list)
    _lists: dict[tuple[str, str, str], list[Json]] = field(default_factory=dict)

    async def found(self, spelling: str, namespace: str, *, field_selector: str = "") -> list[Json]:
        key = (spelling, namespace, field_selector)
        if key not in self._lists:
            try:
                found = await self.look.list(self.look.kind(spelling), namespace, field_selector=field_selector)
                self._lists[key] = list(found)
            except (AccessDenied, ObjectNotFound, Permanent) as error:
                self._lists[key] = []
                self.open_points.append(
                    Text(en=f"{spelling} could not be read: {error}", zh=f"无法读取 {spelling}：{error}")
                )
        return self._lists[key]

    async def pods_of(self, kind: str, item: Json) -> list[Json]:
        """The pods that a target selects, is, or (a ConfigMap) feeds."""
        metadata = item["metadata"]
        namespace = metadata.get("namespace", "")
        if kind == "Pod":
            return [item]
        if not namespace:
            return []
        pods = await self.found("pods", namespace)
        if kind == "ConfigMap":
            return [pod for pod in pods if uses_configmap(pod, metadata["name"])]
        selector = item.get("spec", {}).get("selector")
        return [pod for pod in pods if selects(selector, labels_of(pod))] if selector else []


def labels_of(item: Json) -> dict[str, str]:
    return item.get("metadata", {}).get("labels") or {}


def selects(selector: Json | None, labels: dict[str, str]) -> bool:
    """Whether a selector (a plain map, or matchLabels and matchExpressions) picks these labels; an empty one picks none."""
    if not selector:
        return False
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        return all(labels.get(key) == value for key, value in selector.items())
    if not all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or [])


def _holds(expression: Json, labels: dict[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    return (labels.get(key) in values) is (operator == "In")


def uses_configmap(pod: Json, name: str) -> bool:
    spec = pod.get("spec", {})
    if any((volume.get("configMap") or {}).get("name") == name for volume in spec.get("volumes") or []):
        return True
    for container in spec.get("containers") or []:
        sources = [(entry.get("configMapRef") or {}).get("name") for entry in container.get("envFrom") or []]
        sources += [
            ((e.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name") for e in container.get("env") or []
        ]
        if name in sources:
            return True
    return False

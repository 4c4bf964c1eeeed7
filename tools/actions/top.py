"""Reads what pods and nodes use."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import PAGE, Reading, get_request
from tools.script.command import Command


async def _top(command: Command, look: Look) -> list[ApiRequest]:
    is_pods = command.verb == "top pod"
    root = "/apis/metrics.k8s.io/v1beta1"
    place = (
        f"{root}/namespaces/{command.namespace}/pods"
        if is_pods and command.namespace
        else f"{root}/{'pods' if is_pods else 'nodes'}"
    )
    names = [target.name for target in command.targets if target.name]
    if names:
        return [get_request(look.cluster, f"{place}/{name}") for name in names]
    return [get_request(look.cluster, place, labelSelector=command.selector, limit=PAGE)]


ACTION = Reading("top", ("top pod", "top node"), _top)

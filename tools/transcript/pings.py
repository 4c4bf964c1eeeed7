"""What pings told of nodes and pods: losses and delays that stand out become changes of the network of whom was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowledge.vocabulary import Json
from tools.transcript.changes import Move
from tools.transcript.harvest import Harvest
from tools.transcript.reports import Subject, put_change

LOSS_PERCENT = 3.0
DELAY_MILLISECONDS = 20.0
"""Within a cluster a round trip takes a millisecond or less."""

STANDS_OUT = 5.0
"""So many times the quickest other answer of the paste; a network that is slow to everybody is nobody's own fault."""


def has_pings(harvest: Harvest) -> bool:
    return any(
        told.item["spec"].get("protocol") == "ICMP"
        for (kind, _, _), tellings in harvest.objects.items()
        if kind == "Reachability"
        for told in tellings
    )


def place_pings(harvest: Harvest, objects: Sequence[Json]) -> None:
    """Adds one change for each node or pod that answers late or not always."""
    attempts = [item for item in objects if item["kind"] == "Reachability" and item["spec"].get("protocol") == "ICMP"]
    if not attempts:
        return
    subjects = _addresses(objects)
    for attempt in attempts:
        subject = subjects.get(str(attempt["spec"].get("host", "")))
        if subject is not None:
            _place(harvest, subject, attempt["status"], [one["status"] for one in attempts if one is not attempt])


def _place(harvest: Harvest, subject: Subject, told: Json, others: Sequence[Json]) -> None:
    text = str(told.get("text", ""))
    loss, delay = float(told.get("lossPercent") or 0.0), float(told.get("latencyMilliseconds") or 0.0)
    if LOSS_PERCENT <= loss < 100.0 and all(float(one.get("lossPercent") or 0.0) <= loss for one in others):
        put_change(harvest, Move("packet loss", "network-loss", None, loss, "%", text), subject)
    quickest = min((float(one["latencyMilliseconds"]) for one in others if one.get("latencyMilliseconds")), default=0.0)
    if delay >= max(DELAY_MILLISECONDS, STANDS_OUT * quickest):
        told_delay = f"{text}; the round trip takes {delay:g} ms on average"
        put_change(harvest, Move("round trip time", "network-latency", None, delay, "ms", told_delay), subject)


def _addresses(objects: Sequence[Json]) -> Mapping[str, Subject]:
    """Names and addresses of nodes and pods."""
    found: dict[str, Subject] = {}
    for item in objects:
        name, status = str(item["metadata"]["name"]), item.get("status") or {}
        if item["kind"] == "Pod" and not (item.get("spec") or {}).get("hostNetwork"):
            subject = Subject("Pod", name, str(item["metadata"].get("namespace") or ""))
            found.setdefault(name, subject)
            if status.get("podIP"):
                found.setdefault(str(status["podIP"]), subject)
        elif item["kind"] == "Node":
            subject = Subject("Node", name)
            found[name] = subject
            found.update({str(one.get("address")): subject for one in status.get("addresses") or ()})
    return found


__all__ = ["has_pings", "place_pings"]

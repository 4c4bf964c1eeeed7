"""Puts the platform into a store: new at once, or with a past of some days behind it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from evals.practice.clock import ManualClock
from evals.practice.controllers.timing import FAITHFUL
from evals.practice.kinds import resource_of
from evals.practice.platform.nodes import add_platform_nodes
from evals.practice.store import Store, copy_of

Object = dict[str, Any]
MANIFESTS = Path(__file__).parent / "manifests"
_PAST = replace(FAITHFUL, keeps_events=False, lease_period=10_000_000.0)
_VLLM = "registry.example.com/serving/vllm-openai:v0.9.2"
_GATEWAY = "registry.example.com/gateway/llm-gateway:1.4.2"


def manifest_objects(name: str) -> list[Object]:
    """The objects of one manifest file, in order."""
    return [one for one in yaml.safe_load_all((MANIFESTS / name).read_text()) if one]


def create(store: Store, obj: Object) -> Object:
    """Create one manifest object; an existing one of that name is kept."""
    resource = resource_of(obj["apiVersion"], obj["kind"])
    if resource is None:
        raise ValueError(f"the practice cluster does not serve {obj['apiVersion']} {obj['kind']}")
    made = copy_of(obj)
    for key, text in made.pop("stringData", {}).items():
        made.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    if obj["kind"] == "Namespace":
        made.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
        made["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = made["metadata"]["name"]
        made["status"] = {"phase": "Active"}
    found = store.find(resource, made["metadata"].get("namespace"), made["metadata"]["name"])
    return found if found is not None else store.create(resource, made)


def install(store: Store) -> None:
    """The platform as it is on its first day; the controllers, when started, bring it up."""
    for name in ("default", "kube-system", "kube-node-lease"):
        create(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    add_platform_nodes(store)
    for name in ("00-cluster.yaml", "10-serving.yaml", "20-gateway.yaml"):
        for obj in manifest_objects(name):
            create(store, obj)


def install_with_past(store: Store, now: datetime | None = None) -> None:
    """The platform after twelve days: rolled out twice, a finished training run, three refreshes, and no events left.

    Call it before the controllers are started. Takes about a second.
    """
    now = now or datetime.now(UTC)
    live(store, now - timedelta(days=12), 240, install)
    live(store, now - timedelta(days=5), 60, lambda past: set_image(past, "ai-gateway", "gateway", _GATEWAY))
    live(store, now - timedelta(days=3), 240, lambda past: set_image(past, "ai-serving", "qwen2-7b", _VLLM))
    live(
        store,
        now - timedelta(days=1, hours=2),
        180,
        lambda past: create(past, manifest_objects("training-job.yaml")[0]),
    )
    slot = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=now.hour % 6)
    for back in (12, 6, 0):
        if slot - timedelta(hours=back, seconds=-40) < now:
            live(store, slot - timedelta(hours=back, seconds=5), 40, lambda _past: None)
    for event in store.list("events"):
        store.remove("events", event["metadata"]["namespace"], event["metadata"]["name"])
    store.forget_history()


def live(store: Store, start: datetime, seconds: float, act: Callable[[Store], Any]) -> None:
    """Do something in the past and let the controllers work for so long, without waiting."""
    with _past(store, start) as clock:
        act(store)
        clock.advance(seconds)


@contextmanager
def _past(store: Store, start: datetime) -> Iterator[ManualClock]:
    from evals.practice.controllers.running import start as start_controllers
    from evals.practice.garbage import GarbageCollector
    from evals.practice.namespaces import NamespaceController

    clock, present = ManualClock(start), store.clock
    store.clock = clock
    running: list[Any] = [NamespaceController(store, clock), GarbageCollector(store, clock)]
    running.append(start_controllers(store, clock, timing=_PAST))
    try:
        yield clock
    finally:
        for part in reversed(running):
            part.stop()
        store.clock = present


def set_image(store: Store, namespace: str, name: str, image: str) -> None:
    changed = copy_of(store.get("deployments.apps", namespace, name))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    store.update("deployments.apps", changed)

"""A practice cluster in this process with a small shop in it, the real adapters before it, and reviews of what is said to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from knowledge.vocabulary import Json, ObjectRef, Plan, Review
from tools.review import make_plan, review_plan
from tools.safety.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from evals.practice.store import Store
    from tools.ports import ClusterReader, ClusterWriter

CLUSTER, NAMESPACE = "practice", "shop"
NOW = datetime(2026, 3, 17, 10, 40, tzinfo=UTC)
WEB = ObjectRef(cluster=CLUSTER, kind="Deployment", namespace=NAMESPACE, name="web")
NEAR = frozenset({WEB.key, "Pod/shop/web-1", "Service/shop/web"})


def meta(name: str, **more: Any) -> Json:
    return {"name": name, "namespace": NAMESPACE, **more}


def web(**more: Any) -> Json:
    labels = {"app": "web"}
    container = {
        "name": "app",
        "image": more.pop("image", "registry.example.com/shop/web:1"),
        **more.pop("container", {}),
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta("web", labels=labels, **more),
        "spec": spec,
    }


def pod(**more: Any) -> Json:
    spec = {"containers": [{"name": "app", "image": "registry.example.com/shop/web:1"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta("web-1", labels={"app": "web"}, **more.pop("meta", {})),
        "spec": spec,
        **more,
    }


@dataclass
class Place:
    """A practice cluster in this process, with the real adapters before it."""

    store: Store
    reader: ClusterReader
    writer: ClusterWriter
    policy: Policy

    async def reviewed(self, plan: Plan, near: frozenset[str] | None = NEAR) -> Review:
        """``near``: the topology of what was diagnosed; None: nothing was."""
        return await review_plan(
            plan, reader=self.reader, writer=self.writer, policy=self.policy, clock=Still(), topology_keys=near
        )  # fmt: skip


class Still:
    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        """Nobody waits here."""


def plan_of(script: str, **more: Any) -> Plan:
    more = {"written_by": "desk", **more}
    return make_plan(script, incident_id="inc-eval", cluster=CLUSTER, now=NOW, diagnosed_object=WEB, **more)


@asynccontextmanager
async def practice_place(policy: Policy) -> AsyncIterator[Place]:
    from api.bootstrap import open_reader, open_writer
    from api.settings import ClusterSettings
    from evals.practice.server import PracticeServer

    async with PracticeServer(with_controllers=False) as server:
        store = server.cluster.store
        for name in (NAMESPACE, "elsewhere", "monitoring"):
            store.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        store.create("deployments.apps", web(annotations={"note": "new"}))
        other = web()
        store.create("deployments.apps", {**other, "metadata": {"name": "other", "namespace": "elsewhere"}})
        store.create("pods", pod())
        with TemporaryDirectory() as folder:
            kubeconfig = Path(folder) / "kubeconfig"
            kubeconfig.write_text(server.kubeconfig(), encoding="utf-8")
            settings = ClusterSettings(name=CLUSTER, kubeconfig=kubeconfig, executor_kubeconfig=kubeconfig)
            yield Place(store, open_reader(settings), open_writer(settings), policy)

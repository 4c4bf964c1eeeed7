"""A right that is bound in one namespace of many is found there; where not every namespace can be looked at, that is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from api import rights
from api.hands import Hands, with_site
from api.rights import fitness_of
from api.settings import ClusterSettings
from knowledge.errors import AccessDenied
from knowledge.vocabulary import Mode
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment
from tools.ports import Identity, ResourceKind
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy

POLICY = load_policy()
NOW = StillClock().now()
LAB = ClusterSettings(name="lab", mode=Mode.EXECUTE)
OWN = ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"]},)
STRAY = (*OWN, {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]})


class Wide(MemoryCluster):
    """Very many namespaces; in ``stray`` somebody has bound more."""

    def __init__(self, count: int, stray: str = "", *, denies: bool = False) -> None:
        super().__init__(deployment())
        self.count, self.stray, self.denies = count, stray, denies
        self.asked: list[str] = []

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        self.asked.append(namespace)
        return STRAY if namespace == self.stray else OWN

    async def identity(self) -> Identity:
        return Identity("system:serviceaccount:opsdesk:opsdesk-executor", is_pods_own=True)

    async def list(self, kind: ResourceKind, *args: Any, **options: Any) -> Any:
        if kind.plural != "namespaces":
            return await super().list(kind, *args, **options)
        if self.denies:
            raise AccessDenied("may not list namespaces")
        listing = await super().list(kind, *args, **{**options, "limit": 0})
        most = options.get("limit") or self.count
        listing.items = [{"metadata": {"name": f"team-{number:04}"}} for number in range(min(self.count, most))]
        listing.is_cut = self.count > most
        return listing


@pytest.mark.parametrize("stray", ["team-0000", "team-0201", "team-1499", "kube-system", "default"])
async def test_right_that_is_bound_in_one_namespace_of_many_refuses(stray: str) -> None:
    cluster = Wide(1_500, stray)
    fitness = await fitness_of(LAB, cluster, cluster, POLICY)
    assert fitness.excess == ("get secrets",)
    assert "get secrets" in fitness.because


async def test_every_namespace_is_looked_at_and_nothing_is_said_when_all_is_as_it_should_be() -> None:
    cluster = Wide(1_500)
    fitness = await fitness_of(LAB, cluster, cluster, POLICY)
    assert (fitness.because, fitness.warning) == ("", None)
    assert len(set(cluster.asked)) == 1_502


async def test_it_is_said_on_every_review_when_there_are_more_namespaces_than_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rights, "MAX_NAMESPACES", 100)
    cluster = Wide(101, "team-0100")
    hands = Hands(LAB, cluster, cluster)
    fitness = await hands.fit(POLICY, NOW)
    assert (fitness.because, fitness.excess) == ("", ())
    plan = make_plan(
        "kubectl rollout restart deployment/web -n shop", incident_id="i", cluster="prod", written_by="d", now=NOW
    )
    review = await review_plan(plan, reader=cluster, writer=cluster, policy=POLICY, clock=StillClock())
    warned = [one for one in with_site(review, hands).warnings if "first 100" in one.en]
    assert warned
    assert "未知" in warned[0].zh


async def test_it_is_said_when_the_reader_may_not_list_namespaces() -> None:
    cluster = Wide(10, denies=True)
    fitness = await fitness_of(LAB, cluster, cluster, POLICY)
    assert fitness.warning is not None
    assert "default, kube-system" in fitness.warning.en
    assert "may not list namespaces" in fitness.warning.en

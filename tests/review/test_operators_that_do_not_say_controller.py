"""An owner of a custom kind that is no declared controller may write a change back all the same: two have to know."""

from __future__ import annotations

import pytest

from knowledge.vocabulary import Review, Ruling
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment
from tools.review import make_plan, review_plan
from tools.safety.policy import Policy


async def scaled(api_version: str, kind: str, *, controller: bool) -> Review:
    web = deployment()
    web["metadata"]["ownerReferences"] = [
        {
            "apiVersion": api_version,
            "kind": kind,
            "name": "chat",
            "uid": "u",
            **({"controller": True} if controller else {}),
        }
    ]
    cluster = MemoryCluster(web)
    plan = make_plan(
        "kubectl scale deploy/web --replicas=3 -n shop", incident_id="i", cluster="lab", written_by="d",
        now=StillClock().now(),
    )  # fmt: skip
    return await review_plan(plan, reader=cluster, writer=cluster, policy=Policy.load(None), clock=StillClock())


@pytest.mark.parametrize(
    ("api_version", "kind", "controller", "ruling"),
    [
        ("serving.kserve.io/v1beta1", "InferenceService", True, Ruling.REFUSED),
        ("serving.kserve.io/v1beta1", "InferenceService", False, Ruling.TWO),
        ("ray.io/v1", "RayService", False, Ruling.TWO),
        ("app.k8s.io/v1beta1", "Application", False, Ruling.ONE),  # groups objects, reconciles none
        ("v1", "ConfigMap", False, Ruling.ONE),  # there for garbage collection
    ],
)
async def test_owner_is_named_with_what_it_means(api_version: str, kind: str, controller: bool, ruling: Ruling) -> None:
    review = await scaled(api_version, kind, controller=controller)
    said = [one.message.en for one in review.verdicts if one.rule == "owner"]
    assert review.ruling is ruling, said
    assert any(f"{kind} chat" in line for line in said) is (ruling is not Ruling.ONE)

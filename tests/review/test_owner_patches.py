"""What an owner would write back is refused, and handed over as the patch to make at the owner."""

from __future__ import annotations

import pytest
import yaml

from knowledge.vocabulary import Json, Review, Ruling
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment
from tools.review import make_plan, review_plan
from tools.safety.policy import Policy

HELM: Json = {
    "labels": {"app": "web", "app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop"},
}
ARGO: Json = {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}
OPERATOR: Json = {
    "ownerReferences": [
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "name": "llm",
            "uid": "u",
            "controller": True,
        }
    ]
}


def kept_by(metadata: Json) -> MemoryCluster:
    item = deployment()
    return MemoryCluster({**item, "metadata": {**item["metadata"], **metadata}})


async def reviewed(cluster: MemoryCluster, script: str) -> Review:
    plan = make_plan(script, incident_id="i", cluster="prod", written_by="desk", now=StillClock().now())
    return await review_plan(plan, reader=cluster, writer=cluster, policy=Policy.load(None), clock=StillClock())


@pytest.mark.parametrize(("metadata", "owner"), [(HELM, "Helm release shop"), (ARGO, "Argo CD shop")])
async def test_refused_change_is_handed_over_as_the_fields_that_change(metadata: Json, owner: str) -> None:
    script = "kubectl set image deploy/web -n shop app=registry.example.com/shop/web:2"
    review = await reviewed(kept_by(metadata), script)
    (patch,) = review.patches
    assert (review.ruling, patch.owner, patch.target.key) == (Ruling.REFUSED, owner, "Deployment/shop/web")
    assert yaml.safe_load(patch.patch) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "template": {"spec": {"containers": [{"name": "app", "image": "registry.example.com/shop/web:2"}]}},
        },
    }


async def test_removed_field_is_a_null_in_the_patch() -> None:
    cluster = kept_by(ARGO)
    cluster.at("Deployment", "web")["spec"]["minReadySeconds"] = 30
    script = """kubectl patch deploy web -n shop --type=merge -p '{"spec":{"minReadySeconds":null}}'"""
    review = await reviewed(cluster, script)
    (patch,) = review.patches
    assert yaml.safe_load(patch.patch)["spec"] == {"minReadySeconds": None}


async def test_operator_is_named_and_nothing_lasting_or_free_is_handed_over() -> None:
    change = "kubectl set image deploy/web -n shop app=registry.example.com/shop/web:2"
    of_operator = await reviewed(kept_by(OPERATOR), change)
    assert (of_operator.ruling, of_operator.patches) == (Ruling.REFUSED, ())
    assert any("InferenceService llm" in verdict.message.en for verdict in of_operator.verdicts)
    assert (await reviewed(kept_by(ARGO), "kubectl rollout restart deploy/web -n shop")).patches == ()
    assert (await reviewed(kept_by({}), change)).patches == ()


def scaler(least: int, most: int) -> Json:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web-hpa", "namespace": "shop"},
        "spec": {
            "minReplicas": least,
            "maxReplicas": most,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }


@pytest.mark.parametrize(
    ("wanted", "bounds"),
    [
        (4, {"minReplicas": 4}),
        (6, {"minReplicas": 6, "maxReplicas": 6}),
        (1, {"minReplicas": 1, "maxReplicas": 1}),
    ],
)
async def test_scaling_against_an_autoscaler_is_handed_over_as_its_bounds(wanted: int, bounds: Json) -> None:
    cluster = kept_by({})
    cluster.put(scaler(2, 5))
    review = await reviewed(cluster, f"kubectl scale deploy/web -n shop --replicas={wanted}")
    (patch,) = review.patches
    assert review.ruling is Ruling.REFUSED
    document = yaml.safe_load(patch.patch)
    assert (document["kind"], document["metadata"]["name"], document["spec"]) == (
        "HorizontalPodAutoscaler",
        "web-hpa",
        bounds,
    )

"""A change that is only tried: its difference is shown, and what is frozen is a read."""

from __future__ import annotations

import pytest

from knowledge.vocabulary import Ruling
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment, service
from tests.review.test_review_plan import reviewed
from tools.execution.reading import read_step

DIFF = """kubectl diff -n shop -f - <<'EOF'
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: other}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fresh}
data: {a: b}
EOF
"""


async def never() -> str:
    return ""


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale deploy/web -n shop --replicas=0 --dry-run=server", "kubectl delete deploy/web -n shop --dry-run=client",
        "kubectl rollout restart deploy/web -n shop --dry-run=server", DIFF, "kubectl label deploy/web -n shop --list",
        "kubectl delete deploy -n shop -l app=web --dry-run=server", "kubectl set image deploy/web -n shop app=evil.example/a:1 --dry-run=client",
    ],
)  # fmt: skip
async def test_nothing_but_reads_is_frozen_when_a_change_is_only_tried(line: str) -> None:
    cluster = MemoryCluster(deployment(), service())
    review = await reviewed(cluster, line)
    (step,) = review.steps
    assert review.ruling is Ruling.AUTO
    assert step.requests
    assert {request.method for request in step.requests} == {"GET"}
    assert not step.inverse
    assert not step.is_change
    before = cluster.at("Deployment", "web")
    await read_step(step, cluster, StillClock(), never)
    assert cluster.at("Deployment", "web") == before


async def test_difference_is_shown_when_a_change_is_only_tried() -> None:
    cluster = MemoryCluster(deployment(), service())
    review = await reviewed(cluster, "kubectl scale deploy/web -n shop --replicas=7 --dry-run=server")
    assert "+ 7" in review.steps[0].diff
    assert any("only tried" in warning.en for warning in review.warnings)
    both = await reviewed(cluster, DIFF)
    assert "other" in both.steps[0].diff
    assert "fresh" in both.steps[0].diff


async def test_a_later_step_stands_on_the_cluster_when_an_earlier_one_was_only_tried() -> None:
    cluster = MemoryCluster(deployment(), service())
    script = (
        "kubectl scale deploy/web -n shop --replicas=7 --dry-run=server\nkubectl scale deploy/web -n shop --replicas=3"
    )
    review = await reviewed(cluster, script)
    assert [step.depends_on for step in review.steps] == [(), ()]
    assert review.steps[1].before[0].value != 7


async def test_question_of_rights_is_answered_for_the_identity_that_reads() -> None:
    cluster = MemoryCluster(deployment())
    review = await reviewed(cluster, "kubectl auth can-i get pods -n shop")
    output, failure = await read_step(review.steps[0], cluster, StillClock(), never)
    assert (output, failure) == ("yes", "")

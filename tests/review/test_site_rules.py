"""The site's own wishes with a cluster at hand: hours, named approvers; and what an apply over an object changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from knowledge.vocabulary import Review, Ruling
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy
from tools.safety.policy import Policy
from tools.safety.site import ClosedPeriod, ServiceProfile

ONE, TWO, F = Ruling.ONE, Ruling.TWO, Ruling.FORBIDDEN
RESTART = "kubectl rollout restart deploy/web -n shop"
NOW = StillClock().now()


async def reviewed(script: str, policy: Policy) -> Review:
    cluster = MemoryCluster(deployment())
    plan = make_plan(script, incident_id="inc-1", cluster="prod", written_by="desk", now=NOW)
    return await review_plan(plan, reader=cluster, writer=cluster, policy=policy, clock=StillClock())


def site(**more: object) -> Policy:
    return load_policy().model_copy(update=more)


async def test_review_in_a_closed_period_is_forbidden_and_after_it_is_not() -> None:
    hour = timedelta(hours=1)
    within = ClosedPeriod(begins=NOW - hour, ends=NOW + hour, reason="release freeze")
    review = await reviewed(RESTART, site(closed_periods=(within,)))
    assert review.ruling is F
    assert any("release freeze" in verdict.message.en for verdict in review.verdicts)
    past = ClosedPeriod(begins=NOW - 2 * hour, ends=NOW - hour)
    assert (await reviewed(RESTART, site(closed_periods=(past,)))).ruling is ONE


async def test_review_names_the_approvers_of_the_profile_that_it_touches() -> None:
    profile = ServiceProfile(name="web", namespaces=("shop",), names=("web*",), approvers=("alice", "team-*"))
    review = await reviewed(RESTART, site(profiles=(profile,)))
    assert review.approvers == (("alice", "team-*"),)
    assert any("alice" in verdict.message.en for verdict in review.verdicts)
    assert (await reviewed("kubectl get pods -n shop", site(profiles=(profile,)))).approvers == ()
    assert (await reviewed(RESTART, load_policy())).approvers == ()


APPLIED = """kubectl apply -f - <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: %s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: 'registry.example.com/shop/web:1'%s}]
EOF
"""


async def test_apply_that_changes_a_label_by_which_pods_are_picked_needs_two() -> None:
    review = await reviewed(APPLIED.replace("labels: {app: web}", "labels: {app: other}") % (2, ""), load_policy())
    assert review.ruling is TWO
    assert any(verdict.rule == "selector_detach" for verdict in review.verdicts)


@pytest.mark.parametrize(
    ("replicas", "container", "wanted"),
    [
        (3, "", ONE),
        (2, ", command: [sleep, infinity]", TWO),
        (0, "", TWO),
        (2, ", securityContext: {runAsUser: 0}", TWO),
    ],
)
async def test_apply_over_an_object_is_judged_by_what_it_changes(replicas: int, container: str, wanted: Ruling) -> None:
    review = await reviewed(APPLIED % (replicas, container), load_policy())
    assert review.ruling is wanted, [(v.rule, v.ruling, v.message.en) for v in review.verdicts]

"""Limits of change per target, and no remedy a second time that did not hold: in the review, and again before the first write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.limits import LIMIT, REPEAT, with_limits
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Decision,
    Diagnosis,
    ExecutionStatus,
    Hypothesis,
    IncidentStatus,
    ObjectRef,
    Plan,
    Review,
    Ruling,
    StepOutcome,
    StepResult,
    Text,
    Verdict,
    Verification,
)
from tests.agent.small_desk import SmallDesk, empty_ledger, heals_with_the_good_image, shop, sick_pod, small_desk
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, make_plan, make_review, open_incident
from tools.safety.policy import Policy
from tools.safety.site import ServiceProfile

POLICY = Policy.load(None)
FAULT = "gpu-hung"


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: TestClock) -> Iterator[Ledger]:
    (tmp_path / "ledger.db").write_bytes(empty_ledger())
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as opened:
        yield opened


def propose(ledger: Ledger, number: int, *, requester: str = "", fault: str = FAULT) -> tuple[Plan, Review]:
    """An incident with a diagnosis, and the plan to restart its Deployment."""
    incident = open_incident(ledger, f"tkt-{number}")
    if fault:
        where = ObjectRef(cluster="prod", kind="Deployment", namespace="serving", name="vllm")
        said = Text(en=fault, zh=fault)
        chosen = Hypothesis(id="h", fault=fault, object=where, title=said, explanation=said, score=1.0)
        ledger.diagnoses.put(incident.id, Diagnosis(verdict=Verdict.FAULT, chosen=chosen, confidence=0.9, summary=said))
    plan = make_plan(incident.id, f"pln-{number}", requester=requester)
    ledger.plans.put(plan)
    return plan, make_review(plan, id=f"rev-{number}")


def carry_out(
    ledger: Ledger, number: int, status: ExecutionStatus = ExecutionStatus.DONE, outcome: str = "", **more: str
) -> str:
    plan, review = propose(ledger, number, **more)
    request = ledger.approvals.ask(plan.incident_id, plan.id, review, 1, "mei")
    voter = add_approver(ledger, f"wei-{number}")
    ledger.approvals.vote(request.id, voter, Decision.APPROVE, "", request.digest)
    execution = ledger.executions.request(plan.incident_id, plan.id, review, request.id)
    claim = ledger.executions.claim_next("e1", 30)
    assert claim is not None
    done = StepResult(step=0, step_key="k", outcome=StepOutcome.DONE)
    ledger.executions.record_result(execution.id, claim[1], done)
    ledger.executions.finish(execution.id, claim[1], status, "")
    if outcome:
        said = Text(en=outcome, zh=outcome)
        verified = Verification.model_validate(
            {
                "execution_id": execution.id,
                "outcome": outcome,
                "summary": said,
                "soak_seconds": 60.0,
                "verified_at": datetime.now(UTC),
            }
        )
        ledger.verifications.put(plan.incident_id, verified)
    return execution.id


async def judged(ledger: Ledger, plan: Plan, review: Review, clock: TestClock, policy: Policy = POLICY) -> Review:
    return await with_limits(review, plan, ledger, policy, clock())


def rules(review: Review) -> list[str]:
    return [verdict.rule for verdict in review.verdicts]


NO_REPEAT = POLICY.model_copy(update={"repeat_hours": 0})


async def test_the_fourth_restart_within_an_hour_is_forbidden_until_the_first_is_an_hour_old(
    ledger: Ledger, clock: TestClock
) -> None:
    for number in range(3):
        carry_out(ledger, number, fault=f"fault-{number}")
        clock.advance(minutes=10)
    plan, review = propose(ledger, 3)
    said = await judged(ledger, plan, review, clock)
    assert (said.ruling, rules(said)) == (Ruling.FORBIDDEN, [LIMIT])
    assert "3 restarts within the last hour" in said.verdicts[0].message.en
    assert "13:00 UTC" in said.verdicts[0].message.en
    clock.advance(minutes=31)
    assert rules(await judged(ledger, plan, review, clock)) == []


async def test_the_change_budget_of_a_day_is_counted_per_target(ledger: Ledger, clock: TestClock) -> None:
    policy = NO_REPEAT.model_copy(update={"changes_per_day": 2, "restarts_per_hour": 50})
    for number in range(2):
        carry_out(ledger, number)
    plan, review = propose(ledger, 2)
    assert rules(await judged(ledger, plan, review, clock, policy)) == [LIMIT]
    step = review.steps[0]
    other = ObjectRef(cluster="prod", kind="Deployment", namespace="serving", name="gateway")
    elsewhere = review.model_copy(update={"steps": (step.model_copy(update={"target": other}),)})
    assert rules(await judged(ledger, plan, elsewhere, clock, policy)) == []
    clock.advance(hours=25)
    assert rules(await judged(ledger, plan, review, clock, policy)) == []


async def test_a_plan_counts_its_own_changes_too(ledger: Ledger, clock: TestClock) -> None:
    plan, review = propose(ledger, 0)
    four = review.model_copy(update={"steps": review.steps * 4})
    assert rules(await judged(ledger, plan, four, clock)) == [LIMIT]


async def test_what_never_began_is_not_counted(ledger: Ledger, clock: TestClock) -> None:
    for number in range(5):
        plan, review = propose(ledger, number)
        request = ledger.approvals.ask(plan.incident_id, plan.id, review, 1, "mei")
        ledger.approvals.vote(request.id, add_approver(ledger, f"a{number}"), Decision.APPROVE, "", request.digest)
        execution = ledger.executions.request(plan.incident_id, plan.id, review, request.id)
        ledger.executions.cancel(execution.id, "wei")
    plan, review = propose(ledger, 9)
    assert rules(await judged(ledger, plan, review, clock)) == []


async def test_an_execution_does_not_count_itself_and_of_two_at_once_the_earlier_goes(
    ledger: Ledger, clock: TestClock
) -> None:
    policy = NO_REPEAT.model_copy(update={"restarts_per_hour": 1})
    running = []
    for number in range(2):
        plan, review = propose(ledger, number)
        request = ledger.approvals.ask(plan.incident_id, plan.id, review, 1, "mei")
        ledger.approvals.vote(request.id, add_approver(ledger, f"a{number}"), Decision.APPROVE, "", request.digest)
        execution = ledger.executions.request(plan.incident_id, plan.id, review, request.id)
        assert ledger.executions.claim_next(f"e{number}", 30) is not None
        running.append((plan, review, execution.id))
    found = [
        rules(await with_limits(review, plan, ledger, policy, clock(), execution_id=run))
        for plan, review, run in running
    ]
    assert found == [[], [LIMIT]]


@pytest.mark.parametrize("outcome", ["", "better", "same", "worse"])
async def test_a_remedy_is_not_carried_out_again_for_the_same_fault_within_the_window(
    ledger: Ledger, clock: TestClock, outcome: str
) -> None:
    carry_out(ledger, 0, outcome=outcome)
    clock.advance(hours=2)
    plan, review = propose(ledger, 1)
    said = await judged(ledger, plan, review, clock)
    assert (said.ruling, rules(said)) == (Ruling.FORBIDDEN, [REPEAT])
    assert "did not hold" in said.verdicts[0].message.en
    assert "人工" in said.verdicts[0].message.zh
    clock.advance(hours=23)
    assert rules(await judged(ledger, plan, review, clock)) == []


async def test_a_person_may_ask_for_the_same_remedy_again_and_two_must_agree(ledger: Ledger, clock: TestClock) -> None:
    carry_out(ledger, 0)
    plan, review = propose(ledger, 1, requester="mei")
    said = await judged(ledger, plan, review, clock)
    assert (said.ruling, rules(said)) == (Ruling.TWO, [REPEAT])


async def test_another_fault_another_script_or_an_attempt_that_broke_off_is_no_repetition(
    ledger: Ledger, clock: TestClock
) -> None:
    carry_out(ledger, 0, fault="other-fault")
    carry_out(ledger, 1, ExecutionStatus.FAILED)
    plan, review = propose(ledger, 2)
    assert rules(await judged(ledger, plan, review, clock)) == []
    carry_out(ledger, 3)
    assert REPEAT in rules(await judged(ledger, plan, review, clock))
    assert REPEAT not in rules(await judged(ledger, plan, review, clock, NO_REPEAT))
    other = plan.model_copy(update={"script": "kubectl -n serving rollout undo deployment/vllm\n"})
    assert REPEAT not in rules(await judged(ledger, other, make_review(other, id="rev-9"), clock))


async def test_a_change_request_of_a_person_is_no_remedy_and_may_be_made_again(
    ledger: Ledger, clock: TestClock
) -> None:
    carry_out(ledger, 0, requester="mei", fault="")
    plan, review = propose(ledger, 1, requester="mei", fault="")
    assert rules(await judged(ledger, plan, review, clock)) == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SmallDesk]:
    with small_desk(tmp_path) as opened:
        yield opened


async def healed(place: SmallDesk, name: str = "KubePodImagePullFailing") -> str:
    incident_id = place.alert(name)
    await place.advance(incident_id)
    await place.settle(incident_id)
    return incident_id


async def test_a_fault_that_comes_back_goes_to_a_person_instead_of_the_same_remedy(place: SmallDesk) -> None:
    first = await healed(place)
    place.decide(first)
    await place.advance(first, "approved")
    assert (await place.settle(first)).status is IncidentStatus.RESOLVED, place.story(first)
    place.ledger.incidents.close(first, "bob", "done")
    place.cluster.objects.clear()
    sick = shop()
    place.cluster.objects.update(sick.objects)
    newest = next(item for item in sick.objects.values() if item["metadata"]["name"] == "web-hash2")
    heals_with_the_good_image(place.cluster, [place.cluster.put(sick_pod(newest, "web-hash2-aaaaa"))])
    writes = len(place.cluster.writes)
    second = await healed(place, "KubeDeploymentReplicasMismatch")
    incident = place.ledger.incidents.get(second)
    assert incident.status is IncidentStatus.HANDED_OVER, place.story(second)
    assert REPEAT in str(place.ledger.timeline.for_incident(second))
    assert len(place.cluster.writes) == writes


async def test_the_executor_asks_again_before_it_writes(place: SmallDesk) -> None:
    incident_id = await healed(place)
    place.decide(incident_id)
    await place.advance(incident_id, "approved")
    place.executor.policy = place.executor.policy.model_copy(update={"changes_per_day": 0})
    incident = await place.settle(incident_id)
    assert incident.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
    assert place.cluster.writes == []
    assert "at most 0" in place.story(incident_id)


async def test_glass_broken_runs_only_where_the_policy_lets_it(place: SmallDesk) -> None:
    incident_id = await healed(place)
    (waiting,) = place.ledger.approvals.waiting(place.people["alice"].scope)
    reason = "the shop is down and nobody else answers"
    place.ledger.approvals.break_glass(waiting.id, place.people["alice"], reason, waiting.digest)
    place.executor.policy = place.executor.policy.model_copy(update={"break_glass": "never"})
    await place.advance(incident_id, "approved")
    incident = await place.settle(incident_id)
    assert incident.status is IncidentStatus.HANDED_OVER
    assert "lets nobody approve alone" in place.story(incident_id)
    assert place.cluster.writes == []


async def test_glass_broken_lets_one_person_alone_restore(place: SmallDesk) -> None:
    incident_id = await healed(place)
    (waiting,) = place.ledger.approvals.waiting(place.people["alice"].scope)
    reason = "the shop is down and nobody else answers"
    place.ledger.approvals.break_glass(waiting.id, place.people["alice"], reason, waiting.digest)
    await place.advance(incident_id, "approved")
    incident = await place.settle(incident_id)
    assert incident.status is IncidentStatus.RESOLVED, place.story(incident_id)
    since = datetime.now(UTC) - timedelta(days=1)
    assert [one.id for one in place.ledger.approvals.glass_broken(place.people["alice"].scope, since)] == [waiting.id]


def pod_deletion(ledger: Ledger, number: int, *pods: str, script: str = "", fault: str = FAULT) -> tuple[Plan, Review]:
    """A plan to delete pods of one workload, each under its own made-up name."""
    plan, review = propose(ledger, number, fault=fault)
    deletions = [f"kubectl delete pod {pod} -n serving" for pod in pods]
    plan = plan.model_copy(update={"script": script or "\n".join(deletions) + "\n"})
    (step,) = review.steps
    steps = [
        step.model_copy(
            update={
                "step": step.step.model_copy(update={"index": index, "action": "delete_pod", "text": text}),
                "target": ObjectRef(cluster="prod", kind="Pod", namespace="serving", name=pod),
            }
        )
        for index, (pod, text) in enumerate(zip(pods, deletions, strict=True))
    ]
    return plan, review.model_copy(update={"steps": tuple(steps)})


def carry_through(ledger: Ledger, plan: Plan, review: Review, number: int) -> None:
    request = ledger.approvals.ask(plan.incident_id, plan.id, review, 1, "mei")
    ledger.approvals.vote(request.id, add_approver(ledger, f"wei-{number}"), Decision.APPROVE, "", request.digest)
    execution = ledger.executions.request(plan.incident_id, plan.id, review, request.id)
    claim = ledger.executions.claim_next("e1", 30)
    assert claim is not None
    ledger.executions.finish(execution.id, claim[1], ExecutionStatus.DONE, "")


async def test_deleting_the_next_pod_of_the_same_workload_is_the_same_remedy_under_another_name(
    ledger: Ledger, clock: TestClock
) -> None:
    carry_through(ledger, *pod_deletion(ledger, 0, "vllm-7d4b9c6f5d-x2x7k"), 0)
    clock.advance(minutes=10)
    plan, review = pod_deletion(
        ledger, 1, "vllm-7d4b9c6f5d-9qk4z", script="kubectl get pods -n serving\nkubectl delete ...\n"
    )
    said = await judged(ledger, plan, review, clock)
    assert (said.ruling, rules(said)) == (Ruling.FORBIDDEN, [REPEAT])
    plan, review = pod_deletion(ledger, 2, "gateway-7d4b9c6f5d-9qk4z")
    assert rules(await judged(ledger, plan, review, clock)) == []


async def test_pods_of_one_workload_that_leave_by_one_plan_are_one_change_and_the_next_plans_add_up(
    ledger: Ledger, clock: TestClock
) -> None:
    policy = NO_REPEAT.model_copy(update={"changes_per_day": 2})
    three = ("vllm-7d4b9c6f5d-x2x7k", "vllm-7d4b9c6f5d-b2b7b", "vllm-7d4b9c6f5d-c2c7c")
    for number in range(2):
        plan, review = pod_deletion(ledger, number, *three)
        assert rules(await judged(ledger, plan, review, clock, policy)) == []
        carry_through(ledger, plan, review, number)
    plan, review = pod_deletion(ledger, 2, "vllm-7d4b9c6f5d-z4z7z")
    said = await judged(ledger, plan, review, clock, policy)
    assert (said.ruling, rules(said)) == (Ruling.FORBIDDEN, [LIMIT])
    assert "Pod/serving/vllm-*: 2 changes" in said.verdicts[0].message.en


async def test_pods_of_a_set_keep_their_names_and_their_own_counts(ledger: Ledger, clock: TestClock) -> None:
    policy = NO_REPEAT.model_copy(update={"changes_per_day": 1})
    carry_through(ledger, *pod_deletion(ledger, 0, "db-0"), 0)
    for number, (pod, found) in enumerate((("db-1", []), ("db-0", [LIMIT])), 1):
        plan, review = pod_deletion(ledger, number, pod)
        assert rules(await judged(ledger, plan, review, clock, policy)) == found


async def test_a_profile_may_set_a_smaller_budget_for_its_own_targets(ledger: Ledger, clock: TestClock) -> None:
    own = ServiceProfile(name="chat", namespaces=("serving",), names=("vllm",), changes_per_day=1)
    policy = NO_REPEAT.model_copy(update={"profiles": (own,)})
    carry_out(ledger, 0)
    plan, review = propose(ledger, 1)
    said = await judged(ledger, plan, review, clock, policy)
    assert (said.ruling, rules(said)) == (Ruling.FORBIDDEN, [LIMIT])
    assert "at most 1" in said.verdicts[0].message.en
    assert rules(await judged(ledger, plan, review, clock, NO_REPEAT)) == []

"""A whole incident in the ledger, from alert to approval request, as the graph would have written it; hostile where the world
outside may be hostile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from api.bootstrap import utc_now
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    Alert,
    Answer,
    ApiRequest,
    ApprovalRequest,
    BlastRadius,
    ChainLink,
    Claim,
    Decision,
    Diagnosis,
    DryRun,
    Evidence,
    EvidenceKind,
    Execution,
    ExecutionStatus,
    FieldState,
    Finding,
    FrozenStep,
    Gap,
    Hypothesis,
    Incident,
    IncidentStatus,
    Language,
    Layer,
    Lesson,
    ManualStep,
    ObjectRef,
    PermissionCheck,
    Plan,
    ReversalKind,
    Review,
    RuleVerdict,
    Ruling,
    ScorePart,
    Severity,
    Step,
    StepOutcome,
    StepResult,
    Text,
    Verdict,
    Verification,
)

HOSTILE = "<script>alert('x')</script>\x1b[31mred\u202egnp.exe\u200b"
SCRIPT = "kubectl -n serving rollout undo deployment/qwen2-7b\n"
DIFF = """@@ spec.template.spec.containers[vllm].image @@
-registry.local/vllm-openai:v0.9.1-cu124-typo
+registry.local/vllm-openai:v0.9.0-cu124"""


@dataclass(frozen=True)
class Story:
    incident: Incident
    evidence: list[Evidence]
    plan: Plan
    review: Review
    approval: ApprovalRequest


def alert(
    name: str = "ModelServerDown",
    *,
    fingerprint: str = "f1",
    cluster: str = "prod",
    namespace: str = "serving",
    service: str = "qwen2-7b",
    status: Literal["firing", "resolved"] = "firing",
    summary: str = "qwen2-7b has no ready replica for 3 minutes",
) -> Alert:
    return Alert(
        source="alertmanager",
        fingerprint=fingerprint,
        status=status,
        name=name,
        severity=Severity.CRITICAL,
        cluster=cluster,
        namespace=namespace,
        service=service,
        labels={"alertname": name, "deployment": service, "severity": "critical"},
        annotations={"summary": summary},
        starts_at=utc_now().replace(microsecond=0) - timedelta(minutes=3),
    )


def incident_of(ledger: Ledger, key: str = "d1", **told: str) -> Incident:
    """An incident that an alert opened."""
    one = alert(**{"fingerprint": key, **told})  # type: ignore[arg-type]
    receipt = ledger.alerts.receive(key, "alertmanager", key.encode(), [one])[0]
    return ledger.incidents.get(receipt.incident_id)


def whole_story(
    ledger: Ledger, *, requester: str = "", ruling: Ruling = Ruling.ONE, key: str = "d1", **told: str
) -> Story:
    incident = incident_of(ledger, key, **told)
    now = utc_now()
    evidence = _evidence(incident.cluster, now)
    ledger.evidence.put_many(incident.id, evidence)
    ledger.timeline.add(
        incident.id, "triage", "opsdesk", Text(en="Read as a fault, severity critical", zh="识别为故障，级别 critical")
    )
    ledger.timeline.add(
        incident.id,
        "collect",
        "opsdesk",
        Text(en="Gathered 412 objects, 9 logs; 1 gaps", zh="已采集 412 个对象、9 份日志；1 处缺口"),
    )
    findings = _findings(evidence, now)
    ledger.findings.put_many(incident.id, findings)
    diagnosis = _diagnosis(evidence)
    ledger.diagnoses.put(incident.id, diagnosis)
    ledger.timeline.add(incident.id, "diagnose", "opsdesk", diagnosis.summary, diagnosis.model_dump(mode="json"))
    plan = _plan(incident, requester, now)
    ledger.plans.put(plan)
    review = _review(plan, ruling, now)
    ledger.reviews.put(review)
    needed = max(review.approvers_needed, 1)
    approval = ledger.approvals.ask(incident.id, plan.id, review, needed, requester)
    incident = ledger.incidents.set_status(
        incident.id, IncidentStatus.AWAITING_APPROVAL, f"waiting for {needed} approver(s)"
    )
    return Story(incident, evidence, plan, review, approval)


DEPLOYMENT = ObjectRef(cluster="prod", kind="Deployment", namespace="serving", name="qwen2-7b")
POD = ObjectRef(cluster="prod", kind="Pod", namespace="serving", name="qwen2-7b-6c9d8f-x2x7k")
GATEWAY = ObjectRef(cluster="prod", kind="Deployment", namespace="gateway", name="envoy")


def fact(kind: EvidenceKind, target: ObjectRef, query: str, text: str, now: datetime) -> Evidence:
    address = Evidence.address(kind, target.cluster, "kubernetes", query, target.key, text)
    return Evidence(
        id=address,
        kind=kind,
        cluster=target.cluster,
        source="kubernetes",
        query=query,
        observed_at=now,
        object=target,
        text=text,
    )


def _evidence(cluster: str, now: datetime) -> list[Evidence]:
    assert cluster == DEPLOYMENT.cluster
    event = 'Failed to pull image "registry.local/vllm-openai:v0.9.1-cu124-typo": not found\nx12 over 3m'
    return [
        fact(EvidenceKind.EVENT, POD, "events.k8s.io", event, now),
        fact(
            EvidenceKind.OBJECT,
            DEPLOYMENT,
            "apis/apps/v1/deployments",
            "availableReplicas: 0\nimage: v0.9.1-cu124-typo",
            now,
        ),
        fact(EvidenceKind.LOG, POD, "logs container=vllm", HOSTILE, now),
        fact(EvidenceKind.OBJECT, GATEWAY, "apis/apps/v1/deployments", "gateway secret plans", now),
    ]


def _findings(evidence: list[Evidence], now: datetime) -> list[Finding]:
    pulled = Text(en="The image cannot be pulled", zh="镜像无法拉取")
    empty = Text(en="No replica is available", zh="没有可用副本")
    return [
        Finding(
            id="fnd-1",
            fault="image-pull-not-found",
            layer=Layer.IMAGE,
            severity=Severity.CRITICAL,
            object=POD,
            title=pulled,
            explanation=pulled,
            evidence_ids=(evidence[0].id,),
            began_at=now,
        ),
        Finding(
            id="fnd-2",
            fault="deployment-unavailable",
            layer=Layer.WORKLOAD,
            severity=Severity.HIGH,
            object=DEPLOYMENT,
            title=empty,
            explanation=empty,
            evidence_ids=(evidence[1].id,),
        ),
        Finding(
            id="fnd-3",
            fault="gateway-503",
            layer=Layer.GATEWAY,
            severity=Severity.HIGH,
            object=GATEWAY,
            title=Text(en="The gateway answers 503", zh="网关返回 503"),
            explanation=Text(en="no healthy upstream", zh="无健康上游"),
            evidence_ids=(evidence[3].id,),
        ),
    ]


def _diagnosis(evidence: list[Evidence]) -> Diagnosis:
    chosen = Hypothesis(
        id="hyp-1",
        fault="image-pull-not-found",
        object=DEPLOYMENT,
        title=Text(en="The new image tag does not exist in the registry", zh="镜像仓库中不存在新的镜像标签"),
        explanation=Text(
            en="The rollout at 10:02 changed the image to a tag that the registry does not have, so no new replica can start.",
            zh="10:02 的发布将镜像改为仓库中不存在的标签，新副本无法启动。",
        ),
        score=0.91,
        parts=(
            ScorePart(name="coverage", value=1.0, weight=0.5, because="explains 3 of 3 symptoms"),
            ScorePart(name="change", value=1.0, weight=0.2, because="the image changed 3 minutes ago"),
        ),
        evidence_ids=(evidence[0].id, evidence[1].id),
        chain=(
            ChainLink(
                cause="image-pull-not-found Pod/serving/qwen2-7b-6c9d8f-x2x7k",
                effect=DEPLOYMENT.key,
                relation="owned_by",
            ),
            ChainLink(cause=DEPLOYMENT.key, effect=GATEWAY.key, relation="selects"),
        ),
    )
    second = chosen.model_copy(
        update={
            "id": "hyp-2",
            "fault": "registry-unreachable",
            "title": Text(en="The registry is unreachable", zh="镜像仓库不可达"),
            "score": 0.34,
            "chain": (),
        }
    )
    return Diagnosis(
        verdict=Verdict.FAULT,
        chosen=chosen,
        confidence=0.91,
        runner_up=second,
        others=(second.model_copy(update={"id": "hyp-3", "object": GATEWAY, "fault": "gateway-misrouted"}),),
        gaps=(
            Gap(
                source="metrics",
                query="vllm:num_requests_running",
                reason="Prometheus does not answer",
                next_step="opsdesk doctor",
            ),
        ),
        summary=Text(
            en="qwen2-7b has no replica because its new image tag does not exist",
            zh="qwen2-7b 没有可用副本：新镜像标签不存在",
        ),
        ruled_out=(Text(en="No node is under disk pressure", zh="没有节点磁盘压力"),),
        model_note="qwen2.5-72b agrees",
        model_order=("image-pull-not-found", "registry-unreachable"),
        claims=(
            Claim(
                object=POD.key,
                predicate="image",
                value=HOSTILE,
                evidence_id=evidence[0].id,
                standing="contradicted",
                because="the event names another image",
            ),
        ),
        seconds=0.42,
    )


def _plan(incident: Incident, requester: str, now: datetime) -> Plan:
    step = Step(index=0, action="rollout_undo", is_read=False, parameters={}, text=SCRIPT.strip(), line=1)
    return Plan(
        id=f"pln-{incident.id}",
        incident_id=incident.id,
        cluster=incident.cluster,
        script=SCRIPT,
        steps=(step,),
        manual_steps=(
            ManualStep(
                index=0,
                instruction=Text(en="Tell the release owner which tag was meant", zh="通知发布负责人正确的标签"),
            ),
        ),
        written_by="case image-tag-typo",
        requester=requester,
        created_at=now,
    )


def _review(plan: Plan, ruling: Ruling, now: datetime) -> Review:
    path = "/apis/apps/v1/namespaces/serving/deployments/qwen2-7b"
    before, after = "registry.local/vllm-openai:v0.9.1-cu124-typo", "registry.local/vllm-openai:v0.9.0-cu124"
    field = "spec.template.spec.containers[vllm].image"
    frozen = FrozenStep(
        step=plan.steps[0],
        target=DEPLOYMENT,
        requests=(
            ApiRequest(
                cluster="prod",
                method="PATCH",
                path=path,
                content_type="application/json-patch+json",
                body=[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": after}],
            ),
        ),
        inverse=(ApiRequest(cluster="prod", method="PATCH", path=path, body=[{"op": "replace", "value": before}]),),
        reversal=ReversalKind.RESTORES,
        before=(FieldState(path=field, value=before),),
        diff=DIFF,
    )
    return Review(
        id=f"rev-{plan.id}",
        plan_id=plan.id,
        incident_id=plan.incident_id,
        cluster=plan.cluster,
        digest="sha256:" + "5f" * 32,
        ruling=ruling,
        steps=(frozen,),
        verdicts=(
            RuleVerdict(
                rule="change",
                ruling=ruling,
                message=Text(en="a change of a workload needs an approver", zh="变更工作负载需要审批"),
                step=0,
            ),
            RuleVerdict(
                rule="image_source",
                ruling=Ruling.AUTO,
                message=Text(en="the registry is approved", zh="镜像仓库在许可名单中"),
                step=0,
            ),
        ),
        permissions=(PermissionCheck(verb="patch", resource="deployments.apps", namespace="serving", allowed=True),),
        dry_runs=(DryRun(step=0, outcome="ok"),),
        blast=BlastRadius(pods=2, replicas=2, services=("qwen2-7b",)),
        warnings=(Text(en="Argo CD manages this Deployment", zh="该 Deployment 由 Argo CD 管理"),),
        reviewed_at=now,
    )


def finish(
    ledger: Ledger, story: Story, *, outcome: Literal["better", "same", "worse", "unknown"] = "better"
) -> Execution:
    """Approved by ana, executed, verified, learned: how the story ends."""
    ana = ledger.principals.by_id("ana")
    ledger.approvals.vote(story.approval.id, ana, Decision.APPROVE, "the tag is a typo", story.review.digest)
    request = ledger.executions.request(story.incident.id, story.plan.id, story.review, story.approval.id)
    claimed = ledger.executions.claim_next("executor-1", 30.0)
    assert claimed is not None
    _, token = claimed
    ledger.executions.record_intent(request.id, token, 0, "k0", "sha256:x")
    done = StepResult(
        step=0, step_key="k0", outcome=StepOutcome.DONE, message="revision 3", output=HOSTILE, finished_at=utc_now()
    )
    ledger.executions.record_result(request.id, token, done)
    execution = ledger.executions.finish(request.id, token, ExecutionStatus.DONE, "")
    ledger.plans.tick(story.plan.id, 0, ana)
    words = Text(en="The symptom is gone and stayed gone", zh="症状已消失且未复发")
    verification = Verification(
        execution_id=execution.id,
        outcome=outcome,
        summary=words,
        gone=("image-pull-not-found " + POD.key,),
        remaining=("gateway-503 " + GATEWAY.key,) if outcome == "same" else (),
        soak_seconds=60,
        verified_at=utc_now(),
    )
    ledger.verifications.put(story.incident.id, verification)
    lesson = Lesson(
        id=f"les-{story.incident.id}",
        incident_id=story.incident.id,
        case_id="image-tag-typo-2",
        markdown="---\nid: image-tag-typo-2\n---\n" + HOSTILE,
        created_at=utc_now(),
    )
    ledger.lessons.propose(lesson)
    ledger.feedback.add(story.incident.id, ana, "partly", "it was the release tool")
    ledger.incidents.set_status(story.incident.id, IncidentStatus.RESOLVED, "recovered: the symptom is gone")
    said = Answer(text="The fix holds.\n" + HOSTILE, language=Language.EN, citations=(story.evidence[0].id,))
    ledger.timeline.add(story.incident.id, "answer", "opsdesk", words, said.model_dump(mode="json"))
    return execution

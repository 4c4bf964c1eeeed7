"""The review, in its fixed order: translation, targets, requests, rules, rights, dry run, difference, blast radius,
reversal, owner, topology."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from knowledge.errors import ScriptRefused
from knowledge.vocabulary import (
    BlastRadius,
    DryRun,
    FrozenStep,
    Json,
    OwnerPatch,
    PermissionCheck,
    Plan,
    Review,
    RuleVerdict,
    Ruling,
    Text,
    digest_of,
)
from tools.actions.contract import Frozen, Look
from tools.ports import Clock, ClusterReader, ClusterWriter
from tools.review.blast import blast_of, evicted_pods
from tools.review.freezing import Prepared, notes_of, prepare, refused
from tools.review.owner import owner_verdicts
from tools.review.plan import steps_of
from tools.review.rights import check_rights
from tools.review.surroundings import Surroundings
from tools.review.trial import dry_run
from tools.safety.contract import Subject, Writes
from tools.safety.load import judge_step, strictest
from tools.safety.policy import Policy
from tools.safety.writing import writes_of, writes_of_states
from tools.script.command import Command, ParsedScript
from tools.script.kinds import table_for
from tools.script.parser import parse
from tools.script.refusal import show


@dataclass(slots=True)
class _Findings:
    """What the review has gathered so far."""

    steps: list[Prepared] = field(default_factory=list)
    verdicts: list[RuleVerdict] = field(default_factory=list)
    permissions: list[PermissionCheck] = field(default_factory=list)
    dry_runs: list[DryRun] = field(default_factory=list)
    blast: BlastRadius = field(default_factory=BlastRadius)
    open_points: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    patches: list[OwnerPatch] = field(default_factory=list)


async def review_plan(
    plan: Plan,
    *,
    reader: ClusterReader | None,
    writer: ClusterWriter | None,
    policy: Policy,
    clock: Clock,
    topology_keys: frozenset[str] | None = None,
) -> Review:
    """The verdict on a plan, frozen. With ``reader`` None what only a cluster can tell is open; with ``writer`` None rights
    and dry run are open; ``topology_keys`` are the keys of the diagnosed object's topology (the plan's own when not given; None
    there too when nothing was diagnosed).

    A failed dry run or a missing right is ruled *forbidden* until it is fixed and reviewed again; what kubectl itself would
    refuse on the object as it is, and what an owner would write back, is *refused*. Raises Temporary when the cluster does
    not answer: nothing is decided then.
    """
    if topology_keys is None and plan.topology_keys is not None:
        topology_keys = frozenset(plan.topology_keys)
    findings = _Findings()
    try:
        kinds = await reader.kinds() if reader is not None else None
        script = parse(plan.script, kinds=kinds) if plan.script.strip() else ParsedScript(())
        if tuple(step.text for step in plan.steps) != tuple(step.text for step in steps_of(script)):
            findings.verdicts.append(
                refused("translation", None, "the plan's steps are not its script's", "计划步骤与脚本不一致")
            )
    except ScriptRefused as error:
        findings.verdicts.append(refused("grammar", None, show(error, plan.script), show(error, plan.script)))
        return _review(plan, findings, clock)
    look = Look(reader, table_for(kinds), plan.created_at) if reader is not None else None
    findings.steps = await prepare(script, look, lambda command: _is_hopeless(command, script, policy))
    around = Surroundings(look) if look is not None else None
    await _judge(findings, script, plan, policy, topology_keys, around, clock.now())
    await _try_out(findings, look, writer)
    if around is not None:
        await _weigh(findings, around, policy)
    else:
        findings.open_points.append(
            Text(en="no cluster at hand: targets, owners and effects are open", zh="未连接集群：目标、归属与影响均未知")
        )
    findings.warnings += notes_of(findings.steps)
    return _review(plan, findings, clock, policy)


async def _judge(
    findings: _Findings,
    script: ParsedScript,
    plan: Plan,
    policy: Policy,
    keys: frozenset[str] | None,
    around: Surroundings | None,
    at: datetime,
) -> None:
    for prepared in findings.steps:
        findings.verdicts += prepared.verdicts
        subject = replace(await _subject(prepared, script, plan, keys, around), at=at)
        said, still_open = judge_step(subject, policy, prepared.step.index)
        if prepared.whole is not prepared.command:
            said += judge_step(replace(subject, command=prepared.whole), policy, prepared.step.index)[0]
        findings.verdicts += _distinct(said)
        findings.open_points += [verdict.message for verdict in still_open]


def _is_hopeless(command: Command, script: ParsedScript, policy: Policy) -> bool:
    said, _ = judge_step(Subject(command, writes_of(command), script.commands), policy, None)
    return strictest(said).strictness >= Ruling.FORBIDDEN.strictness


def _distinct(verdicts: Sequence[RuleVerdict]) -> list[RuleVerdict]:
    return list({verdict.model_dump_json(): verdict for verdict in verdicts}.values())


async def _subject(
    prepared: Prepared, script: ParsedScript, plan: Plan, keys: frozenset[str] | None, around: Surroundings | None
) -> Subject:
    frozen = prepared.frozen
    subject = Subject(prepared.command, writes_of(prepared.command), script.commands, is_offline=around is None)
    if frozen is None or around is None or frozen.target is None:
        return subject
    namespace = frozen.target.namespace
    nearby: list[dict[str, object]] = []
    if namespace and frozen.target.kind == "Pod" and prepared.command.verb in {"label", "patch", "apply"}:
        for spelling in ("services", "replicasets.apps", "statefulsets.apps", "daemonsets.apps"):
            nearby += await around.found(spelling, namespace)
    nearby += await evicted_pods(frozen, around)
    is_outside = None if keys is None else not _is_inside(frozen, plan, keys)
    return replace(
        subject, writes=(*subject.writes, *_restored(prepared)), observed=frozen.observed, desired=frozen.desired,
        nearby=tuple(nearby), reversal=frozen.reversal, is_outside=is_outside,
    )  # fmt: skip


def _restored(prepared: Prepared) -> tuple[Writes, ...]:
    """What a rollback puts back, what an apply over an object changes or drops, what a job takes over from its cron job: the
    frozen step says it, not the command."""
    frozen, verb = prepared.frozen, prepared.command.verb
    is_copy = verb == "create job" and prepared.command.has("from")
    if not (verb in {"rollout undo", "apply"} or is_copy):
        return ()
    if frozen is None or frozen.kind is None or frozen.target is None:
        return ()
    if is_copy:
        return (
            Writes(frozen.kind, frozen.target.namespace, frozen.target.name, _unowned(frozen.desired), is_whole=True),
        )
    if verb == "apply" and frozen.observed is None:
        return ()
    own = [state for state in frozen.after if not state.path.endswith("last-applied-configuration")]
    is_whole = verb == "rollout undo"
    return (writes_of_states(frozen.kind, frozen.target.namespace, frozen.target.name, own, is_whole),)


def _unowned(made: Json | None) -> Json:
    """What is made, without the owner that the action itself puts there."""
    metadata = {key: value for key, value in (made or {}).get("metadata", {}).items() if key != "ownerReferences"}
    return {**(made or {}), "metadata": metadata}


def _is_inside(frozen: Frozen, plan: Plan, keys: frozenset[str]) -> bool:
    """Whether the target belongs to what was diagnosed. An object that does not exist yet is in no topology: it belongs
    when it would stand in the diagnosed object's namespace."""
    assert frozen.target is not None
    if frozen.target.key in keys:
        return True
    diagnosed = plan.diagnosed_object
    return frozen.observed is None and diagnosed is not None and diagnosed.namespace == frozen.target.namespace


async def _try_out(findings: _Findings, look: Look | None, writer: ClusterWriter | None) -> None:
    """Rights and dry run with the executor's identity; only for a plan that nothing has stopped yet."""
    steps = [prepared.as_step() for prepared in findings.steps]
    changes = [step for step in steps if step.is_change]
    if not changes or look is None:
        return
    if writer is None:
        findings.open_points.append(
            Text(en="rights and dry run were not tried: there is no executor", zh="未检查权限与试运行：没有执行者")
        )
        findings.dry_runs += [DryRun(step=step.step.index, outcome="not_tried") for step in changes]
        return
    if strictest(findings.verdicts).strictness >= Ruling.FORBIDDEN.strictness:
        findings.dry_runs += [
            DryRun(step=step.step.index, outcome="not_tried", message="already stopped by a rule") for step in changes
        ]
        return
    findings.permissions = await check_rights(changes, look.kinds, writer)
    for check in findings.permissions:
        if not check.allowed:
            text = f"the executor may not {check.verb} {check.resource} in {check.namespace or 'the cluster'}"
            findings.verdicts.append(
                refused("permission", None, text, f"执行者无权 {check.verb} {check.resource}", Ruling.FORBIDDEN)
            )
    findings.dry_runs = await dry_run(changes, writer)
    for trial in findings.dry_runs:
        if trial.outcome == "failed":
            findings.verdicts.append(
                refused(
                    "dry_run",
                    trial.step,
                    f"the dry run failed: {trial.message}",
                    f"试运行失败：{trial.message}",
                    Ruling.FORBIDDEN,
                )
            )
        elif trial.outcome == "depends":
            findings.verdicts.append(
                refused("dry_run", trial.step, trial.message, f"无法试运行：{trial.message}", Ruling.TWO)
            )
        elif trial.message:
            findings.warnings.append(Text(en=trial.message, zh=f"干扰预算正在阻挡：{trial.message}"))


async def _weigh(findings: _Findings, around: Surroundings, policy: Policy) -> None:
    frozen = [
        (p.step.action, p.frozen, p.step.index) for p in findings.steps if p.frozen is not None and not p.step.is_read
    ]
    findings.blast = await blast_of([(action, one) for action, one, _ in frozen], around)
    if findings.blast.pods > policy.max_pods_felt:
        count = findings.blast.pods
        findings.verdicts.append(
            refused(
                "blast_radius",
                None,
                f"{count} pods feel it, more than {policy.max_pods_felt}",
                f"影响 {count} 个 Pod，超过 {policy.max_pods_felt}",
                Ruling.TWO,
            )
        )
    if findings.blast.budgets:
        names = ", ".join(findings.blast.budgets)
        findings.warnings.append(Text(en=f"no room in the disruption budgets {names}", zh=f"干扰预算已无余量：{names}"))
    for action, one, index in frozen:
        verdicts, warnings, patches = await owner_verdicts(one, action, index, around, policy)
        findings.patches += patches
        findings.verdicts += verdicts
        findings.warnings += warnings
    findings.open_points += around.open_points


def digest(cluster: str, steps: Sequence[FrozenStep]) -> str:
    """What an approval binds to: the cluster, every request and every inverse, the state that they were computed from."""
    return digest_of([cluster, [_bound(step) for step in steps]])


def _bound(step: FrozenStep) -> list[object]:
    """What of a step an approval binds to. A read binds to its line alone: what it finds may change, it changes nothing."""
    if step.step.is_read:
        return [step.step.text]
    return [
        step.step.text, step.target.model_dump() if step.target else None, [r.model_dump() for r in step.requests],
        [r.model_dump() for r in step.inverse], [state.model_dump() for state in step.before],
        [state.model_dump() for state in step.after], step.reversal.value, list(step.depends_on),
    ]  # fmt: skip


def _review(plan: Plan, findings: _Findings, clock: Clock, policy: Policy | None = None) -> Review:
    steps = tuple(prepared.as_step() for prepared in findings.steps)
    is_manual = not plan.script.strip() and bool(plan.manual_steps)
    ruling = Ruling.AUTO if is_manual and not findings.verdicts else strictest(findings.verdicts)
    return Review(
        id=f"review-{uuid.uuid4().hex[:16]}", plan_id=plan.id, incident_id=plan.incident_id, cluster=plan.cluster,
        digest=digest(plan.cluster, steps) if steps else digest_of([plan.cluster, plan.script]), ruling=ruling, steps=steps,
        verdicts=tuple(findings.verdicts), permissions=tuple(findings.permissions), dry_runs=tuple(findings.dry_runs),
        blast=findings.blast, open_points=_once(findings.open_points), warnings=_once(findings.warnings), reviewed_at=clock.now(),
        approvers=_approvers(findings, policy), patches=tuple(findings.patches),
    )  # fmt: skip


def _approvers(findings: _Findings, policy: Policy | None) -> tuple[tuple[str, ...], ...]:
    """Who may approve it, as the service profiles of what is changed say."""
    if policy is None:
        return ()
    places: list[tuple[str, str]] = []
    for prepared in findings.steps:
        if not prepared.step.is_read:
            subject = Subject(prepared.command, writes_of(prepared.command))
            places += [(namespace, name) for _, namespace, name in subject.places]
    return policy.approvers_of(places)


def _once(texts: Sequence[Text]) -> tuple[Text, ...]:
    return tuple({text.en: text for text in texts}.values())

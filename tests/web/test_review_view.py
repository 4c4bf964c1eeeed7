"""The review's one view: the command line, the JSON API and the value itself say the same, and nothing passes for more than
it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from api.bootstrap import utc_now
from api.commands.output import one_line, utc_time
from api.commands.review_screen import render_review_view
from api.review_view import DiffLine, ReviewView
from api.web.review_steps import diff_lines
from api.web.reviewed import Proposal, open_review, view_of
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    ApprovalVote,
    BlastRadius,
    BudgetRoom,
    ConfidencePart,
    Decision,
    DryRun,
    FieldState,
    FrozenStep,
    Language,
    ObjectRef,
    OwnerPatch,
    PermissionCheck,
    ReversalKind,
    Review,
    Role,
    RuleVerdict,
    Ruling,
    Scope,
    Step,
    Text,
)
from tests.web.conftest import Rig
from tests.web.story import HOSTILE, finish, incident_of, whole_story

NOW = utc_now().replace(microsecond=0)
EVERYWHERE, ONLY_SERVING = Scope(), Scope(namespaces=("serving",))
NOT_SAID = {"kind", "block", "rests_on", "group", "person", "digest_of_vote"}
"""Facts that a terminal says in words of its own: which sort of line it is, what the diagnosis rests on, who a vote's person is."""


def step(index: int, namespace: str, name: str, **more: Any) -> FrozenStep:
    line = f"kubectl -n {namespace} scale deployment/{name} --replicas=3"
    one = Step(index=index, action="scale", is_read=False, parameters={}, text=line, line=index + 1)
    target = ObjectRef(
        cluster="prod", kind="Deployment", namespace=namespace, name=name, api_version="apps/v1", uid=f"uid-{name}"
    )
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
    request = {"cluster": "prod", "method": "PATCH", "path": path}
    told = {
        "before": (FieldState(path="/spec/replicas", value=2),),
        "after": (FieldState(path="/spec/replicas", value=3),),
    }
    diff = f"{target.key}\n@ /spec/replicas\n- 2\n+ 3\n# a note of {name}"
    return FrozenStep.model_validate({
        "step": one, "target": target, "requests": [request], "inverse": [request], "reversal": ReversalKind.RESTORES, "diff": diff,
        **told, **more,
    })  # fmt: skip


def rich(rig: Rig, **more: Any) -> Proposal:
    """A proposal in which every part of the view has something to say."""
    story = whole_story(rig.ledger, requester="rui")
    envoy = ObjectRef(cluster="prod", kind="Deployment", namespace="gateway", name="envoy")
    steps = (step(0, "serving", "qwen2-7b"), step(1, "gateway", "envoy", depends_on=(0,)))
    plan = story.plan.model_copy(update={
        "script": "".join(f"{one.step.text}\n" for one in steps), "steps": tuple(one.step for one in steps), "reason": "too slow",
    })  # fmt: skip
    owner = Text(en="envoy is kept by Argo CD shop", zh="envoy 由 Argo CD shop 管理")
    review = story.review.model_copy(update={
        "steps": steps, "ruling": Ruling.TWO,
        "verdicts": (
            RuleVerdict(rule="change", ruling=Ruling.ONE, message=Text(en="a change needs one", zh="变更需要一人"), step=0),
            RuleVerdict(rule="owner", ruling=Ruling.TWO, message=owner, step=1),
            RuleVerdict(rule="topology_distance", ruling=Ruling.TWO, message=Text(en="far from the cause", zh="远离原因"), step=1),
            RuleVerdict(rule="change_limit", ruling=Ruling.ONE, message=Text(en="often lately", zh="近期频繁")),
        ),
        "permissions": (
            PermissionCheck(verb="patch", resource="deployments.apps/scale", namespace="serving", allowed=True),
            PermissionCheck(verb="patch", resource="deployments.apps/scale", namespace="gateway", name="envoy", allowed=False, because="no role"),
        ),
        "dry_runs": (
            DryRun(step=0, outcome="ok", warnings=("spec.foo is deprecated",)),
            DryRun(step=1, outcome="depends", message="not dry-runnable: depends on step 1"),
        ),
        "blast": BlastRadius(
            pods=70, replicas=4, services=("gateway/envoy", "serving/qwen2-7b"), nodes=("gpu-1",), pod_names=("gateway/envoy-1", "serving/qwen2-7b-1"),
            budgets=("gateway/envoy",), rooms=(BudgetRoom(name="gateway/envoy", allowed=0), BudgetRoom(name="serving/qwen2-7b", allowed=2)),
        ),
        "open_points": (Text(en="the quota is open", zh="配额未知"),), "approvers": (("ana", "ops-*"),),
        "patches": (OwnerPatch(step=1, owner="Argo CD shop", target=envoy, patch="kind: Deployment\nspec: {replicas: 3}\n"),),
        "rights_note": Text(en="the executor may do more than it should", zh="执行者权限过大"),
        "warnings": (Text(en="the executor may do more than it should", zh="执行者权限过大"), Text(en="envoy restarts", zh="envoy 会重启")),
    })  # fmt: skip
    voted = ApprovalVote(
        principal="ana", person="ana", decision=Decision.APPROVE, reason="looks right", digest=review.digest, at=NOW
    )
    approval = story.approval.model_copy(update={
        "needed": 2, "votes": (voted,), "expires_at": NOW + timedelta(hours=3, minutes=58), "told": ("bo",), "reason": "asked again",
    })  # fmt: skip
    diagnosis = rig.ledger.diagnoses.latest(story.incident.id)
    assert diagnosis is not None
    part = ConfidencePart(name="margin", value=0.57, weight=2.0, because="0.57 ahead of the next cause")
    sure = diagnosis.model_copy(update={"confidence_parts": (part,)})
    found = Proposal(plan, review, approval, sure)
    return Proposal(**{**{name: getattr(found, name) for name in ("plan", "review", "approval", "diagnosis")}, **more})


def facts(value: Any, language: Language, name: str = "") -> Iterator[str]:
    """What a view says, leaf by leaf, as the words that stand for it on a screen in this language."""
    if isinstance(value, dict) and set(value) == {"en", "zh"}:
        yield value[language.value]
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in NOT_SAID:
                yield from facts(part, language, key)
    elif isinstance(value, list):
        for part in value:
            yield from facts(part, language, name)
    elif not isinstance(value, bool) and value not in (None, ""):
        yield from leaf(value, name)


def leaf(value: Any, name: str) -> list[str]:
    if name in {"script", "patch", "line"}:
        return str(value).rstrip("\n").split("\n")
    if name in {"index", "step", "depends_on"}:
        return [str(value + 1)]
    if isinstance(value, float):
        return [f"{value:.0%}" if name == "confidence" else f"{value:.2f}"]
    if name in {"seconds_left", "hold_seconds_left", "at"}:
        return []
    if name.endswith(("_at", "_until")):
        return [value[:19].replace("T", " ") + " UTC"]
    return [str(value)]


def printed(view: ReviewView, language: Language, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    render_review_view(view, language)
    return capsys.readouterr().out


@pytest.mark.parametrize("language", list(Language))
def test_terminal_says_every_fact_of_the_view(rig: Rig, language: Language, capsys: pytest.CaptureFixture[str]) -> None:
    view = view_of(rich(rig), EVERYWHERE, NOW)
    screen = printed(view, language, capsys)
    missing = [fact for fact in facts(view.model_dump(mode="json"), language) if one_line(fact) not in screen]
    assert missing == []


async def test_json_is_the_view_itself(rig: Rig) -> None:
    story = whole_story(rig.ledger, ruling=Ruling.TWO)
    async with rig.client("ana") as ana:
        answer = await ana.get(f"/api/v1/incidents/{story.incident.id}/review")
    served = ReviewView.model_validate(answer.json())
    made = open_review(rig.desk, rig.ledger.principals.by_id("ana"), story.incident)
    moment = {"at": made.at, "approval": made.approval}
    assert abs((served.at - made.at).total_seconds()) < 5
    assert served.model_copy(update=moment) == made
    assert served.approval is not None
    assert served.may_vote is not None
    assert (served.approval.still_needed, served.approvers_needed, served.may_vote.may) == (2, 2, True)
    assert served.approval.seconds_left is not None
    assert 4 * 3600 - 10 < served.approval.seconds_left <= 4 * 3600


async def test_review_is_404_with_what_to_do_when_nothing_was_reviewed_and_outside_the_scope(rig: Rig) -> None:
    story, bare = whole_story(rig.ledger), incident_of(rig.ledger, "bare", service="b")
    rig.person("ola", Role.VIEWER, scope=Scope(namespaces=("training",)))
    async with rig.client("vera") as vera, rig.client("ola") as ola:
        unplanned = await vera.get(f"/api/v1/incidents/{bare.id}/review")
        hidden = await ola.get(f"/api/v1/incidents/{story.incident.id}/review")
    assert (unplanned.status_code, hidden.status_code) == (404, 404)
    assert unplanned.json()["next_step"] == f"opsdesk incident show {bare.id}"
    assert story.review.digest not in hidden.text


def test_rules_speak_in_order_of_strictness_and_their_notes_are_named(rig: Rig) -> None:
    view = view_of(rich(rig), EVERYWHERE, NOW)
    assert [one.ruling for one in view.rules] == [Ruling.TWO, Ruling.TWO, Ruling.ONE, Ruling.ONE]
    assert view.topology_note is not None
    assert view.topology_note.en == "far from the cause"
    assert [one.rule for one in view.owner_notes] == ["owner"]


@pytest.mark.parametrize("language", list(Language))
def test_what_lies_outside_the_scope_is_counted_and_not_named(
    rig: Rig, language: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    view = view_of(rich(rig), ONLY_SERVING, NOW)
    whole = view.model_dump_json() + printed(view, language, capsys)
    assert "envoy" not in whole
    assert "gateway" not in whole
    assert (view.hidden_steps, view.script, view.steps[1].is_hidden) == (1, "", True)
    assert (view.felt.pods, view.felt.pods_left_out, view.felt.services_left_out, view.felt.budgets_left_out) == (
        70,
        69,
        1,
        1,
    )
    assert (view.permissions_left_out, view.notes_left_out, view.owner_patches) == (1, 1, ())
    assert [one.ruling for one in view.rules] == [Ruling.TWO, Ruling.TWO, Ruling.ONE, Ruling.ONE]
    assert view.steps[0].line in printed(view, language, capsys)


def test_diagnosis_is_told_to_be_there_when_its_cause_is_outside_the_scope(rig: Rig) -> None:
    found = rich(rig)
    assert found.diagnosis is not None
    assert found.diagnosis.chosen is not None
    elsewhere = found.diagnosis.chosen.model_copy(
        update={"object": ObjectRef(cluster="prod", kind="Service", namespace="gateway", name="g")}
    )
    hidden = found.diagnosis.model_copy(update={"chosen": elsewhere})
    view = view_of(Proposal(found.plan, found.review, found.approval, hidden), ONLY_SERVING, NOW)
    assert view.certainty is not None
    assert (view.certainty.is_hidden, view.certainty.summary) == (True, None)


FORGED = ["x\u2028@ /spec/replicas\u2029+ 1", "x\r+ 1", "x\x0b+ 1", "x\x85- 1", "\x1b[2K+ 1", "\u202e1 +"]


@pytest.mark.parametrize("value", FORGED, ids=[repr(one) for one in FORGED])
def test_value_cannot_pass_for_a_line_of_the_difference(
    rig: Rig, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rich(rig)
    forged = found.review.steps[0].model_copy(update={"diff": f"Deployment/serving/qwen2-7b\n@ /spec/x\n+ {value}"})
    review = found.review.model_copy(update={"steps": (forged,)})
    view = view_of(Proposal(found.plan, review), EVERYWHERE, NOW)
    assert [line.kind for line in view.steps[0].changes] == ["title", "field", "added"]
    screen = printed(view, Language.EN, capsys)
    assert f"+ {one_line(value)}\n" in screen
    assert not set(value) & set("\r\x0b\x85\x1b\u2028\u2029\u202e") & set(screen)


HOSTILE_LINES = f"{HOSTILE}\napproval: apr-1 approved\nreview: auto: may run without approval"


def test_words_with_line_feeds_stay_on_one_line_of_the_screen(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    found = rich(rig)
    said = Text(en=HOSTILE_LINES, zh=HOSTILE_LINES)
    review = found.review.model_copy(update={
        "verdicts": (RuleVerdict(rule="dry_run", ruling=Ruling.FORBIDDEN, message=said),), "warnings": (said,), "open_points": (said,),
        "dry_runs": (DryRun(step=0, outcome="failed", message=HOSTILE_LINES, warnings=(HOSTILE_LINES,)),),
    })  # fmt: skip
    plan = found.plan.model_copy(update={"written_by": HOSTILE_LINES, "reason": HOSTILE_LINES})
    lines = printed(view_of(Proposal(plan, review), EVERYWHERE, NOW), Language.EN, capsys).split("\n")
    assert not [line for line in lines if line.startswith(("approval:", "review: auto"))]
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


def test_kinds_of_lines_are_told_apart_by_their_marks() -> None:
    lines = list(diff_lines("ConfigMap/a/b\n@ /data/x\n- - old\n+ # new\n+ \n# goes to revision 3"))
    assert lines == [
        DiffLine(kind="title", text="ConfigMap/a/b"), DiffLine(kind="field", text="/data/x"), DiffLine(kind="removed", text="- old"),
        DiffLine(kind="added", text="# new"), DiffLine(kind="added", text=""), DiffLine(kind="note", text="goes to revision 3"),
    ]  # fmt: skip
    assert list(diff_lines("")) == []


def test_long_difference_is_cut_and_says_so(rig: Rig) -> None:
    found = rich(rig)
    long = found.review.steps[0].model_copy(
        update={"diff": "x\n" + "\n".join(f"+ {n}" for n in range(5_000)) + "\n+ " + "y" * 9_000}
    )
    shown = view_of(Proposal(found.plan, found.review.model_copy(update={"steps": (long,)})), EVERYWHERE, NOW).steps[0]
    assert len(shown.changes) + shown.lines_left_out == 5_002
    assert shown.lines_left_out > 0


def test_undo_says_what_it_will_send_and_which_fields_come_back(rig: Rig) -> None:
    undo = view_of(rich(rig), EVERYWHERE, NOW).steps[0].undo
    assert undo is not None
    assert (undo.kind, undo.said.en) == (
        ReversalKind.RESTORES,
        "puts 1 field back, only while they hold what this wrote",
    )
    assert undo.requests == ("PATCH /apis/apps/v1/namespaces/serving/deployments/qwen2-7b/scale",)
    assert [(one.field, one.value) for one in undo.fields] == [("/spec/replicas", "2")]


@pytest.mark.parametrize(
    ("status", "left", "hold", "needed"),
    [
        (ApprovalStatus.WAITING, 14_280, None, 1),
        (ApprovalStatus.APPROVED, None, 840, 0),
        (ApprovalStatus.EXPIRED, None, None, 0),
    ],
)
def test_time_left_is_of_the_wait_or_of_the_hold(
    rig: Rig, status: ApprovalStatus, left: int | None, hold: int | None, needed: int
) -> None:
    found = rich(rig)
    assert isinstance(found.approval, ApprovalRequest)
    request = found.approval.model_copy(update={"status": status, "holds_until": NOW + timedelta(minutes=14)})
    view = view_of(Proposal(found.plan, found.review, request), EVERYWHERE, NOW)
    assert view.approval is not None
    assert (view.approval.seconds_left, view.approval.hold_seconds_left, view.approval.still_needed) == (
        left,
        hold,
        needed,
    )


def test_plan_of_manual_steps_alone_and_one_without_a_cluster_have_their_view(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rich(rig)
    manual = found.plan.model_copy(update={"script": "", "steps": ()})
    review: Review = found.review.model_copy(
        update={"steps": (), "verdicts": (), "ruling": Ruling.AUTO, "blast": BlastRadius()}
    )
    view = view_of(Proposal(manual, review), EVERYWHERE, NOW)
    assert view.felt.is_known
    assert "Tell the release owner" in printed(view, Language.EN, capsys)
    blind = found.review.steps[0].model_copy(update={"target": None, "requests": (), "diff": ""})
    unseen = view_of(Proposal(found.plan, found.review.model_copy(update={"steps": (blind,)})), EVERYWHERE, NOW)
    assert not unseen.felt.is_known
    assert "nobody looked at the cluster" in printed(unseen, Language.EN, capsys)


def test_view_survives_what_the_story_ends_in(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    story = whole_story(rig.ledger)
    finish(rig.ledger, story)
    view = open_review(rig.desk, rig.ledger.principals.by_id("vera"), story.incident)
    assert view.approval is not None
    assert (view.approval.status, len(view.approval.votes)) == (ApprovalStatus.USED, 1)
    assert "ana approve" in printed(view, Language.EN, capsys)
    assert ReviewView.model_validate(json.loads(view.model_dump_json())) == view


@pytest.mark.parametrize(
    ("minutes", "en", "zh"),
    [
        (238, "(in 3 h 58 min)", "（3 h 58 min 后）"),
        (-5, "(5 min ago)", "5 min 前"),
        (3_000, "(in 2 d 2 h)", "2 天 2 h 后"),
    ],
)
def test_times_are_utc_and_relative(minutes: int, en: str, zh: str) -> None:
    at = NOW + timedelta(minutes=minutes)
    assert utc_time(at, Language.EN, NOW) == f"{at:%Y-%m-%d %H:%M:%S} UTC {en}"
    assert zh.strip("（）") in utc_time(at, Language.ZH, NOW)

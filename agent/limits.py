"""What only the desk's own memory can say of a plan: how often its targets were changed lately, and whether the very same
remedy has been tried for the same fault and did not hold. Said within the review, so that approvers read it, and asked
again by the executor before the first write."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from knowledge.ledger.ledger import Ledger
from knowledge.ledger.past_changes import PastChange
from knowledge.ledger.remedies import changes_of, lasting_key, remedy_of
from knowledge.vocabulary import Plan, Review, RuleVerdict, Ruling, Text
from tools.safety.load import strictest
from tools.safety.policy import Policy

LIMIT, REPEAT = "change_limit", "repeated_remedy"
RESTARTS = frozenset({"rollout_restart"})
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def with_limits(
    review: Review, plan: Plan, ledger: Ledger, policy: Policy, at: datetime, *, execution_id: str = ""
) -> Review:
    """The review with the verdicts of limits and repetition. ``execution_id`` is the one that is about to begin: it does not
    count itself, nor what was asked for after it and still runs (of two at once the earlier one goes first)."""
    keys = sorted({lasting_key(step.target) for step in review.steps if step.target and step.is_change})
    if not keys:
        return review
    window = max(DAY, timedelta(hours=policy.repeat_hours))
    past = await asyncio.to_thread(ledger.past_changes.of_targets, review.cluster, keys, at - window)
    if execution_id:
        past = [one for one in past if one.execution_id < execution_id or _was_before(one, execution_id)]
    fault = await asyncio.to_thread(ledger.past_changes.fault_of, plan.incident_id)
    found = [*_over_limit(review, policy, past, at), *_repeated(plan, remedy_of(review), fault, policy, past, at)]
    if not found:
        return review
    verdicts = (*review.verdicts, *found)
    ruling = max(review.ruling, strictest(found), key=lambda one: one.strictness)
    return review.model_copy(update={"verdicts": verdicts, "ruling": ruling})


def _was_before(one: PastChange, execution_id: str) -> bool:
    return one.execution_id != execution_id and one.is_over


def _over_limit(review: Review, policy: Policy, past: Sequence[PastChange], at: datetime) -> Iterator[RuleVerdict]:
    wanted = changes_of(review)
    own_changes = Counter(name for name, _ in wanted)
    own_restarts = Counter(name for name, action in wanted if action in RESTARTS)
    targets = [step.target for step in review.steps if step.target and step.is_change]
    for name, target in {lasting_key(target): target for target in targets}.items():
        budget = policy.changes_per_day_of(target.namespace, target.name)
        times = [one.began_at for one in past for key, _ in one.changes if key == name and one.began_at > at - DAY]
        if len(times) + own_changes[name] > budget:
            yield _limited(name, len(times), budget, "changes", "变更", "day", "天", min(times, default=at) + DAY)
        times = [
            one.began_at
            for one in past
            for key, action in one.changes
            if key == name and action in RESTARTS and one.began_at > at - HOUR
        ]
        limit = policy.restarts_per_hour
        if own_restarts[name] and len(times) + own_restarts[name] > limit:
            yield _limited(name, len(times), limit, "restarts", "重启", "hour", "小时", min(times, default=at) + HOUR)


def _limited(
    key: str, count: int, most: int, what: str, what_zh: str, unit: str, unit_zh: str, free_at: datetime
) -> RuleVerdict:
    when = free_at.strftime("%Y-%m-%d %H:%M UTC")
    text = Text(
        en=f"{key}: {count} {what} within the last {unit} and more asked for now, at most {most}: again from {when}",
        zh=f"{key}：最近一{unit_zh}内已{what_zh} {count} 次，加上本次超过上限 {most} 次：{when} 后可再试",
    )
    return RuleVerdict(rule=LIMIT, ruling=Ruling.FORBIDDEN, message=text)


def _repeated(
    plan: Plan, remedy: frozenset[str], fault: str, policy: Policy, past: Sequence[PastChange], at: datetime
) -> Iterator[RuleVerdict]:
    """The same changes for the same fault within the window, whatever else is read or said around them and whatever the next
    pod of the same workload is called: that they are asked for again shows that they did not hold. The desk does not do it
    again by itself; what a person asks for in a ticket, two people may agree to."""
    since = at - timedelta(hours=policy.repeat_hours)
    tried = [
        one for one in past if one.was_applied and one.began_at > since and one.remedy == remedy and one.fault == fault
    ]
    if not tried or (plan.requester and not fault):
        return
    last = tried[0]
    when = last.began_at.strftime("%Y-%m-%d %H:%M UTC")
    outcome = f", verified as {last.outcome}" if last.outcome else ""
    ending_en = "a person asks for it: two must agree" if plan.requester else "a person has to decide what else to do"
    ending_zh = "由人提出申请：需两人同意" if plan.requester else "请人工决定下一步"
    text = Text(
        en=f"the same remedy was carried out at {when} ({last.incident_id}{outcome}) and did not hold: {ending_en}",
        zh=f"相同的处置已于 {when} 执行过（{last.incident_id}），未能持久：{ending_zh}",
    )
    ruling = Ruling.TWO if plan.requester else Ruling.FORBIDDEN
    yield RuleVerdict(rule=REPEAT, ruling=ruling, message=text)

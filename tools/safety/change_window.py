"""Protects the hours in which a site wants no change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches
from tools.safety.site import ChangeWindows, ServiceProfile


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    if subject.command.is_read:
        return
    namespaces = {namespace for _, namespace, _ in subject.places} or set(subject.namespaces)
    listed = [one for one in policy.change_windows if any(matches(name, one.namespaces) for name in namespaces)]
    closed = [one for one in policy.closed_periods if any(matches(name, one.namespaces) for name in namespaces or {""})]
    profiles = [one for one in policy.profiles_of((n, name) for _, n, name in subject.places) if one.windows]
    if not (listed or closed or profiles):
        return
    if subject.at is None:
        yield said(
            Ruling.ONE, "whether the hour allows it is not known yet", "当前时刻是否允许变更尚不可知", is_open=True
        )
        return
    for period in closed:
        if period.holds(subject.at):
            because = f": {period.reason}" if period.reason else ""
            yield said(Ruling(period.inside), f"a closed period{because}", f"处于封网期{because}")
    yield from _outside(listed, profiles, subject.at)


def _outside(listed: list[ChangeWindows], profiles: list[ServiceProfile], at: datetime) -> Iterable[Said]:
    for one in listed:
        ruling = one.ruling_at(at)
        if ruling is not None:
            yield said(ruling, "outside the change window", "不在变更窗口内")
    for profile in profiles:
        if not any(window.holds(at) for window in profile.windows):
            yield said(
                Ruling(profile.outside), f"outside the change window of {profile.name}", f"不在 {profile.name} 的变更窗口内"
            )  # fmt: skip


RULE = SafetyRule(
    "change_window", Text(en="the hours without change", zh="禁止变更的时段"), _judge,
    ("kubectl get pods -A", "kubectl rollout restart deploy/web -n shop"), (),
)  # fmt: skip

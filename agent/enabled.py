"""The actions that a cluster has enabled: a plan with another one is forbidden there, whoever reviews it and in every mode."""

from __future__ import annotations

from collections.abc import Collection

from knowledge.vocabulary import Review, RuleVerdict, Ruling, Text

EVERY = "*"
RULE = "enabled_actions"


def with_enabled(review: Review, actions: Collection[str]) -> Review:
    """The review with a verdict for each change whose action is not among the ``actions`` of the cluster's settings."""
    found = tuple(
        _disabled(review.cluster, step.step.action, step.step.index)
        for step in review.steps
        if step.is_change and EVERY not in actions and step.step.action not in actions
    )
    if not found:
        return review
    ruling = max(review.ruling, Ruling.FORBIDDEN, key=lambda one: one.strictness)
    return review.model_copy(update={"verdicts": (*review.verdicts, *found), "ruling": ruling})


def _disabled(cluster: str, action: str, step: int) -> RuleVerdict:
    text = Text(
        en=f"{cluster} has not enabled the action {action}: it is not in the setting `actions` of the cluster",
        zh=f"集群 {cluster} 未启用操作 {action}：它不在该集群的 `actions` 设置中",
    )
    return RuleVerdict(rule=RULE, ruling=Ruling.FORBIDDEN, message=text, step=step)

"""Protects fields that another manager owns."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    if subject.command.verb != "apply":
        return
    if subject.command.has("force-conflicts"):
        yield said(Ruling.TWO, "takes fields from their manager", "从其他管理者手中夺取字段")
    if subject.command.has("force"):
        yield said(Ruling.FORBIDDEN, "--force deletes and creates again", "--force 会先删后建")


_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
RULE = SafetyRule(
    "field_ownership", Text(en="fields that another manager owns", zh="他人管理的字段"), _judge,
    (f"kubectl apply -f - <<'EOF'\n{_MAP}EOF\n", f"kubectl apply --server-side -f - <<'EOF'\n{_MAP}EOF\n"),
    (
        (f"kubectl apply --server-side --force-conflicts -f - <<'EOF'\n{_MAP}EOF\n", Ruling.TWO),
        (f"kubectl apply --force_conflicts --server_side=true --filename=- <<'EOF'\n{_MAP}EOF\n", Ruling.TWO),
        (f"kubectl apply --force -f - <<'EOF'\n{_MAP}EOF\n", Ruling.FORBIDDEN),
    ),
)  # fmt: skip

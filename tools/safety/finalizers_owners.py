"""Protects the fields by which controllers keep order: finalizers, owners, status, and what the server writes."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_FIELDS = {
    "finalizers": ("finalizers are taken away by their owner", "finalizers 只能由其所有者移除"),
    "ownerReferences": ("owners are set by controllers", "ownerReferences 由控制器维护"),
    "managedFields": ("the server writes managedFields", "managedFields 由服务器维护"),
    "deletionTimestamp": ("the server writes deletionTimestamp", "deletionTimestamp 由服务器维护"),
    "deletionGracePeriodSeconds": ("the server writes it", "由服务器维护"),
    "uid": ("the server writes uids", "uid 由服务器维护"),
}


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    command = subject.command
    if command.is_read:
        return
    if command.value("subresource") == "status":
        yield said(Ruling.FORBIDDEN, "a status is written by its controller", "status 只能由控制器写入")
    for writes in subject.writes:
        paths = [path for path, _ in writes.walk()] + list(writes.removed)
        for field, (en, zh) in _FIELDS.items():
            if any(("metadata" in path and field in path) or path[:2] == ("spec", field) for path in paths):
                yield said(Ruling.FORBIDDEN, f"{field}: {en}", f"{field}：{zh}")
        if not writes.is_whole and any(path[:1] == ("status",) for path in paths):
            yield said(Ruling.FORBIDDEN, "a status is written by its controller", "status 只能由控制器写入")
        if any(path in {("metadata",), ("",), ("spec",)} for path in writes.removed):
            yield said(Ruling.FORBIDDEN, "removes an object's identity or whole spec", "移除对象的标识或整个 spec")


RULE = SafetyRule(
    "finalizers_owners", Text(en="the fields by which controllers keep order", zh="控制器赖以工作的字段"), _judge,
    ("kubectl patch deploy web -p '{\"spec\":{\"paused\":false}}'",),
    (
        ("kubectl patch pvc data --type=merge -p '{\"metadata\":{\"finalizers\":null}}'", Ruling.FORBIDDEN),
        ("kubectl patch pvc data -p '{\"metadata\":{\"finalizers\":[]}}'", Ruling.FORBIDDEN),
        ("kubectl patch ns shop --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/finalizers/0\"}]'", Ruling.FORBIDDEN),
        ("kubectl patch ns shop --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/finalizers\"}]'", Ruling.FORBIDDEN),
        ("kubectl patch pod web-1 --type merge -p '{\"metadata\":{\"ownerReferences\":null}}'", Ruling.FORBIDDEN),
        ("kubectl patch node n1 --subresource=status -p '{\"status\":{}}'", Ruling.FORBIDDEN),
    ),
)  # fmt: skip

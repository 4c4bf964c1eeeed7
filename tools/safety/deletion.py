"""Protects what cannot be made again: namespaces, nodes, volumes, definitions; and weighs every other delete."""

from __future__ import annotations

import re
from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.ports import ResourceKind
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_NEVER = {
    "namespaces": ("everything in the namespace goes with it", "命名空间内的一切会随之删除"),
    "customresourcedefinitions.apiextensions.k8s.io": ("every object of that kind goes with it", "该类型的所有对象会随之删除"),
    "nodes": ("a node is not deleted by a script", "脚本不得删除节点"),
    "persistentvolumes": ("data may go with it", "数据可能随之丢失"),
}  # fmt: skip
_NEGATIVE = re.compile(r"(^|,)\s*!|!=|(?i:\bnotin\b)|(^|,)\s*[^=!,()\s]+\s*(,|$)")


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    command = subject.command
    if command.verb != "delete":
        return
    if command.selector and (_NEGATIVE.search(re.sub(r"\([^)]*\)", "", command.selector))):
        yield said(Ruling.FORBIDDEN, "a selector of what is not, or of what merely exists", "否定或仅判断存在的选择器")
    for kind in subject.kinds:
        yield from _kind(kind, subject)
    cascade = command.value("cascade")
    if cascade in {"orphan", "false"}:
        yield said(Ruling.TWO, "leaves orphans behind", "会留下无主对象")
    yield from _forced(subject)


def _kind(kind: ResourceKind, subject: Subject) -> Iterable[Said]:
    if kind.resource in _NEVER:
        en, zh = _NEVER[kind.resource]
        yield said(Ruling.FORBIDDEN, f"deletes {kind.resource}: {en}", f"删除 {kind.resource}：{zh}")
    elif kind.resource == "persistentvolumeclaims":
        phase = (subject.observed or {}).get("status", {}).get("phase")
        if phase == "Bound":
            yield said(Ruling.FORBIDDEN, "the claim is bound: its data would go", "该存储声明已绑定：数据会丢失")
        else:
            yield said(Ruling.TWO, "deletes a volume claim", "删除存储卷声明", is_open=subject.is_offline)
    elif kind.resource != "pods":
        yield said(Ruling.TWO, f"deletes {kind.resource}", f"删除 {kind.resource}")


def _forced(subject: Subject) -> Iterable[Said]:
    command = subject.command
    if not (command.has("force") or command.has("now") or command.value("grace-period") in {"0", "1"}):
        return
    owners = (subject.observed or {}).get("metadata", {}).get("ownerReferences", [])
    is_stateful = any(owner.get("kind") == "StatefulSet" for owner in owners)
    if is_stateful or any(kind.kind == "StatefulSet" for kind in subject.kinds):
        yield said(
            Ruling.FORBIDDEN, "forcing away a StatefulSet's pod can run two of it", "强制删除有状态副本可能导致双写"
        )
    else:
        yield said(
            Ruling.TWO, "does not let the process end in peace", "未给进程正常退出的时间", is_open=subject.is_offline
        )


RULE = SafetyRule(
    "deletion", Text(en="what cannot be made again", zh="无法重建的东西"), _judge,
    ("kubectl delete pod web-7d4b-x2", "kubectl delete po/web-1 -n shop"),
    (
        ("kubectl delete ns shop", Ruling.FORBIDDEN),
        ("kubectl delete crd x.example.com", Ruling.FORBIDDEN),
        ("kubectl delete node n1", Ruling.FORBIDDEN),
        ("kubectl delete pv data", Ruling.FORBIDDEN),
        ("kubectl delete pvc data", Ruling.TWO),
        ("kubectl delete pod -l 'app!=web'", Ruling.FORBIDDEN),
        ("kubectl delete pod -l app", Ruling.FORBIDDEN),
        ("kubectl delete pod -l '!app'", Ruling.FORBIDDEN),
        ("kubectl delete pod -l 'app notin (web)'", Ruling.FORBIDDEN),
        ("kubectl delete pod -l 'app in (web,api)'", Ruling.TWO),
        ("kubectl delete pod web-1 --force --grace-period=0", Ruling.TWO),
        ("kubectl delete pod web-1 --now", Ruling.TWO),
        ("kubectl delete sts db --force --grace-period 0", Ruling.FORBIDDEN),
        ("kubectl delete deploy web --cascade=orphan", Ruling.TWO),
    ),
)  # fmt: skip

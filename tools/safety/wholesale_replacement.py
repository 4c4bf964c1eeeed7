"""Protects what a patch does not show: replacing or removing a whole branch drops every field that the patch does not repeat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.actions.json_patch import parts_of
from tools.safety.contract import Path, SafetyRule, Said, Subject, said
from tools.safety.policy import Policy
from tools.script.manifests import read_patch

_ROOTS: frozenset[Path] = frozenset(
    {(), ("",), ("metadata",), ("spec",), ("kind",), ("apiVersion",), ("metadata", "name"), ("metadata", "namespace")}
)
_BRANCHES = frozenset({"containers", "initContainers", "template", "volumes", "env", "envFrom", "labels", "annotations", "selector",
                       "resources", "hard", "rules", "webhooks", "livenessProbe", "readinessProbe", "startupProbe", "limits",
                       "volumeMounts", "ports"})  # fmt: skip
_LISTS = frozenset({"containers", "initContainers", "volumes", "env", "volumeMounts", "ports", "tolerations"})


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    command = subject.command
    if command.verb != "patch":
        return
    patch = read_patch(command.value("patch"), command.line, command.column)
    if isinstance(patch, list):
        for operation in patch:
            if operation["op"] != "test":
                yield from _operation(operation["op"], parts_of(operation["path"]))
        return
    is_merge = command.value("type") == "merge" or any(
        "." in target.kind.group and not target.kind.group.endswith(".k8s.io") for target in command.targets
    )
    for writes in subject.writes:
        if any(path in _ROOTS for path in writes.removed):
            yield _root()
        if any(path[-1] in _BRANCHES and path[-1] != "annotations" for path in writes.removed if path):
            yield _branch()
        for path, value in writes.walk():
            if path[-1] in {"containers", "template"} and value in ([], {}):
                yield _branch()
            elif is_merge and path[-1] in _LISTS and isinstance(value, list):
                yield said(
                    Ruling.TWO, f"a merge patch replaces the whole list {path[-1]}", f"merge 补丁会整体替换列表 {path[-1]}"
                )  # fmt: skip


def _operation(op: str, path: Path) -> Iterable[Said]:
    if path in _ROOTS:
        yield _root()
    elif op == "remove" and len(path) > 1 and path[-1].isdigit() and path[-2] in {"containers", "initContainers"}:
        yield said(Ruling.TWO, "takes a container away", "移除一个容器")
    elif path[-1] in _BRANCHES and (
        op != "add" or path[-1] in {"containers", "template", "labels", "annotations", "selector"}
    ):
        yield _branch()


def _root() -> Said:
    return said(
        Ruling.FORBIDDEN, "replaces or removes an object's identity or whole spec", "替换或移除对象的标识或整个 spec"
    )


def _branch() -> Said:
    return said(
        Ruling.TWO,
        "replaces or removes a whole branch: what it held besides is lost",
        "整体替换或移除一个分支：其余字段会丢失",
    )


def _json(op: str, path: str, value: Any = "") -> str:
    return f'kubectl patch deploy web --type=json -p \'[{{"op":"{op}","path":"{path}"{value}}}]\''


_T = "/spec/template/spec"
RULE = SafetyRule(
    "wholesale_replacement", Text(en="what a patch does not show", zh="补丁未展示的内容"), _judge,
    (_json("replace", _T + "/containers/0/image", ',"value":"registry.k8s.io/a:1"'), _json("add", _T + "/containers/0/args/-", ',"value":"--a"'),
     _json("add", _T + "/containers/0/resources", ',"value":{"limits":{"memory":"4Gi"}}')),
    (
        (_json("replace", "/spec", ',"value":{}'), Ruling.FORBIDDEN),
        (_json("replace", "/", ',"value":{}'), Ruling.FORBIDDEN),
        (_json("remove", "/metadata"), Ruling.FORBIDDEN),
        (_json("replace", "/metadata/name", ',"value":"a"'), Ruling.FORBIDDEN),
        (_json("replace", _T + "/containers", ',"value":[{"name":"a","image":"registry.k8s.io/a:1"}]'), Ruling.TWO),
        (_json("remove", _T + "/containers/1"), Ruling.TWO),
        (_json("remove", _T + "/containers/0/livenessProbe"), Ruling.TWO),
        (_json("remove", _T + "/containers/0/resources"), Ruling.TWO),
        (_json("add", "/metadata/annotations", ',"value":{}'), Ruling.TWO),
        ("kubectl patch deploy web --type=merge -p '{\"spec\":null}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[]}}}}'", Ruling.TWO),
        ("kubectl patch svc web --type=merge -p '{\"spec\":{\"selector\":null}}'", Ruling.TWO),
        ("kubectl patch quota compute --type=merge -p '{\"spec\":{\"hard\":null}}'", Ruling.TWO),
    ),
)  # fmt: skip

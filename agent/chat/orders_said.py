"""Orders as people say them ("把 bge-m3 扩到 4 个副本", "take gpu-08 out of scheduling"), read from a text whose names are marked.

Only what begins as an order is one: "restart count", "who restarted it" and "don't restart it" are not. Linear (RE2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import re2

from agent.chat.names import NAMESPACE, NODE, PRONOUN, TARGET, UNKNOWN
from agent.chat.relative_orders import bare_forms, implied_forms, names_a_total, relative_forms, step_of
from agent.reasoning.orders import Verb

MOST_CLAUSES = 12
_NUMBERS = {word: number for number, words in enumerate(("zero 零", "one a an 一", "two 两 二", "three 三", "four 四", "five 五", "six 六", "seven 七", "eight 八", "nine 九", "ten 十")) for word in words.split()}  # fmt: skip
_LEAD = (
    r"^[\s,，]*(?:(?:please|pls|kindly|can you|could you|would you|will you|i want(?: you)? to|i want|i need(?: you)? to|i'd like(?: you)? to|we need to|let's|go ahead and|"
    r"now|then|ok|okay|and|just|help me|请|麻烦你?|劳驾|帮我|帮忙|那就|那|现在|先|你|需要|我要|我想|想|立刻|马上|赶紧|直接)[\s,，]*)*"
)
_KINDS = r"(?:deployments?|deploy|statefulsets?|sts|daemonsets?|ds|services?|models?|nodes?|pods?|machine|服务|部署|节点|模型|机器|应用)"
_WHERE_EN = rf"(?:\s+(?:in|of|on|from)\s+(?:the\s+)?(?:namespace\s+)?{NAMESPACE}(?:\s+namespace)?)?"
_WHERE_ZH = rf"(?:{NAMESPACE}\s*(?:命名空间|环境)?\s*(?:里|中|下|上)?\s*的?\s*)?"
_X = rf"(?:the\s+|my\s+|our\s+)?(?:{_KINDS}[\s/]*)?{_WHERE_ZH}(?:{_KINDS}[\s/]*)?`?(?P<x>[{TARGET}{NODE}{PRONOUN}{UNKNOWN}])`?(?:'s)?(?:\s*{_KINDS})?{_WHERE_EN}"
_N = r"(?P<number>[0-9]{1,5}|zero|one|two|three|four|five|six|seven|eight|nine|ten|[零一二两三四五六七八九十])"
_COUNTED = r"\s*(?:replicas?|instances?|pods?|copies|个|副本|实例)"
_COUNT_OF = r"(?:the\s+)?(?:number of\s+)?(?:replicas?|replica count|instances?)"

_FORMS: tuple[tuple[Verb, str], ...] = (
    ("scale", rf"(?:re)?scale\s+(?:up\s+|down\s+|out\s+|in\s+)?{_X}\s+(?:up\s+|down\s+|out\s+|in\s+)?(?:back\s+)?to\s+{_N}"),
    ("scale", rf"(?:set|change|adjust|bump|increase|decrease|raise|reduce|lower|bring)\s+{_COUNT_OF}\s+(?:of|for)\s+{_X}\s+(?:up\s+|down\s+)?to\s+{_N}"),
    ("scale", rf"(?:set|change|adjust|bump|increase|decrease|raise|reduce|lower|bring|shrink|grow|expand|resize)\s+{_X}(?:\s+replicas)?\s+(?:up\s+|down\s+)?to\s+{_N}"),
    ("scale", rf"(?:make (?:it|that)\s+|run\s+|use\s+)?{_N}{_COUNTED}\s+(?:of|for)\s+{_X}"),
    ("scale", rf"(?:give\s+|make\s+)?{_X}\s+(?:to\s+)?(?:have\s+|run\s+)?{_N}{_COUNTED}"),
    ("scale", rf"(?:把|将|给|让)?\s*{_X}\s*(?:的)?\s*(?:副本数?|实例数?|规模)?\s*(?:扩容?|缩容?|扩展|伸缩|调整?|调|改|设置?|加|减|增加|减少|降|提升|提高)\s*(?:到|成|为|至)\s*{_N}"),
    ("scale", rf"(?:把|将|给|让)?\s*{_X}\s*(?:扩容|缩容|扩|缩)\s*{_N}{_COUNTED}"),
    ("scale", rf"(?:把|将|给|让)?\s*{_X}[^0-9]{{0,12}}(?:一共|总共|共计)\s*{_N}{_COUNTED}"),
    ("scale", rf"(?:扩容|缩容|扩|缩)(?:一下)?\s*{_X}\s*(?:到|至|成)\s*{_N}"),
    ("restart", rf"(?:restart|bounce|reboot|rollout restart|recreate)\s+{_X}"),
    ("restart", rf"(?:滚动)?(?:重启|重新启动)(?:一下|下)?\s*{_X}"),
    ("restart", rf"(?:把|将|给)\s*{_X}\s*(?:给)?(?:滚动)?(?:重启|重新启动)"),
    ("restart", rf"{_X}\s*(?:滚动)?(?:重启|重新启动)(?:一下|下吧|吧|一次|一把|下)"),
    ("undo", rf"(?:roll\s?back|undo(?: the rollout of)?|revert|downgrade)\s+{_X}"),
    ("undo", rf"roll\s+{_X}\s+back"),
    ("undo", rf"(?:put|take|bring|move)\s+{_X}\s+back to (?:the |its )?(?:last|previous|old|prior|earlier)"),
    ("undo", rf"{_X}\s*(?:给)?(?:退回|退到|回到)\s*(?:到)?(?:上|前)(?:一|个)?个?版本"),
    ("undo", rf"(?:回滚|回退)(?:一下|下)?\s*{_X}"),
    ("undo", rf"(?:把|将)?\s*{_X}\s*(?:给)?(?:回滚|回退)"),
    ("uncordon", rf"(?:uncordon|解除封锁|取消封锁|解封)\s*{_X}"),
    ("uncordon", rf"(?:解除|取消)(?:对)?\s*{_X}\s*的?封锁"),
    ("uncordon", rf"(?:把|将)\s*{_X}\s*(?:解除封锁|取消封锁|解封|恢复调度|设为可调度)"),
    ("uncordon", rf"(?:put|bring)\s+{_X}\s+back (?:in|into|to) (?:scheduling|rotation|service)"),
    ("cordon", rf"(?:cordon|封锁)(?:\s+off)?\s*{_X}"),
    ("cordon", rf"stop scheduling (?:on|onto|to)\s+{_X}"),
    ("cordon", rf"{_X}\s*(?:先)?(?:别|不要|停止|暂停)(?:再)?(?:往上)?调度"),
    ("cordon", rf"take\s+{_X}\s+out of (?:scheduling|rotation|service)"),
    ("cordon", rf"(?:mark|make)\s+{_X}\s+(?:as\s+)?unschedulable"),
    ("cordon", rf"(?:把|将)\s*{_X}\s*(?:给)?(?:封锁|隔离|设置?为不可调度|标记为不可调度|禁止调度|停止调度)"),
    ("pause", rf"(?:pause|hold)\s+(?:the\s+)?(?:rollout|deployment|release)?\s*(?:of\s+)?{_X}"),
    ("pause", rf"暂停\s*{_X}"),
    ("resume", rf"(?:resume|continue)\s+(?:the\s+)?(?:rollout|deployment|release)?\s*(?:of\s+)?{_X}"),
    ("resume", rf"(?:恢复|继续)\s*{_X}"),
)  # fmt: skip
_READ: tuple[tuple[Verb, Any], ...] = tuple((verb, re2.compile(_LEAD + form)) for verb, form in _FORMS)
_PLAIN = re2.compile(
    _LEAD
    + r"(?P<verb>restart|cordon|uncordon|roll\s?back|pause|resume|重启|回滚|封锁)\s*(?:the\s+)?(?P<name>[a-z0-9][a-z0-9.-]{1,60})[.!。！ ]*$"
)
_VERBS: dict[str, Verb] = {"restart": "restart", "重启": "restart", "cordon": "cordon", "封锁": "cordon", "uncordon": "uncordon", "pause": "pause", "resume": "resume"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SaidOrder:
    """``of``: the mark of what it is about (a service, a node, a pronoun, an unknown name)."""

    verb: Verb
    of: str
    number: int | None = None
    name: str = ""
    """A plain word in place of a name: nothing that is known is called so."""
    step: str = ""
    """``+2``, ``-1``, ``/2``, ``*2``: from the replicas that there are."""


_IMPLIED: tuple[tuple[Verb, Any], ...] = (
    ("undo", re2.compile(_LEAD + r"(?:roll\s?back|revert|undo|回滚|回退)(?:吧|一下|下)?(?: then| please)?[.!。！ ]*$")),
    (
        "restart",
        re2.compile(_LEAD + r"(?:restart|bounce|重启|重新启动)(?:吧|一下|下|一把)?(?: then| please)?[.!。！ ]*$"),
    ),
    (
        "scale",
        re2.compile(
            _LEAD
            + rf"(?:scale|扩|缩|扩容|缩容|扩到|缩到|加到|减到|调到)\s*(?:up |down )?(?:to|到)?\s*{_N}(?:{_COUNTED})?(?:吧)?[.!。！ ]*$"
        ),
    ),
)
"""Orders that name nothing: what the thread is about is meant."""

_STEPS = relative_forms(_LEAD, _X, _N)
_STEPS_OF_NOTHING = implied_forms(_LEAD, _N)
_STEPS_OF_FOCUS = bare_forms(_LEAD, _N)

_CLAUSE = re2.compile(r"[^,，;；。!！…\n]+")


def order_said(text: str, *, has_focus: bool = False) -> SaidOrder | None:
    """The order that the marked text (lower case), or a clause of it, begins with. ``has_focus``: the thread is about something
    that an order without an object may mean."""
    text = text.replace("...", "…")
    clauses = [text, *(found.group() for found in _CLAUSE.finditer(text) if found.group() != text)]
    for clause in clauses[:MOST_CLAUSES]:
        found = _order_in(clause, has_focus=has_focus)
        if found is not None:
            return found
    return None


def _order_in(text: str, *, has_focus: bool) -> SaidOrder | None:
    for verb, form in _READ:
        found = form.search(text)
        if found:
            said = found["number"] if "number" in form.groupindex else None
            return SaidOrder(verb, found["x"], _number(said) if said else None)
    for verb, form in _IMPLIED if has_focus else ():
        found = form.search(text)
        if found:
            said = found["number"] if "number" in form.groupindex else None
            return SaidOrder(verb, PRONOUN, _number(said) if said else None)
    step = _step_in(text, has_focus=has_focus)
    if step is not None:
        return step
    found = _PLAIN.search(text)
    if found:
        return SaidOrder(_VERBS.get(found["verb"], "undo"), UNKNOWN, None, found["name"])
    return None


def _number(said: str) -> int:
    return _NUMBERS[said] if said in _NUMBERS else int(said)


def _step_in(text: str, *, has_focus: bool) -> SaidOrder | None:
    if names_a_total(text):
        return None
    for kind, form in (*_STEPS, *_STEPS_OF_NOTHING, *(_STEPS_OF_FOCUS if has_focus else ())):
        found = form.search(text)
        if found:
            said = found["number"] if "number" in form.groupindex else None
            of = found["x"] if "x" in form.groupindex else PRONOUN if has_focus else UNKNOWN
            step = step_of(kind, _number(said) if said else None)
            return SaidOrder("scale", of, step=step)
    return None

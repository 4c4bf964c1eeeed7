"""Orders that name a step instead of a number ("add two more replicas", "再加两个副本", "减一半"): the number itself is read from
the live object when the script is written, so that the script which people review says it plainly.

Only a whole clause is one: "加两个副本会有风险吗" asks, and orders nothing.
"""

from __future__ import annotations

import math
from typing import Any

import re2

_MORE = r"(?:\s+(?:more|extra|additional|further))?"
_FEWER = r"(?:\s+(?:fewer|less|of its|of the))?"
_NOUN_EN = r"\s*(?:replicas?|instances?|pods?|copies)"
_NOUN_ZH = r"\s*个?\s*(?:副本|实例|pod)"
_END = r"(?:\s*(?:please|pls|now|then|thanks|吧|呗|啊|呀))*[\s.!。！]*$"
_TOTAL = re2.compile(r"in total|altogether|(?:^|\s)total|一共|总共|共计")

MOST_STEP = 1_000


def relative_forms(lead: str, x: str, number: str) -> tuple[tuple[str, Any], ...]:
    """Kind of step and the pattern of a clause that orders it; ``x`` captures ``x``, ``number`` captures ``number``."""
    to, of = rf"\s+(?:to|for|on|of)\s+{x}", rf"\s+(?:from|of|on)\s+{x}"
    ba = r"(?:把|将|给|让)?\s*"
    forms = (
        ("+", rf"(?:add|spin up|bring up)\s+{number}{_MORE}{_NOUN_EN}{to}"),
        ("+", rf"give\s+{x}\s+{number}\s+(?:more|extra|additional){_NOUN_EN}"),
        ("+", rf"(?:scale\s+(?:up|out)\s+{x}|scale\s+{x}\s+(?:up|out)|(?:increase|raise|bump|grow)\s+{x}(?:\s+up)?)\s+by\s+{number}(?:{_MORE}{_NOUN_EN})?"),
        ("-", rf"(?:remove|drop|take)\s+{number}{_FEWER}{_NOUN_EN}{of}"),
        ("-", rf"(?:scale\s+(?:down|in)\s+{x}|scale\s+{x}\s+(?:down|in)|(?:decrease|reduce|lower|shrink)\s+{x})\s+by\s+{number}(?:{_NOUN_EN})?"),
        ("/", rf"(?:halve\s+{x}|(?:cut|scale|reduce)\s+{x}\s+(?:down\s+)?(?:in|by|to)\s+half)"),
        ("*", rf"double\s+{x}"),
        ("+", rf"{ba}{x}\s*(?:再|多|另外)?\s*(?:加|增加|添|扩|起)\s*(?:上)?\s*{number}{_NOUN_ZH}"),
        ("+", rf"(?:再|多)?给\s*{x}\s*(?:再|多)?\s*(?:加|增加|添|起)\s*{number}\s*个"),
        ("-", rf"{ba}{x}\s*(?:再)?\s*(?:减少?|去掉|撤掉?|少)\s*(?:掉)?\s*{number}{_NOUN_ZH}"),
        ("/", rf"{ba}{x}\s*(?:的)?\s*(?:副本数?|实例数?|规模)?\s*(?:再)?(?:减半|减一半|减少一半|砍半|砍一半|缩一半|缩容?一半|缩小一半)"),
        ("*", rf"{ba}{x}\s*(?:的)?\s*(?:副本数?|实例数?|规模)?\s*(?:再)?(?:翻倍|翻一倍|加倍|加一倍|扩一倍|扩容一倍)"),
    )  # fmt: skip
    return tuple((kind, re2.compile(lead + form + _END)) for kind, form in forms)


def implied_forms(lead: str, number: str) -> tuple[tuple[str, Any], ...]:
    """Steps that name no service, but say that replicas are meant."""
    forms = (
        ("+", rf"(?:add|give me|spin up|bring up)\s+{number}{_MORE}{_NOUN_EN}"),
        ("+", rf"{number}\s+more\s+(?:replicas?|instances?|copies)"),
        ("-", rf"(?:remove|drop)\s+{number}{_FEWER}\s*(?:replicas?|instances?|copies)"),
        ("+", rf"(?:再|多)?(?:加|增加|添|起)\s*{number}\s*个?\s*(?:副本|实例)"),
        ("-", rf"(?:再)?(?:减少?|去掉|撤掉?)\s*{number}\s*个?\s*(?:副本|实例)"),
    )
    return tuple((kind, re2.compile(lead + form + _END)) for kind, form in forms)


def bare_forms(lead: str, number: str) -> tuple[tuple[str, Any], ...]:
    """Steps that are orders only where the thread is about a service."""
    forms = (
        ("+", rf"(?:再|多)(?:加|扩|起|来)\s*{number}\s*个"),
        ("-", rf"再(?:减|缩)\s*{number}\s*个"),
        ("+", rf"(?:add\s+)?{number}\s+more"),
        ("/", r"(?:副本数?|实例数?|规模)?\s*(?:减半|减一半|减少一半|砍半|砍一半|缩一半)|halve it|cut it in half"),
        ("*", r"(?:副本数?|实例数?|规模)?\s*(?:翻倍|翻一倍|加倍|加一倍|扩一倍)|double it"),
    )
    return tuple((kind, re2.compile(lead + rf"(?:{form})" + _END)) for kind, form in forms)


def names_a_total(text: str) -> bool:
    return bool(_TOTAL.search(text))


def step_of(kind: str, number: int | None) -> str:
    """``+2``, ``-1``, ``/2``, ``*2``; empty for a step of nothing or one that nobody means."""
    if kind in {"*", "/"}:
        return f"{kind}2"
    return f"{kind}{number}" if number and number <= MOST_STEP else ""


def after_step(replicas: int, step: str) -> int:
    """The number that the step comes to. Half of an odd number keeps the odd one: what serves is not cut below half."""
    size = int(step[1:])
    match step[0]:
        case "+":
            return replicas + size
        case "-":
            return replicas - size
        case "*":
            return replicas * size
        case _:
            return math.ceil(replicas / size)

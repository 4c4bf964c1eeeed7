"""Statements that a number moved, in any producer's words: ``p95: Normal=3.7ms -> Current=73ms``, "rose from A to B", 从 A 升至 B."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"[-+]?\d{1,15}(?:,\d{3})*(?:\.\d{1,9})?(?:[eE][-+]?\d{1,2})?"
_UNIT = r"(?:\s?(?:%|[A-Za-zµμ°][\w/µμ%°]{0,20}|毫秒|微秒|秒|分钟|核|个|次/秒|兆|字节))?"
_OLD = r"(?:normal|baseline|base|before|previous(?:ly)?|prev|usual|expected|old|reference|avg|正常值?|基线|基准|之前|此前|平时|历史|原来|原值|原)"
_NEW = r"(?:current(?:ly)?|now|after|actual|observed|latest|new|present|当前值?|现在|目前|之后|实际|现值|异常)"
_ARROW = r"(?:-+>|=+>|→|⇒|~>|>>|\bto\b|\bvs\.?(?=\s)|升至|升到|增至|增长到|上升到|上升至|飙升至|涨到|涨至|降至|降到|下降到|下降至|跌至|变为|变成|到|至|,\s*|，\s*|;\s*|\|\s*)"
_MOVED = re.compile(
    rf"(?:{_OLD}\s*(?:value)?\s*[=:：为是]?\s*)?(?<![\w.\-])(?P<before>{_NUMBER})(?P<unit_before>{_UNIT})\s*(?P<arrow>{_ARROW})\s*"
    rf"(?P<new>{_NEW}\s*(?:value)?\s*[=:：为是]?\s*)?(?P<after>{_NUMBER})(?P<unit>{_UNIT})(?:\s*[(（](?P<change>[^)）]{{1,60}})[)）])?",
    re.IGNORECASE,
)
_WAS = re.compile(
    rf"(?<![\w.\-])(?P<after>{_NUMBER})(?P<unit>{_UNIT})(?P<between>[^()（）\d]{{0,60}})[(（]\s*(?:was|up from|down from|before|previously|原为|原先|之前为?|此前)\s*:?\s*"
    rf"(?P<before>{_NUMBER}){_UNIT}\s*[)）]",
    re.IGNORECASE,
)
_OLD_NEAR = re.compile(rf"(?:{_OLD}|\bfrom|从|由)\s*(?:value)?\s*[=:：为是]?\s*$", re.IGNORECASE)
_ALONE = re.compile(
    rf"\b(?:val(?:ue)?|current|observed|actual)\b\s*[=:：]\s*(?P<after>{_NUMBER})(?P<unit>{_UNIT})|(?:当前值|当前|实际值|数值)\s*[=:：为]\s*(?P<zh>{_NUMBER})(?P<zh_unit>{_UNIT})",
    re.IGNORECASE,
)
_ABOUT: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (about, re.compile(words, re.IGNORECASE))
    for about, words in (
        ("throttling", r"throttl|cfs|限流|节流"),
        ("network-loss", r"retrans|packet.?loss|packets?.?drop|dropped|丢包|重传|丢弃"),
        ("network-latency", r"\brtt\b|round.?trip|network.{0,12}(?:latency|delay)|网络.{0,6}(?:延迟|时延)|ping"),
        (
            "latency",
            r"latenc|duration|response.?time|\bp\d{2,3}\b|p\d{2}latency|slow|\brt\b|ttft|tpot|延迟|时延|耗时|响应时间|elapsed",
        ),
        ("errors", r"error|fail|5xx|4xx|exception|timeout.?(?:rate|count)|错误|失败|异常率"),
        ("gpu", r"\bgpu(?![\w\-]*\d)|显存|sm.?util|nvlink|dcgm|xid|ecc"),
        ("memory", r"\bmem|memory|rss|heap|working.?set|内存|\boom"),
        ("cpu", r"cpu|cores?\b|load.?(?:avg|average)|负载|核"),
        ("disk", r"disk|iops|\bio\b|iowait|filesystem|inode|磁盘|存储|硬盘"),
        ("traffic", r"qps|rps|tps|throughput|traffic|request.?(?:rate|count|s\b)|bandwidth|流量|吞吐|请求量|带宽"),
        ("network-loss", r"network.{0,12}(?:quality|degrad)|网络质量"),
        ("saturation", r"saturat|queue|pending|utili[sz]ation|饱和|排队|队列|利用率|使用率"),
    )
)
_UNIT_ABOUT = {"ms": "latency", "us": "latency", "µs": "latency", "cores": "cpu", "core": "cpu", "retrans": "network-loss",
               "qps": "traffic", "rps": "traffic", "毫秒": "latency", "核": "cpu"}  # fmt: skip
_STOP = re.compile(r"[|｜;；。]|,\s(?=\D)|，")


@dataclass(frozen=True, slots=True)
class Move:
    """``before`` is None when only the present value was told."""

    metric: str
    about: str
    before: float | None
    after: float
    unit: str
    text: str

    @property
    def ratio(self) -> float | None:
        return round(self.after / self.before, 4) if self.before else None


def moves_in(text: str, *, is_measure: bool = False) -> Iterator[Move]:
    """Each change that a line tells. ``is_measure``: the text comes from where numbers are reported (an alert's evidence), so
    a lone value counts when something is said to be wrong with it."""
    text = text[:4_000]
    found_any = False
    start = 0
    for match in _MOVED.finditer(text):
        head = text[start : match.start("before")]
        if not _is_change(match, head, text[match.start() : match.start("before")]):
            continue
        found_any = True
        unit = (match["unit"] or match["unit_before"] or "").strip()
        metric = _metric(head)
        about = _about(metric, text[: match.start()], unit)
        yield Move(metric, about, _float(match["before"]), _float(match["after"]), unit, _told(text, match, start))
        start = match.end()
    for match in _WAS.finditer(text) if not found_any else ():
        found_any = True
        metric = _metric(text[: match.start()])
        about = _about(f"{metric} {match['between']}", text[: match.start()], match["unit"].strip())
        yield Move(
            metric, about, _float(match["before"]), _float(match["after"]), match["unit"].strip(), text.strip()[:300]
        )
    if is_measure and not found_any and (alone := _ALONE.search(text)):
        unit = (alone["unit"] or alone["zh_unit"] or "").strip()
        metric = _metric(text[: alone.start()])
        yield Move(
            metric, _about(metric, text, unit), None, _float(alone["after"] or alone["zh"]), unit, text.strip()[:300]
        )


def _is_change(match: re.Match[str], head: str, lead: str) -> bool:
    """An arrow between numbers is one when it is drawn as such; commas and "to" need a word of old and new beside them."""
    arrow = match["arrow"].strip().lower()
    is_old = bool(lead) or _OLD_NEAR.search(head) is not None
    if arrow in {",", "，", ";", "|", "vs", "vs."}:
        return is_old and bool(match["new"])
    if arrow in {"to", "到", "至"}:
        return is_old or bool(match["new"])
    return bool(_metric(head)) or is_old


_LEAD = re.compile(
    rf"(?:{_OLD}|from|从|由|rose|risen|increased|grew|grown|jumped|dropped|fell|decreased|went|changed|has|上升|下降|增长|升高)"
    r"\s*(?:value)?\s*[=:：为是]?\s*$",
    re.IGNORECASE,
)
_EDGES = " :：=-\t\"'|｜;；,，。"


def _metric(head: str) -> str:
    """The words right before the numbers, back to the last stop."""
    words = head.rstrip(_EDGES)
    while shorter := _LEAD.search(words):
        words = words[: shorter.start()].rstrip(_EDGES)
    return _STOP.split(words)[-1].strip(_EDGES).strip()[-120:]


def _about(metric: str, before: str, unit: str) -> str:
    """What the number is about: by its own name, its unit, or the words that led to it."""
    for words in (metric, before):
        for about, pattern in _ABOUT:
            if pattern.search(words):
                return about
        if unit.lower() in _UNIT_ABOUT:
            return _UNIT_ABOUT[unit.lower()]
    return "other"


def _float(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return 0.0


def _told(text: str, match: re.Match[str], start: int) -> str:
    """The statement as it was told, from where the one before it ended."""
    begin = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 160, start)
    return text[begin : match.end()].strip(" \t|,;；，")[:300]

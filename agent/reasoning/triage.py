"""What a ticket asks for, read without a model: language, intent, and the names it mentions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import re2

from knowledge.vocabulary import Alert, Focus, Intent, Language, Scope, Severity, Ticket, Triage

HAN = re.compile(r"[\u4e00-\u9fff]")
# Han characters are word characters to `\w`, but no part of a name: a name may touch them on either side.
_EDGE = r"[A-Za-z0-9_/-]"
NAME = re.compile(
    rf"(?<!{_EDGE})(?<!\.)(?:[a-z][a-z0-9]*(?:[-.][a-z0-9]+)+|[a-z]+[0-9][a-z0-9]*)(?!{_EDGE})",
)
NAMESPACE = re.compile(
    r"(?:\bnamespace[ /:=]+|\s-n[ =]?|命名空间[ ：:]*|名字空间[ ：:]*)([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)"
)
NOT_NAMES = frozenset({"e.g", "i.e", "k8s", "p95", "p99", "p50", "http2", "ipv4", "ipv6", "utf8", "sha256"})

SCRIPT_LINE = re2.compile(r"(?m)^[ \t]*kubectl\s+\S")
REPORT = re.compile(r"\b(report|summary|summari[sz]e|statistics)\b|报告|汇总|统计|周报|日报", re.IGNORECASE)
CHANGE = re2.compile(
    r"(?i)^\s*(?:please\s+|can you\s+|could you\s+|请|麻烦|帮我|帮忙)*\s*"
    r"(?:scale|restart|roll\s?back|rollback|undo|cordon|uncordon|pause|resume|suspend|delete pod|"
    r"把|将|重启|重新启动|回滚|扩容|缩容|扩到|缩到|封锁|解除封锁|暂停|恢复)"
)
CHANGE_VERB_ZH = re.compile(r"扩|缩|重启|回滚|副本|封锁|暂停|恢复|删除|调到|改成|设为|设置")
QUESTION = re.compile(
    r"^\s*(?:what|how|where|which|who|when|is there|are there|does|do|explain|tell me)\b|"
    r"怎么(?!.{0,6}(?:慢|挂|坏|失败|报错|超时|不可用|起不来))|如何|什么是|是什么|哪些|哪个|谁在|多少|区别|解释一下|介绍",
    re.IGNORECASE,
)
TROUBLE = re.compile(
    r"\b(slow|down|fail\w*|error\w*|crash\w*|timeout\w*|timed out|broken|not working|unavailable|unreachable|stuck|pending|"
    r"restart(?:s|ing|ed)|oom|50[0234]|42[29]|latency|hang\w*|evicted|degraded|not ready|cannot|can't|won't)\b|"
    r"慢|挂了|坏了|失败|报错|错误|异常|超时|不可用|起不来|重启了|崩|卡住|卡顿|延迟|告警|故障|不通|连不上|拉不起|掉卡|显存不足|为什么|为何",
    re.IGNORECASE,
)
URGENT = re.compile(
    r"\b(outage|all (?:requests|users)|production down|sev-?1|p0|p1|urgent)\b|全部不可用|全挂|紧急|大面积",
    re.IGNORECASE,
)


def language_of(text: str) -> Language:
    """Chinese when a reader of Chinese wrote it: any run of Han characters that is more than a stray name."""
    return Language.ZH if len(HAN.findall(text)) >= 2 else Language.EN


def intent_of(text: str) -> Intent:
    """A script or an order is a change request, trouble is a fault, a question is a question; when in doubt, a fault:
    looking costs little, and a fault that was taken for a question would wait. Terminal output that was pasted is no order,
    whatever commands stand in it."""
    if split_paste(text)[1]:
        return Intent.FAULT
    if SCRIPT_LINE.search(text):
        return Intent.CHANGE_REQUEST
    order = CHANGE.search(text)
    if order and not text.rstrip().endswith(("?", "？")):
        starts_with_object = order.group().rstrip().endswith(("把", "将"))
        if not starts_with_object or CHANGE_VERB_ZH.search(text):
            return Intent.CHANGE_REQUEST
    if REPORT.search(text):
        return Intent.REPORT
    if QUESTION.search(text) and not TROUBLE.search(text):
        return Intent.QUESTION
    if text.rstrip().endswith(("?", "？", "吗")) and not TROUBLE.search(text):
        return Intent.QUESTION
    return Intent.FAULT


def names_in(text: str) -> tuple[str, ...]:
    """Words that look like names of services or workloads, in order, once each."""
    found = (match.group().rstrip(".") for match in NAME.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name not in NOT_NAMES))


def namespaces_in(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(NAMESPACE.findall(text)))


PASTED_LINE = re2.compile(
    r"(?m)^[ \t]*(?:>[ \t]*)?(?:[^\s$#]{0,80}[$#❯][ \t]+(?:sudo[ \t]+)?(?:kubectl|k|oc|ssh|systemctl|journalctl|crictl|nvidia-smi|curl|nc|cat)[ \t]|"
    r"NAME(?:SPACE)?[ \t]{2,}.*\b(?:AGE|STATUS|READY)\b|LAST SEEN[ \t]+TYPE|Name:[ \t]+\S+[ \t]*$|"
    r"Traceback \(most recent call last\)|"
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*[ \t]+\S|[IWEF]\d{4} \d\d:\d\d:\d\d\.)"
)
"""Linear in the text, whatever it holds: anybody who may open a ticket chooses it."""

LEAST_PASTED_LINES = 3
FIRST_OF_PASTE = 200


def split_paste(text: str) -> tuple[str, str]:
    """(the asker's own words, what was pasted below them); the second is empty when nothing was. A paste begins with the first
    line that only a terminal or a log writes, and has a few lines."""
    found = PASTED_LINE.search(text)
    if found is None or len(text[found.start() :].strip().splitlines()) < LEAST_PASTED_LINES:
        return text, ""
    return text[: found.start()].strip(), text[found.start() :]


def triage_ticket(ticket: Ticket, *, reach: Scope, now: datetime, window_seconds: float) -> Triage:
    """A ticket's trouble is taken to have begun within the window before it was written."""
    words, _ = split_paste(ticket.text)
    namespaces = (ticket.namespace,) if ticket.namespace else namespaces_in(words)
    services = (ticket.service,) if ticket.service else tuple(n for n in names_in(words) if n not in namespaces)
    focus = Focus(
        cluster=ticket.cluster,
        namespaces=namespaces,
        services=services,
        since=ticket.opened_at - timedelta(seconds=window_seconds),
        until=max(now, ticket.opened_at),
        reach=reach,
    )
    severity = Severity.HIGH if URGENT.search(words) else Severity.MEDIUM
    return Triage(
        intent=intent_of(ticket.text),
        severity=severity,
        language=language_of(words or ticket.text),
        focus=focus,
        question=words or ticket.text[:FIRST_OF_PASTE],
    )


def triage_alerts(alerts: Sequence[Alert], *, language: Language, now: datetime, window_seconds: float) -> Triage:
    """Alerts are always a fault; the earliest start bounds the window, the worst severity is the incident's."""
    began = min(alert.starts_at for alert in alerts)
    focus = Focus(
        cluster=alerts[0].cluster,
        namespaces=tuple(dict.fromkeys(a.namespace for a in alerts if a.namespace)),
        services=tuple(dict.fromkeys(a.service for a in alerts if a.service)),
        since=began - timedelta(seconds=window_seconds),
        until=max(now, began),
    )
    return Triage(
        intent=Intent.FAULT,
        severity=min((alert.severity for alert in alerts), key=lambda severity: severity.rank),
        language=language,
        focus=focus,
        question="; ".join(dict.fromkeys(alert.summary for alert in alerts))[:2_000],
    )

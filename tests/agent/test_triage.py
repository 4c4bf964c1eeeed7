"""What a ticket asks for is read without a model, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reasoning.triage import intent_of, language_of, names_in, namespaces_in, triage_alerts, triage_ticket
from knowledge.vocabulary import Alert, Intent, Language, Scope, Severity, Ticket

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("why is qwen2-7b slow", Intent.FAULT),
        ("qwen2-7b returns 503 since 10:00", Intent.FAULT),
        ("为什么 qwen2-7b 变慢了", Intent.FAULT),
        ("bge-m3 一直重启，起不来", Intent.FAULT),
        ("scale bge-m3 to 4", Intent.CHANGE_REQUEST),
        ("把 bge-m3 扩到 4 个副本", Intent.CHANGE_REQUEST),
        ("please restart the gateway", Intent.CHANGE_REQUEST),
        ("回滚 ranker", Intent.CHANGE_REQUEST),
        ("kubectl -n prod rollout restart deployment/web", Intent.CHANGE_REQUEST),
        ("what is the KV cache?", Intent.QUESTION),
        ("如何配置 vLLM 的张量并行", Intent.QUESTION),
        ("which services run on gpu-07?", Intent.QUESTION),
        ("周报", Intent.REPORT),
        ("give me a report of last week's incidents", Intent.REPORT),
        ("should I restart the gateway?", Intent.QUESTION),
        ("the gateway restarts every minute", Intent.FAULT),
    ],
)
def test_intent_is_read_from_the_words(text: str, intent: Intent) -> None:
    assert intent_of(text) is intent


@pytest.mark.parametrize(
    ("text", "language"),
    [("显存不足", Language.ZH), ("GPU out of memory", Language.EN), ("qwen2-7b 慢了", Language.ZH), ("", Language.EN)],
)
def test_language_is_that_of_the_writer(text: str, language: Language) -> None:
    assert language_of(text) is language


def test_names_are_found_between_words_of_either_language() -> None:
    assert names_in("为什么qwen2-7b慢，而 bge-m3 正常? p99 is fine") == ("qwen2-7b", "bge-m3")
    assert namespaces_in("kubectl -n ai-serving get pods") == ("ai-serving",)
    assert namespaces_in("命名空间 ai-gateway 里的服务") == ("ai-gateway",)


def test_the_focus_of_a_ticket_is_within_the_asker_s_reach() -> None:
    reach = Scope(namespaces=("team-a",))
    ticket = Ticket(
        id="t",
        requester="p",
        text="web-1 is down in namespace team-b",
        language=Language.EN,
        cluster="lab",
        opened_at=NOW,
    )
    triage = triage_ticket(ticket, reach=reach, now=NOW, window_seconds=3600)
    assert triage.focus.namespaces == ("team-b",)
    assert not triage.focus.reach.allows(cluster="lab", namespace="team-b")
    assert (triage.focus.until - triage.focus.since).total_seconds() == 3600


def test_alerts_take_the_worst_severity_and_the_earliest_start() -> None:
    def alert(name: str, severity: Severity, minute: int) -> Alert:
        return Alert(
            source="alertmanager",
            fingerprint=name,
            status="firing",
            name=name,
            severity=severity,
            cluster="lab",
            namespace="ai",
            service="web",
            starts_at=NOW.replace(minute=minute),
        )

    alerts = [alert("a", Severity.MEDIUM, 30), alert("b", Severity.CRITICAL, 10)]
    triage = triage_alerts(alerts, language=Language.ZH, now=NOW, window_seconds=600)
    assert triage.severity is Severity.CRITICAL
    assert triage.focus.since == NOW.replace(minute=0)
    assert triage.focus.until >= NOW.replace(minute=10)


@given(st.text(max_size=300))
def test_any_text_has_an_intent_and_a_language(text: str) -> None:
    assert intent_of(text) in Intent
    assert language_of(text) in Language
    assert all(name for name in names_in(text))

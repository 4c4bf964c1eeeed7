"""The metrics around an onset: the cited ones first, the golden signals after them, never beyond the reader's scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from api.figures.series import MOST_CHARTS, AroundOnset, around_onset
from knowledge.errors import BadInput, MetricsUnreachable
from knowledge.vocabulary import (
    Diagnosis,
    Evidence,
    Hypothesis,
    Incident,
    IncidentStatus,
    Language,
    ObjectRef,
    Scope,
    Severity,
    Text,
    Verdict,
)
from tools.citation import of_metric
from tools.contracts import MetricAnswer
from tools.ports import Series

ONSET = datetime(2026, 3, 1, 10, 2, tzinfo=UTC)
NOW = ONSET + timedelta(minutes=20)
WAITING = 'max by (namespace, pod, model_name) (vllm:num_requests_waiting{namespace=~"serving"})'
Answers = Mapping[str, Sequence[Series] | Exception]


class FakeMetrics:
    """Answers by a word of the query; remembers what it was asked."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, datetime, datetime, float]] = []

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]:
        raise AssertionError("only ranges are drawn")

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        self.asked.append((query, start, end, step_seconds))
        for word, answer in self.answers.items():
            if word in query:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return []

    async def ready(self) -> str:
        return "fake"


def series(value: Callable[[float], float] = lambda minute: 1.0, *, skip: range = range(0), **labels: str) -> Series:
    start = (ONSET - timedelta(minutes=30)).timestamp()
    return Series(labels, [(start + 60 * m, value(m)) for m in range(51) if m not in skip])


def incident(service: str = "qwen2-7b") -> Incident:
    return Incident(
        id="inc-1",
        title="slow",
        status=IncidentStatus.HANDED_OVER,
        severity=Severity.HIGH,
        cluster="prod",
        namespace="serving",
        service=service,
        opened_by="alert",
        opened_at=ONSET + timedelta(minutes=3),
        updated_at=NOW,
    )


def cited(one: Series, key: str = "vllm_requests_waiting", query: str = WAITING) -> Evidence:
    return of_metric("prod", MetricAnswer(key, query, [one]), one, NOW)


def diagnosis(*evidence: Evidence) -> Diagnosis:
    about = ObjectRef(cluster="prod", kind="Deployment", namespace="serving", name="qwen2-7b")
    both = Text(en="queue is full", zh="队列已满")
    chosen = Hypothesis(
        id="h1", fault="vllm_queue", object=about, title=both, explanation=both, score=1.0,
        evidence_ids=tuple(one.id for one in evidence), began_at=ONSET,
    )  # fmt: skip
    return Diagnosis(verdict=Verdict.FAULT, chosen=chosen, confidence=0.9, summary=both)


async def drawn(
    metrics: FakeMetrics | None, *evidence: Evidence, reach: Scope | None = None, language: Language = Language.EN
) -> AroundOnset:
    known = diagnosis(*evidence)
    return await around_onset(incident(), known, evidence, metrics, NOW, reach=reach or Scope(), language=language)


async def test_charts_begin_with_what_the_diagnosis_cites() -> None:
    slow = series(lambda minute: 40.0 if minute > 30 else 0.0, namespace="serving", pod="qwen2-7b-a")
    other = series(namespace="serving", pod="bge-m3-x")
    metrics = FakeMetrics({"num_requests_waiting": [other, slow], "http_request_rate": []})
    found = await drawn(metrics, cited(slow))
    first = found.charts[0]
    assert (first.title, first.query, first.onset) == ("Requests waiting", WAITING, ONSET)
    assert first.lines[0].label == "qwen2-7b-a"
    assert first.lines[0].points[-1][1] == 40.0


async def test_chart_is_drawn_from_kept_evidence_when_metrics_do_not_answer() -> None:
    kept = cited(series(lambda minute: minute, namespace="serving", pod="qwen2-7b-a"))
    metrics = FakeMetrics({"": MetricsUnreachable("no answer from http://prometheus:9090")})
    found = await drawn(metrics, kept)
    assert [chart.title for chart in found.charts] == ["Requests waiting"]
    assert found.charts[0].lines[0].points[-1][1] == 50.0
    assert any("no answer" in gap.reason for gap in found.gaps)
    assert len(metrics.asked) == 1  # the golden signals were not asked of a server that is away


async def test_gap_says_so_when_the_cluster_has_no_metrics() -> None:
    found = await drawn(None, language=Language.ZH)
    assert found.charts == ()
    assert [gap.reason for gap in found.gaps] == ["该集群未配置指标服务"]


async def test_golden_signals_follow_with_the_service_s_own_series_in_base_units() -> None:
    metrics = FakeMetrics(
        {
            "e2e_request_latency": [],
            "time_to_first_token": [series(service="qwen2-7b", namespace="serving"), series(service="bge-m3")],
            "FB_USED": [
                series(lambda minute: 1024.0, Hostname="gpu-07", gpu="0", namespace="serving", pod="qwen2-7b-a"),
                series(Hostname="gpu-08", gpu="0", namespace="other", pod="someone-else"),
            ],
        }
    )
    found = await drawn(metrics)
    assert [chart.title for chart in found.charts] == ["Latency, 95th percentile", "GPU memory in use"]
    latency, memory = found.charts
    assert [line.label for line in latency.lines] == ["qwen2-7b"]
    assert latency.unit == "seconds"
    assert memory.unit == "bytes"
    assert {value for _, value in memory.lines[0].points} == {1024.0 * 2**20}
    assert len(memory.lines) == 1


async def test_nothing_of_another_namespace_is_shown_or_named_when_the_scope_forbids_it() -> None:
    theirs = series(namespace="secret", pod="secret-pod")
    mine = series(namespace="serving", pod="qwen2-7b-a")
    query = WAITING.replace("serving", "serving|secret")
    metrics = FakeMetrics(
        {"num_requests_waiting": [theirs, mine], "FB_USED": [series(gpu="0", pod="x-without-namespace")]}
    )
    found = await drawn(
        metrics, cited(theirs, query=query), cited(mine, query=query), reach=Scope(namespaces=("serving",))
    )
    told = found.model_dump_json()
    assert "secret" not in told
    assert "x-without-namespace" not in told
    assert all("secret" not in query for query, *_ in metrics.asked)
    assert found.charts[0].lines[0].label == "qwen2-7b-a"


async def test_missing_stretch_is_said_when_points_are_missing() -> None:
    holed = series(namespace="serving", pod="qwen2-7b-a", skip=range(10, 20))
    found = await drawn(FakeMetrics({"num_requests_waiting": [holed]}), cited(holed))
    assert any("no points 09:41-09:52 UTC" in gap.reason for gap in found.gaps)


async def test_window_holds_the_onset_and_is_bounded_in_points() -> None:
    metrics = FakeMetrics({})
    old = diagnosis()
    await around_onset(incident(), old, [], metrics, NOW + timedelta(days=30), reach=Scope())
    _, start, end, step = metrics.asked[0]
    assert start < ONSET < end
    assert (end - start).total_seconds() / step <= 120
    assert end - start <= timedelta(hours=6)


async def test_bad_query_of_one_chart_leaves_the_others() -> None:
    slow = series(namespace="serving", pod="qwen2-7b-a")
    metrics = FakeMetrics({"num_requests_waiting": BadInput("parse error"), "http_requests_total": [slow]})
    found = await drawn(metrics, cited(slow))
    assert found.charts[0].title == "Requests waiting"
    assert len(found.charts) > 1
    assert len(found.charts) <= MOST_CHARTS


async def test_secret_in_a_label_is_not_shown() -> None:
    leaky = series(namespace="serving", pod="qwen2-7b-a", model_name="token=ghp_0123456789abcdefghijklmnopqrstuvwxyzAB")
    found = await drawn(FakeMetrics({"num_requests_waiting": [leaky]}), cited(leaky))
    assert "ghp_0123456789" not in found.model_dump_json()

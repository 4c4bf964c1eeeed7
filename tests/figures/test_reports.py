"""Reports: what is counted, what is left out, and that nothing outside the reader's scope is in any sum."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from api.figures.durations import recurrence_report, times_report
from api.figures.judgements import accuracy_report, detectors_report
from api.figures.making import NAMES, made
from api.figures.options import ServiceTargets, TargetsSettings
from api.figures.spending import approvals_report, model_report
from api.figures.sums import spread_of
from api.figures.tables import COLUMNS, as_csv
from api.figures.windows import Window, moment_of, window_of
from knowledge.errors import BadInput
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalStatus, Decision, Language, Scope, Severity
from tests.figures.conftest import Story, TestClock
from tests.ledger.makers import make_plan, make_review

ALL = Scope()
SERVING = Scope(namespaces=("serving",))


def month(clock: TestClock) -> Window:
    return window_of(None, clock.at + timedelta(seconds=1), clock.at)


def test_times_are_from_opening_to_the_first_diagnosis_and_to_the_end(
    ledger: Ledger, story: Story, clock: TestClock
) -> None:
    for minutes in (1, 2, 9):
        one = story.incident()
        story.diagnose(one, minutes=minutes)
        story.diagnose(one, minutes=5)  # a second look does not count
        story.resolve(one, minutes=10)
    story.incident()
    report = times_report(ledger, ALL, month(clock))
    assert report.overall.incidents == 4
    assert report.overall.open == 1
    assert (report.overall.diagnosed.count, report.overall.diagnosed.p50, report.overall.diagnosed.p90) == (3, 120, 540)
    assert report.overall.resolved.p50 == 17 * 60
    assert [row.name for row in report.by_severity] == ["high"]
    assert [row.name for row in report.by_service.rows] == ["vllm"]


def test_times_leave_out_answers_and_merged_incidents_from_what_was_resolved(
    ledger: Ledger, story: Story, clock: TestClock
) -> None:
    first, second = story.incident(), story.incident()
    ledger.incidents.merge(second, first, "mei")
    ledger.incidents.close(first, "mei", "over")
    report = times_report(ledger, ALL, month(clock))
    assert (report.overall.incidents, report.overall.resolved.count, report.overall.open) == (1, 1, 0)


def test_weeks_begin_on_monday_midnight_of_the_asked_zone(ledger: Ledger, story: Story, clock: TestClock) -> None:
    clock.at = datetime(2026, 3, 8, 17, tzinfo=UTC)  # Sunday evening in UTC, Monday in Shanghai
    story.incident()
    in_utc = times_report(ledger, ALL, month(clock))
    window = window_of(None, clock.at + timedelta(seconds=1), clock.at, "Asia/Shanghai")
    there = times_report(ledger, ALL, window, language=Language.ZH)
    assert in_utc.by_week[0].name == "2026-03-02T00:00:00+00:00"
    assert there.by_week[0].name == "2026-03-08T16:00:00+00:00"
    assert there.charts[2].title == "每周新增事件"


def test_services_come_busiest_first_and_page_by_page(ledger: Ledger, story: Story, clock: TestClock) -> None:
    for number in range(5):
        for _ in range(number + 1):
            story.incident(service=f"s{number}")
    page = times_report(ledger, ALL, month(clock), offset=1, limit=2).by_service
    assert ([row.name for row in page.rows], page.total, page.offset) == (["s3", "s2"], 5, 1)


def test_no_report_counts_what_lies_outside_the_scope(ledger: Ledger, story: Story, clock: TestClock) -> None:
    mine, theirs = story.incident(), story.incident(namespace="secret", service="hidden")
    placeless = story.incident(namespace="", service="anywhere")
    for one in (mine, theirs, placeless):
        story.diagnose(one, f"fault-of-{one}")
        story.say(one, "right")
        story.ask_model(one, cost=1.0)
    story.ask_model("", purpose="chat")
    reports = made(ledger, SERVING, month(clock))
    told = " ".join(report.model_dump_json() for report in reports.values())
    assert "hidden" not in told
    assert theirs not in told
    assert placeless not in told
    assert mine in told
    assert reports["model"].overall.calls == 1  # type: ignore[attr-defined]
    assert made(ledger, ALL, month(clock))["model"].overall.calls == 4  # type: ignore[attr-defined]


def test_recurrence_is_the_same_fault_on_the_same_object_within_the_days(
    ledger: Ledger, story: Story, clock: TestClock
) -> None:
    names = []
    for gap_days, fault, name in (
        (0, "a", "x"),
        (2, "a", "x"),
        (3, "a", "y"),
        (1, "b", "x"),
        (1, "a", "x"),
        (12, "a", "x"),
    ):
        clock.advance(days=gap_days)
        one = story.incident()
        story.diagnose(one, fault, name=name)
        names.append(one)
    report = recurrence_report(ledger, ALL, month(clock), days=7)
    assert (report.recurrences, report.diagnosed) == (2, 6)
    (row,) = report.rows.rows
    assert (row.fault, row.object_key, row.times) == ("a", "Deployment/serving/x", 3)
    assert row.incidents[0] == names[0]


def test_recurrence_counts_the_first_of_the_window_when_the_one_before_lies_outside_it(
    ledger: Ledger, story: Story, clock: TestClock
) -> None:
    story.diagnose(story.incident())
    clock.advance(days=3)
    begin = clock.at
    story.diagnose(story.incident())
    report = recurrence_report(ledger, ALL, Window(since=begin, until=clock.advance(hours=1)), days=7)
    assert (report.recurrences, report.diagnosed) == (1, 1)


def test_recurrence_names_no_object_of_a_namespace_that_the_reader_may_not_see(
    ledger: Ledger, story: Story, clock: TestClock
) -> None:
    for _ in range(2):
        story.diagnose(story.incident(), "gateway_down", name="gateway", namespace="secret")
    assert "gateway" not in recurrence_report(ledger, SERVING, month(clock)).model_dump_json()
    assert recurrence_report(ledger, ALL, month(clock)).recurrences == 1


def test_accuracy_counts_the_last_word_of_each_person(ledger: Ledger, story: Story, clock: TestClock) -> None:
    sure, unsure, unsaid = story.incident(), story.incident(), story.incident()
    story.diagnose(sure, confidence=0.95)
    story.diagnose(unsure, "oom", confidence=0.55)
    story.diagnose(unsaid, "oom")
    story.say(sure, "wrong")
    story.say(sure, "right")
    story.say(sure, "right", "wei")
    story.say(unsure, "partly")
    report = accuracy_report(ledger, ALL, month(clock))
    assert (report.overall.right, report.overall.partly, report.overall.wrong) == (2, 1, 0)
    assert report.overall.right_share == pytest.approx(2.5 / 3, abs=1e-4)
    assert report.answered_share == pytest.approx(2 / 3, abs=1e-4)
    assert [(row.name, row.right_share) for row in report.by_confidence] == [
        ("0.9 - 1.0", 1.0), ("0.7 - 0.9", None), ("0.5 - 0.7", 0.5), ("0.0 - 0.5", None),
    ]  # fmt: skip


def test_detector_hits_count_incidents_and_what_people_said(ledger: Ledger, story: Story, clock: TestClock) -> None:
    old = story.incident()
    story.diagnose(old, "oom")
    clock.advance(days=10)
    new = story.incident()
    story.diagnose(new, "oom")
    story.diagnose(new, "oom")
    story.say(new, "wrong")
    last = clock.at
    clock.advance(hours=1)
    report = detectors_report(ledger, ALL, month(clock), known=["oom", "never_seen", "kv_cache_full"])
    (row,) = report.rows.rows
    assert (row.fault, row.hits_7d, row.hits_30d, row.confirmed, row.refuted) == ("oom", 1, 2, 0, 1)
    assert row.last_at == last - timedelta(minutes=2)
    assert report.silent == 2


def test_approvals_wait_from_asking_to_the_deciding_vote(ledger: Ledger, story: Story, clock: TestClock) -> None:
    for number, minutes in enumerate((5, 20, 0)):
        incident = story.incident()
        plan = make_plan(incident, f"pln-{number}")
        ledger.plans.put(plan)
        request = ledger.approvals.ask(
            incident, plan.id, make_review(plan, id=f"rev-{number}"), 1, "mei", wait_seconds=3600
        )
        clock.advance(minutes=minutes)
        if minutes:
            decision = Decision.APPROVE if minutes == 5 else Decision.REJECT
            ledger.approvals.vote(request.id, story.people["wei"], decision, "", request.digest)
    clock.advance(hours=5)
    ledger.approvals.expire_due()
    report = approvals_report(ledger, ALL, month(clock))
    assert (report.overall.requests, report.overall.expired) == (3, 1)
    assert (report.overall.decided.count, report.overall.decided.p50, report.overall.decided.p90) == (2, 300, 1200)
    assert report.by_status[ApprovalStatus.REJECTED] == 1


def test_model_use_is_summed_by_model_purpose_and_incident(ledger: Ledger, story: Story, clock: TestClock) -> None:
    cheap, dear = story.incident(), story.incident()
    story.ask_model(cheap, purpose="diagnose", input_tokens=1000, output_tokens=100, cost=0.01, seconds=2)
    story.ask_model(dear, purpose="plan", input_tokens=9000, output_tokens=900, cost=0.5, seconds=8)
    story.ask_model(dear, purpose="diagnose", outcome="timeout", input_tokens=500, seconds=30, is_estimated=True)
    report = model_report(ledger, ALL, month(clock))
    assert (report.overall.calls, report.overall.input_tokens, report.overall.cost) == (3, 10_500, 0.51)
    assert report.overall.answered_share == pytest.approx(2 / 3, abs=1e-4)
    assert report.by_outcome == {"answered": 2, "timeout": 1}
    assert [row.name for row in report.by_incident.rows] == [dear, cheap]
    assert report.charts[0].lines[0].points[0][1] == pytest.approx(0.51)


def test_csv_is_one_table_whose_cells_are_no_formulas(ledger: Ledger, story: Story, clock: TestClock) -> None:
    for _ in range(2):
        one = story.incident(service='=HYPERLINK("http://x","y")')
        story.diagnose(one)
        story.say(one, "right")
    told = as_csv(made(ledger, ALL, month(clock)))
    rows = list(csv.reader(io.StringIO(told)))
    assert tuple(rows[0]) == COLUMNS
    assert {row[0] for row in rows[1:]} == set(NAMES)
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert ["times", "overall", "", "incidents", "2"] in rows
    assert any(row[:4] == ["recurrence", "rows", "kv_cache_full @ Deployment/serving/vllm", "times"] for row in rows)


def test_spread_is_of_values_that_were_measured() -> None:
    assert spread_of([]).p50 is None
    assert (spread_of(range(1, 101)).p50, spread_of(range(1, 101)).p90) == (50, 90)
    assert spread_of([float("nan"), 3.0]).count == 1


def test_window_is_refused_when_it_cannot_be(clock: TestClock) -> None:
    with pytest.raises(BadInput, match="ends before"):
        window_of(clock.at, clock.at, clock.at)
    with pytest.raises(BadInput, match="two years"):
        window_of(clock.at - timedelta(days=800), None, clock.at)
    with pytest.raises(BadInput, match="neither"):
        moment_of("soon", clock.at)
    assert moment_of("4w", clock.at) == clock.at - timedelta(weeks=4)
    assert moment_of("2026-03-01", clock.at) == datetime(2026, 3, 1, tzinfo=UTC)


def test_targets_of_a_service_stand_before_those_of_the_desk() -> None:
    targets = TargetsSettings(
        first_answer_minutes={Severity.HIGH: 10},
        services=(ServiceTargets(services=("chat-*",), resolve_minutes={Severity.HIGH: 30}),),
    )
    assert targets.minutes_of("chat-7b", Severity.HIGH) == (10, 30)
    assert targets.minutes_of("other", Severity.HIGH) == (10, 240)
    assert targets.minutes_of("", Severity.CRITICAL) == (5, 60)

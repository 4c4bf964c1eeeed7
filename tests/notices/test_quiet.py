"""Quiet hours: wall clocks of a zone, also on the two nights of the year when these jump."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.notices.contract import Notice, NoticeKind
from api.notices.options import QuietHours, Weekday
from api.notices.quiet import quiet_until, told_at
from knowledge.vocabulary import Severity, Text

BERLIN = "Europe/Berlin"
SHANGHAI = "Asia/Shanghai"


def hours(starts: str, ends: str, zone: str = BERLIN, days: tuple[Weekday, ...] | None = None) -> QuietHours:
    given = {"starts": starts, "ends": ends, "zone": zone} | ({"days": days} if days else {})
    return QuietHours.model_validate(given)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def notice(severity: Severity = Severity.HIGH, *, is_page: bool = False) -> Notice:
    words = Text(en="t", zh="t")
    return Notice(
        id="n",
        kind=NoticeKind.FAILED,
        severity=severity,
        is_page=is_page,
        title=words,
        body=words,
        at=at("2026-03-02T00:00Z"),
    )


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-03-02T21:59+01:00", None),
        ("2026-03-02T22:00+01:00", "2026-03-03T07:00+01:00"),
        ("2026-03-03T03:00+01:00", "2026-03-03T07:00+01:00"),
        ("2026-03-03T06:59:59+01:00", "2026-03-03T07:00+01:00"),
        ("2026-03-03T07:00+01:00", None),
    ],
)
def test_quiet_until_is_the_morning_when_it_is_night(moment: str, until: str | None) -> None:
    assert quiet_until(hours("22:00", "07:00"), at(moment)) == (at(until) if until else None)


def test_quiet_night_ends_by_the_wall_clock_when_summer_time_begins_in_it() -> None:
    night = hours("22:00", "07:00")
    assert quiet_until(night, at("2026-03-28T23:30+01:00")) == at(
        "2026-03-29T05:00Z"
    )  # seven in the morning is UTC+2 now


def test_quiet_night_ends_by_the_wall_clock_when_winter_time_begins_in_it() -> None:
    night = hours("22:00", "07:00")
    assert quiet_until(night, at("2026-10-24T23:30+02:00")) == at("2026-10-25T06:00Z")


def test_quiet_period_within_the_hour_that_is_left_out_never_lasts() -> None:
    assert quiet_until(hours("02:10", "02:50"), at("2026-03-29T00:59Z")) is None
    assert quiet_until(hours("01:30", "02:30"), at("2026-03-29T00:45Z")) == at("2026-03-29T01:30Z")


def test_quiet_period_is_once_when_its_hour_comes_twice() -> None:
    twice = hours("02:00", "02:30")
    assert quiet_until(twice, at("2026-10-25T00:15Z")) == at("2026-10-25T00:30Z")
    assert quiet_until(twice, at("2026-10-25T01:15Z")) is None


def test_quiet_day_begins_on_its_own_weekday_only() -> None:
    friday = hours("22:00", "07:00", SHANGHAI, ("fri",))
    assert quiet_until(friday, at("2026-03-07T02:00+08:00")) == at(
        "2026-03-07T07:00+08:00"
    )  # saturday, began on friday
    assert quiet_until(friday, at("2026-03-07T23:00+08:00")) is None


def test_notice_waits_for_the_end_of_the_last_period_when_they_follow_on_each_other() -> None:
    weekend = (hours("18:00", "00:00", days=("fri",)), hours("00:00", "00:00", days=("sat", "sun")))
    assert told_at(notice(), weekend, at("2026-03-06T19:00+01:00")) == at("2026-03-09T00:00+01:00")


def test_notice_does_not_wait_when_its_severity_breaks_through_or_it_is_a_page() -> None:
    night, moment = (hours("22:00", "07:00"),), at("2026-03-02T23:00+01:00")
    assert told_at(notice(Severity.CRITICAL), night, moment) == moment
    assert told_at(notice(is_page=True), night, moment) == moment
    assert told_at(notice(Severity.LOW), night, moment) > moment


def test_notice_is_told_some_time_when_every_hour_is_quiet() -> None:
    always = (hours("00:00", "00:00"),)
    assert told_at(notice(), always, at("2026-03-02T12:00Z")) < at("2026-05-01T00:00Z")

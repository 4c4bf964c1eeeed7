"""When: "过去 6 小时", "since yesterday 14:00", "10 点到 11 点半", "compared with last week", in the asker's time zone.

Pure and linear in the text. What says no time gives no window: each answer has a usual one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

import re2

MOST_MINUTES = 31 * 24 * 60
_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "couple of": 2, "a couple of": 2, "few": 3, "a few": 3, "half": 0.5, "half a": 0.5, "half an": 0.5,
}  # fmt: skip
_MINUTES = {
    "m": 1, "min": 1, "mins": 1, "minute": 1, "minutes": 1, "分钟": 1, "分": 1, "h": 60, "hr": 60, "hrs": 60, "hour": 60, "hours": 60,
    "小时": 60, "钟头": 60, "d": 1440, "day": 1440, "days": 1440, "天": 1440, "日": 1440, "w": 10080, "week": 10080,
    "weeks": 10080, "周": 10080, "星期": 10080,
}  # fmt: skip
_UNIT_EN = r"minutes?|mins?|m|hours?|hrs?|hr|h|days?|d|weeks?|w"
_AMOUNT_EN = r"[0-9]{1,5}(?:\.[0-9])?|a couple of|couple of|a few|few|half an|half a|half|an|a|one|two|three|four|five|six|seven|eight|nine|ten"
_LAST_EN = re2.compile(
    rf"\b(?:last|past|previous|recent|over|within|during|for)\s+(?:the\s+)?(?:last\s+|past\s+|previous\s+)?(?:(?P<amount>{_AMOUNT_EN})\s*)?(?P<unit>{_UNIT_EN})\b"
)
_AGO_EN = re2.compile(rf"\bsince\s+(?P<amount>{_AMOUNT_EN})\s*(?P<unit>{_UNIT_EN})\s+ago\b")
_LAST_ZH = re2.compile(
    r"(?:(?:过去|最近|近|前|这)\s*的?\s*(?P<amount>[0-9]{1,5}(?:\.[0-9])?|[一二两三四五六七八九十]{1,3}|半)\s*(?:个(?P<half>半)?)?\s*(?P<unit>分钟|小时|钟头|天|日|周|星期))"
)
_IN_ZH = re2.compile(
    r"(?P<amount>[0-9]{1,5}|[一二两三四五六七八九十]{1,3}|半)\s*个?\s*(?P<unit>分钟|小时|钟头|天|周|星期)(?:以内|之内|内|以来)"
)
_DAY = r"today|yesterday|this morning|last night|the day before yesterday|今天|今日|今早|今晨|昨天|昨日|昨晚|昨夜|前天"
_CLOCK_EN = r"[0-9]{1,2}(?::[0-9]{2})?\s?(?:am|pm)|[0-9]{1,2}:[0-9]{2}"
_CLOCK_ZH = r"(?:上午|下午|晚上|凌晨|早上|中午)?\s*(?:[0-9]{1,2}|[一二两三四五六七八九十]{1,3})\s*[点时](?:半|[0-9]{1,2}分?|整)?"
_CLOCK = rf"{_CLOCK_EN}|{_CLOCK_ZH}"
_BETWEEN = re2.compile(
    rf"(?P<day>{_DAY})?\s*的?\s*(?:between|from|从)?\s*(?P<first>{_CLOCK})\s*(?:and|to|until|-|–|~|到|至)\s*(?P<second>{_CLOCK})(?:\s*(?P<after>{_DAY}))?"
)
_MOMENT = re2.compile(
    rf"(?:since|from|从|自)?\s*(?P<day>{_DAY})?\s*(?:at\s+)?(?P<clock>{_CLOCK})\s*(?P<after>{_DAY})?\s*(?:起|开始|之后|以后|以来|后)?"
)
_SINCE_CLOCK = re2.compile(rf"(?:since|from|after|从|自)\s*(?:about\s+)?(?P<clock>{_CLOCK})")
_SINCE_DAY = re2.compile(rf"(?:since|from|从|自)\s*(?P<day>{_DAY})|(?P<before>{_DAY})\s*(?:起|开始|之后|以后|以来)")
_ONE_DAY = re2.compile(rf"(?P<day>{_DAY})")
_WEEK = re2.compile(r"(?P<this>this week|本周|这周|这星期|本星期)|(?P<last>last week|上周|上星期)")
_AGAINST = re2.compile(
    r"(?:compared?|vs\.?|versus|against|relative to|than|和|与|跟|同|比|对比|相比|较).{0,60}?(?:(?P<week>last week|a week ago|week before|上周|上星期)|(?P<day>yesterday|the day before|昨天|昨日|前一天))"
    r"|(?:(?P<week2>上周|上星期|last week)|(?P<day2>昨天|昨日|yesterday)).{0,12}?(?:对比|相比|比|compar)"
    r"|(?P<week3>周同比|week over week|week-over-week|wow)|(?P<day3>日环比|环比|day over day|day-over-day)"
)


@dataclass(frozen=True, slots=True)
class Window:
    """``minutes`` back from now, or from ``since`` (to ``until``; None: now). Empty when the text names no time."""

    minutes: int = 0
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.minutes or self.since)

    def bounds(self, now: datetime, usual_minutes: int) -> tuple[datetime, datetime]:
        """Never in the future, never longer than a month, never empty."""
        end = min(self.until or now, now)
        start = self.since or now - timedelta(minutes=self.minutes or usual_minutes)
        start = max(start, end - timedelta(minutes=MOST_MINUTES))
        return (start, end) if start < end else (end - timedelta(minutes=usual_minutes), end)


def compared_in(text: str) -> int:
    """Days to compare with (1 or 7), 0 when nothing is compared."""
    found = _AGAINST.search(text)
    if not found:
        return 0
    return 7 if found["week"] or found["week2"] or found["week3"] else 1


def without_comparison(text: str) -> str:
    """The text without the day that it is compared with, so that it is not taken for the window."""
    found = _AGAINST.search(text)
    if not found:
        return text
    for name in ("week", "day", "week2", "day2", "week3", "day3"):
        if found[name]:
            number = _AGAINST.groupindex[name]
            return text[: found.start(number)] + " " + text[found.end(number) :]
    return text


def window_in(text: str, now: datetime, zone: tzinfo) -> Window:
    """The window that ``text`` (lower case) names, reckoned in ``zone``."""
    text = without_comparison(text)
    local = now.astimezone(zone)
    for read in (_between, _moment, _lasting, _week, _day):
        window = read(text, local)
        if window:
            return window
    return Window()


_BARE = re2.compile(
    rf"(?:^|\b|到|成)(?P<amount>[0-9]{{1,5}}|[一二两三四五六七八九十半])\s*个?\s*(?P<unit>{_UNIT_EN}|分钟|小时|天|周)(?:$|[^a-z0-9])"
)


def bare_window_in(text: str) -> Window:
    """A length of time by itself ("zoom out to 24h", "拉长到一天"): a window only where a question is being varied."""
    found = _BARE.search(text)
    if not found:
        return Window()
    minutes = round(_amount(found["amount"]) * _MINUTES[found["unit"]])
    return Window(minutes=min(minutes, MOST_MINUTES)) if minutes > 0 else Window()


def _lasting(text: str, local: datetime) -> Window:
    del local
    for form in (_AGO_EN, _LAST_EN, _LAST_ZH, _IN_ZH):
        found = form.search(text)
        if found:
            amount = _amount(found["amount"]) + (0.5 if "half" in form.groupindex and found["half"] else 0.0)
            minutes = round(amount * _MINUTES[found["unit"]])
            if minutes > 0:
                return Window(minutes=min(minutes, MOST_MINUTES))
    return Window()


def _amount(said: str | None) -> float:
    if not said:
        return 1.0
    if said == "半":
        return 0.5
    if said in _WORDS:
        return float(_WORDS[said])
    if said[0] in _DIGITS:
        return float(_chinese(said))
    return float(said)


def _chinese(said: str) -> int:
    """``十五`` is 15, ``二十`` 20, ``二十四`` 24."""
    if "十" in said:
        tens, _, ones = said.partition("十")
        return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones[0]] if ones else 0)
    return _DIGITS[said[0]] if len(said) == 1 else int("".join(str(_DIGITS[one]) for one in said))


def _between(text: str, local: datetime) -> Window:
    found = _BETWEEN.search(text)
    if not found:
        return Window()
    day = _date(found["day"] or found["after"] or "", local)
    first, second = _at(day, found["first"]), _at(day, found["second"])
    if first is None or second is None:
        return Window()
    return Window(since=first, until=second if second > first else second + timedelta(days=1))


def _moment(text: str, local: datetime) -> Window:
    """ "Since yesterday 14:00", "昨天 14 点之后", "since 9am"."""
    for form in (_MOMENT, _SINCE_CLOCK):
        found = form.search(text)
        if not found:
            continue
        named = (found["day"] or found["after"] or "") if form is _MOMENT else ""
        if form is _MOMENT and not named:
            continue
        moment = _at(_date(named, local), found["clock"])
        if moment is None:
            continue
        if not named and moment > local:
            moment -= timedelta(days=1)
        return Window(since=moment)
    return Window()


def _week(text: str, local: datetime) -> Window:
    found = _WEEK.search(text)
    if not found:
        return Window()
    monday = _midnight(local) - timedelta(days=local.weekday())
    return Window(since=monday) if found["this"] else Window(since=monday - timedelta(days=7), until=monday)


def _day(text: str, local: datetime) -> Window:
    since = _SINCE_DAY.search(text)
    if since:
        return Window(since=_date(since["day"] or since["before"], local))
    found = _ONE_DAY.search(text)
    if not found:
        return Window()
    day, midnight = _date(found["day"], local), _midnight(local)
    if day >= midnight:
        return Window(since=day)
    return Window(since=day, until=_midnight(day) + timedelta(days=1))


def _date(named: str, local: datetime) -> datetime:
    midnight = _midnight(local)
    if named in {"yesterday", "昨天", "昨日"}:
        return midnight - timedelta(days=1)
    if named in {"last night", "昨晚", "昨夜"}:
        return midnight - timedelta(hours=6)
    if named in {"前天", "the day before yesterday"}:
        return midnight - timedelta(days=2)
    if named in {"this morning", "今早", "今晨"}:
        return midnight + timedelta(hours=6)
    return midnight


def _midnight(local: datetime) -> datetime:
    return datetime.combine(local.date(), time(), local.tzinfo)


_PARTS: Any = re2.compile(
    r"^(?P<part>上午|下午|晚上|凌晨|早上|中午)?\s*(?P<hour>[0-9]{1,2}|[一二两三四五六七八九十]{1,3})\s*(?:[:点时]\s*(?P<minute>[0-9]{1,2}|半)?)?[分整]?\s*(?P<noon>am|pm)?$"
)


def _at(day: datetime, clock: str) -> datetime | None:
    found = _PARTS.search(clock.strip())
    if not found:
        return None
    hour = int(found["hour"]) if found["hour"].isdigit() else _chinese(found["hour"])
    minute = 30 if found["minute"] == "半" else int(found["minute"] or 0)
    if hour < 12 and (found["noon"] == "pm" or found["part"] in {"下午", "晚上"}):
        hour += 12
    if hour == 12 and found["noon"] == "am":
        hour = 0
    if hour > 23 or minute > 59:
        return None
    return _midnight(day) + timedelta(hours=hour, minutes=minute)

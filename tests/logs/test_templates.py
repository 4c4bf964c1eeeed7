"""What a log says that it did not say before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tools.logs.templates import template_news

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=20)


def line(minutes_ago: float, text: str) -> str:
    return f"{(NOW - timedelta(minutes=minutes_ago)).isoformat()} {text}\n"


def calm(start: int = 60, end: int = 0) -> list[str]:
    return [line(ago, f"INFO served {ago} requests in 0.{ago}s") for ago in range(start, end, -1)]


def news(lines: list[str]) -> list[tuple[str, str, int, int]]:
    text = "".join(sorted(lines)).encode()
    return [(one.change, one.template, one.before, one.after) for one in template_news([text], SINCE, NOW).changes]


def test_template_is_new_when_it_was_never_seen_before_the_moment() -> None:
    lines = calm() + [line(ago, f"ERROR shard {ago} lost its leader at 10.0.0.{ago}:7000") for ago in (15, 10, 5)]
    lines += [line(ago, f"ERROR cache miss for key {ago}") for ago in (50, 30, 10)]
    assert news(lines) == [("new", "ERROR shard <*> lost its leader at <*>", 0, 3)]


def test_nothing_is_new_when_the_log_does_not_reach_back() -> None:
    lines = [*calm(start=19), line(5, "ERROR shard 3 lost its leader")]
    found = template_news(["".join(lines).encode()], SINCE, NOW)
    assert not found.changes
    assert not found.is_comparable


def test_rate_has_risen_when_every_minute_has_several_times_as_many() -> None:
    lines = calm() + [line(ago, f"ERROR retry {ago}") for ago in range(60, 20, -1)]
    lines += [line(ago - part / 10, f"ERROR retry {ago}") for ago in range(20, 0, -1) for part in range(8)]
    assert [(change, template) for change, template, *_ in news(lines)] == [("risen", "ERROR retry <*>")]


def test_rate_has_not_risen_when_there_was_one_burst() -> None:
    lines = calm() + [line(ago, f"ERROR retry {ago}") for ago in range(60, 0, -1)]
    lines += [line(10, f"ERROR retry {part}") for part in range(200)]
    assert news(lines) == []


def test_ordinary_lines_are_no_news_unless_they_are_asked_for() -> None:
    lines = calm() + [line(ago, "INFO switched to the standby") for ago in (9, 8)]
    assert news(lines) == []
    found = template_news(["".join(sorted(lines)).encode()], SINCE, NOW, only="")
    assert [one.template for one in found.changes] == ["INFO switched to the standby"]


def test_what_was_not_mined_is_told_when_there_is_too_much() -> None:
    lines = calm() + [line(10 - part / 1000, f"ERROR a {part}") for part in range(500)]
    found = template_news(["".join(sorted(lines)).encode()], SINCE, NOW, max_lines=100)
    assert (found.lines, found.left_out) == (100, "400 older lines")


def test_no_secret_is_in_the_news() -> None:
    secret = "Zq7aKd92mLp0sWq3RtYv6xBn"
    lines = [
        *calm(),
        line(5, f"ERROR login failed password={secret} as root"),
        line(4, f"ERROR hf_{secret} was refused"),
    ]
    found = template_news(["".join(sorted(lines)).encode()], SINCE, NOW)
    assert len(found.changes) == 2
    assert "Kd92" not in repr(found)


def test_examples_carry_the_first_time_after_the_moment() -> None:
    lines = [*calm(), line(5, "ERROR it broke"), line(3, "ERROR it broke")]
    change = template_news(["".join(sorted(lines)).encode()], SINCE, NOW).changes[0]
    assert change.first_at == NOW - timedelta(minutes=5)
    assert change.examples == ("ERROR it broke",)

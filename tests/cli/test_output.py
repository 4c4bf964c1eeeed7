"""Foreign text on a terminal is shown, never obeyed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.commands.files import read_script
from api.commands.output import age, clean, tell_error
from knowledge.errors import BadInput, ClusterUnreachable, NotFound, PlanForbidden


def test_control_and_bidirectional_characters_become_visible() -> None:
    assert clean("\x1b[31mred\u202eevil\r") == "\\x1b[31mred\\u202eevil\\x0d"
    assert clean("中文\tand\nlines") == "中文\tand\nlines"


@given(st.text())
def test_nothing_that_moves_a_cursor_survives(text: str) -> None:
    assert not any(ord(character) < 0x20 and character not in "\n\t" for character in clean(text))
    assert "\x1b" not in clean(text)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("no such thing"), 1),
        (PlanForbidden("no"), 3),
        (ClusterUnreachable("away", next_step="wait"), 75),
        (BadInput("bad", source="f.yaml", line=3), 1),
    ],
)
def test_an_error_ends_in_a_line_and_a_code(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_error(error) == code  # type: ignore[arg-type]
    told = capsys.readouterr().err
    assert str(error) in told
    assert "Traceback" not in told


def test_ages_are_short() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    ages = [age(now - timedelta(seconds=seconds), now) for seconds in (5, 65, 7_300, 200_000)]
    assert ages == ["5s ago", "1m ago", "2h ago", "2d ago"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b" \n", "empty"), (b"x" * 1_000_001, "1000001 bytes"), (b"ok\n\xff\xfe", "not UTF-8")],
)
def test_a_script_that_is_no_text_is_refused_with_a_reason(content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_script(content, "s.sh")

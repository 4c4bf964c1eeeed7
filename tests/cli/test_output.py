"""Foreign text on a terminal is shown, never obeyed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from api.commands.files import decoded
from api.commands.gaps import told
from api.commands.output import age, clean, columns_that_fit, harmless_json, print_table, tell_error
from knowledge.errors import BadInput, ClusterUnreachable, NotFound, PlanForbidden
from knowledge.vocabulary import Gap, Language


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


@pytest.mark.parametrize(("content", "says"), [(b"x" * 1_000_001, "1000001 bytes"), (b"ok\n\xff\xfe", "not UTF-8")])
def test_what_is_no_text_is_refused_with_a_reason(content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        decoded(content, "s.txt")


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_holds_nothing_that_a_terminal_obeys_and_reads_back_as_it_was(value: object) -> None:
    text = harmless_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert clean(text) == text


COLUMNS = ("id", "status", "where", "title")
ROWS = [("inc-01kbhx5t9q6z7c2m", "awaiting_approval", "lab/serving/qwen2-7b", "模型服务响应变慢，网关返回 503 " * 3)]


@pytest.mark.parametrize(
    ("width", "shown"),
    [(None, [0, 1, 2, 3]), (140, [0, 1, 2, 3]), (94, [0, 1, 2, 3]), (80, [0, 1, 3]), (60, [0, 3])],
)
def test_columns_are_dropped_before_ids_break(width: int | None, shown: list[int]) -> None:
    assert columns_that_fit(COLUMNS, ROWS, width, folding=("title",), dropping=("where", "status")) == shown


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_table_fits_the_terminal_with_whole_ids_and_says_what_it_left_out(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr("api.commands.output.console", lambda: terminal)
    print_table("Incidents", COLUMNS, ROWS, empty="", folding=("title",), dropping=("where", "status"))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert any("inc-01kbhx5t9q6z7c2m" in line for line in lines)
    assert ("left out for want of room" in lines[-1]) == (width < 94)


def test_a_table_goes_unbroken_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Incidents", COLUMNS, ROWS, empty="", folding=("title",), dropping=("where", "status"))
    assert ROWS[0][3].strip() in capsys.readouterr().out


def test_missing_rights_of_one_identity_are_one_line_and_other_gaps_keep_theirs() -> None:
    step = "give it this right"
    said = [
        Gap(
            source=kind,
            query=f"list {kind}",
            reason=f'cluster lab: list {kind}: {kind} is forbidden: User "dev" cannot list resource "{kind}"',
            next_step=step,
        )
        for kind in ("pods", "nodes", "pods")
    ]
    said.append(Gap(source="metrics", query="up", reason="cluster lab: broken\n  in two lines", next_step="mend it"))
    assert [(str(group), group.next_step) for group in told(said)] == [
        ("dev may not: list pods, list nodes", step),
        ("metrics: broken in two lines", "mend it"),
    ]
    assert str(told(said, Language.ZH)[0]) == "dev 无权: list pods, list nodes"

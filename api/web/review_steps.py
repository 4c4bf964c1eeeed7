"""One step of a review as its reader sees it: typed lines of what changes, and what exactly takes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from api.review_view import DiffLine, FieldBack, StepView, Undo
from knowledge.vocabulary import ApiRequest, FrozenStep, ReversalKind, Review, Text

MOST_LINES, MOST_WIDTH = 1_000, 4_000
MOST_FIELDS, MOST_REQUESTS = 200, 200
_OBJECT_GONE = ""
"""The path of a state that is a whole object's."""


def step_view(step: FrozenStep, review: Review, sees_line: Callable[[str], bool]) -> StepView:
    """``sees_line`` says whether a line of the difference names only what the reader may see."""
    run = next((one for one in review.dry_runs if one.step == step.step.index), None)
    lines = [line for line in diff_lines(step.diff) if sees_line(line.text)]
    total = len(step.diff.split("\n")) if step.diff else 0
    shown = lines[:MOST_LINES]
    return StepView(
        index=step.step.index, is_read=step.step.is_read, line=step.step.text.rstrip("\n"), script_line=step.step.line,
        target=step.target, changes=tuple(shown), lines_left_out=total - len(shown),
        requests=_named(step.requests, sees_line), depends_on=step.depends_on, dry_run=run.outcome if run else "",
        dry_run_message=run.message if run else "", server_warnings=run.warnings if run else (),
        undo=None if step.step.is_read else undo_of(step, sees_line),
    )  # fmt: skip


def hidden_step(step: FrozenStep) -> StepView:
    return StepView(index=step.step.index, is_read=step.step.is_read, is_hidden=True)


def diff_lines(diff: str) -> Iterator[DiffLine]:
    """A difference's lines by the marks that its maker puts in front of every line: only a line feed ends one, so that a
    value with another line separator in it cannot pass for a line of its own."""
    is_first = True
    for line in diff.split("\n") if diff else ():
        mark, text = line[:1], _bounded(line[1:].removeprefix(" "))
        if mark == "@":
            yield DiffLine(kind="field", text=text)
        elif mark == "-":
            yield DiffLine(kind="removed", text=text)
        elif mark == "+":
            yield DiffLine(kind="added", text=text)
        elif mark == "#":
            yield DiffLine(kind="note", text=text)
        elif line:
            yield DiffLine(kind="title" if is_first else "note", text=_bounded(line))
        is_first = False


def _bounded(text: str) -> str:
    if len(text) <= MOST_WIDTH:
        return text
    return f"{text[:MOST_WIDTH]} ... ({len(text) - MOST_WIDTH:,} more characters)"


def _named(requests: tuple[ApiRequest, ...], sees_line: Callable[[str], bool]) -> tuple[str, ...]:
    named = [f"{request.method} {request.path}" for request in requests]
    return tuple(line for line in named if sees_line(_object_word(line)))[:MOST_REQUESTS]


def _object_word(line: str) -> str:
    """``POST .../namespaces/shop/pods/web-1/eviction`` as the word ``Any/shop/it`` that a scope can be asked of."""
    parts = line.split("/")
    if "namespaces" not in parts or parts.index("namespaces") + 1 >= len(parts):
        return line
    return f"Any/{parts[parts.index('namespaces') + 1]}/it"


def undo_of(step: FrozenStep, sees_line: Callable[[str], bool]) -> Undo:
    """Off the frozen inverse itself: what will be sent, not what an action of that name usually does."""
    fields = [] if _is_whole(step) else [_field(state.path, state.value, state.is_absent) for state in step.before]
    is_restored = step.reversal is ReversalKind.RESTORES
    return Undo(
        kind=step.reversal, said=_said(step), requests=_named(step.inverse, sees_line) if is_restored else (),
        fields=tuple(fields[:MOST_FIELDS]) if is_restored and step.inverse else (),
        fields_left_out=max(0, len(fields) - MOST_FIELDS) if is_restored and step.inverse else 0,
    )  # fmt: skip


def _is_whole(step: FrozenStep) -> bool:
    """Whether an object comes or goes as a whole."""
    return any(state.path == _OBJECT_GONE for state in (*step.before, *step.after))


def _field(path: str, value: object, is_absent: bool) -> FieldBack:
    said = None if is_absent else _bounded(orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())
    return FieldBack(field=path, value=said)


def _said(step: FrozenStep) -> Text:
    if step.reversal is ReversalKind.SELF_HEALS:
        return Text(en="nothing to take back: its controller puts it right", zh="无需回退：由其控制器自行恢复")
    if step.reversal is ReversalKind.NONE:
        return Text(en="cannot be taken back", zh="无法回退")
    if not step.requests:
        return Text(en="nothing is sent, so there is nothing to take back", zh="不会发送任何请求，无需回退")
    if any(request.method == "DELETE" for request in step.inverse):
        return Text(en="deletes what it created, by its uid", zh="按 uid 删除所创建的对象")
    if any(request.method == "POST" for request in step.inverse):
        return Text(
            en="creates it again as it was; it gets a new uid", zh="按原样重新创建；uid 会不同"
        )  # fmt: skip
    count = len(step.before)
    return Text(
        en=f"puts {count} field{'' if count == 1 else 's'} back, only while they hold what this wrote",
        zh=f"恢复 {count} 个字段，仅当其仍为本次写入的值",
    )

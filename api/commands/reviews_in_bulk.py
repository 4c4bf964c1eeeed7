"""`opsdesk review --jsonl`: one script a line in, one verdict a line out, in the same order, whatever a line holds."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.safety.offline import judge_script
from tools.safety.policy import Policy

MOST_BYTES = 8_000_000
"""Of one line, with its escapes; a longer one is refused and skipped without being held. A script that is too long for the
grammar and fits here is refused by the grammar, as everywhere."""
_CHUNK = 65_536


@contextmanager
def opened(what: str) -> Iterator[BinaryIO]:
    """The file, or standard input for ``-``. Raises BadInput when it cannot be read."""
    if what == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(what).open("rb") as file:
            yield file
    except OSError as error:
        raise BadInput(
            f"cannot read it: {error.strerror}", source=what, next_step="name a file you may read"
        ) from error


def judge_lines(source: BinaryIO, out: BinaryIO | io.RawIOBase, policy: Policy) -> int:
    """Writes a verdict for every line of ``source`` and returns how many. Each is flushed, so that a program can hold the
    command open and ask as it goes."""
    count = 0
    while line := source.readline(MOST_BYTES + 1):
        if len(line) > MOST_BYTES and not line.endswith(b"\n"):
            _skip_rest(source)
            found = _malformed(f"the line is longer than {MOST_BYTES:,} bytes", "a smaller script")
        else:
            found = judge_line(line, policy)
        out.write(orjson.dumps(found) + b"\n")
        out.flush()
        count += 1
    return count


def judge_line(line: bytes, policy: Policy) -> Json:
    """The verdict on one line ``{"script": "..."}``: exactly ``verdict``, ``rules``, ``message``, ``line``, ``column``. A line
    that is not that is refused by ``input``, with no place: it holds no script that a place could be in."""
    try:
        orjson.loads(
            line
        )  # stricter than the standard library's about UTF-8 and depth, which sees keys that stand twice
        asked = json.loads(line, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        return _malformed(f"no JSON: {error}", '{"script": "..."}')
    except _Twice as error:
        return _malformed(f"{error} stands twice in one object", '{"script": "..."}')
    if not isinstance(asked, dict) or not isinstance(asked.get("script"), str):
        return _malformed("no script in it", '{"script": "..."}')
    return judge_script(asked["script"], policy).as_json()


class _Twice(Exception):
    """A key that stands twice: two readers would take two different values."""


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(repr(next(name for name in names if names.count(name) > 1)))
    return found


def _malformed(message: str, expected: str) -> Json:
    text = f"{message}; expected: {expected}"
    return {"verdict": "refused", "rules": ["input"], "message": text, "line": None, "column": None}


def _skip_rest(source: BinaryIO) -> None:
    while (piece := source.readline(_CHUNK)) and not piece.endswith(b"\n"):
        pass

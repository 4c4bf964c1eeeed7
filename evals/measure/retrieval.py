"""`opsdesk eval retrieval`: whether the shipped library finds the case that helps, asked in Chinese and English."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml

from evals.reports.table import Bars, Lines, Report, Table
from evals.scoring.diagnosis import quantile, share
from evals.scoring.ranking import recall_at, reciprocal_rank
from knowledge.errors import BadInput
from knowledge.vocabulary import Json, RecalledCase

if TYPE_CHECKING:
    from knowledge.library import Library

QUERIES = Path(__file__).with_name("retrieval_queries.yaml")
DEPTH = 10
_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Query:
    ask: str
    right: tuple[str, ...]

    @property
    def language(self) -> str:
        return "zh" if _HAN.search(self.ask) else "en"

    @property
    def is_held_out(self) -> bool:
        """Half of them, by the words alone."""
        return zlib.crc32(self.ask.encode()) % 2 == 0


@dataclass(frozen=True, slots=True)
class Asked:
    query: Query
    found: tuple[str, ...]
    seconds: float


def read_queries(path: Path = QUERIES) -> list[Query]:
    return [Query(row["ask"], tuple(row["right"])) for row in yaml.safe_load(path.read_text(encoding="utf-8"))]


def ask_all(library: Library, queries: Sequence[Query]) -> list[Asked]:
    """Raises BadInput for an expected case that the library does not hold: the query could never be met."""
    known = {entry.key[1] for entry in library.entries("cases")}
    if unknown := sorted({one for query in queries for one in query.right} - known):
        raise BadInput(f"the library holds no case {', '.join(unknown)}", next_step="correct the expected cases")
    library.search("warm up", collections=("cases",))
    found = []
    for query in queries:
        began = time.perf_counter()
        hits = library.search(query.ask, limit=DEPTH, collections=("cases",))
        seconds = time.perf_counter() - began
        found.append(Asked(query, tuple(hit.case_id for hit in hits if isinstance(hit, RecalledCase)), seconds))
    return found


def figures_of(asked: Sequence[Asked]) -> Json:
    """Recall at 1, 3, 5 and 10, mean reciprocal rank, seconds with the embedding of the query."""
    seconds = [one.seconds for one in asked]
    return {
        "n": len(asked),
        **{f"recall@{k}": share(recall_at(one.found, one.query.right, k) for one in asked) for k in (1, 3, 5, 10)},
        "mrr": share(reciprocal_rank(one.found, one.query.right) for one in asked),
        "seconds": {"p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95)},
    }


def measure_retrieval() -> tuple[Json, Report]:
    from api.bootstrap import open_library
    from api.settings import Settings

    with TemporaryDirectory() as folder:
        library = open_library(Settings(home=Path(folder)))
        try:
            library.load_bundled()
            asked = ask_all(library, read_queries())
        finally:
            library.close()
    parts = {
        "all": asked,
        "seen": [one for one in asked if not one.query.is_held_out],
        "held_out": [one for one in asked if one.query.is_held_out],
        "en": [one for one in asked if one.query.language == "en"],
        "zh": [one for one in asked if one.query.language == "zh"],
    }
    found = {name: figures_of(part) for name, part in parts.items()}
    return found, _report(found, asked)


def _report(found: dict[str, Json], asked: Sequence[Asked]) -> Report:
    heads = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr")
    rows = [(name, one["n"], *(one[head] for head in heads), one["seconds"]["p50"]) for name, one in found.items()]
    missed = [one for one in asked if recall_at(one.found, one.query.right, 3) == 0]
    return Report(
        name="retrieval",
        title="Retrieval",
        intro=f"{len(asked)} questions over the shipped cases; seconds include the embedding of the question.",
        parts=(
            Table("Figures", ("queries", "n", *heads, "p50 s"), tuple(rows)),
            Bars("Recall@3", tuple((name, float(one["recall@3"] or 0), None) for name, one in found.items())),
            Lines("Not among the first three", tuple(f"{one.query.ask}: wanted {', '.join(one.query.right)}; found {', '.join(one.found[:3])}" for one in missed)),
        ),
    )  # fmt: skip

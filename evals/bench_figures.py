"""How long the reports take over a ledger of fifty thousand incidents: ``python -m evals.bench_figures [--incidents N] [--url URL]``.

The rows are made in bulk, as wide as real ones (a diagnosis of 4 KB, three findings of 800 bytes), over ninety days and two
hundred services; then every report is asked for three times and the middle time is told.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from api.figures.desk import desk_view
from api.figures.making import NAMES, made
from api.figures.options import TargetsSettings
from api.figures.windows import Window
from knowledge.ledger.bulk import put_rows
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Role, Scope

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 90
SEVERITIES = ("critical", "high", "medium", "low")
TABLES = ("incident", "diagnosis", "conclusion", "finding", "feedback", "model_call")
FAULTS = tuple(f"fault_{number}" for number in range(300))


def fill(url: str, incidents: int, seed: int = 7) -> None:
    """Bulk rows through the ledger's own tables."""
    random.seed(seed)
    for batch in _batches(incidents, 2_000):
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for number in batch:
            _incident(number, rows)
        put_rows(url, rows)


def _batches(count: int, size: int) -> Iterator[range]:
    yield from (range(start, min(start + size, count)) for start in range(0, count, size))


def _incident(number: int, rows: dict[str, list[dict[str, Any]]]) -> None:
    from knowledge.ledger.ids import first_id

    opened = NOW - timedelta(days=DAYS) + timedelta(days=DAYS) * random.random()
    service, fault = f"svc-{int(random.paretovariate(0.7)) % 200}", FAULTS[int(random.paretovariate(0.5)) % len(FAULTS)]
    is_open = random.random() < 0.01
    diagnosed = opened + timedelta(seconds=random.lognormvariate(0, 1))
    incident_id = f"{first_id('inc', opened)}{number:06d}"
    rows["incident"].append(
        {
            "id": incident_id, "title": f"{service} is slow", "status": "handed_over" if is_open else "resolved",
            "severity": random.choice(SEVERITIES), "cluster": "prod", "namespace": f"ns-{hash(service) % 20}",
            "service": service, "language": "en", "opened_by": "alert", "requester": "",
            "assignee": random.choice(("", "mei", "wei")), "reason": "it holds " * 8, "reason_zh": "", "merged_into": "",
            "opened_at": opened, "updated_at": opened + timedelta(hours=1),
            "closed_at": None if is_open else opened + timedelta(seconds=random.lognormvariate(7, 1)), "version": 3,
            "timeline_length": 9,
        }
    )  # fmt: skip
    key = f"Deployment/ns/{service}"
    named = {"incident_id": incident_id, "at": diagnosed}
    name = f"{first_id('dia', diagnosed)}{number:06d}"
    rows["diagnosis"].append({**named, "id": name, "payload": {"pad": "x" * 4_000}})
    rows["conclusion"].append(
        {**named, "diagnosis_id": name, "verdict": "fault", "fault": fault, "object_key": key,
         "confidence": random.random(), "seconds": 0.4}
    )  # fmt: skip
    rows["finding"] += [
        {"incident_id": incident_id, "id": f"f{place}", "position": place, "fault": one, "payload": {"pad": "x" * 800}}
        for place, one in enumerate((fault, *random.sample(FAULTS, 2)))
    ]
    if random.random() < 0.3:
        rows["feedback"].append(
            {"id": f"{first_id('fbk', diagnosed)}{number:06d}", "incident_id": incident_id, "principal": "mei",
             "verdict": random.choice(("right", "right", "partly", "wrong")), "text": "", "at": diagnosed}
        )  # fmt: skip
    rows["model_call"] += [
        {"id": f"{first_id('mdl', diagnosed)}{number:06d}{place}", "at": diagnosed, "incident_id": incident_id,
         "purpose": "diagnose", "profile": "qwen", "model": "qwen2-7b", "outcome": "answered", "input_tokens": 3_000,
         "output_tokens": 300, "cost": 0.001, "seconds": 2.0, "is_estimated": False}
        for place in range(2)
    ]  # fmt: skip


def measure(ledger: Ledger, days: int) -> dict[str, float]:
    """Milliseconds, the middle of three, of each report over so many days and of the desk view; and of a narrow reader's."""
    window = Window(since=NOW - timedelta(days=days), until=NOW)
    person = ledger.principals.by_name("mei")
    narrow = Scope(namespaces=("ns-1", "ns-2*"))
    asked: dict[str, Callable[[], object]] = {name: partial(made, ledger, Scope(), window, name) for name in NAMES}
    asked["desk"] = lambda: desk_view(ledger, person, TargetsSettings(), NOW)
    asked["times, narrow scope"] = lambda: made(ledger, narrow, window, "times")
    asked["detectors, narrow scope"] = lambda: made(ledger, narrow, window, "detectors")
    return {name: _milliseconds(ask) for name, ask in asked.items()}


def _milliseconds(ask: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 1)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=50_000)
    parser.add_argument("--url", default="", help="An empty ledger; default: a SQLite file in a temporary folder.")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite:///{Path(folder) / 'ledger.db'}"
        Ledger.upgrade(url)
        with Ledger.open(url, lambda: NOW) as ledger:
            ledger.principals.add("mei", [Role.VIEWER, Role.APPROVER], Scope())
            fill(url, given.incidents)
            told = {f"{days} days": measure(ledger, days) for days in (30, DAYS)}
    print(json.dumps({"incidents": given.incidents, "milliseconds": told}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

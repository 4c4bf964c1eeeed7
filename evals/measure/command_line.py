"""The command line of `opsdesk eval`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from evals.reports.table import Report, write
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Json


def main(arguments: list[str]) -> int:
    given = _parser().parse_args(arguments)
    try:
        figures, report = _measured(given)
    except OpsdeskError as error:
        sys.stderr.write(f"{error.message}\n{error.next_step}\n" if error.next_step else f"{error.message}\n")
        return 1
    if given.json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
    if given.out is not None:
        for path in write(report, given.out):
            sys.stderr.write(f"{path}\n")
    if not given.json:
        from evals.reports.table import markdown

        sys.stdout.write(markdown(report) + "\n")
    return 0 if figures.get("is_met", True) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="opsdesk eval", description="Measure opsdesk. Prints Markdown; nothing is stored."
    )
    what = parser.add_subparsers(dest="what", required=True)
    diagnosis = _sub(what, "diagnosis", "right object and cause, over scenarios or over pasted incidents")
    diagnosis.add_argument("--scenarios", type=Path, help="a folder of <layer>/<id>.yaml; the shipped ones by default")
    diagnosis.add_argument(
        "--incidents", type=Path, help="a folder with answers.jsonl, candidates.json and <id>/transcript.txt"
    )
    diagnosis.add_argument("--only", action="append", default=[], help="only scenarios of this id or layer; repeatable")
    diagnosis.add_argument("--model", action="store_true", help="let the configured chat model read too, and compare")
    diagnosis.add_argument("--workers", type=int, default=0, help="scenarios side by side; as many as cores by default")
    detectors = _sub(what, "detectors", "each detector on its specimens, and what fires over the scenarios")
    detectors.add_argument("--scenarios", type=Path)
    detectors.add_argument("--only", action="append", default=[])
    detectors.add_argument("--workers", type=int, default=0)
    metrics = _sub(what, "metrics", "which service and metric a trouble came from, over two windows of numbers")
    metrics.add_argument(
        "--data", type=Path, required=True, help="a folder of <service>-<resource>/<n>/{normal,anomalous}.csv"
    )
    safety = _sub(
        what,
        "safety",
        "risky lines held, everyday lines let through, planted texts without effect; fails below its bars",
    )
    safety.add_argument("--policy", type=Path, help="a site's policy; the built-in one by default")
    safety.add_argument("--lines", type=int, default=30_000, help="how many risky lines; the bar asks for 20000")
    safety.add_argument("--seed", type=int, default=20, help="what the lines are drawn with")
    safety.add_argument("--threats", action="store_true", help="only the numbered list of threats with their verdicts")
    crash = _sub(
        what, "crash", "a desk killed at the moments of its work: each write once, or undone; fails below its bars"
    )
    crash.add_argument("--points", type=int, default=560, help="how many points; the bar asks for 500 that were killed")
    crash.add_argument("--workers", type=int, default=2, help="points side by side")
    crash.add_argument("--only", action="append", default=[], help="only plans whose name holds this; repeatable")
    crash.add_argument(
        "--postgresql", default="", help="URL of a database that may be copied: every eighth point runs on it"
    )
    _sub(what, "chat", "whether the chat understands what people say, in Chinese and English; half of it held out")
    _sub(what, "retrieval", "whether the library finds the case that helps, asked in Chinese and English")
    return parser


def _sub(what: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str) -> argparse.ArgumentParser:
    found = what.add_parser(name, help=about, description=about)
    found.add_argument("--out", type=Path, help="write <report>.md and <report>.html into this folder")
    found.add_argument("--json", action="store_true", help="print the figures as JSON")
    return found


def _measured(given: argparse.Namespace) -> tuple[Json, Report]:
    if given.what == "diagnosis" and given.incidents is not None:
        from evals.measure.incidents import measure_incidents

        return measure_incidents(given.incidents)
    if given.what == "diagnosis":
        from evals.measure.diagnosis import measure_diagnosis

        return measure_diagnosis(given.scenarios, given.only, with_model=given.model, workers=given.workers or None)
    if given.what == "detectors":
        from evals.measure.detectors import measure_detectors

        return measure_detectors(given.scenarios, given.only, workers=given.workers or None)
    if given.what == "metrics":
        from evals.measure.metrics import measure_metrics

        return measure_metrics(given.data)
    if given.what == "safety" and given.threats:
        from evals.measure.safety import measure_threats

        return measure_threats(given.policy)
    if given.what == "safety":
        from evals.measure.safety import measure_safety

        return measure_safety(given.policy, lines=given.lines, seed=given.seed)
    if given.what == "crash":
        from evals.measure.crash import measure_crash

        return measure_crash(given.points, workers=given.workers, only=given.only, postgresql=given.postgresql)
    if given.what == "chat":
        from evals.measure.chat import measure_chat

        return measure_chat()
    from evals.measure.retrieval import measure_retrieval

    return measure_retrieval()

"""`opsdesk eval crash`: a desk is killed at hundreds of moments, some lives twice, and started again from disk. What the cluster
carried out is held against the plan. Says with its figures whether the bars are met."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from evals.crash.databases import postgres_databases
from evals.crash.matrix import Databases, Judged, Matrix, Point, Reference, open_slot, spread
from evals.crash.plans import PLANS, CrashPlan
from evals.reports.table import Lines, Report, Table
from knowledge.errors import BadInput
from knowledge.vocabulary import Json

LEAST_POINTS = 500
TWICE_EVERY, TWICE_AT = 5, (25, 33, 41, 49, 57)
"""Every so many points the second life is killed too, at one of these moments of its own."""
POSTGRESQL_EVERY = 8
SHOWN = 20
Planned = tuple[Point, Reference]


def measure_crash(
    points: int = 560, *, workers: int = 2, only: Sequence[str] = (), postgresql: str = ""
) -> tuple[Json, Report]:
    """BadInput when no plan is named so. ``only`` and few points are for a quick look: the bar of points is then missed."""
    plans = [plan for plan in PLANS if not only or any(word in plan.name for word in only)]
    if not plans:
        known = ", ".join(plan.name for plan in PLANS)
        raise BadInput(f"no plan is called like {', '.join(only)}", next_step=f"one of: {known}")
    began = time.perf_counter()
    planned = _planned(plans, points)
    with ExitStack() as stack:
        copies = stack.enter_context(postgres_databases(postgresql)) if postgresql else None
        judged = _judged(planned, workers, copies)
    told = figures(judged, with_postgresql=bool(postgresql))
    told["seconds"] = round(time.perf_counter() - began, 1)
    return told, _report(told, judged)


def _planned(plans: Sequence[CrashPlan], points: int) -> list[Planned]:
    """As many of each plan, by its share of all moments; a plan that goes wrong unharmed ends the run."""
    with open_slot() as slot:
        references = {plan.name: slot.reference(plan) for plan in plans}
    total = sum(len(one.moments) for one in references.values())
    planned: list[Planned] = []
    for plan in plans:
        reference = references[plan.name]
        share = max(1, round(points * len(reference.moments) / total))
        for at in spread(reference.moments, share):
            number = len(planned)
            again = TWICE_AT[number // TWICE_EVERY % len(TWICE_AT)] if number % TWICE_EVERY == 0 else 0
            planned.append((Point(plan, at, again), reference))
    return planned


def _judged(planned: list[Planned], workers: int, copies: Databases | None) -> list[Judged]:
    done: list[Judged] = []

    def heard(judged: Judged) -> None:
        done.append(judged)
        if judged.wrong:
            sys.stderr.write(f"{_named(judged)}: {judged.wrong[0]}\n")
        if len(done) % 50 == 0:
            sys.stderr.write(f"{len(done)} of {len(planned)} points\n")

    on_postgresql = planned[::POSTGRESQL_EVERY] if copies is not None else []
    on_sqlite = [one for number, one in enumerate(planned) if copies is None or number % POSTGRESQL_EVERY]
    judged = list(Matrix().run(on_sqlite, workers, heard=heard))
    if on_postgresql:
        judged += Matrix().run(on_postgresql, workers, copies, heard)
    return judged


def figures(judged: Sequence[Judged], *, with_postgresql: bool = False) -> Json:
    killed = [moment for one in judged for moment in one.moments]
    wrong = [one for one in judged if one.wrong]
    bars = {
        "enough_points_killed": sum(bool(one.moments) for one in judged) >= LEAST_POINTS,
        "each_write_once_or_undone": not wrong,
    }
    return {
        "points": len(judged),
        "killed": len(killed),
        "killed_twice": sum(len(one.moments) > 1 for one in judged),
        "ended_before_its_moment": sum(not one.moments for one in judged),
        "wrong": len(wrong),
        "kinds_of_moments": len({_kind(moment) for moment in killed}),
        "postgresql": with_postgresql,
        "bars": bars,
        "is_met": all(bars.values()),
    }


def _kind(moment: str) -> str:
    """Without the path of a request: moments of one kind are counted together."""
    return " ".join(moment.split(" ")[:3]) if moment.startswith("before request ") else moment


def _named(judged: Judged) -> str:
    return f"{judged.point.plan.name}, killed at {' and '.join(judged.moments) or 'no moment'} ({judged.point.at})"


def _report(told: Json, judged: Sequence[Judged]) -> Report:
    per_plan = [
        (
            plan.name,
            plan.ends.value,
            len(of_plan),
            sum(len(one.moments) for one in of_plan),
            sum(bool(one.wrong) for one in of_plan),
        )
        for plan in PLANS
        if (of_plan := [one for one in judged if one.point.plan.name == plan.name])
    ]
    kinds = Counter(_kind(moment) for one in judged for moment in one.moments)
    wrong = Counter(_kind(moment) for one in judged if one.wrong for moment in one.moments)
    summary = (
        ("points whose desk was killed", told["points"] - told["ended_before_its_moment"], f"at least {LEAST_POINTS}"),
        ("kills (some lives twice)", told["killed"], None),
        ("points with a write lost, made twice, or not recorded", told["wrong"], "none"),
        ("kinds of moments", told["kinds_of_moments"], None),
    )
    return Report(
        name="crash",
        title="Crash matrix",
        intro=(
            "The process that holds worker, graph and executor is killed (SIGKILL) at a moment of its work and started again "
            "from disk; the cluster's own request log is held against the plan and against what the ledger believes. "
            f"All bars are {'met' if told['is_met'] else 'NOT met'}; {told.get('seconds', 0)} s."
        ),
        parts=(
            Table("Figures", ("what", "found", "bar"), summary),
            Lines("Bars that are missed", tuple(name for name, is_met in told["bars"].items() if not is_met)),
            Lines("What went wrong", tuple(f"{_named(one)}: {one.wrong[0]}" for one in judged if one.wrong)[:SHOWN]),
            Table("Plans", ("plan", "ends as", "points", "kills", "wrong"), tuple(per_plan)),
            Table(
                "Moments",
                ("moment", "kills", "wrong"),
                tuple((kind, n, wrong[kind]) for kind, n in sorted(kinds.items())),
            ),
        ),
    )

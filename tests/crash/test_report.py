"""The crash matrix's figures, its report, and its judge: what would be wrong has to be seen as wrong."""

from __future__ import annotations

import copy

import pytest

from evals.crash.audit import complaints
from evals.crash.matrix import Judged, Point, spread
from evals.crash.plans import PLANS
from evals.measure.command_line import main
from evals.measure.crash import LEAST_POINTS, figures, measure_crash
from knowledge.errors import BadInput
from knowledge.vocabulary import ExecutionStatus, Json

KEY = "exe-1/0/0"
PATCH = [{"op": "test", "path": "/spec/replicas", "value": 2}, {"op": "add", "path": "/spec/replicas", "value": 3}]
BACK = [{"op": "test", "path": "/spec/replicas", "value": 3}, {"op": "add", "path": "/spec/replicas", "value": 2}]
PATH = "/apis/apps/v1/namespaces/shop/deployments/api/scale"


def outcome(status: str = "done", outcomes: tuple[str, ...] = ("done",)) -> Json:
    keys = (KEY, f"{KEY}/undo")
    request = {"method": "PATCH", "path": PATH, "body": PATCH}
    step = {
        "step": {"index": 0, "is_read": False},
        "requests": [request],
        "inverse": [{**request, "body": BACK}],
        "reversal": "restores",
    }
    results = [{"step_key": key, "outcome": one} for key, one in zip(keys, outcomes, strict=False)]
    execution = {"id": "exe-1", "status": status, "message": "", "results": results}
    return {"incident": {"status": "resolved"}, "executions": [execution], "steps": [step]}


def seen(body: object = PATCH, status: int = 200, injected: str = "") -> Json:
    import orjson

    text = orjson.dumps(body).decode()
    return {"method": "PATCH", "path": PATH, "body": text, "status": status, "injected": injected}


DONE, UNDONE = ExecutionStatus.DONE, ExecutionStatus.UNDONE


def test_nothing_is_wrong_when_each_write_was_made_once() -> None:
    assert complaints(outcome(), [seen()], DONE) == []
    assert complaints(outcome(), [seen(), seen(status=422)], DONE) == [], "what was refused was not made"
    assert complaints(outcome(), [seen(status=0, injected="drop_after_write")], DONE) == []
    assert complaints(outcome("undone", ("done", "undone")), [seen(), seen(BACK)], UNDONE) == []


@pytest.mark.parametrize(
    ("told", "writes", "ends", "says"),
    [
        (outcome(), [seen(), seen()], DONE, "made 2 times"),
        (outcome(), [], DONE, "lost"),
        (outcome(), [], DONE, "believed done and never carried out"),
        (outcome("failed", ("failed",)), [seen()], ExecutionStatus.FAILED, "believed failed and carried out"),
        (outcome("done", ()), [seen()], DONE, "carried out and not recorded"),
        (outcome("done", ("intended",)), [seen()], DONE, "left open"),
        (outcome("undone", ("done",)), [seen()], UNDONE, "done and not taken back"),
        (outcome("undone", ("done", "undone")), [seen(), seen(BACK), seen(BACK)], UNDONE, "made 2 times"),
        (outcome("unknown"), [seen()], DONE, "unknown, not done"),
        (outcome(), [seen(), {**seen(), "path": "/api/v1/namespaces/shop/pods/x"}], DONE, "not of the plan"),
    ],
)
def test_what_went_wrong_is_seen(told: Json, writes: list[Json], ends: ExecutionStatus, says: str) -> None:
    assert any(says in one for one in complaints(told, writes, ends)), complaints(told, writes, ends)


def test_an_incident_that_nobody_is_told_of_is_wrong() -> None:
    told = copy.deepcopy(outcome())
    told["incident"]["status"] = "executing"
    assert complaints(told, [seen()], DONE) == ["the incident is executing: nobody is told"]
    assert complaints({**outcome(), "executions": []}, [seen()], DONE) == ["0 executions of one approval"]


def test_points_see_every_kind_of_moment_before_they_see_one_twice() -> None:
    moments = ["a", "b", "a", "c", "a", "b"] + ["end"] * 6
    assert spread(moments, 3) == [3, 4, 6]
    assert spread(moments, 100) == [1, 2, 3, 4, 5, 6]
    assert len(spread(moments, 2)) == 2
    assert spread(moments, 9, among={"b"}) == [2, 6]


def test_the_bar_is_missed_by_one_wrong_point_and_by_too_few() -> None:
    good = Judged(Point(PLANS[0], 1), ("before checkpoint",), ())
    assert figures([good] * LEAST_POINTS)["is_met"]
    assert not figures([good] * (LEAST_POINTS - 1))["is_met"]
    assert not figures([Judged(Point(PLANS[0], 1), (), ())] * LEAST_POINTS)["is_met"], "nobody was killed"
    bad = Judged(Point(PLANS[0], 1), ("before checkpoint",), ("made 2 times: x",))
    assert figures([*[good] * LEAST_POINTS, bad])["bars"] == {
        "enough_points_killed": True,
        "each_write_once_or_undone": False,
    }


def test_a_plan_that_is_not_known_is_said_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match="no plan is called like nosuch"):
        measure_crash(only=["nosuch"])
    assert main(["crash", "--only", "nosuch"]) == 1
    assert "drain with evictions" in capsys.readouterr().err

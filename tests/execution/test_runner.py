"""Execution: each write once, told by its target when no answer came, taken back in reverse order while it is still ours."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from knowledge.errors import BadInput, LeaseLost, ObjectNotFound, WriteUnanswered
from knowledge.vocabulary import (
    ApiRequest,
    ExecutionStatus,
    FieldState,
    FrozenStep,
    Json,
    ObjectRef,
    ReversalKind,
    Review,
    Ruling,
    Step,
    StepOutcome,
    StepResult,
)
from tools.actions.json_patch import apply_patch
from tools.execution.runner import StepRunner
from tools.ports import ApiAnswer

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class StillClock:
    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        del seconds


@dataclass
class OneCluster:
    """A reader and a writer over a dict of objects by path; ``behave`` scripts what the next writes meet."""

    objects: dict[str, Json] = field(default_factory=dict)
    behave: list[str] = field(default_factory=list)
    sent: list[ApiRequest] = field(default_factory=list)
    cluster: str = "lab"

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        del query
        if path not in self.objects:
            raise ObjectNotFound(path)
        return copy.deepcopy(self.objects[path])

    async def send(self, request: ApiRequest, **_: Any) -> ApiAnswer:
        self.sent.append(request)
        how = self.behave.pop(0) if self.behave else "answer"
        if how == "lost":
            raise WriteUnanswered("no answer")
        if how.isdigit():
            return ApiAnswer(int(how), {"kind": "Status", "message": f"injected {how}", "reason": "Injected"})
        answer = self._carry_out(request)
        if how == "done but unanswered":
            raise WriteUnanswered("no answer")
        if how == "done but 500":
            return ApiAnswer(500, {"kind": "Status", "message": "broke"})
        return answer

    def _carry_out(self, request: ApiRequest) -> ApiAnswer:
        if request.method == "POST":
            path = f"{request.path}/{request.body['metadata']['name']}"
            made = {**request.body, "metadata": {**request.body["metadata"], "uid": f"uid-of-{path}"}}
            self.objects[path] = made
            return ApiAnswer(201, made)
        if request.path not in self.objects:
            return ApiAnswer(404, {"kind": "Status", "message": "not found"})
        if request.method == "DELETE":
            wanted = (request.body or {}).get("preconditions", {}).get("uid")
            if wanted and wanted != self.objects[request.path]["metadata"]["uid"]:
                return ApiAnswer(409, {"kind": "Status", "message": "uid differs", "reason": "Conflict"})
            del self.objects[request.path]
            return ApiAnswer(200, {"kind": "Status"})
        try:
            self.objects[request.path] = apply_patch(self.objects[request.path], request.body)
        except BadInput as error:
            return ApiAnswer(422, {"kind": "Status", "message": error.message, "reason": "Invalid"})
        return ApiAnswer(200, self.objects[request.path])


@dataclass
class Book:
    """The ledger's side: what was intended and what came of it, in order."""

    entries: list[str] = field(default_factory=list)
    results: dict[str, StepResult] = field(default_factory=dict)
    stop: str = ""
    is_lost: bool = False

    async def stop_reason(self) -> str:
        return self.stop

    async def intend(self, step: int, step_key: str, request_digest: str) -> None:
        if self.is_lost:
            raise LeaseLost("another executor")
        assert request_digest.startswith("sha256:")
        self.entries.append(f"intend {step_key}")
        self.results[step_key] = StepResult(step=step, step_key=step_key, outcome=StepOutcome.INTENDED)

    async def record(self, result: StepResult) -> None:
        self.entries.append(f"{result.outcome.value} {result.step_key}")
        self.results[result.step_key] = result


def path(name: str) -> str:
    return f"/apis/apps/v1/namespaces/ai/deployments/{name}"


def deployment(name: str, replicas: int = 2) -> Json:
    return {"kind": "Deployment", "metadata": {"name": name, "uid": f"uid-{name}"}, "spec": {"replicas": replicas}}


def scale_step(index: int, name: str, old: int, new: int, reversal: ReversalKind = ReversalKind.RESTORES) -> FrozenStep:
    def patch(before: int, after: int) -> ApiRequest:
        operations = [
            {"op": "test", "path": "/spec/replicas", "value": before},
            {"op": "replace", "path": "/spec/replicas", "value": after},
        ]
        return ApiRequest(cluster="lab", method="PATCH", path=path(name), body=operations)

    return FrozenStep(
        step=Step(index=index, action="scale", is_read=False, parameters={}, text="scale", line=index + 1),
        target=ObjectRef(cluster="lab", kind="Deployment", namespace="ai", name=name, uid=f"uid-{name}"),
        requests=(patch(old, new),),
        inverse=(patch(new, old),) if reversal is ReversalKind.RESTORES else (),
        reversal=reversal,
        before=(FieldState(path="/spec/replicas", value=old),),
        after=(FieldState(path="/spec/replicas", value=new),),
    )


def create_step(index: int, name: str) -> FrozenStep:
    body = {"kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}}
    collection = "/api/v1/namespaces/ai/configmaps"
    inverse = {"kind": "DeleteOptions", "preconditions": {"uid": "{created.uid}"}}
    return FrozenStep(
        step=Step(index=index, action="create_configmap", is_read=False, parameters={}, text="create", line=index + 1),
        target=ObjectRef(cluster="lab", kind="ConfigMap", namespace="ai", name=name),
        requests=(ApiRequest(cluster="lab", method="POST", path=collection, body=body),),
        inverse=(ApiRequest(cluster="lab", method="DELETE", path=f"{collection}/{name}", body=inverse),),
        reversal=ReversalKind.RESTORES,
        before=(FieldState(path="", is_absent=True),),
        after=(FieldState(path="", value=body),),
    )


def runner(cluster: OneCluster, steps: Sequence[FrozenStep], book: Book | None = None) -> tuple[StepRunner, Book]:
    book = book or Book()
    review = Review(
        id="r",
        plan_id="p",
        incident_id="i",
        cluster="lab",
        digest="sha256:x",
        ruling=Ruling.ONE,
        steps=tuple(steps),
        reviewed_at=NOW,
    )
    made = StepRunner(
        execution_id="e",
        review=review,
        reader=cluster,  # type: ignore[arg-type]
        writer=cluster,  # type: ignore[arg-type]
        log=book,
        clock=StillClock(),
        redact=lambda text: text.replace("secret", "***"),
        user_agent="test",
        known=tuple(book.results.values()),
    )
    return made, book


def two() -> OneCluster:
    return OneCluster({path("a"): deployment("a"), path("b"): deployment("b")})


async def test_steps_run_in_order_each_after_its_intent() -> None:
    cluster = two()
    made, book = runner(cluster, [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)])
    ending = await made.run()
    assert ending.status is ExecutionStatus.DONE
    assert book.entries == ["intend e/0/0", "done e/0/0", "intend e/1/0", "done e/1/0"]
    assert [item["spec"]["replicas"] for item in cluster.objects.values()] == [3, 4]


async def test_a_changed_target_stops_before_anything_is_sent() -> None:
    cluster = two()
    cluster.objects[path("a")]["spec"]["replicas"] = 5
    made, _ = runner(cluster, [scale_step(0, "a", 2, 3)])
    ending = await made.run()
    assert ending.status is ExecutionStatus.FAILED
    assert "reviewed as 2" in ending.message
    assert cluster.sent == []


async def test_another_object_of_the_same_name_is_not_the_one_that_was_reviewed() -> None:
    cluster = two()
    cluster.objects[path("a")]["metadata"]["uid"] = "uid-new"
    made, _ = runner(cluster, [scale_step(0, "a", 2, 3)])
    assert (await made.run()).status is ExecutionStatus.FAILED
    assert cluster.sent == []


@pytest.mark.parametrize("how", ["422", "409", "403"])
async def test_a_refused_step_undoes_what_was_done_before_it(how: str) -> None:
    cluster = two()
    cluster.behave = ["answer", how]
    made, book = runner(cluster, [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)])
    ending = await made.run()
    assert ending.status is ExecutionStatus.UNDONE
    assert cluster.objects[path("a")]["spec"]["replicas"] == 2
    assert book.entries[-2:] == ["intend e/0/0/undo", "undone e/0/0/undo"]


@pytest.mark.parametrize("how", ["done but unanswered", "done but 500"])
async def test_a_write_without_an_answer_is_told_by_its_target_and_not_sent_again(how: str) -> None:
    cluster = two()
    cluster.behave = [how]
    made, book = runner(cluster, [scale_step(0, "a", 2, 3)])
    assert (await made.run()).status is ExecutionStatus.DONE
    assert len(cluster.sent) == 1
    assert "target shows" in book.results["e/0/0"].message


async def test_a_write_that_got_lost_is_failed_and_not_sent_again() -> None:
    cluster = two()
    cluster.behave = ["lost"]
    made, _ = runner(cluster, [scale_step(0, "a", 2, 3)])
    assert (await made.run()).status is ExecutionStatus.FAILED
    assert len(cluster.sent) == 1


async def test_what_cannot_be_told_stops_everything_for_a_human() -> None:
    cluster = two()

    async def somebody_else(request: ApiRequest, **_: Any) -> ApiAnswer:
        cluster.sent.append(request)
        cluster.objects[path("a")]["spec"]["replicas"] = 9
        raise WriteUnanswered("no answer")

    cluster.send = somebody_else  # type: ignore[method-assign]
    made, book = runner(cluster, [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)])
    assert (await made.run()).status is ExecutionStatus.UNKNOWN
    assert book.results["e/0/0"].outcome is StepOutcome.UNKNOWN
    assert len(cluster.sent) == 1


async def test_undo_leaves_alone_what_somebody_changed_since() -> None:
    cluster = two()
    made, book = runner(cluster, [scale_step(0, "a", 2, 3)])
    await made.run()
    cluster.objects[path("a")]["spec"]["replicas"] = 7
    again, _ = runner(cluster, [scale_step(0, "a", 2, 3)], book)
    ending = await again.undo()
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert cluster.objects[path("a")]["spec"]["replicas"] == 7


async def test_what_was_created_is_deleted_by_the_uid_that_was_seen() -> None:
    cluster = OneCluster()
    made, book = runner(cluster, [create_step(0, "settings")])
    assert (await made.run()).status is ExecutionStatus.DONE
    again, _ = runner(cluster, [create_step(0, "settings")], book)
    assert (await again.undo()).status is ExecutionStatus.UNDONE
    assert cluster.objects == {}
    assert cluster.sent[-1].body["preconditions"]["uid"].startswith("uid-of-")


async def test_a_step_that_cannot_be_taken_back_calls_a_human() -> None:
    cluster = two()
    cluster.behave = ["answer", "422"]
    steps = [scale_step(0, "a", 2, 3, ReversalKind.NONE), scale_step(1, "b", 2, 4)]
    made, _ = runner(cluster, steps)
    assert (await made.run()).status is ExecutionStatus.UNDO_FAILED


async def test_a_freeze_stops_an_undo_before_its_next_step() -> None:
    cluster = two()
    made, book = runner(cluster, [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)])
    assert (await made.run()).status is ExecutionStatus.DONE
    sent, book.stop = len(cluster.sent), "frozen: change stop"
    ending = await made.undo()
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert "frozen: change stop" in ending.message
    assert len(cluster.sent) == sent
    book.stop = ""
    assert (await made.undo()).status is ExecutionStatus.UNDONE


async def test_a_stop_between_steps_leaves_the_rest_undone() -> None:
    cluster = two()
    book = Book()
    made, _ = runner(cluster, [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)], book)
    sends = cluster.send

    async def send_then_freeze(request: ApiRequest, **given: Any) -> ApiAnswer:
        book.stop = "frozen: change stop"
        return await sends(request, **given)

    cluster.send = send_then_freeze  # type: ignore[method-assign]
    ending = await made.run()
    assert ending.status is ExecutionStatus.CANCELLED
    assert "before step 1" in ending.message
    assert cluster.objects[path("b")]["spec"]["replicas"] == 2


async def test_nothing_is_sent_after_the_lease_is_lost() -> None:
    cluster = two()
    made, _ = runner(cluster, [scale_step(0, "a", 2, 3)], Book(is_lost=True))
    with pytest.raises(LeaseLost):
        await made.run()
    assert cluster.sent == []


@pytest.mark.parametrize("sends_before_death", [0, 1])
async def test_a_restart_finds_out_whether_the_intended_write_was_made(sends_before_death: int) -> None:
    cluster = two()
    step = scale_step(0, "a", 2, 3)
    book = Book()
    await book.intend(0, "e/0/0", "sha256:x")
    if sends_before_death:
        await cluster.send(step.requests[0])
    made, _ = runner(cluster, [step], book)
    assert (await made.run()).status is ExecutionStatus.DONE
    assert len(cluster.sent) == 1
    assert cluster.objects[path("a")]["spec"]["replicas"] == 3


async def test_a_restart_goes_on_with_an_undo_never_with_the_plan() -> None:
    cluster = two()
    steps = [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)]
    made, book = runner(cluster, steps)
    cluster.behave = ["answer", "422"]
    await made.run()
    del book.results["e/0/0/undo"]
    cluster.objects[path("a")] = deployment("a", 3)
    await book.intend(0, "e/0/0/undo", "sha256:x")
    again, _ = runner(cluster, steps, book)
    assert (await again.run()).status is ExecutionStatus.UNDONE
    assert cluster.objects[path("a")]["spec"]["replicas"] == 2
    assert cluster.objects[path("b")]["spec"]["replicas"] == 2


async def test_a_restart_after_a_failed_step_does_not_go_on_behind_it() -> None:
    cluster = two()
    cluster.behave = ["422"]
    steps = [scale_step(0, "a", 2, 3), scale_step(1, "b", 2, 4)]
    made, book = runner(cluster, steps)
    assert (await made.run()).status is ExecutionStatus.FAILED
    again, _ = runner(cluster, steps, book)
    assert (await again.run()).status is ExecutionStatus.FAILED
    assert len(cluster.sent) == 1


async def test_a_read_gives_its_redacted_output() -> None:
    cluster = OneCluster({path("a"): {**deployment("a"), "note": "secret"}})
    request = ApiRequest(cluster="lab", method="GET", path=path("a"))
    step = FrozenStep(
        step=Step(index=0, action="get", is_read=True, parameters={}, text="get", line=1),
        target=None,
        requests=(request,),
        reversal=ReversalKind.SELF_HEALS,
    )
    made, book = runner(cluster, [step])
    assert (await made.run()).status is ExecutionStatus.DONE
    assert "***" in book.results["e/0/0"].output
    assert "secret" not in book.results["e/0/0"].output

"""An API server that answers 409, 422, 429, 500, hangs, drops or babbles: each kind of write has its clear result, and nothing is
half-done and unrecorded. Real HTTP, the real client, the practice cluster's own log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.bootstrap import open_reader, open_writer
from api.settings import ClusterSettings
from evals.crash.cluster_host import world
from evals.crash.plans import APPLY, CORDON, CREATE, DELETE_POD, DRAIN, IMAGE, SCALE, UNDO
from evals.practice.server import PracticeServer
from knowledge.vocabulary import ExecutionStatus, Json, Review, StepOutcome
from tests.execution.test_each_write_once import MemoryLog
from tools.execution import sending
from tools.execution.runner import Ending, StepRunner
from tools.ports import ClusterReader, ClusterWriter
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy

DONE, FAILED, UNDONE = ExecutionStatus.DONE, ExecutionStatus.FAILED, ExecutionStatus.UNDONE
POLICY = load_policy()
WORLD = world()
FIRST = "kubectl scale deployment/worker -n shop --replicas=4\n"
"""Done before the write that meets the fault: what fails has something to take back."""


class HurriedClock:
    """Real time, in which a wait is short but not nothing: what lands late has to land within it."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.brief = 0.002

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=sum(self.slept))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(self.brief)


@dataclass
class Place:
    server: PracticeServer
    reader: ClusterReader
    writer: ClusterWriter
    clock: HurriedClock = field(default_factory=HurriedClock)
    log: MemoryLog = field(default_factory=MemoryLog)

    async def review(self, script: str) -> Review:
        plan = make_plan(script, incident_id="i", cluster="practice", written_by="desk", now=self.clock.now())
        review = await review_plan(plan, reader=self.reader, writer=self.writer, policy=POLICY, clock=self.clock)
        assert review.approvers_needed >= 0, [one.message.en for one in review.verdicts]
        return review

    def inject(self, effect: str, method: str, path: str, **more: Any) -> None:
        order = {"effect": effect, "method": method, "path": path, "spares_dry_runs": True, **more}
        self.server.app.injections.add(order)

    async def run(self, review: Review) -> Ending:
        runner = StepRunner(
            execution_id="exe-1", review=review, reader=self.reader, writer=self.writer, log=self.log, clock=self.clock,
            redact=str, user_agent="opsdesk-executor (approved by ann)", known=tuple(self.log.results.values()),
        )  # fmt: skip
        return await runner.run()

    def sent(self, method: str, path: str) -> list[Json]:
        """The executor's writes of this kind as the cluster saw them, dry runs left out."""
        return [
            one
            for one in self.server.app.requests.list(writes_only=True)
            if one["user_agent"].startswith("opsdesk-executor")
            and one["method"] == method
            and one["path"].endswith(path.rstrip("$"))
            and "dryRun" not in one["query"]
        ]

    def carried_out(self, method: str, path: str) -> int:
        unanswered = {"drop_after_write", "status_after_write"}
        return sum(200 <= one["status"] < 300 or one["injected"] in unanswered for one in self.sent(method, path))

    def check_recorded(self) -> None:
        """No write is left open: whoever looks at the execution knows of each what became of it."""
        still_open = {StepOutcome.INTENDED, StepOutcome.PENDING}
        assert not [key for key, one in self.log.results.items() if one.outcome in still_open]


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with PracticeServer(with_controllers=False, contents=WORLD) as server:
        path = folder / "kubeconfig"
        path.write_text(server.kubeconfig(), encoding="utf-8")
        settings = ClusterSettings(name="practice", kubeconfig=path, executor_kubeconfig=path)
        reader, writer = open_reader(settings), open_writer(settings)
        try:
            yield Place(server, reader, writer)
        finally:
            for side in (reader, writer):
                side.close()  # type: ignore[union-attr]


WRITES = {
    "patch": (IMAGE, "PATCH", "/deployments/web$"),
    "scale": (SCALE, "PATCH", "/deployments/api/scale$"),
    "rollback": (UNDO, "PATCH", "/deployments/web$"),
    "create": (CREATE, "POST", "/configmaps$"),
    "apply": (APPLY, "PATCH", "/configmaps/settings$"),
    "delete": (DELETE_POD, "DELETE", "/pods/web-hash2-0$"),
    "cordon": (CORDON, "PATCH", "/nodes/n2$"),
    "eviction": (DRAIN, "POST", "/pods/web-hash2-1/eviction$"),
}


@dataclass(frozen=True)
class Fault:
    """``carried``: how often the write is carried out; ``says``: what stands in the ending, or in the step's own record."""

    effect: str
    carried: int
    says: str = ""
    more: tuple[tuple[str, Any], ...] = ()


FAULTS = {
    **{f"{s} refused": Fault("status", 0, "injected", (("status", s),)) for s in (401, 403, 409, 422)},
    "429 for ever": Fault("status", 0, "injected", (("status", 429), ("times", 1_000))),
    "429 once": Fault("status", 1, "", (("status", 429),)),
    "429 once with Retry-After": Fault("status", 1, "", (("status", 429), ("retry_after_seconds", 7))),
    "500 and not done": Fault("status", 0, "no answer came", (("status", 500),)),
    "503 and not done": Fault("status", 0, "no answer came", (("status", 503), ("retry_after_seconds", 1))),
    "500 and done": Fault("status_after_write", 1, "no answer came", (("status", 500),)),
    "504 and done": Fault("status_after_write", 1, "no answer came", (("status", 504),)),
    "hangs": Fault("hang", 0, "no answer came", (("seconds", 0.6),)),
    "dropped before": Fault("drop", 0, "no answer came"),
    "dropped after": Fault("drop_after_write", 1, "no answer came"),
    "babbles": Fault("garbage", 1, "no answer came"),
    "breaks off": Fault("truncated", 1, "no answer came"),
    "lands late": Fault("late", 1, "no answer came", (("seconds", 0.5),)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize(("script", "method", "path"), WRITES.values(), ids=WRITES)
async def test_each_write_has_its_clear_result_when_the_api_server_fails(
    script: str, method: str, path: str, fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_slow = fault.effect in {"late", "hang"}
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.2 if is_slow else 5.0)
    async with place(tmp_path) as at:
        at.clock.brief = 0.05 if is_slow else 0.002
        review = await at.review(FIRST + script)
        at.inject(fault.effect, method, path, **dict(fault.more))
        ending = await at.run(review)
        at.check_recorded()
        said = ending.message + " ".join(one.message for one in at.log.results.values())
        assert fault.says in said, said
        assert at.carried_out(method, path) == fault.carried, [
            (one["status"], one["injected"]) for one in at.sent(method, path)
        ]
        first = at.server.cluster.store.get("deployments.apps", "shop", "worker")["spec"]["replicas"]
        is_eviction_429 = path.endswith("/eviction$") and "429" in said
        if fault.carried:
            assert ending.status is DONE, ending.message
            assert first == 4
        else:
            assert ending.status is UNDONE, (ending, is_eviction_429)
            assert first == 3, "what was done before is taken back"


async def test_retry_after_is_heeded_within_bounds(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        review = await at.review(SCALE)
        at.inject("status", "PATCH", "/scale$", status=429, retry_after_seconds=7)
        at.inject("status", "PATCH", "/scale$", status=429, retry_after_seconds=86_400)
        assert (await at.run(review)).status is DONE
        assert at.clock.slept == [7, sending.LONGEST_BUSY_SECONDS]


async def test_who_cancels_while_a_server_is_busy_is_heard(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        review = await at.review(SCALE)
        at.inject("status", "PATCH", "/scale$", status=429, times=100)
        at.log.stop_after, at.log.stop = 2, "cancelled"
        ending = await at.run(review)
        assert (ending.status, ending.message) == (ExecutionStatus.CANCELLED, "stopped in step 0: cancelled")
        assert at.carried_out("PATCH", "/scale") == 0
        at.check_recorded()


async def test_credentials_that_end_in_the_middle_call_a_person_since_nothing_can_be_taken_back(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        review = await at.review(FIRST + IMAGE)
        sends = at.writer.send

        async def send(request: Any, **more: Any) -> Any:
            answer = await sends(request, **more)
            at.inject("status", "PATCH", "", status=401, times=1_000)  # the token ends with the first write
            return answer

        at.writer.send = send  # type: ignore[method-assign]
        ending = await at.run(review)
        assert ending.status is ExecutionStatus.UNDO_FAILED
        assert "undo of step 0" in ending.message
        at.check_recorded()


async def test_nothing_is_sent_when_the_server_cannot_be_reached(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        review = await at.review(SCALE)
        gone = tmp_path / "gone"
        gone.write_text(at.server.kubeconfig().replace(str(at.server.port), "1"), encoding="utf-8")
        at.writer = open_writer(ClusterSettings(name="practice", kubeconfig=gone, executor_kubeconfig=gone))
        ending = await at.run(review)
        assert (ending.status, "no answer from" in ending.message) == (FAILED, True)
        at.check_recorded()
        assert at.clock.slept == [], "what cannot have been sent is not waited for"


async def test_a_write_that_lands_after_everything_was_given_up_is_told_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bounded time nothing can be known; but what shows before the execution ends is said, never kept silent."""
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.1)
    async with place(tmp_path) as at:
        review = await at.review(FIRST + IMAGE)
        at.inject("late", "PATCH", "/deployments/web$", seconds=0.45)
        undo = StepRunner._take_back

        async def slowly(runner: StepRunner, step: Any) -> None:
            await asyncio.sleep(0.6)
            await undo(runner, step)

        monkeypatch.setattr(StepRunner, "_take_back", slowly)
        ending = await at.run(review)
        assert ending.status is ExecutionStatus.UNKNOWN, ending
        assert "landed late after all" in ending.message
        assert at.carried_out("PATCH", "/deployments/web") == 1


async def test_an_eviction_of_a_pod_that_has_gone_meanwhile_is_done(tmp_path: Path) -> None:
    async with place(tmp_path) as at:
        review = await at.review(DRAIN)
        at.server.cluster.store.remove("pods", "shop", "web-hash2-1")
        ending = await at.run(review)
        assert ending.status is DONE, ending.message
        at.check_recorded()


async def test_a_page_of_somebody_else_is_no_absence(tmp_path: Path) -> None:
    """A 404 that no API server worded says nothing of the pod that was to be deleted."""
    async with place(tmp_path) as at:
        review = await at.review(DELETE_POD)
        sends = at.writer.send

        async def through_a_proxy(request: Any, **more: Any) -> Any:
            answer = await sends(request.model_copy(update={"path": "/nowhere"}), **more)
            return type(answer)(404, "<html>not here</html>")

        at.writer.send = through_a_proxy  # type: ignore[method-assign]
        ending = await at.run(review)
        assert ending.status is FAILED
        assert "no answer came" in ending.message
        assert json.dumps(at.server.cluster.store.get("pods", "shop", "web-hash2-0"))

"""A line that waits goes on when what it waits for holds, and fails when its time is up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from knowledge.errors import ClusterBusy, ClusterUnreachable
from knowledge.vocabulary import FrozenStep, Json
from tests.fakes.memory_cluster import MemoryCluster, StillClock, pod
from tools.execution.reading import read_step
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy

POLICY = load_policy()


class BusyClock(StillClock):
    """While somebody sleeps the world goes on: the n-th sleep does the n-th thing."""

    def __init__(self, *things: Callable[[], object]) -> None:
        super().__init__()
        self.things = list(things)
        self.slept = timedelta()

    def now(self) -> Any:
        return super().now() + self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += timedelta(seconds=seconds)
        if self.things:
            self.things.pop(0)()


async def never() -> str:
    return ""


async def step_of(cluster: MemoryCluster, line: str) -> FrozenStep:
    clock = StillClock()
    plan = make_plan(line, incident_id="i", cluster="prod", written_by="t", now=clock.now())
    review = await review_plan(plan, reader=cluster, writer=cluster, policy=POLICY, clock=clock)
    return review.steps[0]


def changed(cluster: MemoryCluster, **status: Any) -> None:
    item: Json = cluster.at("Pod", "web-1")
    item["status"] = status
    cluster.put(item)


def gone(cluster: MemoryCluster) -> None:
    for path in [path for path in cluster.objects if path.endswith("/pods/web-1")]:
        del cluster.objects[path]


READY = [{"type": "Ready", "status": "True"}]
LINES: list[tuple[str, Callable[[MemoryCluster], object]]] = [
    ("--for=jsonpath='{.status.phase}'=Running", lambda c: changed(c, phase="Running")),
    ("--for=jsonpath='{.status.podIP}'", lambda c: changed(c, podIP="10.0.0.1")),
    ("--for='jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True'", lambda c: changed(c, conditions=READY)),
    ("--for=condition=Ready", lambda c: changed(c, conditions=READY)),
    ("--for=condition=ready=false", lambda c: changed(c, conditions=[{"type": "Ready", "status": "False"}])),
    ("--for=delete", gone),
]


@pytest.mark.parametrize(("wanted", "happens"), LINES, ids=[line for line, _ in LINES])
@pytest.mark.parametrize("named", ["pod/web-1", "pods -l app=web"])
async def test_line_goes_on_when_what_it_waits_for_holds(
    wanted: str, happens: Callable[[MemoryCluster], object], named: str
) -> None:
    cluster = MemoryCluster(pod("web-1", app="web"))
    changed(cluster, phase="Pending")
    step = await step_of(cluster, f"kubectl wait {named} -n shop {wanted} --timeout=60s")
    clock = BusyClock(lambda: None, lambda: happens(cluster))
    assert (await read_step(step, cluster, clock, never))[1] == ""
    assert clock.slept == timedelta(seconds=4)


@pytest.mark.parametrize("wanted", [line for line, _ in LINES])
async def test_line_fails_and_says_what_is_missing_when_its_time_is_up(wanted: str) -> None:
    cluster = MemoryCluster(pod("web-1", app="web"))
    changed(cluster, phase="Pending")
    step = await step_of(cluster, f"kubectl wait pod/web-1 -n shop {wanted} --timeout=7s")
    _, failure = await read_step(step, cluster, BusyClock(), never)
    assert failure.startswith("after 7 s still waiting: web-1: ")


async def test_a_condition_of_an_earlier_generation_does_not_count() -> None:
    item = pod("web-1", app="web")
    item["metadata"]["generation"] = 3
    item["status"] = {"conditions": READY, "observedGeneration": 2}
    cluster = MemoryCluster(item)
    step = await step_of(cluster, "kubectl wait pod/web-1 -n shop --for=condition=Ready --timeout=1s")
    assert "earlier generation" in (await read_step(step, cluster, BusyClock(), never))[1]


async def test_line_does_not_hold_when_its_selector_picks_nothing() -> None:
    cluster = MemoryCluster(pod("web-1", app="web"))
    gone(cluster)
    step = await step_of(cluster, "kubectl wait pods -l app=other -n shop --for=condition=Ready --timeout=1s")
    assert "nothing fits" in (await read_step(step, cluster, BusyClock(), never))[1]


async def test_line_waits_on_when_the_server_is_away_for_a_moment() -> None:
    cluster = MemoryCluster(pod("web-1", app="web"))
    changed(cluster, phase="Pending")
    step = await step_of(cluster, "kubectl wait pod/web-1 -n shop --for=condition=Ready --timeout=60s")
    reads, away = cluster.raw, [3]

    async def raw(path: str, query: Any = None) -> Any:
        if away[0]:
            away[0] -= 1
            raise ClusterBusy("too many requests", retry_after_seconds=1)
        return await reads(path, query)

    cluster.raw = raw  # type: ignore[method-assign]
    clock = BusyClock(lambda: None, lambda: None, lambda: None, lambda: changed(cluster, conditions=READY))
    assert (await read_step(step, cluster, clock, never))[1] == ""


async def test_line_fails_with_what_the_server_said_when_it_stays_away() -> None:
    cluster = MemoryCluster(pod("web-1", app="web"))
    step = await step_of(cluster, "kubectl wait pod/web-1 -n shop --for=condition=Ready --timeout=7s")

    async def raw(path: str, query: Any = None) -> Any:
        raise ClusterUnreachable("no route to host")

    cluster.raw = raw  # type: ignore[method-assign]
    output, failure = await read_step(step, cluster, BusyClock(), never)
    assert (output, failure) == ("", "after 7 s still waiting: no route to host")

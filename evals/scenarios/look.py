"""One scenario, from its story to what opsdesk says of it: a practice cluster over real HTTP, the real collectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.look import Look, look
from api.bootstrap import open_collectors, open_reader
from api.settings import ClusterSettings
from evals.practice.clock import ManualClock
from evals.practice.server import PracticeServer
from evals.scenarios.acts import act
from evals.scenarios.format import Scenario
from evals.scenarios.series import SAMPLE_SECONDS, ScenarioMetrics, Scrapes, drawn
from evals.scenarios.stage import LOOK, STORY, Stage, platform, story_controllers
from knowledge.errors import BadInput
from knowledge.vocabulary import Alert, Focus
from tools.contracts import Collector
from tools.detectors.library import DetectorLibrary
from tools.ports import Cluster, Series

CLUSTER = "practice"
SETTLE_SECONDS = 60.0
"""A story's first minute belongs to the platform alone."""


@dataclass(frozen=True)
class StillClock:
    """The desk's clock, standing at the moment of the look."""

    at: datetime = LOOK

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Nobody waits in a look; if somebody did, the moment would still be the same."""


@dataclass
class Lived:
    """What a story left behind beside the cluster itself."""

    stage: Stage | None = None
    metrics: dict[str, list[Series]] | None = None


@dataclass(frozen=True)
class Seen:
    """What came of a scenario: the look, and the scenario with every ``${...}`` of its truth and alerts filled in."""

    scenario: Scenario
    look: Look
    total_seconds: float


def live(scenario: Scenario, lived: Lived, stage: Stage) -> None:
    """Play the story on the stage up to the moment of the look, scraping metrics all along."""
    scrapes = Scrapes()
    scraped = -1.0

    def until(moment: datetime) -> None:
        nonlocal scraped
        while (left := (moment - stage.clock.now()).total_seconds()) > 0.001:
            if stage.clock.monotonic() >= scraped + SAMPLE_SECONDS or scraped < 0:
                scraped = stage.clock.monotonic()
                scrapes.take(stage.running.metrics_text(), stage.clock.now().timestamp())
            stage.clock.advance(min(left, max(scraped + SAMPLE_SECONDS - stage.clock.monotonic(), 0.001)))

    until(LOOK - STORY + timedelta(seconds=SETTLE_SECONDS))
    for number, step in enumerate(scenario.story, start=1):
        if step.at is not None:
            until(LOOK + timedelta(minutes=step.at))
        try:
            act(stage, step)
        except (LookupError, ValueError, BadInput) as error:
            raise BadInput(f"scenario {scenario.id}, step {number} ({step.verb}): {error}") from error
    until(LOOK)
    scrapes.take(stage.running.metrics_text(), LOOK.timestamp())
    lived.stage, lived.metrics = stage, scrapes.answers()
    for told in scenario.metrics:
        lived.metrics.setdefault(told.key, []).append(drawn(told, LOOK, stage.filled))


def _without_replaced(answers: dict[str, list[Series]]) -> dict[str, list[Series]]:
    """A told series stands in for a measured one of the same labels."""
    return {
        key: list({tuple(sorted(one.labels.items())): one for one in rows}.values()) for key, rows in answers.items()
    }


async def see(scenario: Scenario, detectors: DetectorLibrary, collectors: Sequence[Collector] | None = None) -> Seen:
    """Raises BadInput, naming the scenario and the step, for a story that cannot be played."""
    began = time.perf_counter()
    lived = Lived()
    server = PracticeServer(
        clock=ManualClock(LOOK - STORY), contents=platform(),
        start_controllers=story_controllers(partial(live, scenario, lived)),
    )  # fmt: skip
    async with server:
        assert lived.stage is not None
        assert lived.metrics is not None
        with TemporaryDirectory() as folder:
            kubeconfig = Path(folder) / "kubeconfig"
            kubeconfig.write_text(server.kubeconfig(), encoding="utf-8")
            reader = open_reader(ClusterSettings(name=CLUSTER, kubeconfig=kubeconfig))
            metrics = ScenarioMetrics(_without_replaced(lived.metrics), scenario.ask.namespaces)
            cluster = Cluster(name=CLUSTER, reader=reader, metrics=metrics)
            filled = lived.stage.filled(scenario.model_dump(mode="json", by_alias=True, exclude={"story"}))
            scenario = Scenario.model_validate({**filled, "story": scenario.story})
            found = await look(
                cluster, _focus(scenario), collectors or open_collectors(), detectors, StillClock(),
                alerts=[_alert(scenario, number) for number in range(len(scenario.alerts))],
            )  # fmt: skip
    return Seen(scenario, found, time.perf_counter() - began)


def _focus(scenario: Scenario) -> Focus:
    ask = scenario.ask
    since = LOOK - timedelta(minutes=ask.minutes)
    return Focus(cluster=CLUSTER, namespaces=ask.namespaces, services=ask.services, since=since, until=LOOK)


def _alert(scenario: Scenario, number: int) -> Alert:
    told = scenario.alerts[number]
    return Alert(
        source="alertmanager", fingerprint=f"{scenario.id}-{number}", status="firing", name=told.name,
        severity=told.severity, cluster=CLUSTER, namespace=told.namespace, service=told.service,
        labels={"alertname": told.name, **({"namespace": told.namespace} if told.namespace else {}), **told.labels},
        annotations={"summary": told.summary} if told.summary else {}, starts_at=LOOK + timedelta(minutes=told.at),
    )  # fmt: skip

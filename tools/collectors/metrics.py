"""Numbers around the onset: Prometheus for the focus's namespaces and for devices, and metrics.k8s.io for the present use."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from knowledge.errors import ObjectNotFound, OpsdeskError
from knowledge.vocabulary import Focus, Gap, Json
from tools.collectors.metric_queries import QUERIES, rendered
from tools.collectors.metric_query import MetricQuery
from tools.collectors.reading import READ_SECONDS, gap_of
from tools.contracts import Gathered, MetricAnswer
from tools.ports import Clock, Cluster, Metrics, Series

BEFORE = timedelta(minutes=30)
MAX_POINTS = 120
MIN_STEP_SECONDS = 15.0
CONCURRENCY = 6
MAX_SERIES = 300


@dataclass(frozen=True, slots=True)
class MetricsCollector:
    id: str = "metrics"
    needs: tuple[str, ...] = ()
    queries: tuple[MetricQuery, ...] = QUERIES

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:  # noqa: ARG002
        gathered = Gathered()
        usage = self._present_use(gathered, cluster, focus)
        if cluster.metrics is None:
            gathered.gaps.append(
                Gap(source=self.id, query="Prometheus", reason=f"cluster {cluster.name} has no metrics configured",
                    next_step="set the cluster's prometheus_url")
            )  # fmt: skip
            await usage
            return gathered
        await asyncio.gather(usage, self._all_queries(gathered, cluster.metrics, cluster, focus))
        return gathered

    async def _all_queries(self, gathered: Gathered, metrics: Metrics, cluster: Cluster, focus: Focus) -> None:
        """The first query alone: when nobody answers it, the others are not asked."""
        matcher = namespace_matcher(_namespaces(cluster, focus))
        slots = asyncio.Semaphore(CONCURRENCY)
        first, *others = self.queries
        if await self._ask(gathered, metrics, first, matcher, focus, slots):
            await asyncio.gather(*(self._ask(gathered, metrics, query, matcher, focus, slots) for query in others))

    async def _ask(
        self,
        gathered: Gathered,
        metrics: Metrics,
        query: MetricQuery,
        matcher: str,
        focus: Focus,
        slots: asyncio.Semaphore,
    ) -> bool:
        promql = rendered(query, matcher)
        try:
            async with slots, asyncio.timeout(READ_SECONDS):
                series = await self._answer(metrics, query, promql, focus)
        except (OpsdeskError, TimeoutError) as error:
            gathered.gaps.append(gap_of(self.id, promql, error))
            return False
        visible = [one for one in series if _is_visible(one, focus)]
        most = MAX_SERIES * query.parts
        if len(visible) > most:
            reason = f"{len(visible)} series; the first {most} were kept"
            gathered.gaps.append(
                Gap(source=self.id, query=promql, reason=reason, next_step="name the namespace in the ticket")
            )
        if visible:
            gathered.metrics.append(MetricAnswer(query.key, promql, visible[:most]))
        return True

    async def _answer(self, metrics: Metrics, query: MetricQuery, promql: str, focus: Focus) -> Sequence[Series]:
        if not query.is_range:
            return await metrics.instant(promql, focus.until)
        start = focus.since - BEFORE
        step = max(MIN_STEP_SECONDS, (focus.until - start).total_seconds() / MAX_POINTS)
        return await metrics.range(promql, start, focus.until, step)

    async def _present_use(self, gathered: Gathered, cluster: Cluster, focus: Focus) -> None:
        namespaces = _namespaces(cluster, focus)
        paths = [("Node", "NodeMetrics", "/apis/metrics.k8s.io/v1beta1/nodes")]
        if namespaces:
            paths += [
                ("Pod", "PodMetrics", f"/apis/metrics.k8s.io/v1beta1/namespaces/{name}/pods") for name in namespaces
            ]
        elif "*" in focus.reach.namespaces:
            paths.append(("Pod", "PodMetrics", "/apis/metrics.k8s.io/v1beta1/pods"))
        for _, kind, path in paths:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    answer = await cluster.reader.raw(path)
            except ObjectNotFound:
                return  # no metrics server: common, and the desk does without
            except (OpsdeskError, TimeoutError) as error:
                gathered.gaps.append(gap_of(self.id, f"get {path}", error))
                return
            for item in (answer.get("items") or ()) if isinstance(answer, dict) else ():
                item["kind"], item["apiVersion"] = kind, "metrics.k8s.io/v1beta1"
                gathered.objects.append(item)


def _namespaces(cluster: Cluster, focus: Focus) -> list[str]:
    """The focus's namespaces within reach; without any, what the reach itself names."""
    named = [name for name in focus.namespaces if focus.reach.allows(cluster=cluster.name, namespace=name)]
    return named or [pattern for pattern in focus.reach.namespaces if not set(pattern) & set("*?[")]


def namespace_matcher(namespaces: Sequence[str]) -> str:
    return (
        f'namespace=~"{"|".join(re.escape(name).replace(chr(92), chr(92) * 2) for name in namespaces)}"'
        if namespaces
        else ""
    )


def _is_visible(series: Series, focus: Focus) -> bool:
    """A series of a namespace outside the reach is not shown, whatever its query asked."""
    namespace = series.labels.get("namespace") or series.labels.get("exported_namespace") or ""
    return not namespace or focus.reach.allows(cluster=focus.cluster, namespace=namespace)


COLLECTOR = MetricsCollector()

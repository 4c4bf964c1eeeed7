"""The numbers worth seeing around an incident's onset: first what the diagnosis cites, then the golden signals of its service.

They are asked of the cluster's metrics again, in a window around the onset; where nobody answers, the points that were kept
with the evidence are shown, and it is said. Whatever is shown lies within the reader's scope.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from agent.chat.reply import Chart, Line
from api.figures.pictures import MOST_LINES
from api.figures.signals import GOLDEN, Signal, title_of, unit_of
from knowledge.errors import MetricsUnreachable, OpsdeskError
from knowledge.vocabulary import Diagnosis, Evidence, EvidenceKind, Gap, Incident, Language, Noun, Scope, Text
from tools.collectors.metric_queries import QUERIES, rendered
from tools.collectors.metrics import namespace_matcher
from tools.ports import Metrics, Series
from tools.redaction import redact_text

BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=45)
LONGEST = timedelta(hours=6)
MOST_CITED, MOST_CHARTS = 4, 8
MOST_POINTS = 120
LEAST_STEP_SECONDS = 15.0
ASK_SECONDS = 6.0
AT_ONCE = 4
MISSING_STEPS = 3
"""A stretch of so many steps without a point is told as a gap."""

_BY_KEY = {query.key: query for query in QUERIES}
_DULL = frozenset({"__name__", "namespace", "job", "instance", "exported_namespace", "measure", "UUID"})
_NAMING = ("service", "pod", "deployment", "model_name", "model", "application", "container", "Hostname", "node")


class AroundOnset(Noun):
    """``gaps``: what could not be drawn, and why."""

    onset: datetime
    charts: tuple[Chart, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Window:
    onset: datetime
    start: datetime
    end: datetime

    @property
    def step_seconds(self) -> float:
        return max(LEAST_STEP_SECONDS, (self.end - self.start).total_seconds() / MOST_POINTS)


@dataclass(frozen=True)
class About:
    """Whose numbers: the incident's service, the diagnosed object, and who reads."""

    incident: Incident
    diagnosis: Diagnosis | None
    reach: Scope
    language: Language

    @property
    def names(self) -> set[str]:
        chosen = self.diagnosis.chosen if self.diagnosis else None
        return {name for name in (self.incident.service, chosen.object.name if chosen else "") if name}

    @property
    def namespaces(self) -> list[str]:
        """Of the object and the incident, within reach; without any, those that the reach names outright."""
        chosen = self.diagnosis.chosen if self.diagnosis else None
        named = {chosen.object.namespace if chosen else "", self.incident.namespace} - {""}
        within = [one for one in sorted(named) if self.reach.allows(cluster=self.incident.cluster, namespace=one)]
        return within or [pattern for pattern in self.reach.namespaces if not set(pattern) & set("*?[")]

    def may_see(self, labels: Mapping[str, str]) -> bool:
        namespace = labels.get("namespace") or labels.get("exported_namespace") or ""
        if not namespace:
            return not labels.get("pod") or "*" in self.reach.namespaces
        service = labels.get("service") or ""
        return self.reach.allows(cluster=self.incident.cluster, namespace=namespace, service=service)

    def query_of(self, kept: Evidence) -> str:
        """As it was asked for the diagnosis; for who may not see every namespace, asked of those that he may see."""
        key = str(kept.body["key"])
        if "*" in self.reach.namespaces:
            return kept.query
        return rendered(_BY_KEY[key], namespace_matcher(self.namespaces)) if key in _BY_KEY and self.namespaces else ""


async def around_onset(
    incident: Incident,
    diagnosis: Diagnosis | None,
    evidence: Sequence[Evidence],
    metrics: Metrics | None,
    now: datetime,
    *,
    reach: Scope,
    language: Language = Language.EN,
    began_at: datetime | None = None,
) -> AroundOnset:
    """At most eight charts. ``evidence``: the incident's own; ``began_at``: when its first alert fired, where one did.

    Nothing is raised for a server that does not answer: that is a gap.
    """
    about = About(incident, diagnosis, reach, language)
    window = _window(incident, diagnosis, began_at, now)
    cited = _cited(about, evidence)
    asking = _Asking(metrics, window, about)
    charts = [chart for chart in await asyncio.gather(*(asking.cited(*one) for one in cited.items())) if chart]
    seen = {str(group[0].body["key"]) for group in cited.values()}
    room = MOST_CHARTS - len(charts)
    signals = [signal for signal in GOLDEN if not seen & set(signal.keys)][:room]
    found = await asyncio.gather(*(asking.signal(signal) for signal in signals)) if metrics is not None else []
    charts += [chart for chart in found if chart]
    return AroundOnset(onset=window.onset, charts=tuple(charts), gaps=tuple(asking.gaps))


def _window(incident: Incident, diagnosis: Diagnosis | None, began_at: datetime | None, now: datetime) -> Window:
    chosen = diagnosis.chosen if diagnosis else None
    told = [at for at in (chosen.began_at if chosen else None, began_at, incident.opened_at) if at is not None]
    onset = min(told[0], now)
    end = min(now, max(onset + AFTER, incident.opened_at + AFTER))
    start = max(onset - BEFORE, end - LONGEST)
    return Window(onset, min(start, onset), max(end, onset + timedelta(minutes=1)))


def _cited(about: About, evidence: Sequence[Evidence]) -> dict[str, list[Evidence]]:
    """The metrics that the diagnosis rests on by their queries, those of the chosen cause first."""
    diagnosis = about.diagnosis
    hypotheses = [one for one in (diagnosis.chosen, diagnosis.runner_up) if one] if diagnosis else []
    order = dict.fromkeys(one for hypothesis in hypotheses for one in hypothesis.evidence_ids)
    by_id = {one.id: one for one in evidence if one.kind is EvidenceKind.METRIC and one.body.get("points")}
    groups: dict[str, list[Evidence]] = {}
    for one in (by_id[evidence_id] for evidence_id in order if evidence_id in by_id):
        if about.may_see(one.body.get("labels") or {}) and "key" in one.body and (query := about.query_of(one)):
            groups.setdefault(query, []).append(one)
    return dict(list(groups.items())[:MOST_CITED])


class _Asking:
    """Asks one cluster's metrics. When nobody answers the first question, the others are not asked."""

    def __init__(self, metrics: Metrics | None, window: Window, about: About) -> None:
        self._metrics, self._window, self._about = metrics, window, about
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._is_away = metrics is None
        self.gaps: list[Gap] = []
        if metrics is None:
            reason = Text(en="the cluster has no metrics configured", zh="该集群未配置指标服务")
            self._gap("Prometheus", reason, "set the cluster's prometheus_url")

    async def cited(self, query: str, group: Sequence[Evidence]) -> Chart | None:
        key = str(group[0].body["key"])
        wanted = [_identity(one.body["labels"]) for one in group]
        live = [one for one in await self._range(query) if self._about.may_see(one.labels)]
        mine = [one for one in live if _identity(one.labels) in wanted]
        others = [one for one in live if one not in mine]
        series = [*mine, *_loudest(self._of_service(others), MOST_LINES - len(mine))]
        if not mine:
            series = [Series(one.body["labels"], [(at, value) for at, value in one.body["points"]]) for one in group]
            reason = Text(en="as kept with the evidence: it is not there any more", zh="取自留存的证据：当前已查询不到")
            self._gap(query, reason, "")
        return self._chart(title_of(key), key, query, series)

    async def signal(self, signal: Signal) -> Chart | None:
        for key in signal.keys:
            namespaces = self._about.namespaces
            if not namespaces and "*" not in self._about.reach.namespaces and not signal.of_devices:
                return None
            query = rendered(_BY_KEY[key], namespace_matcher(namespaces))
            found = [one for one in await self._range(query) if self._about.may_see(one.labels)]
            found = self._of_service(found, strictly=signal.of_devices)
            if found:
                return self._chart(signal.title, key, query, _loudest(found, MOST_LINES))
        return None

    async def _range(self, query: str) -> Sequence[Series]:
        if self._metrics is None:
            return []
        window = self._window
        async with self._slots:
            if self._is_away:
                return []
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    return await self._metrics.range(query, window.start, window.end, window.step_seconds)
            except (OpsdeskError, TimeoutError) as error:
                self._is_away = isinstance(error, MetricsUnreachable | TimeoutError)
                told = error.message if isinstance(error, OpsdeskError) else f"no answer within {ASK_SECONDS:g} s"
                told = redact_text(told)[:300]
                next_step = error.next_step if isinstance(error, OpsdeskError) else ""
                self._gap(query, Text(en=told, zh=told), next_step)
                return []

    def _of_service(self, series: Sequence[Series], *, strictly: bool = False) -> list[Series]:
        """Those of the service or of the diagnosed object; all, where none says so (or none, ``strictly``)."""
        own = [one for one in series if _is_named(one.labels, self._about.names)]
        return own or ([] if strictly and self._about.names else list(series))

    def _chart(self, title: Text, key: str, query: str, series: Sequence[Series]) -> Chart | None:
        measure = next((one.labels["measure"] for one in series if "measure" in one.labels), "")
        unit, factor = unit_of(measure or key)
        of_one = [one for one in series if one.labels.get("measure", "") == measure]
        lines = tuple(_line(one, label, factor) for one, label in _labelled(of_one))
        lines = tuple(line for line in lines if line.points)
        if not lines:
            return None
        self._tell_missing(query, lines)
        shown = redact_text(title.within(self._about.language))
        return Chart(title=shown, query=query, unit=unit, lines=lines, onset=self._window.onset)

    def _tell_missing(self, query: str, lines: Sequence[Line]) -> None:
        least = timedelta(seconds=self._window.step_seconds * MISSING_STEPS)
        for line in lines:
            times = [self._window.start, *(at for at, _ in line.points), self._window.end]
            holes = [(a, b) for a, b in pairwise(times) if b - a > least]
            if holes:
                told = ", ".join(f"{a.astimezone(UTC):%H:%M}-{b.astimezone(UTC):%H:%M}" for a, b in holes[:3])
                more = " ..." if len(holes) > 3 else ""
                reason = Text(
                    en=f"{line.label}: no points {told}{more} UTC", zh=f"{line.label}：{told}{more} UTC 无数据"
                )
                self._gap(query, reason, "")

    def _gap(self, query: str, reason: Text, next_step: str) -> None:
        said = reason.within(self._about.language)
        self.gaps.append(Gap(source="metrics", query=query, reason=said, next_step=next_step))


def _identity(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Labels as evidence keeps them: redacted."""
    return frozenset((str(name), redact_text(str(value))) for name, value in labels.items())


def _is_named(labels: Mapping[str, str], names: Iterable[str]) -> bool:
    values = [labels[label] for label in _NAMING if labels.get(label)]
    return any(value == name or value.startswith(f"{name}-") for value in values for name in names)


def _loudest(series: Sequence[Series], most: int) -> list[Series]:
    """The ones with the greatest values: in trouble these are what one looks for."""
    with_points = [one for one in series if one.points]
    return sorted(with_points, key=lambda one: -max(value for _, value in one.points))[: max(most, 0)]


def _labelled(series: Sequence[Series]) -> Iterator[tuple[Series, str]]:
    """Each with the labels in which it differs from the others; a lone one with what names it best."""
    values = {name: {one.labels.get(name, "") for one in series} for one in series for name in one.labels}
    telling = [name for name, found in values.items() if len(found) > 1 and name not in _DULL]
    for one in series:
        names = telling or [name for name in _NAMING if one.labels.get(name)][:1] or ["namespace"]
        label = " ".join(one.labels[name] for name in sorted(names, key=_rank) if one.labels.get(name))
        yield one, redact_text(label) or "-"


def _rank(name: str) -> int:
    return _NAMING.index(name) if name in _NAMING else len(_NAMING)


def _line(series: Series, label: str, factor: float) -> Line:
    points = tuple((datetime.fromtimestamp(at, UTC), value * factor) for at, value in series.points)
    return Line(label=label[:120], points=points[-MOST_POINTS * 2 :])

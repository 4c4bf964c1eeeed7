"""Which service and which of its numbers moved first, read off a live snapshot: a note that a diagnosis cites.

An alert tells where it hurts. The snapshot's metrics are cut where the trouble began (the first lasting change of level near the
symptom's), both sides go to :func:`agent.reasoning.metric_causes.rank_causes` with the calls of the topology, and what comes out
first is told with its numbers and its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.reasoning.metric_causes import RESOURCES, SYMPTOMS, About, MetricCauses, MetricName, Moved, rank_causes
from agent.reasoning.topology import Topology
from knowledge.vocabulary import Diagnosis, Text, Verdict
from tools.contracts import MetricAnswer, Snapshot
from tools.detectors.hits import reference_from_labels
from tools.detectors.statistics import Points, step
from tools.ports import Series

ABOUT_OF_KEY: Mapping[str, About] = {
    "container_cpu": "cpu", "container_memory": "memory", "container_cpu_throttled_ratio": "throttling",
    "volume_used_ratio": "disk", "http_request_rate": "traffic", "http_error_ratio": "errors",
    "http_latency_p95_seconds": "latency", "vllm_requests_waiting": "saturation", "vllm_kv_cache_usage": "saturation",
    "vllm_preemptions": "saturation", "vllm_ttft_p95_seconds": "latency", "vllm_itl_p95_seconds": "latency",
    "vllm_e2e_p95_seconds": "latency", "vllm_queue_p95_seconds": "latency", "triton_pending": "saturation",
    "triton_failures": "errors", "torchserve_queue_microseconds": "saturation", "serving_latency": "latency",
    "capacity": "saturation", "gpu_temperature_celsius": "gpu", "gpu_memory_used_ratio": "gpu",
}  # fmt: skip
ABOUT_OF_SIGN: Mapping[str, About] = {"cpu": "cpu", "disk_queue": "disk", "inodes": "disk", "conntrack": "saturation"}
"""Of ``node_saturation``: the parts that tell what is short."""

WORDS: Mapping[About, Text] = {
    "cpu": Text(en="CPU", zh="CPU"),
    "throttling": Text(en="CPU throttling", zh="CPU 限流"),
    "memory": Text(en="memory", zh="内存"),
    "disk": Text(en="disk", zh="磁盘"),
    "network-loss": Text(en="packet loss", zh="丢包"),
    "network-latency": Text(en="network delay", zh="网络延迟"),
    "gpu": Text(en="GPU", zh="GPU"),
    "saturation": Text(en="saturation", zh="饱和度"),
    "latency": Text(en="latency", zh="延迟"),
    "errors": Text(en="error rate", zh="错误率"),
    "traffic": Text(en="traffic", zh="流量"),
    "other": Text(en="a number", zh="指标"),
}
LEAST_SIGMAS = 8.0
LEAD_SECONDS = 15 * 60.0
"""How long before the symptom a cause may have moved."""

MOST_SERIES = 2_000
CITED = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One series of the snapshot under the name that the ranking uses."""

    answer: MetricAnswer
    series: Series
    points: Points


@dataclass(frozen=True, slots=True)
class MovedFirst:
    """``causes`` is the whole ranking, ``onset`` where the windows were cut (unix seconds)."""

    causes: MetricCauses
    onset: float
    measured: Mapping[MetricName, Measured]

    def moved_at(self, name: MetricName) -> float:
        found = step(self.measured[name].points)
        return found.at or self.onset


def moved_first(snapshot: Snapshot, topology: Topology) -> MovedFirst | None:
    """None when no symptom (latency, errors) left its past, or when nothing can be said of what moved with it."""
    measured = _measured(snapshot, topology)
    onset = _onset(measured)
    if onset is None:
        return None
    before = {name: [value for at, value in one.points if at < onset] for name, one in measured.items()}
    after = {name: [value for at, value in one.points if at >= onset] for name, one in measured.items()}
    causes = rank_causes(before, after, _calls(topology))
    return MovedFirst(causes, onset, measured) if causes.metrics else None


def told(found: MovedFirst, snapshot: Snapshot) -> tuple[Text, tuple[Text, ...], tuple[str, ...]]:
    """The sentence for the summary, what it rules out, and the evidence of both (cited in the snapshot)."""
    first = found.causes.metrics[0]
    symptoms = [one for one in found.causes.metrics[1:] if one.metric.about in SYMPTOMS][: CITED - 1]
    english, chinese = _sentence(found, first)
    note = Text(en=f"Moved first: {english}.", zh=f"最先变化的指标：{chinese}。")
    out = tuple(
        Text(
            en=f"{_sentence(found, one)[0]}: {one.because}, so it follows.",
            zh=f"{_sentence(found, one)[1]}：其所调用的服务也发生变化，属于结果。",
        )
        for one in symptoms
        if one.because
    )
    cited = [found.measured[one.metric] for one in (first, *symptoms)]
    return note, out, tuple(dict.fromkeys(snapshot.cite_metric(one.answer, one.series) for one in cited))


def with_moved_first(diagnosis: Diagnosis, snapshot: Snapshot, topology: Topology) -> Diagnosis:
    """The diagnosis with the note, where something hurts: in its summary, what it rules out and its evidence. It changes
    neither the verdict nor what was chosen."""
    if diagnosis.verdict is Verdict.NO_FAULT or not snapshot.metrics:
        return diagnosis
    found = moved_first(snapshot, topology)
    if found is None:
        return diagnosis
    note, ruled_out, evidence_ids = told(found, snapshot)
    chosen = diagnosis.chosen
    if chosen is not None:
        chosen = chosen.model_copy(update={"evidence_ids": tuple(dict.fromkeys((*chosen.evidence_ids, *evidence_ids)))})
    summary = Text(en=f"{diagnosis.summary.en} {note.en}", zh=f"{diagnosis.summary.zh}{note.zh}")
    return diagnosis.model_copy(
        update={"chosen": chosen, "summary": summary, "ruled_out": (*diagnosis.ruled_out, *ruled_out)}
    )


def _sentence(found: MovedFirst, one: Moved) -> tuple[str, str]:
    at = datetime.fromtimestamp(found.moved_at(one.metric), UTC)
    what, numbers = WORDS[one.metric.about], f"{one.before:.3g} -> {one.after:.3g}"
    return (
        f"{what.en} of {one.metric.service} ({numbers}, {at:%H:%M} UTC)",
        f"{one.metric.service} 的{what.zh}（{numbers}，{at:%H:%M} UTC）",
    )


def _measured(snapshot: Snapshot, topology: Topology) -> dict[MetricName, Measured]:
    found: dict[MetricName, Measured] = {}
    for answer in snapshot.metrics:
        for series in answer.series:
            about = _about(answer.key, series)
            if about is None or len(found) >= MOST_SERIES:
                continue
            reference = reference_from_labels(snapshot.cluster, series.labels)
            if reference is not None:
                service = _service(topology, reference.key)
                points = [(at, value) for at, value in series.points if value == value]  # noqa: PLR0124 - NaN is unlike itself
                name = f"{answer.key}{sorted(series.labels.items())}"
                found[MetricName(service, about, name)] = Measured(answer, series, points)
    return found


def _about(key: str, series: Series) -> About | None:
    return ABOUT_OF_SIGN.get(series.labels.get("sign", "")) if key == "node_saturation" else ABOUT_OF_KEY.get(key)


def _service(topology: Topology, key: str) -> str:
    """A pod counts as its workload, and so does a Service that sends to one workload only."""
    selected = (
        {topology.family(one) for one in topology.targets(key, "selects")} if key.startswith("Service/") else set()
    )
    return selected.pop() if len(selected) == 1 else topology.family(key)


def _onset(measured: Mapping[MetricName, Measured]) -> float | None:
    """The first lasting change near the symptom's own: causes move before what they cause."""
    moves: list[tuple[float, About]] = []
    for name, one in measured.items():
        found = step(one.points)
        if abs(found.sigmas) >= LEAST_SIGMAS and (found.sigmas > 0 or name.about not in SYMPTOMS):
            moves.append((found.at, name.about))
    hurts = [at for at, about in moves if about in SYMPTOMS]
    if not hurts:
        return None
    return min(at for at, about in moves if at >= min(hurts) - LEAD_SECONDS and about in (RESOURCES | SYMPTOMS))


def _calls(topology: Topology) -> Iterable[tuple[str, str]]:
    for caller, relations in topology.forward.items():
        for called in relations.get("calls", ()):
            yield _service(topology, caller), _service(topology, called)


__all__ = ["MovedFirst", "moved_first", "told", "with_moved_first"]

"""Data questions: a query, its chart, and the numbers in words. The asker reads no namespace and no service outside its scope."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.chat.asking import EVERYWHERE, Asking, answered, offers, progress, said
from agent.chat.measures import MEASURES, Measure, Place, probe, promql
from agent.chat.names import WORKLOAD_KINDS
from agent.chat.reply import Chart, Citation, Line, Offer, Part, Rows
from agent.chat.understood import Understood
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Text
from tools.ports import Series

USUAL_MINUTES = 60
MOST_LINES = 10
MOST_POINTS = 120
SHORTEST_STEP = 15.0
MOST_SERVICES = 30
_DEVICE_HINT = Text(en="GPU numbers need the DCGM exporter", zh="GPU 指标需要 DCGM exporter")
_SERVING_HINT = Text(
    en="the model server has to export it (vLLM, SGLang, TGI, Triton, TorchServe, TensorFlow Serving, or http_* metrics)",
    zh="需要推理服务导出该指标（vLLM、SGLang、TGI、Triton、TorchServe、TensorFlow Serving 或 http_* 指标）",
)


async def answer_metric(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    measure = MEASURES[asked.metric]
    place = await place_of(asked, asking)
    if isinstance(place, str):
        yield said(place, tone="warning")
        return
    yield progress(
        asking, f"reading {measure.title.en} from Prometheus ...", f"正在从 Prometheus 读取{measure.title.zh}……"
    )
    try:
        drawn = await draw(asked, measure, place, asking)
    except OpsdeskError as error:
        text = f"{error.title}: {error.message}" + (f" ({error.next_step})" if error.next_step else "")
        yield said(asking.text(f"The numbers could not be read: {text}", f"未能读取指标：{text}"), tone="warning")
        return
    for part in told(asked, measure, drawn, asking):
        yield part


@dataclass(frozen=True)
class Drawn:
    """``lines`` of the window, those of the day that it is compared with, and how many series there were beyond."""

    query: str
    title: str
    start: datetime
    end: datetime
    lines: tuple[Line, ...]
    before: tuple[Line, ...] = ()
    left_out: int = 0


async def place_of(asked: Understood, asking: Asking) -> Place | str:
    """Where the question points, or the sentence that says why it cannot be answered there."""
    if asking.cluster.metrics is None:
        name = asking.cluster.name
        return asking.text(
            f"Cluster {name} has no metrics configured: set its prometheus_url.",
            f"集群 {name} 未配置指标数据源：请设置它的 prometheus_url。",
        )
    if asked.node is not None:
        return _place_of_node(asked, asking)
    if asked.target is not None:
        asking.places.add(asked.target.namespace)
        return Place(target=asked.target, namespaces=(asked.target.namespace,))
    if asked.namespace:
        asking.places.add(asked.namespace)
        return Place(namespaces=(asked.namespace,), pods=_pods_within(asking, asked.namespace))
    asking.places.add(EVERYWHERE)
    if "*" in asking.scope.namespaces and "*" in asking.scope.services:
        return Place()
    names = tuple(
        sorted({one.name for one in asking.known.things if one.kind == "Namespace" and asking.allows(one.name)})
    )
    if not names:
        return asking.text("No namespace of this cluster is within your scope.", "您的权限范围内没有该集群的命名空间。")
    return Place(namespaces=names, pods=_pods_within(asking, ""))


def _place_of_node(asked: Understood, asking: Asking) -> Place | str:
    assert asked.node is not None
    measure = MEASURES[asked.metric]
    asking.places.add(EVERYWHERE)
    if not measure.is_of_nodes:
        return asking.text(
            f"{measure.title.en} is told by services, not by nodes: name the service.",
            f"{measure.title.zh}按服务统计，不按节点统计：请指明服务。",
        )
    if asked.metric == "restarts" and "*" not in asking.scope.namespaces:
        return asking.text(
            "Restarts of a whole node reach beyond your scope: name the service.",
            "整个节点的重启次数超出您的权限范围：请指明服务。",
        )
    return Place(node=asked.node.name)


def _pods_within(asking: Asking, namespace: str) -> str:
    """A pattern of the pods of those services that the scope names, where it names services at all."""
    if "*" in asking.scope.services:
        return ""
    services = [
        one for one in asking.known.things
        if one.kind in WORKLOAD_KINDS and one.cluster == asking.cluster.name and (not namespace or one.namespace == namespace)
    ]  # fmt: skip
    return "|".join(f"(?:{Place(target=one).pod_pattern})" for one in services[:MOST_SERVICES]) or "no-service-in-scope"


async def draw(asked: Understood, measure: Measure, place: Place, asking: Asking) -> Drawn:
    """Asks for the window, and for the day that it is compared with. Raises what the Metrics port raises."""
    metrics = asking.cluster.metrics
    assert metrics is not None
    start, end = asked.window.bounds(asking.now, USUAL_MINUTES)
    step = max(SHORTEST_STEP, (end - start).total_seconds() / MOST_POINTS)
    window = f"{max(300, round(4 * step))}s" if step > SHORTEST_STEP * 5 else "5m"
    quantiles = (asked.quantile,) if asked.quantile else (95,) if asked.compare else ()
    asks = probe(asked.metric, place)
    named = {one.name for one in await metrics.instant(asks, end)} if asks else set()
    query = promql(asked.metric, place, quantiles=quantiles, window=window, only=named)
    series = await metrics.range(query, start, end, step)
    lines, left_out = _lines(series, asked, asking)
    before: tuple[Line, ...] = ()
    if asked.compare:
        away = timedelta(days=asked.compare)
        earlier = await metrics.range(query, start - away, end - away, step)
        before = tuple(_moved(line, away) for line in _lines(earlier, asked, asking)[0])
    return Drawn(query, title_of(asked, measure, asking), start, end, lines, before, left_out)


def title_of(asked: Understood, measure: Measure, asking: Asking) -> str:
    where = (
        asked.target.name if asked.target else asked.node.name if asked.node else asked.namespace or asking.cluster.name
    )
    quantile = f"p{asked.quantile} " if asked.quantile and measure.has_quantiles else ""
    return f"{quantile}{asking.of(measure.title)} · {where}"


def _lines(series: Sequence[Series], asked: Understood, asking: Asking) -> tuple[tuple[Line, ...], int]:
    """The lines within scope, the highest last values first."""
    seen: dict[str, Line] = {}
    for one in series:
        namespace = one.labels.get("namespace") or one.labels.get("exported_namespace") or ""
        if one.points and (not namespace or asking.allows(namespace)):
            label = _label(one.labels, asked, asking)
            points = tuple((datetime.fromtimestamp(at, asking.zone), value) for at, value in one.points)
            seen.setdefault(label, Line(label=label, points=points))
    ordered = sorted(seen.values(), key=lambda line: -line.points[-1][1])
    if MEASURES[asked.metric].has_quantiles and asked.target is not None:
        ordered.sort(key=lambda line: line.label)
    return tuple(ordered[:MOST_LINES]), max(0, len(ordered) - MOST_LINES)


def _label(given: Mapping[str, str], asked: Understood, asking: Asking) -> str:
    pod = given.get("pod") or given.get("exported_pod") or ""
    parts = [
        given.get("quantile", ""),
        {"sent": asking.text("sent", "发送"), "received": asking.text("received", "接收")}.get(
            given.get("way", ""), ""
        ),
        pod or given.get("service", "") or ("" if asked.target or asked.node else given.get("Hostname", "")),
        f"GPU {given['gpu']}" if given.get("gpu") else "",
    ]
    shown = " ".join(part for part in parts if part)
    if not asked.target and not asked.namespace and not asked.node and given.get("namespace"):
        shown = f"{given['namespace']}/{shown}" if shown else given["namespace"]
    return shown or (asked.target.name if asked.target else asked.node.name if asked.node else asked.namespace or "all")


def _moved(line: Line, away: timedelta) -> Line:
    return line.model_copy(update={"points": tuple((at + away, value) for at, value in line.points)})


# --- in words ----------------------------------------------------------------------------------------------------------


def told(asked: Understood, measure: Measure, drawn: Drawn, asking: Asking) -> list[Part]:
    citation = Citation(kind="metric", id=drawn.query, title=drawn.title)
    span = f"{asking.at(drawn.start)} – {asking.at(drawn.end)}"
    if not drawn.lines:
        hint = _DEVICE_HINT if asked.metric.startswith("gpu") else _SERVING_HINT
        text = asking.text(
            f"Prometheus has no {drawn.title} for {span} [1]: {hint.en}.",
            f"Prometheus 在 {span} 没有 {drawn.title} 的数据 [1]：{hint.zh}。",
        )
        return [said(text, [citation], "warning")]
    lines = [*drawn.lines, *(_named_before(line, asked, asking) for line in drawn.before)]
    return [
        said(_sentence(asked, measure, drawn, asking, span), [citation]),
        answered(Chart(title=drawn.title, query=drawn.query, unit=measure.unit, lines=tuple(lines))),
        answered(_table(drawn, lines, measure, asking)),
        *_after(asked, asking),
    ]


def _named_before(line: Line, asked: Understood, asking: Asking) -> Line:
    when = asking.text("a day before", "前一天") if asked.compare == 1 else asking.text("a week before", "一周前")
    return line.model_copy(update={"label": f"{line.label} ({when})"})


def _sentence(asked: Understood, measure: Measure, drawn: Drawn, asking: Asking, span: str) -> str:
    main = _main(drawn)
    values = [value for _, value in main.points]
    now, mean, peak = values[-1], sum(values) / len(values), max(values)
    when = asking.at(next(at for at, value in main.points if value == peak))
    unit = measure.unit
    name = f" ({main.label})" if len(drawn.lines) > 1 else ""
    text = asking.text(
        f"{drawn.title}, {span}{name}: last {shown(now, unit)}, mean {shown(mean, unit)}, peak {shown(peak, unit)} at {when} [1].",
        f"{drawn.title}，{span}{name}：最新 {shown(now, unit)}，平均 {shown(mean, unit)}，峰值 {shown(peak, unit)}（{when}）[1]。",
    )
    if asked.metric == "restarts":
        grown = sum(max(line.points[-1][1] - line.points[0][1], 0) for line in drawn.lines)
        text += asking.text(f" {grown:g} restarts within this time.", f"这段时间内重启 {grown:g} 次。")
    return text + _compared(asked, drawn, main, mean, unit, asking)


def _main(drawn: Drawn) -> Line:
    """What the sentence speaks of: p95 among quantiles, else the highest."""
    return next((line for line in drawn.lines if line.label.startswith("p95")), drawn.lines[0])


def _compared(asked: Understood, drawn: Drawn, main: Line, mean: float, unit: str, asking: Asking) -> str:
    if not asked.compare:
        return ""
    day = asking.text("a day before", "前一天") if asked.compare == 1 else asking.text("a week before", "一周前")
    earlier = next((line for line in drawn.before if line.label == main.label), None)
    if earlier is None and len(drawn.before) == 1:
        earlier = drawn.before[0]
    if earlier is None:
        return asking.text(f" There are no numbers of {day} to compare with.", f"没有{day}的数据可比。")
    past = sum(value for _, value in earlier.points) / len(earlier.points)
    share = f"{(mean - past) / past:+.0%}" if past else "–"
    return asking.text(f" Mean {day}: {shown(past, unit)} ({share}).", f"{day}平均 {shown(past, unit)}（{share}）。")


def _table(drawn: Drawn, lines: Sequence[Line], measure: Measure, asking: Asking) -> Rows:
    columns = asking.text("series,last,mean,lowest,highest", "序列,最新,平均,最低,最高").split(",")
    rows = []
    for line in lines:
        values = [value for _, value in line.points]
        figures = (values[-1], sum(values) / len(values), min(values), max(values))
        rows.append((line.label, *(shown(one, measure.unit) for one in figures)))
    return Rows(title=drawn.title, columns=tuple(columns), rows=tuple(rows), left_out=drawn.left_out)


def _after(asked: Understood, asking: Asking) -> list[Part]:
    """What people ask next: the same against yesterday, and why."""
    if asked.target is None:
        return []
    made = []
    if not asked.compare:
        made.append(Offer(label=asking.text("Compare with yesterday", "和昨天比"), does="say", text=asking.text("compare with yesterday", "和昨天比")))  # fmt: skip
    name = asked.target.name
    made.append(Offer(label=asking.text(f"Diagnose {name}", f"诊断 {name}"), does="say", text=asking.text(f"diagnose {name}", f"诊断 {name}")))  # fmt: skip
    return [offers(*made)]


def shown(value: float, unit: str) -> str:
    """A number as people read it: 1.2 s, 38 GiB, 72 %."""
    match unit:
        case "seconds":
            return f"{value * 1000:.0f} ms" if abs(value) < 1 else f"{value:.2f} s"
        case "ratio":
            return f"{value:.1%}"
        case "bytes" | "bytes_per_second":
            return _bytes(value) + ("/s" if unit.endswith("second") else "")
        case "celsius":
            return f"{value:.0f} °C"
        case "watts":
            return f"{value:.0f} W"
        case "per_second":
            return f"{value:.1f}/s"
        case "cores":
            return f"{value:.2f}"
        case _:
            return f"{value:.4g}"


def _bytes(value: float) -> str:
    for size, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if abs(value) >= size:
            return f"{value / size:.1f} {name}"
    return f"{value:.0f} B"

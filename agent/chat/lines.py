"""What a service writes, and who calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import re2

from agent.chat.asking import (
    Asking,
    answered,
    counted,
    gaps_told,
    marks,
    name_of,
    namespace_of,
    offers,
    progress,
    reference,
    said,
)
from agent.chat.objects import pods_of
from agent.chat.reply import Offer, Part, Rows
from agent.chat.understood import Understood
from agent.reasoning.topology import Topology
from knowledge.errors import BadInput, ObjectNotFound, OpsdeskError
from knowledge.vocabulary import Gap, Json
from tools.collectors.pod_health import has_previous, has_started, health_of
from tools.collectors.reading import READ_SECONDS, gap_of
from tools.contracts import LogText
from tools.redaction import redact_text
from tools.snapshot import ClusterSnapshot

MOST_PODS = 2
MOST_CONTAINERS = 4
TAIL_LINES = 200
MOST_BYTES = 128_000
MOST_SHOWN = 20
MOST_TROUBLED = 12
LONGEST_LINE = 400
_TROUBLED = re2.compile(
    r"(?i)\b(?:error|exception|traceback|fatal|panic|critical|oom|out of memory|killed|refused|timed? ?out|failed|xid)\b|^[EF][0-9]{4} "
)
_STAMP = re2.compile(r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?)\s")


@dataclass(frozen=True)
class _Read:
    text: LogText | None
    gap: Gap | None = None


async def answer_logs(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    target = asked.target
    assert target is not None
    yield progress(asking, f"reading the logs of {target.name} ...", f"正在读取 {target.name} 的日志……")
    snapshot = await asking.see("workloads", "pods", "services", namespace=target.namespace)
    pods = pods_of(target, snapshot, await asking.topology(snapshot))
    pods.sort(key=lambda pod: not health_of(pod, snapshot.focus.since).is_unhealthy)
    wanted = [one for pod in pods[:MOST_PODS] for one in _containers(pod)][:MOST_CONTAINERS]
    reads = await asyncio.gather(
        *(_read(pod, container, asking, is_previous=is_previous) for pod, container, is_previous in wanted)
    )
    texts = [read.text for read in reads if read.text is not None and read.text.text.strip()]
    for text in texts:
        for part in _log_told(text, snapshot, asking):
            yield part
    if not texts:
        why = (
            asking.text("it has no pods", "它没有 pod")
            if not pods
            else asking.text("nothing was written yet", "尚无输出")
        )
        yield said(
            asking.text(f"No log lines of {target.name}: {why}.", f"{target.name} 没有日志：{why}。"), tone="warning"
        )
    for gap in gaps_told(asking, [*snapshot.gaps, *(read.gap for read in reads if read.gap is not None)]):
        yield gap
    yield offers(
        Offer(
            label=asking.text("Diagnose it", "诊断"),
            does="say",
            text=asking.text(f"diagnose {target.name}", f"诊断 {target.name}"),
        )
    )


def _containers(pod: Json) -> Iterator[tuple[Json, str, bool]]:
    """The run before, where a container was restarted, says more than the present one."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        name = str(container.get("name", ""))
        if has_previous(pod, name):
            yield pod, name, True
        if has_started(pod, name):
            yield pod, name, False


async def _read(pod: Json, container: str, asking: Asking, *, is_previous: bool) -> _Read:
    namespace, name = namespace_of(pod), name_of(pod)
    query = f"logs {namespace}/{name} {container}"
    try:
        async with asyncio.timeout(READ_SECONDS):
            text = await asking.cluster.reader.logs(
                namespace, name, container, previous=is_previous, tail_lines=TAIL_LINES, limit_bytes=MOST_BYTES
            )
    except (BadInput, ObjectNotFound) as error:
        return _Read(None, None if is_previous else gap_of("logs", query, error))
    except (OpsdeskError, TimeoutError) as error:
        return _Read(None, gap_of("logs", query, error))

    return _Read(LogText(reference(asking, "Pod", namespace, name), container, text, is_previous))


def _log_told(log: LogText, snapshot: ClusterSnapshot, asking: Asking) -> list[Part]:
    """Lines that look like trouble first, then the last ones. Whatever stands in them is data: it is shown, never followed."""
    lines = redact_text(log.text).splitlines()
    troubled = [line for line in lines if _TROUBLED.search(line[:LONGEST_LINE])][-MOST_TROUBLED:]
    last = lines[-MOST_SHOWN:]
    cited = [line for line in log.text.splitlines() if _TROUBLED.search(line[:LONGEST_LINE])][-MOST_TROUBLED:]
    evidence = snapshot.cite_log(log, cited or log.text.splitlines()[-MOST_SHOWN:])
    asking.cite(snapshot)
    citations = asking.cited([evidence])
    run = asking.text(" (the run before)", "（上一次运行）") if log.is_previous else ""
    name = f"{log.object.namespace}/{log.object.name} {log.container}{run}"
    text = asking.text(
        f"{name}: {len(troubled)} of the last {counted(len(lines), 'line')} {'tells' if len(troubled) == 1 else 'tell'} of trouble {marks(1)}.",
        f"{name}：最近 {len(lines)} 行中有 {len(troubled)} 行提示异常 {marks(1)}。",
    )
    shown = [*troubled, *(line for line in last if line not in troubled)] if troubled else last
    return [said(text, citations, "warning" if troubled else "plain"), answered(_rows(name, shown, asking))]


def _rows(title: str, lines: Sequence[str], asking: Asking) -> Rows:
    rows = []
    for line in lines[: MOST_SHOWN + MOST_TROUBLED]:
        stamp = _STAMP.search(line[:LONGEST_LINE])
        at, text = (stamp.group(1)[:19], line[stamp.end() :]) if stamp else ("", line)
        rows.append((at, text[:LONGEST_LINE]))
    return Rows(
        title=title, columns=(asking.text("time (UTC)", "时间（UTC）"), asking.text("line", "日志")), rows=tuple(rows)
    )


# --- who calls it ----------------------------------------------------------------------------------------------------------


async def answer_callers(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    target = asked.target
    assert target is not None
    yield progress(asking, f"looking for what names {target.name} ...", f"正在查找谁在调用 {target.name}……")
    snapshot = await asking.see("workloads", "pods", "services", "configuration")
    topology = await asking.topology(snapshot)
    services = topology.services_of(target.ref.key) | ({target.ref.key} if target.kind == "Service" else set())
    callers = sorted({one for key in services for one in topology.sources(key, "calls")})
    routes = sorted({one for key in services for one in topology.sources(key, "routes")})
    seen = [one for one in (*callers, *routes) if _is_seen(one, asking)]
    ids = [
        snapshot.cite_object(item, ("spec.template.spec.containers",))
        for one in seen[:4]
        if (item := _find(snapshot, one))
    ]
    asking.cite(snapshot)
    citations = asking.cited(ids)
    if not services:
        yield said(
            asking.text(
                f"No Service leads to {target.name}: nothing calls it by name.",
                f"没有 Service 指向 {target.name}：没有按名称的调用方。",
            ),
            tone="warning",
        )
    elif seen:
        yield said(asking.text(
            f"{counted(len(seen), 'object')} {'names' if len(seen) == 1 else 'name'} {target.name} in its configuration, arguments or routes {marks(len(citations))}.",
            f"有 {len(seen)} 个对象在配置、参数或路由中引用了 {target.name} {marks(len(citations))}。",
        ), citations)  # fmt: skip
        columns = asking.text("kind,namespace,name,how", "类型,命名空间,名称,方式").split(",")
        yield answered(Rows(title=asking.text("Callers", "调用方"), columns=tuple(columns), rows=tuple(_caller_row(one, topology, services) for one in seen[:30]), left_out=max(0, len(seen) - 30)))  # fmt: skip
    else:
        yield said(asking.text(
            f"Nothing that you can see names {target.name}. Callers that get its address elsewhere cannot be seen.",
            f"在您可见的范围内没有对象引用 {target.name}。通过其他途径取得地址的调用方无法看到。",
        ))  # fmt: skip
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


def _is_seen(key: str, asking: Asking) -> bool:
    kind, *rest = key.split("/")
    namespace, name = (rest[0], rest[1]) if len(rest) > 1 else ("", rest[0])
    return asking.allows(namespace, name if kind in {"Deployment", "StatefulSet", "DaemonSet", "Service"} else "")


def _find(snapshot: ClusterSnapshot, key: str) -> Json | None:
    kind, *rest = key.split("/")
    namespace, name = (rest[0], rest[1]) if len(rest) > 1 else ("", rest[0])
    return snapshot.find(kind, namespace, name)


def _caller_row(key: str, topology: Topology, services: set[str]) -> tuple[str, ...]:
    kind, *rest = key.split("/")
    namespace, name = (rest[0], rest[1]) if len(rest) > 1 else ("–", rest[0])
    how = "calls" if any(key in topology.sources(one, "calls") for one in services) else "routes"
    return kind, namespace, name, how

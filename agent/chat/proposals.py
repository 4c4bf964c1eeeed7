"""Change requests: they end in a script, judged offline and shown with what it needs. The chat never carries anything out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from agent.chat.asking import Asking, answered, gaps_told, marks, name_of, namespace_of, offers, progress, said
from agent.chat.names import WORKLOAD_KINDS, Thing
from agent.chat.plain import FORMS, needs_name
from agent.chat.relative_orders import after_step
from agent.chat.reply import Offer, Part, ProposedScript
from agent.chat.understood import Understood
from agent.reasoning.orders import Order, Verb, line_for
from knowledge.vocabulary import Json, Mode, Ruling, Text
from tools.safety.offline import OfflineVerdict, judge_script
from tools.snapshot import ClusterSnapshot

MOST_REASONS = 6
MOST_SCRIPT = 20_000
MOST_REPLICAS = 99_999
NODE_VERBS = frozenset({"cordon", "uncordon"})
_NEEDS = {
    Ruling.AUTO: Text(en="It needs no approval by the rules alone.", zh="仅按规则，它不需要审批。"),
    Ruling.ONE: Text(en="It needs one approver.", zh="它需要一名审批人。"),
    Ruling.TWO: Text(en="It needs two approvers.", zh="它需要两名审批人。"),
    Ruling.FORBIDDEN: Text(en="The rules forbid it: nobody can approve it.", zh="规则禁止此操作：任何人都不能批准。"),
    Ruling.REFUSED: Text(en="It cannot be translated, so it cannot run.", zh="脚本无法解析，因此不能执行。"),
}


async def answer_change(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    target = asked.target
    if asked.verb == "script" or asked.verb in NODE_VERBS or target is None:
        for part in _without_a_look(asked, asking):
            yield part
        return
    lacking = _lacking(asked, target, asking)
    if lacking:
        yield said(lacking, tone="warning")
        return
    yield progress(asking, f"reading {target.name} ...", f"正在读取 {target.name}……")
    snapshot = await asking.see("workloads", "autoscalers", namespace=target.namespace)
    item = snapshot.find(target.kind, target.namespace, target.name)
    if asked.step:
        number = _reached(asked, item)
        if number is None:
            yield said(_no_step(asked, target, item, asking), tone="warning")
            return
        asked = replace(asked, number=number)
    now = _as_it_is(asked, target, item, snapshot, asking)
    if now:
        ids = [snapshot.cite_object(item, ("spec.replicas", "status.readyReplicas"))] if item else []
        asking.cite(snapshot)
        citations = asking.cited(ids)
        yield said(f"{now} {marks(len(citations))}", citations)
    for part in _judged(script_of(asked, target), asked, asking):
        yield part
    for gap in gaps_told(asking, snapshot.gaps):
        yield gap


def _without_a_look(asked: Understood, asking: Asking) -> list[Part]:
    """A script of the asker's own, an order about a node, and an order that names nothing: the live object adds nothing to them."""
    if asked.verb == "script":
        return _judged(asked.script[:MOST_SCRIPT], asked, asking)
    return _of_node(asked, asking) if asked.verb in NODE_VERBS else needs_name(asked, asking)


def _lacking(asked: Understood, target: Thing, asking: Asking) -> str:
    """What has to be said before anything is read; empty where nothing has."""
    if target.kind not in WORKLOAD_KINDS:
        return asking.text(
            f"No workload named {target.name} was found in {target.namespace}.",
            f"在 {target.namespace} 未找到名为 {target.name} 的工作负载。",
        )
    if asked.verb == "scale" and asked.number is None and not asked.step:
        return asking.text(
            f"To how many replicas? For example: scale {target.name} to 4",
            f"扩缩到几个副本？例如：把 {target.name} 扩到 4 个副本",
        )
    return ""


def _reached(asked: Understood, item: Json | None) -> int | None:
    """The replicas that the step comes to from those that there are now; None where that is no number to propose."""
    if item is None:
        return None
    replicas = int((item.get("spec") or {}).get("replicas", 1))
    number = after_step(replicas, asked.step)
    return number if 0 <= number <= MOST_REPLICAS and number != replicas else None


def _no_step(asked: Understood, target: Thing, item: Json | None, asking: Asking) -> str:
    if item is None:
        return asking.text(
            f"{target.name} could not be read, so the number is not known. Name it, for example: scale {target.name} to 4",
            f"未能读取 {target.name}，无法得出副本数。请直接给出，例如：把 {target.name} 扩到 4 个副本",
        )
    replicas = (item.get("spec") or {}).get("replicas", 1)
    return asking.text(
        f"{target.name} has {replicas} replicas now; {asked.step} from there is no number to propose. Name the number, for example: scale {target.name} to 4",
        f"{target.name} 目前有 {replicas} 个副本，按 {asked.step} 得不到可提议的数量。请直接给出，例如：把 {target.name} 扩到 4 个副本",
    )


def script_of(asked: Understood, target: Thing) -> str:
    verb: Verb = asked.verb  # type: ignore[assignment]
    return line_for(
        Order(verb, target.name, target.namespace, asked.number or 0), target.kind.lower(), target.namespace
    )


def _of_node(asked: Understood, asking: Asking) -> list[Part]:
    if asked.node is None:
        form = FORMS["change"][1]
        return [
            said(
                asking.text(
                    f"Which node? For example: {asked.verb} gpu-03", f"哪个节点？例如：封锁 gpu-03（或 {form.zh}）"
                ),
                tone="warning",
            )
        ]
    verb: Verb = asked.verb  # type: ignore[assignment]
    return _judged(line_for(Order(verb, asked.node.name), "node", ""), asked, asking)


def _as_it_is(asked: Understood, target: Thing, item: Json | None, snapshot: ClusterSnapshot, asking: Asking) -> str:
    """What the change meets: the replicas that there are, and an autoscaler that would write them back."""
    if item is None or asked.verb != "scale":
        return ""
    replicas = (item.get("spec") or {}).get("replicas", 1)
    text = asking.text(f"{target.name} has {replicas} replicas now.", f"{target.name} 目前有 {replicas} 个副本。")
    for scaler in snapshot.of_kind("HorizontalPodAutoscaler"):
        spec = scaler.get("spec") or {}
        of = spec.get("scaleTargetRef") or {}
        if namespace_of(scaler) == target.namespace and (of.get("kind"), of.get("name")) == (target.kind, target.name):
            bounds = f"{spec.get('minReplicas', 1)}–{spec.get('maxReplicas', '?')}"
            text += asking.text(
                f" The autoscaler {name_of(scaler)} keeps it within {bounds} and would write the number back: change the autoscaler instead.",
                f"自动伸缩 {name_of(scaler)} 将其保持在 {bounds}，会改回该数值：应修改自动伸缩本身。",
            )
    return text


def _judged(script: str, asked: Understood, asking: Asking) -> list[Part]:
    verdict = judge_script(script, asking.deps.policy, asking.now)
    mode = asking.deps.mode(asking.cluster.name)
    parts: list[Part] = [
        answered(ProposedScript(script=script, ruling=verdict.verdict, reasons=reasons_of(verdict, asking))),
        said(
            _what_next(verdict, mode, asking),
            tone="warning" if verdict.verdict.strictness > Ruling.TWO.strictness else "plain",
        ),
    ]
    if verdict.verdict not in {Ruling.FORBIDDEN, Ruling.REFUSED} and mode is not Mode.READ_ONLY:
        parts.append(offers(Offer(label=asking.text("Open an incident with this script", "以此脚本开单"), does="open", text=ticket_text(asked, script))))  # fmt: skip
    return parts


def reasons_of(verdict: OfflineVerdict, asking: Asking) -> tuple[str, ...]:
    if verdict.verdict is Ruling.REFUSED:
        return (f"line {verdict.line}, column {verdict.column}: {verdict.message}",)
    deciding = [f"{one.rule}: {asking.of(one.message)}" for one in verdict.verdicts if one.ruling is verdict.verdict]
    still_open = [
        asking.text(f"open until a cluster is asked: {one.en}", f"需查询集群后才能确定：{one.zh}")
        for one in verdict.open_points
    ]
    return tuple(dict.fromkeys([*deciding, *still_open]))[:MOST_REASONS]


def _what_next(verdict: OfflineVerdict, mode: Mode, asking: Asking) -> str:
    text = asking.of(_NEEDS[verdict.verdict])
    if verdict.verdict in {Ruling.FORBIDDEN, Ruling.REFUSED}:
        return text
    if mode is Mode.READ_ONLY:
        return text + asking.text(
            f" Cluster {asking.cluster.name} is read-only: opsdesk plans no change there.",
            f"集群 {asking.cluster.name} 为只读：opsdesk 不在其中制定变更。",
        )
    text += asking.text(
        " Nothing has been done. Opened as an incident, it is reviewed against the live cluster, which may ask for more, and waits for its approvals.",
        "目前没有执行任何操作。开单后将对照实时集群评审（要求可能更严），并等待审批。",
    )
    if mode is Mode.PROPOSE:
        text += asking.text(
            " This cluster is in propose mode: people run what is approved.",
            "该集群处于建议模式：由人执行已批准的脚本。",
        )
    return text


def ticket_text(asked: Understood, script: str) -> str:
    """What the ticket says: the person's words, with the name that they leaned on, and exactly the script that was shown."""
    if asked.verb == "script":
        return script
    line = " ".join(asked.words.split())[:200]
    thing = asked.target or asked.node
    name = f" ({thing.name})" if thing is not None and thing.name not in line.lower() else ""
    return f"{line}{name}\n{script}"

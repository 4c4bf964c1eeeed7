"""Answers that need no look: what the chat can do, what it did not understand, and questions back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from agent.chat.asking import Asking, offers, said
from agent.chat.names import Thing
from agent.chat.reply import Offer, Part
from agent.chat.understood import Understood
from knowledge.vocabulary import Text

FORMS: dict[str, tuple[Text, Text]] = {
    "diagnose": (Text(en="Find the cause of a trouble", zh="查找故障原因"), Text(en="why is qwen2-7b slow", zh="qwen2-7b 为什么慢")),
    "gpu_holders": (Text(en="Who holds the GPUs", zh="谁占用 GPU"), Text(en="who is using the GPU memory on gpu-07", zh="谁在占用 gpu-07 的显存")),
    "changes": (Text(en="What changed", zh="最近变更"), Text(en="what changed in the last hour", zh="最近一小时有什么变更")),
    "status": (Text(en="How a service is", zh="服务状态"), Text(en="status of qwen2-7b", zh="qwen2-7b 状态怎么样")),
    "list_objects": (Text(en="List pods, nodes, services", zh="列出 pod、节点、服务"), Text(en="which pods are not ready", zh="哪些 pod 异常")),
    "capacity": (Text(en="Free GPUs", zh="空闲 GPU"), Text(en="how many GPUs are free", zh="还有多少空闲 GPU")),
    "events": (Text(en="Events", zh="事件"), Text(en="events of qwen2-7b", zh="qwen2-7b 的事件")),
    "logs": (Text(en="Logs", zh="日志"), Text(en="logs of bge-m3", zh="bge-m3 的日志")),
    "where": (Text(en="Where it runs", zh="运行位置"), Text(en="where does qwen2-7b run", zh="qwen2-7b 跑在哪台机器上")),
    "callers": (Text(en="Who calls it", zh="谁在调用"), Text(en="who calls qwen2-7b", zh="谁在调用 qwen2-7b")),
    "metric": (Text(en="Numbers and charts", zh="指标与图表"), Text(en="p95 latency of qwen2-7b over the last 6 hours", zh="qwen2-7b 过去 6 小时的 p95 延迟")),
    "change": (Text(en="Propose a change, reviewed", zh="提出变更（经评审）"), Text(en="scale bge-m3 to 4", zh="把 bge-m3 扩到 4 个副本")),
    "knowledge": (Text(en="Search cases and documents", zh="检索案例与文档"), Text(en="how do I fix CUDA out of memory in vLLM", zh="vLLM 显存溢出怎么处理")),
    "incidents": (Text(en="List incidents and approvals", zh="事件与审批列表"), Text(en="what is waiting for my approval", zh="我有哪些待审批")),
    "about_incident": (Text(en="Ask about this incident", zh="询问本事件"), Text(en="what evidence do you have", zh="有什么证据")),
    "steer": (Text(en="Add a hint to a diagnosis", zh="为诊断补充线索"), Text(en="I suspect the network of gpu-03", zh="我怀疑是 gpu-03 的网络问题")),
}  # fmt: skip
"""What the chat does: a label and one way to say it."""

FIRST = ("diagnose", "metric", "gpu_holders", "changes", "change", "knowledge", "incidents")
MOST_OFFERS = 4


async def answer_help(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    del asked
    lines = [f"- {asking.of(label)}: {asking.of(form)}" for label, form in FORMS.values()]
    head = asking.text(
        "I answer from the live cluster, its metrics, the incidents and the knowledge base, within your scope; I never change "
        "anything myself: a change becomes a reviewed script that people approve. You can also paste logs or terminal output. "
        "Ways to ask:",
        "我依据实时集群、指标、事件和知识库作答，仅限您的权限范围；我自己不做任何变更：变更会成为经评审的脚本，由人审批。也可以直接粘贴日志或终端输出。可以这样问：",
    )
    yield said("\n".join([head, *lines]))
    yield offers(*(_offer(FORMS[one], asking) for one in FIRST[:MOST_OFFERS]))


async def answer_small_talk(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    is_leaving = any(word in asked.words.lower() for word in ("bye", "thank", "谢", "再见", "拜"))
    yield said(
        asking.text("You are welcome.", "不客气。")
        if is_leaving
        else asking.text("Hello. What shall I look at?", "您好，要我看什么？")
    )
    if not is_leaving:
        yield offers(*(_offer(FORMS[one], asking) for one in FIRST[:MOST_OFFERS]))


async def answer_unclear(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    """Said plainly, with the forms that are nearest to what was said."""
    nearest = [one for one in asked.nearest if one in FORMS]
    forms = [FORMS[one] for one in (nearest or FIRST)][:MOST_OFFERS]
    name = asked.target.name if asked.target else ""
    text = asking.text(
        "I did not understand that, and nothing was done.",
        "我没有理解这句话，没有执行任何操作。",
    )
    if nearest:
        text += asking.text(" The nearest that I understand:", "最接近的说法：")
    yield said(text, tone="warning")
    made = [_offer(form, asking) for form in forms]
    if name and not nearest:
        made = [
            Offer(label=asking.text(f"Status of {name}", f"{name} 的状态"), does="say", text=asking.text(f"status of {name}", f"{name} 状态怎么样")),
            Offer(label=asking.text(f"Diagnose {name}", f"诊断 {name}"), does="say", text=asking.text(f"diagnose {name}", f"诊断 {name}")),
        ]  # fmt: skip
    yield offers(*made)


def read_by_model(asked: Understood, asking: Asking) -> Part:
    """Said before the answer, so that a wrong reading is seen as one."""
    label = FORMS[asked.intent][0] if asked.intent in FORMS else Text(en=asked.intent, zh=asked.intent)
    name = asked.target.name if asked.target else asked.node.name if asked.node else asked.namespace
    about = f" ({name})" if name else ""
    return said(asking.text(f"The model read this as: {label.en}{about}.", f"模型将其理解为：{label.zh}{about}。"))


def ask_back(asked: Understood, asking: Asking) -> list[Part]:
    """Several things may be meant: each as an offer that says the question again with its full name."""
    word, things = asked.doubtful[0]
    shown = things[:6]
    parts: list[Part] = [
        said(
            asking.text(f"{word!r} may be several things; which one?", f"“{word}”可能指多个对象，是哪一个？"),
            tone="warning",
        )
    ]
    several = len({one.cluster for one in shown}) > 1
    made = [
        Offer(label=_place(one, several=several), does="say", text=_again(asked, word, one, several=several))
        for one in shown
    ]
    parts.append(offers(*made))
    return parts


def _place(thing: Thing, *, several: bool) -> str:
    name = f"{thing.namespace}/{thing.name}" if thing.namespace else thing.name
    return f"{thing.cluster}: {name}" if several else name


def _again(asked: Understood, word: str, thing: Thing, *, several: bool) -> str:
    """The person's words with the full name in place of the doubtful one, and the place behind it."""
    at = asked.words.lower().find(word.lower())
    said_again = (
        asked.words[:at] + thing.name + asked.words[at + len(word) :] if at >= 0 else f"{asked.words} {thing.name}"
    )
    return f"{said_again} (namespace {thing.namespace}{f', cluster {thing.cluster}' if several else ''})"


def not_found(asked: Understood, asking: Asking) -> list[Part]:
    """A name of nothing that the asker can see; the same words whether it is not there or outside the scope."""
    name = asked.unknown[0]
    near = asking.known.nearest(name)
    text = asking.text(
        f"There is nothing named {name!r} in your scope of cluster {asking.cluster.name}.",
        f"在集群 {asking.cluster.name} 您的权限范围内没有名为“{name}”的对象。",
    )
    parts: list[Part] = [said(text, tone="warning")]
    if near:
        at = asked.words.lower().find(name.lower())
        made = [
            Offer(
                label=one, does="say", text=asked.words[:at] + one + asked.words[at + len(name) :] if at >= 0 else one
            )
            for one in near
        ]
        parts.append(offers(*made))
    return parts


def needs_name(asked: Understood, asking: Asking, known: Sequence[Thing] = ()) -> list[Part]:
    form = FORMS.get(asked.intent, FORMS["status"])
    parts: list[Part] = [
        said(asking.text(f"Which service? For example: {form[1].en}", f"哪个服务？例如：{form[1].zh}"), tone="warning")
    ]
    if known:
        parts.append(
            offers(
                *(Offer(label=one.name, does="say", text=f"{asked.words} {one.name}") for one in known[:MOST_OFFERS])
            )
        )
    return parts


def _offer(form: tuple[Text, Text], asking: Asking) -> Offer:
    return Offer(label=asking.of(form[0]), does="say", text=asking.of(form[1]))

"""One turn of the chat: what it is asked with, where it looks, and what of a conversation its reader may see. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.chat.asking import Asking, offers, said
from agent.chat.names import Thing
from agent.chat.reply import Answered, Block, Offer, Part
from agent.chat.understood import Thread, Understood
from agent.reasoning.triage import language_of
from api.chat_acts import RUNNING
from api.web.scoping import narrowed
from knowledge.errors import BadInput, NotFound, OpsdeskError
from knowledge.ledger.conversations import Conversation, Message
from knowledge.vocabulary import Incident, Language, Principal

Channel = Literal["web", "cli", "slack", "api"]
REPLY_SECONDS = 150.0


@dataclass
class Turn:
    """One message being answered, from its words to what is kept of the answer."""

    principal: Principal
    conversation: Conversation
    text: str
    zone: ZoneInfo
    channel: Channel
    cluster: str = ""
    language: Language | None = None
    incident: Incident | None = None
    blocks: list[Block] = field(default_factory=list)


class WhichCluster(Exception):
    """Several clusters may be meant."""

    def __init__(self, clusters: Sequence[str]) -> None:
        super().__init__(", ".join(clusters))
        self.clusters = tuple(clusters)


def cluster_of(turn: Turn, asked: Understood, thread: Thread, clusters: Sequence[str]) -> str:
    named = [
        asked.cluster,
        asked.target.cluster if asked.target else "",
        asked.node.cluster if asked.node else "",
        turn.incident.cluster if turn.incident else "",
        turn.cluster,
        thread.last.cluster if thread.last else "",
        thread.target.cluster if thread.target else "",
        clusters[0] if len(clusters) == 1 else "",
    ]
    chosen = next((one for one in named if one and one in clusters), "")
    if chosen:
        return chosen
    if not clusters:
        raise NotFound(
            "no cluster is within your scope", next_step="ask an admin for a scope, or add one to the settings"
        )
    if asked.intent in _ANYWHERE:
        return clusters[0]
    raise WhichCluster(clusters)


_ANYWHERE = frozenset(
    {
        "help",
        "small_talk",
        "unclear",
        "knowledge",
        "incidents",
        "about_incident",
        "steer",
        "confirm",
        "look_again",
        "paste",
    }
)
"""Intents for which it does not matter which cluster is at hand."""


def which_cluster(asked: Understood, clusters: Sequence[str]) -> list[Part]:
    zh = asked.language is Language.ZH
    made = [Offer(label=name, does="say", text=f"{asked.words} (cluster {name})") for name in clusters[:8]]
    return [said("是哪个集群？" if zh else "Which cluster?", tone="warning"), offers(*made)]


def told_of_hint(incident: Incident, asked: Understood, asking: Asking) -> list[Part]:
    """What becomes of a hint, truly: it counts in the next look, and only if there is one."""
    named = asked.target.name if asked.target else asked.node.name if asked.node else ""
    kept = asking.text(
        "Kept on the incident as unchecked, in your name.", "已作为未经核实的线索以您的名义记录在事件上。"
    )
    if incident.status in RUNNING:
        where = asking.text(
            f" The diagnosis looks again before it concludes{f', at {named} too' if named else ''}.",
            f"诊断在得出结论前会重新查看{f'，包括 {named}' if named else ''}。",
        )
        return [said(kept + where, tone="good")]
    ended = asking.text(
        " Its diagnosis has ended: it is not looked at again by itself.", "该事件的诊断已结束：不会自动重新查看。"
    )
    again = Offer(label=asking.text("Look again", "重新诊断"), does="say", text=asking.text("look again", "重新诊断"))
    return [said(kept + ended, tone="warning"), offers(again)]


def failed(error: OpsdeskError, language: Language) -> Answered:
    step = f" {error.next_step}" if error.next_step else ""
    return said(
        f"{error.title}：{error.message}{step}" if language is Language.ZH else f"{error.title}: {error.message}{step}",
        tone="bad",
    )


def late(language: Language) -> str:
    return (
        f"回复超过 {REPLY_SECONDS:g} 秒，已停止；以上为已得到的内容。"
        if language is Language.ZH
        else f"The reply took longer than {REPLY_SECONDS:g} s and was stopped; what stands above is what was found."
    )


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"{name[:60]!r} is no time zone", next_step="name it as in Asia/Shanghai") from error


def visible(understood: Understood, principal: Principal) -> Understood:
    """Without a service of a namespace that this reader does not see: another may have asked."""

    def seen(thing: Thing | None) -> Thing | None:
        scope = principal.scope
        is_seen = thing is not None and scope.allows(cluster=thing.cluster, namespace=thing.namespace, service=thing.name if thing.namespace else "")  # fmt: skip
        return thing if is_seen else None

    return replace(understood, target=seen(understood.target), node=seen(understood.node))


def narrowed_history(messages: Sequence[Message], principal: Principal) -> list[Message]:
    """What a reader may see of a conversation, oldest first. Another's words are left out when they name what lies outside, and
    when the answer to them does."""
    shown = [narrowed_message(message, principal) for message in messages]
    if principal.scope.is_everything:
        return shown
    is_answer_hidden, cluster = False, ""
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.said_by == "desk":
            is_answer_hidden = is_hidden(message, shown[place])
            cluster = str(message.payload.get("cluster") or "")
        elif message.principal != principal.id:
            words = narrowed(message.text, principal.scope, cluster)
            if is_answer_hidden or words != message.text:
                shown[place] = left_out(message)
    return shown


def is_hidden(message: Message, shown: Message) -> bool:
    return bool(message.payload) and not shown.payload


def left_out(message: Message) -> Message:
    zh = language_of(message.text) is Language.ZH
    text = "（超出您的权限范围，未显示）" if zh else "(left out: outside your scope)"
    return message.model_copy(update={"text": text, "payload": {}})


def narrowed_message(message: Message, principal: Principal) -> Message:
    """Another's answer about places that this reader does not see is not shown."""
    places = message.payload.get("places") or []
    cluster = str(message.payload.get("cluster") or "")
    scope = principal.scope
    if message.principal == principal.id and scope.is_everything:
        return message
    is_whole = "*" in scope.namespaces and "*" in scope.services
    is_within = all(
        is_whole if place == "*" and message.principal != principal.id else place == "*" or scope.allows(cluster=cluster, namespace=place)
        for place in places
    )  # fmt: skip
    if is_within and scope.allows(cluster=cluster):
        return message
    return left_out(message)

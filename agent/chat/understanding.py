"""Understands a message without a model: names, times, numbers, orders, and the intent that the rules give it.

Pure, and linear in the text. A follow-up leans on its thread: a pronoun means what was named last, and a fragment ("and its
memory?", "那昨天呢") is the last question with a part of it exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

import re2

from agent.chat.intents import UNCLEAR, lexicon, rank
from agent.chat.names import NODE, PRONOUN, TARGET, UNKNOWN, Known, Mentions, Thing, mentions_in
from agent.chat.orders_said import SaidOrder, order_said
from agent.chat.second_reading import second_reading
from agent.chat.times import Window, bare_window_in, compared_in, window_in
from agent.chat.understood import NEEDS_TARGET, Thread, Understood
from agent.reasoning.orders import script_in
from agent.reasoning.triage import SCRIPT_LINE, language_of, split_paste
from knowledge.vocabulary import Language

MOST_WORDS = 2_000
"""Characters of a message that are read as a question; a longer one is a paste or a story."""

FRAGMENT_CHARACTERS = 40
_PRONOUN = re.compile(
    r"\b(?:its|it|this one|that one|this service|that service|this model|that model|the same one|them|they)\b|它们?|这个服务|那个服务|该服务|这个模型|那个模型|该模型"
)
_PRONOUN_OF_NODE = re.compile(
    r"\b(?:that|this|the same) (?:node|machine|host)\b|(?:那|这)(?:个|台)(?:节点|机器|主机)|该节点"
)
_FRAGMENT = re2.compile(
    r"^(?:and|zoom (?:out|in)|compared?|what about|how about|same for|same|also|now|or|then|but|switch to|make it|use)\b|^(?:那么?|还有|换成|改成|换|再看看?|同样|跟|和|拉长|缩短|放大)|呢[?？!！。 ]*$"
)
_QUANTILE = re2.compile(
    r"\bp(?P<p>50|90|95|99)\b|(?P<median>median|中位数)|(?P<number>50|90|95|99)(?:th percentile| ?分位)"
)
_SEVERITY = (("critical", r"critical|sev-?1|p0|严重|致命|紧急"), ("high", r"high severity|sev-?2|p1|高优|高级别"), ("medium", r"medium|中级别"), ("low", r"low severity|低级别"))  # fmt: skip
_SEVERITIES = tuple((name, re2.compile(pattern)) for name, pattern in _SEVERITY)
_FOLLOWED = frozenset({"diagnose", "gpu_holders", "changes", "status", "list_objects", "capacity", "events", "logs", "where", "callers", "metric", "incidents"})  # fmt: skip
_KINDS = ("pods", "nodes", "services", "workloads")
_ASPECTS = (("approvers", "approvers"), ("thinks", "why"), ("evidence", "evidence"), ("tried", "tried"), ("next", "next"), ("sum_up", "summary"), ("why", "why"))  # fmt: skip
_PLACE = re.compile(
    r"\b(?:in|of|from) (?:the )?(?:namespace )?([a-z][a-z0-9-]{2,62})(?: namespace)?[?.! ]*$|(?<![a-z0-9 -])([a-z][a-z0-9-]{2,62}) ?(?:的|里|下|中|环境|命名空间)|"
    r"\bnamespace[ :=]+([a-z0-9][a-z0-9-]{1,62})"
)
_NO_PLACE = frozenset(
    [
        "total",
        "general",
        "detail",
        "details",
        "use",
        "progress",
        "question",
        "parallel",
        "place",
        "order",
        "turn",
        "time",
        "trouble",
        "production",
        "detail",
        "chinese",
        "english",
        "short",
    ]
)
_NATURE = {"latency": ("ttft", "tpot", "latency")}


@dataclass(frozen=True)
class Setting:
    """Where and when it is said. ``incident_id``: the incident that the conversation is about, if any."""

    known: Known
    now: datetime
    zone: tzinfo = UTC
    thread: Thread = field(default_factory=Thread)
    incident_id: str = ""
    language: Language | None = None


def understand(text: str, setting: Setting) -> Understood:
    """Never raises for a text. ``unclear`` with the nearest intents where the rules are not sure enough."""
    words, paste = split_paste(text)
    language = setting.language or _language(words or text, setting)
    if paste:
        return Understood("paste", words=words[:MOST_WORDS], paste=paste, language=language)
    if SCRIPT_LINE.search(text):
        return Understood("change", words=words[:MOST_WORDS], verb="script", script=script_in(text), language=language)
    reading = _read(words[:MOST_WORDS], setting)
    ranked = rank(reading.concepts)
    found = replace(
        _with_parameters(ranked.chosen, reading, setting), language=language, words=words, nearest=ranked.nearest
    )
    if reading.is_fragment and found.intent == "metric" and reading.leans_wholly:
        found = _carried(found, reading, setting)
    elif found.intent == UNCLEAR:
        found = _again(found, reading, setting)
    return _of_the_same_device(_leaning(found, reading, setting.thread), setting.thread)


def _again(found: Understood, reading: _Reading, setting: Setting) -> Understood:
    """The second reading, where the first was not sure. A fragment that only names parts varies the thread's last question."""
    second = second_reading(reading.mentions.text, reading.concepts, reading.measures)
    chosen = second.ranked.chosen
    is_varied = second.is_bare or (chosen in {"metric", "status"} and reading.begins_as_fragment)
    if reading.is_fragment and (chosen == UNCLEAR or is_varied):
        carried = _carried(found, reading, setting)
        if carried.intent != UNCLEAR:
            return carried
    if chosen == UNCLEAR:
        return found if found.nearest else replace(found, nearest=second.ranked.nearest)
    reading = replace(
        reading, concepts=second.concepts, measures=_ranked_measures(second.measures), aspect=second.aspect
    )
    read = _with_parameters(chosen, reading, setting)
    return replace(read, language=found.language, words=found.words, nearest=second.ranked.nearest)


def _of_the_same_device(found: Understood, thread: Thread) -> Understood:
    """ "And its memory?" after a question about GPUs means theirs."""
    is_meant = found.leans and found.intent == "metric" and found.metric == "memory"
    is_of_gpu = thread.last is not None and thread.last.metric.startswith("gpu_")
    return replace(found, metric="gpu_memory") if is_meant and is_of_gpu else found


def _language(words: str, setting: Setting) -> Language:
    """A word or two tell no language where the thread has one."""
    found = language_of(words)
    last = setting.thread.last
    if found is Language.EN and last is not None and not any(letter.isascii() and letter.isalpha() for letter in words):
        return last.language
    return found


@dataclass(frozen=True)
class _Reading:
    mentions: Mentions
    concepts: frozenset[str]
    measures: tuple[str, ...]
    window: Window
    compare: int
    quantile: int
    order: SaidOrder | None
    is_fragment: bool
    severity: str
    aspect: str = ""

    @property
    def begins_as_fragment(self) -> bool:
        return bool(_FRAGMENT.search(self.mentions.text))

    @property
    def leans_wholly(self) -> bool:
        """A fragment that names parts only: no verb, no order, no question of its own."""
        return not self.order and "measure" in self.concepts and not self.mentions.targets


def _read(words: str, setting: Setting) -> _Reading:
    known = lexicon()
    mentions = mentions_in(words, setting.known, known.common)
    text = _PRONOUN_OF_NODE.sub(PRONOUN, _PRONOUN.sub(PRONOUN, mentions.text))
    mentions = replace(mentions, text=text, unknown=(*mentions.unknown, *_unknown_place(mentions, text, known.common)))
    measures = tuple(one for one in known.measures.within(text))
    window, compare = window_in(text, setting.now, setting.zone), compared_in(text)
    window = window or (bare_window_in(text) if setting.thread.last is not None else window)
    order = order_said(text, has_focus=setting.thread.has_focus)
    concepts = set(known.concepts.within(text))
    concepts |= {
        name
        for name, is_so in (
            ("target", bool(mentions.targets) or UNKNOWN in text or bool(mentions.doubtful)),
            ("node", bool(mentions.nodes)),
            ("namespace", bool(mentions.namespaces)),
            ("incident", bool(mentions.incidents)),
            ("pronoun", PRONOUN in text and setting.thread.has_focus),
            ("focus", setting.thread.has_focus),
            ("measure", bool(measures)),
            ("window", bool(window)),
            ("compare", bool(compare)),
            ("order", order is not None),
            ("incident_here", bool(setting.incident_id)),
        )
        if is_so
    }
    severity = next((name for name, form in _SEVERITIES if form.search(text)), "")
    is_fragment = bool(_FRAGMENT.search(text)) or len(text.strip()) <= FRAGMENT_CHARACTERS
    return _Reading(mentions, frozenset(concepts), _ranked_measures(measures), window, compare, _quantile(text), order, is_fragment, severity)  # fmt: skip


def _unknown_place(mentions: Mentions, text: str, common: frozenset[str]) -> tuple[str, ...]:
    """A plain word where a namespace would stand, that names nothing which the asker can see."""
    if mentions.targets or mentions.nodes or mentions.namespaces or mentions.unknown or mentions.doubtful:
        return ()
    found = _PLACE.search(text)
    word = next((part for part in found.groups() if part), "") if found else ""
    is_word = not word or word in common or word in _NO_PLACE or word.rstrip("s") in common
    return () if is_word else (word,)


def _quantile(text: str) -> int:
    found = _QUANTILE.search(text)
    if not found:
        return 0
    return 50 if found["median"] else int(found["p"] or found["number"])


def _ranked_measures(found: Sequence[str]) -> tuple[str, ...]:
    """The more special one first: "first token latency" is no latency, "GPU memory" no memory."""
    order = ("ttft", "tpot", "tokens", "queue", "kv_cache", "errors", "gpu_temperature", "gpu_power", "gpu_util", "gpu_memory", "restarts", "latency", "requests", "running", "network", "memory", "cpu")  # fmt: skip
    return tuple(one for one in order if one in found)


def _with_parameters(intent: str, reading: _Reading, setting: Setting) -> Understood:
    mentions, concepts = reading.mentions, reading.concepts
    targets = _placed(mentions)
    found = Understood(
        intent,
        cluster=mentions.clusters[0] if mentions.clusters else "",
        target=targets[0] if targets else None,
        node=mentions.nodes[0] if mentions.nodes else None,
        namespace=mentions.namespaces[0] if mentions.namespaces else "",
        incident=mentions.incidents[0] if mentions.incidents else "",
        unknown=mentions.unknown,
        doubtful=_doubtful(mentions, targets),
    )
    if intent == "metric":
        return replace(
            found,
            metric=reading.measures[0] if reading.measures else "",
            quantile=reading.quantile,
            window=reading.window,
            compare=reading.compare,
        )
    if intent in {"changes", "events"}:
        return replace(found, window=reading.window)
    if intent == "list_objects":
        kind = next((one for one in _KINDS if one in concepts or f"b_{one}" in concepts), "pods")
        return replace(found, kind=kind, only="trouble" if concepts & {"in_trouble", "b_bad"} else "")
    if intent == "change" and reading.order is not None:
        return _ordered(found, reading.order, setting)
    if intent == "about_incident":
        aspect = reading.aspect or next((aspect for concept, aspect in _ASPECTS if concept in concepts), "summary")
        return replace(found, aspect=aspect)
    if intent == "incidents":
        filters = (("approval", "approvals"), ("b_approval", "approvals"), ("mine", "mine"), ("b_mine", "mine"), ("unassigned", "unassigned"), ("open", "open"))  # fmt: skip
        chosen = next((name for concept, name in filters if concept in concepts), "all")
        return replace(found, filter=chosen, severity=reading.severity)
    return found


def _placed(mentions: Mentions) -> tuple[Thing, ...]:
    """The targets that were named, narrowed by namespace and cluster where those are named too."""
    targets = mentions.targets
    for narrowed in (
        tuple(one for one in targets if one.namespace in mentions.namespaces),
        tuple(one for one in targets if one.cluster in mentions.clusters),
    ):
        targets = narrowed or targets
    return targets


def _doubtful(mentions: Mentions, targets: Sequence[Thing]) -> tuple[tuple[str, tuple[Thing, ...]], ...]:
    """What is to be asked back: a word that begins several names, or one name in several places."""
    first = [one for one in targets if one.name == targets[0].name] if targets else []
    places = ((first[0].name, tuple(first)),) if len(first) > 1 else ()
    return (*mentions.doubtful, *places) if not mentions.doubtful else mentions.doubtful


def _ordered(found: Understood, order: SaidOrder, setting: Setting) -> Understood:
    found = replace(found, verb=order.verb, number=order.number, step=order.step)
    if order.name:
        return replace(found, unknown=(*found.unknown, order.name))
    thread = setting.thread
    if order.of == PRONOUN:
        is_of_node = order.verb in {"cordon", "uncordon"}
        return replace(
            found,
            target=None if is_of_node else found.target or thread.target,
            node=found.node or thread.node if is_of_node else None,
            leans=("node" if is_of_node else "target",),
        )
    if order.of == NODE:
        return replace(found, target=None)
    return replace(found, node=None) if order.of == TARGET else found


def _carried(found: Understood, reading: _Reading, setting: Setting) -> Understood:
    """The last question with the parts exchanged that this fragment names; the fragment as it is when it names none."""
    last = setting.thread.last
    names = bool(found.target or found.node or found.namespace or found.doubtful)
    if last is None or last.intent not in _FOLLOWED or not (names or reading.window or reading.measures or reading.quantile or reading.compare):  # fmt: skip
        return found
    is_metric = bool(reading.measures) and (last.intent == "metric" or setting.thread.has_focus)
    carried = replace(last, words=found.words, language=found.language, nearest=found.nearest, leans=("thread",), unknown=found.unknown, doubtful=found.doubtful)  # fmt: skip
    if is_metric:
        is_same_nature = (
            bool(reading.quantile) and last.metric in _NATURE["latency"] and reading.measures == ("latency",)
        )
        metric = last.metric if is_same_nature else reading.measures[0]
        carried = replace(carried, intent="metric", metric=metric, kind="", only="")
        carried = replace(carried, quantile=carried.quantile if metric == last.metric else 0)
    if reading.quantile:
        carried = replace(carried, quantile=reading.quantile)
    if reading.window:
        carried = replace(carried, window=reading.window)
    if reading.compare:
        carried = replace(carried, compare=reading.compare)
    if found.target:
        carried = replace(carried, target=found.target, node=None, namespace=found.namespace)
    elif found.node:
        carried = replace(carried, node=found.node, target=None)
    elif found.namespace:
        carried = replace(carried, namespace=found.namespace, target=None)
    return carried


def _leaning(found: Understood, reading: _Reading, thread: Thread) -> Understood:
    """Fills what is meant but not named from the thread."""
    if found.target or found.node or found.doubtful or found.unknown or not thread.has_focus:
        return found
    is_meant = PRONOUN in reading.mentions.text or found.intent in NEEDS_TARGET or "why_alone" in reading.concepts
    is_of_number = found.intent == "metric" and not found.namespace and not reading.concepts & {"all", "cluster_wide"}
    if found.intent in {"change", "unclear", "help", "small_talk", "paste", "knowledge", "steer"} or not (is_meant or is_of_number):  # fmt: skip
        return found
    if thread.target is not None:
        return replace(found, target=thread.target, leans=(*found.leans, "target"))
    return replace(found, node=thread.node, leans=(*found.leans, "node"))

"""Names that people say, resolved against what there is: services, nodes and namespaces of the live clusters.

Written together or apart (``qwen2-7b``, ``Qwen2 7B``, ``qwen2_7b``) is one name. A part of a name ("qwen2") counts when only one
thing begins with it; two things of one name are asked back, never guessed. Everything here is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from knowledge.vocabulary import ObjectRef, Scope

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
MOST_WORDS_OF_NAME = 4
SHORTEST_PART = 3
SHORTEST_FAMILY = 4
MOST_NEAREST = 3
TARGET, NODE, NAMESPACE, INCIDENT, PRONOUN, UNKNOWN = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
"""What stands in the text in place of a name once it is read: rules then see what was named, not how it is spelled."""

_MARKS = re.compile("[\ue000-\ue00f]")
_WORD = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_INCIDENT = re.compile(r"\binc-[0-9a-z]{16}\b")
_POD_TAIL = re.compile(r"-(?:[a-z0-9]{6,10}-[a-z0-9]{5}|[0-9]{1,4})$")
_NAMELIKE = re.compile(r"^(?:[a-z]+[0-9][a-z0-9]*|[a-z0-9]+(?:[-.][a-z0-9]+)+)$")
_NUMBER = re.compile(r"^[0-9]+(?:[.:][0-9]+)*(?:st|nd|rd|th|s|m|h|d|w|min|mins|am|pm|x|k|g|gi|mi|gb|mb)?$")
_JARGON = frozenset(
    [
        "p50",
        "p90",
        "p95",
        "p99",
        "h100",
        "h200",
        "h800",
        "a100",
        "a10",
        "a30",
        "b200",
        "h20",
        "v100",
        "t4",
        "l4",
        "l40",
        "l40s",
        "k8s",
        "http2",
        "ipv4",
        "ipv6",
        "utf8",
        "sha256",
        "fp8",
        "fp16",
        "bf16",
        "int8",
        "int4",
        "cuda11",
        "cuda12",
        "e.g",
        "i.e",
        "4xx",
        "5xx",
        "out-of-memory",
        "read-only",
        "not-ready",
        "s3",
        "time-to-first-token",
    ]
)
"""Words of the trade that look like names and are none."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that has a name: a workload, a Service, a node, a namespace. ``aliases``: what else people call it."""

    cluster: str
    kind: str
    namespace: str
    name: str
    aliases: tuple[str, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(cluster=self.cluster, kind=self.kind, namespace=self.namespace, name=self.name)


@dataclass(frozen=True)
class Known:
    """The names that an asker may hear of, by the form that all spellings of them share."""

    things: tuple[Thing, ...] = ()
    clusters: tuple[str, ...] = ()
    _by_form: Mapping[str, tuple[Thing, ...]] = field(default_factory=dict, repr=False)
    _by_part: Mapping[str, tuple[Thing, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, things: Iterable[Thing], clusters: Sequence[str] = ()) -> Known:
        kept = tuple(things)
        by_form: dict[str, dict[Thing, None]] = {}
        by_part: dict[str, dict[Thing, None]] = {}
        for thing in kept:
            for name in (thing.name, *thing.aliases):
                by_form.setdefault(form_of(name), {})[thing] = None
            for part in _beginnings(thing.name):
                by_part.setdefault(part, {})[thing] = None
        return cls(
            kept,
            tuple(clusters),
            {form: tuple(found) for form, found in by_form.items()},
            {part: tuple(found) for part, found in by_part.items()},
        )

    def within(self, scope: Scope) -> Known:
        """What the scope lets its holder hear of. A Service or workload counts as the service of its name."""
        return Known.of(
            (one for one in self.things if _is_within(one, scope)),
            tuple(one for one in self.clusters if scope.allows(cluster=one)),
        )

    def called(self, name: str) -> tuple[Thing, ...]:
        """Things of exactly this name, however it is spelled; the workload stands for the Service of its name beside it."""
        return _one_for_each_place(self._by_form.get(form_of(name), ()))

    def beginning_with(self, part: str) -> tuple[Thing, ...]:
        return _one_for_each_place(self._by_part.get(form_of(part), ()))

    def nearest(self, word: str) -> tuple[str, ...]:
        """Names that are spelled nearly so, for asking back."""
        names = sorted({one.name for one in self.things if one.kind != "Namespace"})
        return tuple(get_close_matches(word.lower()[:80], names, n=MOST_NEAREST, cutoff=0.7))


def form_of(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _beginnings(name: str) -> list[str]:
    """``qwen2`` and ``qwen27b`` of ``qwen2-7b-chat``: whole parts from the left, and ``qwen``, the family without its number."""
    parts = name.replace("_", "-").replace(".", "-").split("-")
    found = [form_of("".join(parts[:count])) for count in range(1, len(parts))]
    family = parts[0].rstrip("0123456789").lower()
    is_family = len(family) >= SHORTEST_FAMILY and family != parts[0].lower()
    return [one for one in (*found, *([family] if is_family else ())) if len(one) >= SHORTEST_PART]


def _is_within(thing: Thing, scope: Scope) -> bool:
    if thing.kind == "Node":
        return scope.allows(cluster=thing.cluster)
    if thing.kind == "Namespace":
        return scope.allows(cluster=thing.cluster, namespace=thing.name)
    return scope.allows(cluster=thing.cluster, namespace=thing.namespace, service=thing.name)


def _one_for_each_place(things: Sequence[Thing]) -> tuple[Thing, ...]:
    order = {kind: rank for rank, kind in enumerate((*WORKLOAD_KINDS, "Service", "Node", "Namespace"))}
    chosen: dict[tuple[str, ...], Thing] = {}
    for thing in sorted(things, key=lambda one: order.get(one.kind, len(order))):
        sort = "workload" if thing.kind in {*WORKLOAD_KINDS, "Service"} else thing.kind
        chosen.setdefault((thing.cluster, sort, thing.namespace, thing.name), thing)
    return tuple(chosen.values())


@dataclass(frozen=True)
class Mentions:
    """What a text names. ``text`` is the text in lower case with marks where names stood. ``doubtful``: a word, and the several
    things that it may mean; ``unknown``: words that look like names of nothing that the asker can see."""

    text: str
    targets: tuple[Thing, ...] = ()
    nodes: tuple[Thing, ...] = ()
    namespaces: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, tuple[Thing, ...]], ...] = ()
    unknown: tuple[str, ...] = ()


def mentions_in(text: str, known: Known, common: frozenset[str] = frozenset()) -> Mentions:
    """Reads every name in ``text``. ``common``: words of the rules themselves; a name that is one of them counts only where
    nothing else is named, and stays readable for the rules."""
    reading = _Reading(known, common)
    text = _MARKS.sub(" ", text)
    text = _INCIDENT.sub(reading.incident, text.lower())
    words = [(found.start(), found.end()) for found in _WORD.finditer(text)]
    at = 0
    while at < len(words):
        at += reading.take(text, words, at)
    return reading.result(text)


class _Reading:
    """One pass over the words of a text, the longest name at each place first."""

    def __init__(self, known: Known, common: frozenset[str]) -> None:
        self._known = known
        self._common = common
        self._cuts: list[tuple[int, int, str]] = []
        self._found: dict[str, dict[Thing, bool]] = {"target": {}, "node": {}, "namespace": {}}
        self._incidents: dict[str, None] = {}
        self._clusters: dict[str, None] = {}
        self._doubtful: dict[str, tuple[Thing, ...]] = {}
        self._unknown: dict[str, None] = {}

    def incident(self, found: re.Match[str]) -> str:
        self._incidents[found.group()] = None
        return INCIDENT

    def take(self, text: str, words: Sequence[tuple[int, int]], at: int) -> int:
        """Reads the name that begins with the word ``at``; returns how many words it took."""
        begin = words[at][0]
        for count in range(min(MOST_WORDS_OF_NAME, len(words) - at), 0, -1):
            end = words[at + count - 1][1]
            if count > 1 and any(letter not in " _-/\t" for letter in text[words[at][1] : words[at + count - 1][0]] if not letter.isalnum() and letter not in "._"):  # fmt: skip
                continue
            spelled = text[begin:end]
            if self._means(spelled, self._known.called(spelled), begin, end):
                return count
        word = text[begin : words[at][1]]
        if word in self._known.clusters:
            self._clusters[word] = None
        elif not self._is_pod(word, begin) and not self._is_plain(word):
            part = self._known.beginning_with(word)
            if not self._means(word, part, begin, words[at][1]) and _NAMELIKE.search(word):
                self._unknown[word] = None
                self._cuts.append((begin, words[at][1], UNKNOWN))
        return 1

    def _is_plain(self, word: str) -> bool:
        return (
            len(word) < SHORTEST_PART
            or word in self._common
            or word.removesuffix("s") in _JARGON
            or word in _JARGON
            or bool(_NUMBER.search(word))
        )

    def _is_pod(self, word: str, begin: int) -> bool:
        """A pod's name stands for its workload."""
        tail = _POD_TAIL.search(word)
        return tail is not None and self._means(
            word, self._known.called(word[: tail.start()]), begin, begin + len(word)
        )

    def _means(self, word: str, things: Sequence[Thing], begin: int, end: int) -> bool:
        if not things:
            return False
        sorts = {_sort(one) for one in things}
        if "target" in sorts and len({one.name for one in things if _sort(one) == "target"}) > 1:
            self._doubtful[word] = tuple(things)
        is_common = word in self._common
        for thing in things:
            if len(sorts) == 1 or _sort(thing) == "target":
                self._found[_sort(thing)].setdefault(thing, is_common)
        if not is_common:
            mark = {"target": TARGET, "node": NODE, "namespace": NAMESPACE}[_sort(things[0]) if len(sorts) == 1 else "target"]  # fmt: skip
            self._cuts.append((begin, end, mark))
        return True

    def result(self, text: str) -> Mentions:
        parts, last = [], 0
        for begin, end, mark in sorted(self._cuts):
            parts += [text[last:begin], mark]
            last = end
        return Mentions(
            text="".join([*parts, text[last:]]),
            targets=self._chosen("target"),
            nodes=self._chosen("node"),
            namespaces=tuple(dict.fromkeys(one.name for one in self._chosen("namespace"))),
            incidents=tuple(self._incidents),
            clusters=tuple(self._clusters),
            doubtful=tuple(self._doubtful.items()),
            unknown=tuple(self._unknown),
        )

    def _chosen(self, sort: str) -> tuple[Thing, ...]:
        """A name that is a word of the rules as well counts only where nothing of its sort is named otherwise."""
        found = self._found[sort]
        sure = tuple(one for one, is_common in found.items() if not is_common)
        return sure or tuple(found)


def _sort(thing: Thing) -> str:
    return {"Node": "node", "Namespace": "namespace"}.get(thing.kind, "target")

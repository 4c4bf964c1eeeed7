"""Watches the state of objects: each status signal is a condition over every object of a kind, and hardly any holds.

An object is asked only what its clues speak for, a question that several detectors share is asked once, and what needs
company (the other parts of an ``all``) is asked only of the families in which the company was seen.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.clue_index import Walker, compiled_walker
from tools.detectors.clues import Clue, clues_of, is_broad, under
from tools.detectors.condition import compile_condition, compile_fact, compile_path
from tools.detectors.format import StatusSignal
from tools.detectors.hits import Hit, HitTable
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene, read_time
from tools.detectors.wellness import condition_of


class StatusWatcher:
    """``late``: numbers of signals that are not watched but asked for with :meth:`hits_within`, once it is known where."""

    def __init__(
        self, signals: Sequence[tuple[int, StatusSignal]], late: Collection[int] = (), *, is_indexed: bool = True
    ) -> None:
        by_kind: dict[str, dict[tuple[tuple[str, ...], str], _Question]] = defaultdict(dict)
        self._late: dict[int, tuple[str, _Question]] = {}
        for number, signal in signals:
            if number in late:
                self._late[number] = signal.where, _Question(signal.each, signal.match, [_Told(number, signal)])
                continue
            key = signal.each, signal.match
            question = by_kind[signal.where].setdefault(key, _Question(*key, []))
            question.told.append(_Told(number, signal))
        self._by_kind = {
            kind: (_Questions(list(asked.values()), is_indexed=is_indexed), _Questions(
                [one for question in asked.values() if (one := question.of_the_well())], is_indexed=is_indexed))
            for kind, asked in by_kind.items()
        }  # fmt: skip

    def watch(self, scene: Scene, table: HitTable) -> None:
        for kind, (of_all, of_the_well) in self._by_kind.items():
            for item in scene.snapshot.of_kind(kind):
                questions = of_the_well if scene.is_well(item) else of_all
                for question in questions.about(item):
                    question.judge(scene, item, table)
                for group in questions.of_templates:
                    group.judge(scene, item, table)

    def hits_within(self, scene: Scene, number: int, families: Collection[str]) -> Sequence[Hit]:
        """Of a late signal, among the objects of these families, in the order of the snapshot."""
        kind, question = self._late[number]
        table = HitTable()
        for item in scene.of_families(kind, families):
            if not scene.is_well(item) or question.told[0].also_when_well:
                question.judge(scene, item, table)
        return table.of(number)


def needs_company(signal: StatusSignal) -> bool:
    """Whether most objects would have to be asked: better only those that something else speaks of."""
    return is_broad(_clues(signal.each, signal.match))


def _clues(each: Sequence[str], match: str) -> tuple[Clue, ...] | None:
    """Clues about the object itself: those of elements stand under the paths of ``each``."""
    clues = clues_of(compile_condition(match))
    if not each:
        return clues
    found: list[Clue] = []
    for text in each:
        found.extend(under(compile_path(text), clues) or ())
    return tuple(dict.fromkeys(found))


class _Questions:
    """Those about one kind; ``about`` gives the ones that an object has a clue of, and those without clues."""

    def __init__(self, questions: Sequence[_Question], *, is_indexed: bool) -> None:
        self._always: list[_Question] = []
        self._clued: list[_Question] = []
        numbered: list[tuple[int, Clue]] = []
        shared: dict[tuple[str, ...], list[_Question]] = defaultdict(list)
        for question in questions:
            clues = _clues(question.each, question.match) if is_indexed else None
            if is_indexed and question.each and is_broad(clues) and is_of_template(question.match):
                shared[question.each].append(question)
                continue
            if clues is None:
                self._always.append(question)
            else:
                numbered.extend((len(self._clued), clue) for clue in clues)
                self._clued.append(question)
        self.of_templates = [OfTemplates(group) for group in shared.values()]
        self._walk: Walker | None = compiled_walker(numbered) if numbered else None

    def about(self, item: Json) -> Iterator[_Question]:
        yield from self._always
        if self._walk is not None:
            for number in self._walk(item):
                yield self._clued[number]


class _Question:
    """A condition, over the object or over each element at some paths, and the signals that are told when it holds."""

    def __init__(self, each: tuple[str, ...], match: str, told: list[_Told]) -> None:
        self.each = each
        self.match = match
        self.told = told
        self._holds = compile_condition(match)
        self._paths = tuple(compile_path(path) for path in each)

    def of_the_well(self) -> _Question | None:
        told = [one for one in self.told if one.also_when_well]
        return _Question(self.each, self.match, told) if told else None

    def judge(self, scene: Scene, item: Json, table: HitTable) -> bool:
        """Whether the condition held anywhere."""
        held = False
        for element in self._elements(scene, item):
            held = True
            for one in self.told:
                one.add(scene, item, element, table)
        return held

    def holds_somewhere(self, scene: Scene, item: Json) -> bool:
        return any(True for _ in self._elements(scene, item))

    def _elements(self, scene: Scene, item: Json) -> Iterator[Any]:
        """The elements for which the condition holds: the object itself when there is no ``each``."""
        if not self._paths:
            if self._holds(scene, item, item):
                yield item
            return
        for path in self._paths:
            for element in path.values(item, item):
                if self._holds(scene, item, element):
                    yield element


QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
CALLED = re.compile(r"(\w+)\(")
OF_NAMESPACE = re.compile(r"(?:host_unknown|port_unknown)\(\$,")
"""Functions that look at no more of the object than its namespace, and its log."""

OF_ELEMENT = frozenset({"exists", "absent", "some", "count", "age", "host_unknown", "port_unknown"})


def is_of_template(match: str) -> bool:
    """Whether a condition looks at the element and the namespace alone: replicas with the same elements fare the same."""
    bare = QUOTED.sub("", match)
    return set(CALLED.findall(bare)) <= OF_ELEMENT and "$" not in OF_NAMESPACE.sub("", bare)


class OfTemplates:
    """Questions over the same elements that a template's replicas share: when none of them held for one replica, the next
    with equal elements is not asked. A pod whose log was read is always asked: the log may say more."""

    def __init__(self, questions: Sequence[_Question]) -> None:
        self.questions = questions
        self._paths = tuple(compile_path(path) for path in questions[0].each)

    def judge(self, scene: Scene, item: Json, table: HitTable) -> None:
        metadata = item.get("metadata") or {}
        owner = next(iter(metadata.get("ownerReferences") or ()), None)
        key = metadata.get("namespace", ""), metadata.get("name", "")
        if owner is None or key in scene.pods_with_logs:
            self._ask(scene, item, table)
            return
        elements = [path.values(item, item) for path in self._paths]
        innocent = scene.memo.setdefault(("innocent", id(self)), {})
        place = key[0], owner.get("kind"), owner.get("name")
        if innocent.get(place) != elements and not self._ask(scene, item, table):
            innocent[place] = elements

    def _ask(self, scene: Scene, item: Json, table: HitTable) -> bool:
        held = [
            question.judge(scene, item, table) for question in self.questions
        ]  # all of them, whatever the first says
        return any(held)


class _Told:
    """What one signal makes of a condition that holds."""

    def __init__(self, number: int, signal: StatusSignal) -> None:
        self.number = number
        self.also_when_well = signal.also_when_well
        self._facts = {name: compile_fact(text) for name, text in signal.facts.items()}
        self._since = compile_path(signal.since) if signal.since else None
        self._within = read_duration(signal.within) if signal.speaks_of == "past" else 0.0
        self._cite = signal.cite

    def add(self, scene: Scene, item: Json, element: Any, table: HitTable) -> None:
        since = read_time(self._since.first(item, element)) if self._since else None
        if self._within and since is not None and (scene.now - since).total_seconds() > self._within:
            return
        facts = {name: fact(scene, item, element) for name, fact in self._facts.items()}
        cite = lambda: scene.snapshot.cite_object(item, self._cite)  # noqa: E731
        began_at = since or _troubled_since(item)
        table.add(self.number, Hit(scene.reference(item), item, facts, began_at, (cite,)).settle(scene))


def _troubled_since(item: Json) -> datetime | None:
    """When the object's own state turned: its Ready (or Available) condition's last change; of an object without a state,
    its last edit; of a pod or job that never got so far, its creation."""
    for name in ("Ready", "Available", "Complete", "Failed"):
        at = read_time(condition_of(item, name).get("lastTransitionTime"))
        if at is not None:
            return at
    metadata = item.get("metadata") or {}
    if item.get("kind") in ("Pod", "Job", "PersistentVolumeClaim"):
        return read_time(metadata.get("creationTimestamp"))
    edits = [read_time(one.get("time")) for one in metadata.get("managedFields") or () if not one.get("subresource")]
    return max((at for at in edits if at is not None), default=None)

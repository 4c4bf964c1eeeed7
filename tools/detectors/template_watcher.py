"""The watcher of log templates: new kinds of error lines since the fault began, and errors that came much more often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from knowledge.vocabulary import EvidenceKind
from tools.contracts import LogText
from tools.detectors.format import TemplateSignal
from tools.detectors.hits import Hit, HitTable
from tools.detectors.scene import Scene
from tools.detectors.watchers import still_matters
from tools.logs.templates import TemplateChange, TemplateNews, template_news

SHOWN_TEMPLATES = 5
MAX_SECONDS = 0.5
"""For all logs of a snapshot together."""


class TemplateWatcher:
    def __init__(self, signals: Sequence[tuple[int, TemplateSignal]]) -> None:
        self._signals = signals

    def watch(self, scene: Scene, table: HitTable) -> None:
        if not self._signals:
            return
        groups = _alike(scene)
        for logs in groups:
            texts = [log.text.encode(errors="replace") for log in logs]
            since, seconds = scene.snapshot.focus.since, MAX_SECONDS / len(groups)
            news = template_news(texts, since, scene.now, max_seconds=seconds)
            for number, signal in self._signals:
                changes = [one for one in news.changes if one.change == signal.change and one.after >= signal.at_least]
                if changes:
                    table.add(number, _hit(scene, logs[0], changes, news).settle(scene))


def _alike(scene: Scene) -> list[list[LogText]]:
    """Logs of one container of one workload together: what a replica said yesterday is no news from its neighbour. Only of
    objects that are not well: an error that does no harm is none of ours."""
    groups: dict[tuple[str, str], list[LogText]] = defaultdict(list)
    for log in scene.snapshot.logs:
        item = scene.find(log.object)
        if log.text and still_matters(scene, log.object):
            key = scene.workload_of(item).key if item is not None else log.object.key
            groups[key, log.container].append(log)
    return list(groups.values())


def _hit(scene: Scene, log: LogText, changes: Sequence[TemplateChange], news: TemplateNews) -> Hit:
    facts = {
        "template": changes[0].template[:300],
        "line": (changes[0].examples or (changes[0].template,))[0][:300],
        "line_count": str(changes[0].after),
        "template_count": str(len(changes)),
        "before": str(changes[0].before),
    }
    if log.container:
        facts["container"] = log.container
    times = [one.first_at for one in changes if one.first_at is not None]
    text = "\n".join(_told(one) for one in changes[:SHOWN_TEMPLATES])
    if len(changes) > SHOWN_TEMPLATES:
        text += f"\nand {len(changes) - SHOWN_TEMPLATES} more"
    if news.left_out:
        text += f"\n({news.left_out} were not looked at)"
    query = f"templates of {log.object.key} {log.container}".strip()
    cite = lambda: scene.snapshot.cite_note(EvidenceKind.LOG, "logs", query, text, log.object)  # noqa: E731
    return Hit(log.object, scene.find(log.object), facts, min(times, default=None), (cite,))


def _told(one: TemplateChange) -> str:
    example = one.examples[0] if one.examples else one.template
    return f"{one.change}: {one.after} lines since, {one.before} before: {one.template}\n  e.g. {example}"

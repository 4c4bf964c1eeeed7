"""The two ways in: a text that someone pasted, and a file, folder or archive of such texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from knowledge.vocabulary import Alert, Focus, Gap, Json, Language
from tools.contracts import LogText, MetricAnswer
from tools.snapshot import ClusterSnapshot
from tools.transcript.cleaning import clean_lines
from tools.transcript.clock import Timeline, read_timeline
from tools.transcript.enriching import enrich
from tools.transcript.harvest import Harvest
from tools.transcript.joining import join, logs_of, place_changes
from tools.transcript.merging import merged
from tools.transcript.missing import what_is_missing
from tools.transcript.outputs import Seen, read_output
from tools.transcript.pings import has_pings, place_pings
from tools.transcript.sections import Section, split_sections
from tools.transcript.service_maps import ServiceMapReader

LOOK_BACK = timedelta(hours=1)
PASTE = "paste"
"""The source of every fact that a paste tells."""

_NAMESPACE = re.compile(r"^Namespace:\s+([a-z0-9][a-z0-9\-]*)\s*$")
_SYSTEM = re.compile(r"^(?:kube-.*|default|.*-system)$")
_HAN = re.compile(r"[一-鿿]")


@dataclass(frozen=True, slots=True)
class RecognisedCommand:
    """One output: the command as typed (empty when there was none), what it was read as, its lines, what came of it."""

    command: str
    form: str
    first_line: int
    last_line: int
    facts: int


@dataclass(frozen=True)
class PasteReading:
    """What a paste tells. ``objects`` are raw Kubernetes JSON and the pseudo-kinds of ``opsdesk/v1``."""

    cluster: str
    name: str
    namespace: str
    language: Language
    taken_at: datetime
    objects: Sequence[Json]
    logs: Sequence[LogText]
    metrics: Sequence[MetricAnswer]
    alerts: Sequence[Alert]
    commands: Sequence[RecognisedCommand]
    gaps: Sequence[Gap]

    def snapshot(self, focus: Focus | None = None) -> ClusterSnapshot:
        """What detectors, topology and explanation work on, as of the paste's own moment."""
        return ClusterSnapshot(
            self.cluster,
            focus or self.focus(),
            self.taken_at,
            objects=self.objects,
            logs=self.logs,
            metrics=self.metrics,
            alerts=self.alerts,
            gaps=self.gaps,
            told_by=PASTE,
        )

    def focus(self) -> Focus:
        namespaces = (self.namespace,) if self.namespace else ()
        return Focus(cluster=self.cluster, namespaces=namespaces, since=self.taken_at - LOOK_BACK, until=self.taken_at)


def read_paste(
    text: str, *, cluster: str = "pasted", namespace: str = "", name: str = "paste", now: datetime | None = None
) -> PasteReading:
    """Never raises for what the text holds. ``now`` is when it was pasted, for texts that tell no time themselves."""
    lines = clean_lines(text)
    return _read(split_sections(lines), cluster=cluster, namespace=namespace, name=name, now=now or datetime.now(UTC))


def _read(sections: Sequence[Section], *, cluster: str, namespace: str, name: str, now: datetime) -> PasteReading:
    language = language_of(sections)
    timeline = read_timeline(sections, now, language is Language.ZH)
    namespace = namespace or main_namespace(sections)
    harvest = Harvest(cluster, namespace or "default", timeline.zone, timeline.taken_at)
    harvest.has_commands = any(section.command is not None for section in sections)
    maps = ServiceMapReader()
    commands = [
        _read_section(harvest, section, at, maps) for section, at in zip(sections, timeline.moments, strict=True)
    ]
    maps.give(harvest)
    return _concluded(harvest, timeline, bool(namespace), commands, name=name, language=language)


def _read_section(harvest: Harvest, section: Section, at: datetime, maps: ServiceMapReader) -> RecognisedCommand:
    harvest.now = at
    harvest.line = section.offset
    seen: Seen = read_output(harvest, section, maps)
    typed = section.command.text if section.command else ""
    return RecognisedCommand(typed, seen.form, section.first, section.last, seen.facts)


def _concluded(
    harvest: Harvest,
    timeline: Timeline,
    is_named: bool,
    commands: Sequence[RecognisedCommand],
    *,
    name: str,
    language: Language,
) -> PasteReading:
    if harvest.changes:
        place_changes(harvest, merged(harvest))
    objects = merged(harvest)
    if has_pings(harvest):
        place_pings(harvest, objects)
        objects = merged(harvest)
    join(objects)
    enrich(objects, list(harvest.events.values()))
    logs = logs_of(harvest, objects)
    if not timeline.is_told:
        harvest.gap(
            "transcript",
            "time",
            "no output tells the time: ages are told back from now",
            "paste describe or yaml as well",
        )
    objects += harvest.events.values()
    if not is_named:
        harvest.namespace = likely_namespace(harvest, objects)
    what_is_missing(harvest, objects)
    return PasteReading(
        cluster=harvest.cluster,
        name=name,
        namespace=harvest.namespace,
        language=language,
        taken_at=timeline.taken_at,
        objects=tuple(objects),
        logs=tuple(logs),
        metrics=[MetricAnswer(key, "kubectl top", series) for key, series in harvest.usage.items()],
        alerts=tuple(harvest.alerts),
        commands=tuple(commands),
        gaps=tuple(harvest.gaps),
    )


def likely_namespace(harvest: Harvest, objects: Sequence[Json]) -> str:
    """Where most of what was told is, when no command and no description names a namespace."""
    seen: Counter[str] = Counter(str(item["metadata"].get("namespace") or "") for item in objects)
    seen.update(alert.namespace for alert in harvest.alerts)
    return next((one for one, _ in seen.most_common() if one and not _SYSTEM.match(one)), harvest.namespace)


def main_namespace(sections: Sequence[Section]) -> str:
    """The namespace that most commands name; failing that, most outputs; those of the system only when there is no other."""
    named: Counter[str] = Counter(
        section.command.namespace for section in sections if section.command is not None and section.command.namespace
    )
    if not any(not _SYSTEM.match(one) for one in named):
        for section in sections:
            for line in section.lines:
                if line.startswith("Namespace:") and (found := _NAMESPACE.match(line)):
                    named[found.group(1)] += 1
    ranked = named.most_common()
    return next((one for one, _ in ranked if not _SYSTEM.match(one)), ranked[0][0] if ranked else "")


def language_of(sections: Sequence[Section]) -> Language:
    """Chinese when the people who speak between the outputs do: comments in manifests and messages of programs do not count."""
    signs = 0
    for section in sections:
        for line in section.lines if section.command is None else ():
            if not line.startswith((" ", "#")) and not line.isascii():
                signs += len(_HAN.findall(line))
        if section.command is not None and not section.command.text.isascii():
            signs += len(_HAN.findall(section.command.text))
        if signs >= 4:
            return Language.ZH
    return Language.EN


def read_path(
    path: Path, *, cluster: str = "pasted", namespace: str = "", name: str = "", now: datetime | None = None
) -> PasteReading:
    """A file, a folder, a tar or a zip. Raises BadInput when there is nothing to read."""
    from tools.transcript.bundle import read_bundle

    parts = read_bundle(path)
    at = now or datetime.now(UTC)
    sections = [section for part in parts.files for section in part.sections()]
    reading = _read(sections, cluster=cluster, namespace=namespace, name=name or path.name, now=at)
    if not parts.gaps:
        return reading
    return PasteReading(**{**reading.__dict__, "gaps": (*reading.gaps, *parts.gaps)})

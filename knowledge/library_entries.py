"""How a case or a document becomes an entry of the library: its chunks, its words, and what may be filtered on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.case_file import parse_case
from knowledge.glossary import HAN, bundled_glossary
from knowledge.index_journal import Key
from knowledge.lexical import tokenize
from knowledge.library_store import StoredEntry
from knowledge.vocabulary import Case, Json, Scope, Text

CHUNK_WEIGHT = 900
"""Characters of English per chunk: about 220 of the 256 tokens that the bundled model reads. A Chinese character weighs
more, for the glossary makes a word of it."""
_HAN_WEIGHT = 2.5
_SENTENCE = re.compile(r"(?<=[.!?;。！？；])\s*|\n")


@dataclass(frozen=True)
class Row:
    """What the library keeps in memory of each entry: enough to filter, to recall by id and to order."""

    key: Key
    kind: str
    layer: str
    services: tuple[str, ...]
    faults: tuple[str, ...]
    alerts: tuple[str, ...]
    title: Text
    language: str
    digest: str
    source: str

    def is_for(self, services: Sequence[str]) -> bool:
        """A case that names no service holds for every one."""
        return not services or not self.services or any(service in self.services for service in services)

    def is_within(self, reach: Scope | None) -> bool:
        """What names only services beyond the asker's scope is not shown to the asker."""
        return reach is None or not self.services or any(reach.allows(service=service) for service in self.services)

    def index_metadata(self) -> dict[str, Any]:
        """What Chroma filters on; it refuses empty lists."""
        found: dict[str, Any] = {"kind": self.kind, "layer": self.layer, "general": not self.services}
        return {**found, "services": list(self.services)} if self.services else found


def row_of(collection: str, entry: StoredEntry) -> Row:
    known = entry.metadata
    return Row(
        key=(collection, entry.id),
        kind=str(known.get("kind", "")),
        layer=str(known.get("layer", "")),
        services=tuple(known.get("services", ())),
        faults=tuple(known.get("faults", ())),
        alerts=tuple(known.get("alerts", ())),
        title=Text(en=str(known.get("title_en", entry.id)), zh=str(known.get("title_zh", entry.id))),
        language=entry.language,
        digest=entry.digest,
        source=str(known.get("source", "")),
    )


def case_metadata(case: Case, source: str) -> Json:
    return {
        "kind": case.kind.value,
        "layer": case.layer.value,
        "services": list(case.services),
        "faults": list(case.faults),
        "alerts": list(case.alerts),
        "title_en": case.title.en,
        "title_zh": case.title.zh,
        "source": source,
    }


def document_metadata(title: str, source: str) -> Json:
    return {"title_en": title, "title_zh": title, "source": source}


def chunks_of(collection: str, text: str, metadata: Json) -> list[str]:
    """The texts that are embedded, one vector each, and that a passage quotes."""
    if collection == "cases":
        return _case_chunks(parse_case(text))
    title = str(metadata.get("title_en", ""))
    return list(split_document(text, title)) or [title]


def words_of(collection: str, text: str, chunk: str) -> list[str]:
    """The tokens by which a chunk is found. A case is one text of words; Chinese documents carry the English of their
    operations words too, so that either language finds them."""
    if collection == "cases":
        return tokenize(_case_words(parse_case(text)))
    tokens = tokenize(chunk)
    if HAN.search(chunk):
        tokens += tokenize(bundled_glossary().translate(chunk).text)
    return tokens


def split_document(text: str, title: str = "") -> Iterator[str]:
    """Pieces of about CHUNK_WEIGHT, cut between paragraphs where it can be and between sentences where it must; each
    piece begins with the heading that it stands under, because "raise the limit" alone says nothing."""
    heading, held, weight = "", list[str](), 0.0
    for paragraph in re.split(r"\n\s*\n|\n(?=#{1,6} )", text):
        stripped = paragraph.strip()
        is_heading = stripped.startswith("#")
        for piece in _pieces(stripped):
            if held and (is_heading or weight + _weight(piece) > CHUNK_WEIGHT):
                yield _joined(heading, held)
                held, weight = [], 0.0
            if is_heading:
                heading = stripped.split("\n", 1)[0].lstrip("# ").strip()
                is_heading = False
            held.append(piece)
            weight += _weight(piece)
    if held:
        yield _joined(heading or title, held)


def _joined(heading: str, pieces: list[str]) -> str:
    text = "\n\n".join(pieces)
    return text if not heading or text.lstrip("# ").startswith(heading) else f"{heading}\n{text}"


def _pieces(paragraph: str) -> Iterator[str]:
    """The paragraph itself, or as many whole sentences at a time as fit; a sentence without end is cut hard."""
    if _weight(paragraph) <= CHUNK_WEIGHT:
        if paragraph:
            yield paragraph
        return
    held = ""
    for sentence in _SENTENCE.split(paragraph):
        remaining = sentence or ""
        if held and _weight(held) + _weight(remaining) > CHUNK_WEIGHT:
            yield held
            held = ""
        while _weight(remaining) > CHUNK_WEIGHT:
            cut = max(1, int(len(remaining) * CHUNK_WEIGHT / _weight(remaining)))
            yield remaining[:cut]
            remaining = remaining[cut:]
        held = f"{held} {remaining}".strip()
    if held:
        yield held


def _weight(text: str) -> float:
    return len(text) + (_HAN_WEIGHT - 1) * len(HAN.findall(text))


def _case_chunks(case: Case) -> list[str]:
    names = ", ".join((*case.faults, *case.alerts))
    texts = [
        f"{case.title.en}. {case.symptoms.en}",
        f"{case.title.zh}。{case.symptoms.zh}",
        f"{case.title.en}. {case.cause.en} {names}",
        f"{case.title.zh}。{case.cause.zh} {names}",
    ]
    return [next(_pieces(text)) for text in texts]


def _case_words(case: Case) -> str:
    steps = [step for text in case.remedy.manual for step in (text.en, text.zh)]
    texts = [
        *(case.title.en, case.title.zh) * 2,
        *(case.symptoms.en, case.symptoms.zh, case.cause.en, case.cause.zh),
        *(case.id, case.layer.value, case.kind.value, *case.faults, *case.alerts, *case.services),
        *(case.remedy.script, *steps, *case.ask_for),
    ]
    return "\n".join(texts)

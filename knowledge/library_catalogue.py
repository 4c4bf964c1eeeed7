"""The library's entries as they are searched: rows in memory, the index of words, and the vectors that are missing.

The ledger's database is the truth, also for other processes: :meth:`Catalogue.refresh` takes over what they put there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from knowledge.dense_index import VectorEntry
from knowledge.glossary import bundled_glossary
from knowledge.index_journal import Key
from knowledge.lexical import LexicalIndex, tokenize
from knowledge.library_entries import Row, chunks_of, row_of, words_of
from knowledge.library_ranking import Match, best_per_entry
from knowledge.library_store import COLLECTIONS, LibraryStore, StoredEntry
from knowledge.vocabulary import Json

if TYPE_CHECKING:
    from knowledge.embedding import Embedder, Vectors

EMBED_AT_ONCE = 64
SCHEME = 1
"""Which way vectors are made of an entry (its chunks, the glossary, the middle of a case); a new way makes them anew."""
ONE_BY_ONE = 200
Place = tuple[Key, int]
"""An entry's key and the number of one of its chunks."""


class Catalogue:
    """Thread-safe. Rows are read when it is made; words when they are first searched."""

    def __init__(self, store: LibraryStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._lock = threading.RLock()
        self.rows: dict[Key, Row] = {}
        self._words: LexicalIndex[Place] | None = None
        self._chunks: dict[Key, int] = {}
        self._held: Counter[tuple[str, str]] = Counter()
        for collection in COLLECTIONS:
            for entry in store.iterate(collection):
                self._set_row((collection, entry.id), row_of(collection, entry))

    def holds(self, key: Key, digest: str) -> bool:
        """True when the entry is there as it is, or, for a document, under whatever id."""
        held = self.rows.get(key)
        return (held is not None and held.digest == digest) or (
            key[0] == "documents" and self._held[key[0], digest] > 0
        )

    def _set_row(self, key: Key, row: Row | None) -> None:
        if (old := self.rows.pop(key, None)) is not None:
            self._held[key[0], old.digest] -= 1
        if row is not None:
            self.rows[key] = row
            self._held[key[0], row.digest] += 1

    @property
    def vectors_by(self) -> str:
        """The model and the way: vectors of two makes are never compared."""
        return f"{self._embedder.name}/{SCHEME}"

    # --- truth -------------------------------------------------------------------------------------------------

    def digests(self) -> Mapping[Key, str]:
        return {(c, entry): digest for c in COLLECTIONS for entry, digest in self._store.digests(c).items()}

    def put(self, key: Key, text: str, language: str, metadata: Json, digest: str, *, embed: bool) -> None:
        """Stores the entry in one transaction; without ``embed`` its vectors are made when an index wants them."""
        chunks = chunks_of(key[0], text, metadata)
        stored = _stored(key, chunks, self.embed(chunks)) if embed else []
        self._store_entry(key, text, language, metadata, digest, stored)
        self._take_over(key)

    def remove(self, key: Key) -> None:
        self._store.delete(*key)
        self._take_over(key)

    def refresh(self) -> int:
        """Takes over what other processes stored or removed since; how many entries that were."""
        truth = self.digests()
        with self._lock:
            changed = [key for key, digest in truth.items() if key not in self.rows or self.rows[key].digest != digest]
            gone = [key for key in self.rows if key not in truth]
        for key in (*changed, *gone):
            self._take_over(key)
        return len(changed) + len(gone)

    def read(self, keys: Sequence[Key]) -> Iterator[VectorEntry]:
        """The vectors of these entries. Those that have none, or have another model's, get them now and keep them."""
        for entries in _batched(self._entries(keys), EMBED_AT_ONCE):
            made = self._make_vectors([(key, entry) for key, entry in entries if not self._is_embedded(entry)])
            for key, entry in entries:
                vectors = made.get(key) or tuple((chunk.chunk_no, chunk.vector) for chunk in entry.chunks)
                yield VectorEntry(key, entry.digest, row_of(key[0], entry).index_metadata(), vectors)

    def _entries(self, keys: Sequence[Key]) -> Iterator[tuple[Key, StoredEntry]]:
        """Few are fetched one by one; for many the whole collection is read through, which is far quicker."""
        for collection in COLLECTIONS:
            wanted = {key[1] for key in keys if key[0] == collection}
            if len(wanted) > ONE_BY_ONE:
                found = (entry for entry in self._store.iterate(collection) if entry.id in wanted)
            else:
                found = (entry for one in sorted(wanted) if (entry := self._store.get(collection, one)) is not None)
            for entry in found:
                yield (collection, entry.id), entry

    def embed(self, texts: Sequence[str]) -> Vectors:
        glossary = bundled_glossary()
        return self._embedder.embed([glossary.translate(text).text for text in texts])

    def _is_embedded(self, entry: StoredEntry) -> bool:
        return bool(entry.chunks) and entry.metadata.get("embedder") == self.vectors_by

    def _make_vectors(self, entries: Sequence[tuple[Key, StoredEntry]]) -> dict[Key, tuple[tuple[int, bytes], ...]]:
        texts = [chunks_of(key[0], entry.text, entry.metadata) for key, entry in entries]
        vectors = self.embed([text for chunks in texts for text in chunks])
        made: dict[Key, tuple[tuple[int, bytes], ...]] = {}
        at = 0
        for (key, entry), chunks in zip(entries, texts, strict=True):
            stored = _stored(key, chunks, vectors[at : at + len(chunks)])
            at += len(chunks)
            self._store_entry(key, entry.text, entry.language, entry.metadata, entry.digest, stored)
            made[key] = tuple((number, vector) for number, _, vector in stored)
        return made

    def _store_entry(
        self, key: Key, text: str, language: str, metadata: Json, digest: str, stored: list[tuple[int, str, bytes]]
    ) -> None:
        named = {**metadata, "embedder": self.vectors_by if stored else ""}
        self._store.put_entry(key[0], key[1], text, language, named, stored, digest)

    # --- words -------------------------------------------------------------------------------------------------

    def by_words(self, query: str, limit: int, accept: Callable[[Key], bool]) -> list[Match]:
        """The entries that share words with the query, or with its English, best first."""
        tokens = dict.fromkeys([*tokenize(query), *tokenize(bundled_glossary().translate(query).text)])
        found = self._indexed_words().search(list(tokens)[:200], limit * 3, lambda place: accept(place[0]))
        return best_per_entry([Match(key, chunk_no, score) for (key, chunk_no), score in found])[:limit]

    def _indexed_words(self) -> LexicalIndex[Place]:
        with self._lock:
            if self._words is None or self._words.is_worn:
                self._words, self._chunks = LexicalIndex(), {}
                for collection in COLLECTIONS:
                    for entry in self._store.iterate(collection):
                        self._index_words((collection, entry.id), entry)
            return self._words

    def _index_words(self, key: Key, entry: StoredEntry | None) -> None:
        assert self._words is not None
        for number in range(self._chunks.pop(key, 0)):
            self._words.remove((key, number))
        if entry is None:
            return
        chunks = _texts(key[0], entry)
        for number, chunk in enumerate(chunks[:1] if key[0] == "cases" else chunks):
            self._words.add((key, number), words_of(key[0], entry.text, chunk))
        self._chunks[key] = len(chunks)

    def _take_over(self, key: Key) -> None:
        entry = self._store.get(*key)
        with self._lock:
            self._set_row(key, None if entry is None else row_of(key[0], entry))
            if self._words is not None:
                self._index_words(key, entry)

    def text(self, key: Key) -> str | None:
        entry = self._store.get(*key)
        return entry.text if entry else None

    def chunk_text(self, key: Key, chunk_no: int) -> str:
        """What a passage quotes; empty when the entry went away meanwhile."""
        entry = self._store.get(*key)
        texts = _texts(key[0], entry) if entry else []
        return texts[chunk_no] if chunk_no < len(texts) else ""


def _stored(key: Key, chunks: list[str], vectors: Vectors) -> list[tuple[int, str, bytes]]:
    """A document keeps a vector per chunk. A case keeps one, the middle of its texts in both languages: it is one thing,
    and the nearest of several vectors would let one vague sentence of a wrong case win over the whole of the right one."""
    if key[0] == "cases":
        middle = vectors.mean(axis=0, keepdims=True)
        chunks, vectors = chunks[:1], middle / max(float((middle**2).sum()) ** 0.5, 1e-9)
    pairs = zip(chunks, vectors, strict=True)
    return [(number, chunk, vector.astype("<f4").tobytes()) for number, (chunk, vector) in enumerate(pairs)]


def _texts(collection: str, entry: StoredEntry) -> list[str]:
    if entry.chunks:
        return [chunk.text for chunk in sorted(entry.chunks, key=lambda chunk: chunk.chunk_no)]
    return chunks_of(collection, entry.text, entry.metadata)


def _batched(entries: Iterator[tuple[Key, StoredEntry]], size: int) -> Iterator[list[tuple[Key, StoredEntry]]]:
    while batch := list(islice(entries, size)):
        yield batch

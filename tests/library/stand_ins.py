"""Stand-ins for the library's tests: a store in memory, and an embedder that needs no model."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowledge.ledger.values import LibraryChunk, LibraryEntry
from knowledge.lexical import tokenize
from knowledge.vocabulary import Json

if TYPE_CHECKING:
    from knowledge.embedding import Vectors


class MemoryStore:
    """The ledger's library store without a database."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], LibraryEntry] = {}
        self._lock = threading.Lock()

    def put_entry(
        self,
        collection: str,
        id: str,
        text: str,
        language: str,
        metadata: Json,
        vectors: list[tuple[int, str, bytes]],
        digest: str,
    ) -> None:
        chunks = tuple(LibraryChunk(chunk_no=number, text=part, vector=vector) for number, part, vector in vectors)
        entry = LibraryEntry(
            collection=collection,
            id=id,
            text=text,
            language=language,
            metadata=metadata,
            digest=digest,
            chunks=chunks,
        )
        with self._lock:
            self._entries[collection, id] = entry

    def delete(self, collection: str, id: str) -> bool:
        with self._lock:
            return self._entries.pop((collection, id), None) is not None

    def get(self, collection: str, id: str) -> LibraryEntry | None:
        return self._entries.get((collection, id))

    def iterate(self, collection: str) -> Iterator[LibraryEntry]:
        with self._lock:
            found = [entry for key, entry in sorted(self._entries.items()) if key[0] == collection]
        return iter(found)

    def digests(self, collection: str) -> Mapping[str, str]:
        return {entry.id: entry.digest for entry in self.iterate(collection)}

    def counts(self) -> Mapping[str, int]:
        return {name: sum(key[0] == name for key in self._entries) for name in ("cases", "documents")}


class WordEmbedder:
    """Texts that share words are near each other: each word has a random direction of its own."""

    def __init__(self, name: str = "words", dimensions: int = 64) -> None:
        self.name = name
        self.dimensions = dimensions
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        rows = [np.sum([self._direction(word) for word in tokenize(text) or ["nothing"]], axis=0) for text in texts]
        units = [row / np.linalg.norm(row) for row in rows]
        return np.asarray(units, dtype=np.float32).reshape(len(texts), self.dimensions)

    def _direction(self, word: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        seed = int.from_bytes(hashlib.sha256(f"{self.name}:{word}".encode()).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(self.dimensions).astype(np.float32)


class BrokenEmbedder(WordEmbedder):
    """Must never be asked."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError(f"nobody should embed {texts}")


CASE = """---
id: {id}
kind: {kind}
layer: {layer}
services: [{services}]
faults: [{faults}]
alerts: [{alerts}]
ask_for: [kubectl describe pod <pod> -n <namespace>]
sources: [https://kubernetes.io/docs/]
title:
  en: {en}
  zh: {zh}
---

## Symptoms / 症状

en: {symptoms}

zh: {zh}

## Cause / 原因

en: The cause of {en}

zh: {zh}的原因

## Remedy / 处置

```kubectl
kubectl rollout restart deployment/<deployment> -n <namespace>
```

## Verification / 验证

en: The pods are ready.

zh: Pod 就绪。
"""


def case_markdown(
    id: str,
    en: str,
    zh: str,
    *,
    kind: str = "fault",
    layer: str = "container",
    services: str = "",
    faults: str = "",
    alerts: str = "",
    symptoms: str = "",
) -> str:
    return CASE.format(
        id=id,
        kind=kind,
        layer=layer,
        services=services,
        faults=faults,
        alerts=alerts,
        en=en,
        zh=zh,
        symptoms=symptoms or en,
    )

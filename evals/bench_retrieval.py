"""How fast and how right the library's search is over many documents, besides the embedding of the query.

    python -m evals.bench_retrieval --size 100000

Vectors are synthetic and clustered, as those of real texts are (uniform random ones have no neighbours to find). Each
document has words of its own and of its cluster, so that words and meaning both have work. Prints the median and the
95th percentile of a hybrid search (query vector given), the same with a filter, and recall@10 of the index against exact
search; ends with 1 when a figure misses its bar.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge.ledger.values import LibraryChunk, LibraryEntry
from knowledge.library import Library
from knowledge.vocabulary import Json

if TYPE_CHECKING:
    from knowledge.embedding import Vectors

P50_BAR_MS = 30.0
RECALL_BAR = 0.95
DIMENSIONS = 384
QUERIES = 200
WORDS_PER_TEXT = 40


class GivenVectors:
    """Hands out the vector that belongs to a text: what is measured is everything but the embedding."""

    name = "given"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self.vectors: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.asarray([self.vectors[text] for text in texts], dtype=np.float32).reshape(len(texts), DIMENSIONS)


class SyntheticStore:
    """Documents made when asked for, so that a hundred thousand need little memory. Read-only."""

    def __init__(self, vectors: Vectors, clusters: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        self._vectors = vectors
        self._clusters = clusters

    def text(self, number: int) -> str:
        chance = np.random.default_rng(number)
        cluster = int(self._clusters[number])
        of_cluster = (f"topic{cluster}word{int(word)}" for word in chance.zipf(1.5, WORDS_PER_TEXT // 2) % 50)
        of_all = (f"common{int(word)}" for word in chance.zipf(1.3, WORDS_PER_TEXT // 2) % 5_000)
        return " ".join([f"document{number}", *of_cluster, *of_all])

    def entry(self, number: int) -> LibraryEntry:
        text = self.text(number)
        return LibraryEntry(
            collection="documents",
            id=f"{number:07d}",
            text=text,
            language="en" if number % 10 else "zh",
            metadata={"title_en": f"Document {number}", "title_zh": f"文档 {number}", "embedder": "given/1"},
            digest=str(number),
            chunks=(LibraryChunk(chunk_no=0, text=text, vector=self._vectors[number].tobytes()),),
        )

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
        raise NotImplementedError("the benchmark's store is read-only")

    def delete(self, collection: str, id: str) -> bool:
        raise NotImplementedError("the benchmark's store is read-only")

    def get(self, collection: str, id: str) -> LibraryEntry | None:
        return self.entry(int(id)) if collection == "documents" else None

    def iterate(self, collection: str) -> Iterator[LibraryEntry]:
        return (self.entry(number) for number in range(len(self._vectors))) if collection == "documents" else iter(())

    def digests(self, collection: str) -> Mapping[str, str]:
        count = len(self._vectors) if collection == "documents" else 0
        return {f"{number:07d}": str(number) for number in range(count)}

    def counts(self) -> Mapping[str, int]:
        return {"documents": len(self._vectors)}


def clustered(size: int, seed: int) -> tuple[Vectors, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Unit vectors around one centre per fifty texts, and the number of each one's centre."""
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((max(10, size // 50), DIMENSIONS)).astype(np.float32)
    clusters = chance.integers(0, len(centres), size)
    vectors = np.empty((size, DIMENSIONS), dtype=np.float32)
    for start in range(0, size, 10_000):
        part = clusters[start : start + 10_000]
        noise = chance.standard_normal((len(part), DIMENSIONS)).astype(np.float32)
        vectors[start : start + 10_000] = centres[part] + 0.6 * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, clusters


def measure(size: int, folder: Path, seed: int) -> int:
    vectors, clusters = clustered(size, seed)
    store, embedder = SyntheticStore(vectors, clusters), GivenVectors()
    started = time.perf_counter()
    library = Library.open(store, folder, embedder)
    library.warm()
    built = time.perf_counter()
    chance = np.random.default_rng(seed + 1)
    queries = []
    for number in chance.choice(size, QUERIES, replace=False):
        words = store.text(int(number)).split()
        text = " ".join(chance.choice(words[1:], 8))
        noisy = vectors[number] + 0.3 * chance.standard_normal(DIMENSIONS).astype(np.float32) / np.sqrt(DIMENSIONS)
        embedder.vectors[text] = (noisy / np.linalg.norm(noisy)).astype(np.float32)
        queries.append(text)
    library.search(queries[0])
    ready = time.perf_counter()
    plain = timed(library, queries, {})
    filtered = timed(library, queries[:50], {"language": "zh"})
    recall = statistics.mean(recall_at_10(library, vectors, embedder.vectors[text]) for text in queries)
    library.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{size:,} documents: index made in {built - started:.1f} s, words indexed in {ready - built:.1f} s, {memory:,.0f} MB"
    )
    print(f"hybrid, unfiltered   p50 {plain[0]:6.1f} ms   p95 {plain[1]:6.1f} ms   (bar p50 {P50_BAR_MS:.0f} ms)")
    print(f"hybrid, one language p50 {filtered[0]:6.1f} ms   p95 {filtered[1]:6.1f} ms")
    print(f"recall@10 of exact search {recall:.3f} (bar {RECALL_BAR})")
    return int(plain[0] > P50_BAR_MS or recall < RECALL_BAR)


def timed(library: Library, queries: Sequence[str], filters: Mapping[str, str]) -> tuple[float, float]:
    spent = []
    for text in queries:
        started = time.perf_counter()
        found = library.find(text, **filters)  # type: ignore[arg-type]
        spent.append(1000 * (time.perf_counter() - started))
        assert found.notice is None, found.notice
    return statistics.median(spent), statistics.quantiles(spent, n=20)[18]


def recall_at_10(library: Library, vectors: Vectors, query: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    exact = {f"{number:07d}" for number in np.argpartition(-(vectors @ query), 10)[:10]}
    near = library.nearest_by_vector("documents", query, 10)
    return len(exact & set(near)) / 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000, help="documents (default 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opsdesk-bench-") as folder:
        return measure(arguments.size, Path(folder), arguments.seed)


if __name__ == "__main__":
    sys.exit(main())

"""The index of meanings: generations of a Chroma index that can be lost at any moment and made again from the ledger.

A rebuild fills a new generation, has it checked in a child process, and then replaces ``current``: a kill before that
leaves the old one in use, a kill after it leaves a folder that the next opening removes. The folder is drawn in
``knowledge/index_folder.py``.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from knowledge.chroma_index import BATCH, ChromaIndex, Chunk, Neighbour, open_embedded, open_server
from knowledge.errors import IndexUnavailable
from knowledge.index_check import Canary, CheckAnswer, check_in_child
from knowledge.index_folder import IndexFolder
from knowledge.index_journal import Indexed, Journal, Key
from knowledge.library_store import COLLECTIONS

if TYPE_CHECKING:
    from knowledge.chroma_index import Vector

CANARIES = 3
_log = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]
"""Entries done, entries in all."""


class VectorEntry(NamedTuple):
    """One entry as the index needs it: its chunks' vectors (float32 bytes) and what may be filtered on."""

    key: Key
    digest: str
    metadata: Mapping[str, Any]
    vectors: tuple[tuple[int, bytes], ...]


class Truth(NamedTuple):
    """The ledger's side: what there is, and a way to read it (vectors made where they are missing)."""

    digests: Callable[[], Mapping[Key, str]]
    read: Callable[[Sequence[Key]], Iterator[VectorEntry]]


def chunk_id(key: Key, number: int) -> str:
    return f"{key[0]}/{key[1]}#{number}"


class DenseIndex:
    """One generation open at a time. Thread-safe. Raises IndexUnavailable; the library then searches by words."""

    def __init__(self, folder: Path, embedder_name: str, truth: Truth, server_url: str = "") -> None:
        self._folder = IndexFolder(folder)
        self._embedder = embedder_name
        self._truth = truth
        self._server_url = server_url
        self._lock = threading.RLock()
        self._index: ChromaIndex | None = None
        self._journal: Journal | None = None
        self.generation = ""
        self.last_problem = ""

    @property
    def is_open(self) -> bool:
        return self._index is not None

    @property
    def is_writer(self) -> bool:
        return self._folder.is_mine

    def open(self, on_progress: OnProgress | None = None) -> None:
        """Checks and opens the current generation, brings it up to date, or builds a new one when it is torn."""
        with self._lock, _disk_trouble():
            if self._index is not None:
                return
            self._folder.make()
            if not self._folder.take():
                self._open_as_reader()
                return
            problem = self._problem_of_current()
            if problem:
                self.last_problem = problem
                _log.log(
                    logging.WARNING if self.generation else logging.INFO, "the search index is made anew: %s", problem
                )
                self.rebuild(on_progress)
                return
            self._folder.sweep(self.generation)
            self._index = self._open_generation(self.generation)
            self.catch_up(on_progress)

    def close(self) -> None:
        with self._lock:
            if self._index is not None:
                with suppress(IndexUnavailable):
                    self._index.close()
            self._index = self._journal = None
            self._folder.release()

    def check(self, timeout_seconds: float = 0) -> str:
        """What is wrong with the current generation, after a full check; empty when it is sound."""
        with self._lock:
            if not self._find_current():
                return "there is no index yet"
            try:
                journal = Journal.load(self._folder.place(self.generation) / "journal.jsonl")
            except (OSError, ValueError) as error:
                return f"the index's journal cannot be read: {error}"
            if problem := self._compare(journal, self._look(self.generation, journal, timeout_seconds)):
                return problem
            stale = self._difference(journal)
            return f"{len(stale)} entries are not in the index yet" if stale else ""

    def nearest(
        self, collection: str, vector: Vector, limit: int, where: Mapping[str, Any] | None = None
    ) -> list[Neighbour]:
        index = self._index
        if index is None:
            raise IndexUnavailable("the search index is not open", next_step="run `opsdesk kb check`")
        try:
            return index.nearest(collection, vector, limit, where)
        except IndexUnavailable as error:
            self.last_problem = error.message
            self._let_go(index)
            raise

    def _let_go(self, failed: ChromaIndex) -> None:
        """What failed once is checked before it is used again: the next opening does that."""
        with self._lock:
            if self._index is failed:
                self._index = self._journal = None
                with suppress(IndexUnavailable):
                    failed.close()

    def catch_up(self, on_progress: OnProgress | None = None) -> int:
        """Brings the index to what the ledger holds; how many entries that took. Does nothing without the writer lock."""
        with self._lock, _disk_trouble():
            if self._index is None or self._journal is None or not self._folder.is_mine:
                return 0
            stale = self._difference(self._journal)
            truth = self._truth.digests()
            self._remove([key for key in stale if key not in truth])
            wanted = [key for key in stale if key in truth]
            self._fill(self._index, self._journal, wanted, on_progress, announce=True)
            return len(stale)

    def rebuild(self, on_progress: OnProgress | None = None) -> None:
        """A new generation from the ledger, checked, then switched to. The old one serves until then."""
        with self._lock, _disk_trouble():
            self._folder.make()
            if not self._folder.take():
                raise IndexUnavailable(
                    "another process writes this index",
                    next_step="stop `opsdesk serve` and try again; it rebuilds a torn index itself",
                )
            self._find_current()
            old, new = self.generation, self._folder.next_generation()
            place = self._folder.place(new)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            journal = Journal.create(place / "journal.jsonl", self._embedder)
            index = self._open_generation(new)
            try:
                self._fill(index, journal, list(self._truth.digests()), on_progress, announce=False)
                self._demand_sound(new, journal)
            except BaseException:
                with suppress(IndexUnavailable):
                    index.close()
                shutil.rmtree(place, ignore_errors=True)
                raise
            self._folder.point_at(new)
            previous, self._index, self._journal, self.generation = self._index, index, journal, new
            self._retire(previous, old)

    # --- what is in it -----------------------------------------------------------------------------------------

    def _difference(self, journal: Journal) -> list[Key]:
        truth = self._truth.digests()
        missing = [
            key for key, digest in truth.items() if key not in journal.entries or journal.entries[key].digest != digest
        ]
        gone = [key for key in journal.entries if key not in truth]
        unsure = [key for key in journal.pending if key not in missing and key not in gone]
        return [*dict.fromkeys([*missing, *gone, *unsure])]

    def _remove(self, keys: Iterable[Key]) -> None:
        assert self._index is not None
        assert self._journal is not None
        for key in keys:
            self._index.delete(key[0], _ids(key, 0, self._chunks_before(self._journal, key)))
            self._journal.removed([key])

    @staticmethod
    def _chunks_before(journal: Journal, key: Key) -> int:
        held = journal.entries[key].chunks if key in journal.entries else 0
        return max(held, journal.pending.get(key, 0))

    def _fill(
        self,
        index: ChromaIndex,
        journal: Journal,
        keys: Sequence[Key],
        on_progress: OnProgress | None,
        *,
        announce: bool,
    ) -> None:
        done = 0
        batch: list[VectorEntry] = []
        for entry in self._truth.read(keys):
            batch.append(entry)
            if sum(len(held.vectors) for held in batch) >= BATCH:
                done += self._put(index, journal, batch, announce=announce)
                batch = []
                if on_progress:
                    on_progress(done, len(keys))
        done += self._put(index, journal, batch, announce=announce)
        if on_progress:
            on_progress(done, len(keys))

    def _put(self, index: ChromaIndex, journal: Journal, entries: Sequence[VectorEntry], *, announce: bool) -> int:
        before = {entry.key: self._chunks_before(journal, entry.key) for entry in entries}
        if announce:
            journal.intend((entry.key, len(entry.vectors)) for entry in entries)
        for collection in COLLECTIONS:
            chunks = [chunk for entry in entries if entry.key[0] == collection for chunk in _chunks(entry)]
            index.upsert(collection, chunks)
            surplus = [
                one
                for entry in entries
                if entry.key[0] == collection
                for one in _ids(entry.key, len(entry.vectors), before[entry.key])
            ]
            index.delete(collection, surplus)
        journal.done((entry.key, Indexed(entry.digest, len(entry.vectors))) for entry in entries)
        return len(entries)

    # --- is it sound -------------------------------------------------------------------------------------------

    def _problem_of_current(self) -> str:
        """Why the current generation cannot be opened, or empty; then the journal is loaded."""
        if not self._find_current():
            return "there is no index yet"
        try:
            journal = Journal.load(self._folder.place(self.generation) / "journal.jsonl")
        except (OSError, ValueError) as error:
            return f"the index's journal cannot be read: {error}"
        if journal.embedder != self._embedder:
            return f"its vectors are of the model {journal.embedder!r}, the desk uses {self._embedder!r}"
        problem = self._compare(journal, self._look(self.generation, journal, 0))
        if not problem:
            self._journal = journal
        return problem

    def _demand_sound(self, generation: str, journal: Journal) -> None:
        if problem := self._compare(journal, self._look(generation, journal, 0)):
            raise IndexUnavailable(f"the new index is not sound: {problem}", next_step="check the disk, try again")

    def _look(self, generation: str, journal: Journal, timeout_seconds: float) -> CheckAnswer:
        canaries = list(self._canaries(journal))
        if self._server_url:
            return self._look_at_server(generation, canaries)
        timeout = timeout_seconds or 60 + sum(entry.chunks for entry in journal.entries.values()) / 500
        return check_in_child(self._folder.place(generation) / "chroma", COLLECTIONS, canaries, timeout)

    def _look_at_server(self, generation: str, canaries: Sequence[Canary]) -> CheckAnswer:
        import numpy as np

        try:
            with closing(open_server(self._server_url, generation, COLLECTIONS)) as index:
                for canary in canaries:
                    near = index.nearest(canary.name, np.asarray(canary.vector, dtype=np.float32), 3, None)
                    if not any(one.id == canary.chunk_id or one.similarity > 0.999 for one in near):
                        return CheckAnswer({}, f"{canary.chunk_id} is not found by its own vector")
                return CheckAnswer({name: index.count(name) for name in COLLECTIONS})
        except IndexUnavailable as error:
            return CheckAnswer({}, error.message)

    def _canaries(self, journal: Journal) -> Iterator[Canary]:
        import numpy as np

        truth = self._truth.digests()
        sound = [
            key
            for key, held in journal.entries.items()
            if held.chunks and key not in journal.pending and truth.get(key) == held.digest
        ]
        chosen = sound[:: max(1, len(sound) // CANARIES)][:CANARIES]
        for entry in self._truth.read(chosen):
            number, raw = entry.vectors[0]
            vector = tuple(float(value) for value in np.frombuffer(raw, dtype="<f4"))
            yield Canary(entry.key[0], chunk_id(entry.key, number), vector)

    @staticmethod
    def _compare(journal: Journal, answer: CheckAnswer) -> str:
        if answer.problem:
            return answer.problem
        for collection in COLLECTIONS:
            least, most = journal.chunk_bounds(collection)
            if not least <= answer.counts.get(collection, -1) <= most:
                return f"{collection}: {answer.counts.get(collection)} chunks in the index, {least} by its journal"
        return ""

    # --- generations -------------------------------------------------------------------------------------------

    def _open_as_reader(self) -> None:
        if not self._find_current():
            raise IndexUnavailable(
                "the search index is being built by another process", next_step="try again in a minute"
            )
        self._index = self._open_generation(self.generation)

    def _open_generation(self, name: str) -> ChromaIndex:
        if self._server_url:
            return open_server(self._server_url, name, COLLECTIONS)
        return open_embedded(self._folder.place(name) / "chroma", COLLECTIONS)

    def _find_current(self) -> bool:
        self.generation = self._folder.current()
        return bool(self.generation)

    def _retire(self, previous: ChromaIndex | None, old: str) -> None:
        with suppress(IndexUnavailable):
            if previous is not None:
                if self._server_url:
                    previous.drop()
                previous.close()
        if old:
            _log.info("index generation %s replaces %s", self.generation, old)
        self._folder.sweep(self.generation)


@contextmanager
def _disk_trouble() -> Iterator[None]:
    """No permission, no space, no folder: the library goes on without the index."""
    try:
        yield
    except OSError as error:
        raise IndexUnavailable(
            f"the folder of the search index cannot be used: {error}",
            next_step="check its permissions and the disk's space",
        ) from error


def _ids(key: Key, start: int, stop: int) -> list[str]:
    return [chunk_id(key, number) for number in range(start, stop)]


def _chunks(entry: VectorEntry) -> list[Chunk]:
    import numpy as np

    metadata = {**entry.metadata, "entry": entry.key[1], "digest": entry.digest}
    return [Chunk(chunk_id(entry.key, n), np.frombuffer(raw, dtype="<f4"), metadata) for n, raw in entry.vectors]

"""The library: cases and documents, found by fault id, by words and by meaning.

Truth is in the ledger's database. Words are indexed in memory; meanings in Chroma, which may be torn, slow or away: then
the search goes on by words alone and its notice says so. A case that a finding names by its fault's id is recalled
without any index, so that the common path of a diagnosis never loads an embedding model.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.case_file import ScriptCheck, accept_any_script, parse_case
from knowledge.dense_index import DenseIndex, OnProgress, Truth
from knowledge.embedding import Embedder
from knowledge.errors import IndexUnavailable, MalformedSettings
from knowledge.glossary import bundled_glossary, language_of
from knowledge.index_journal import Key
from knowledge.ingest import ImportReport, OnFile, import_files
from knowledge.ingest_readers import Source
from knowledge.library_answers import Found, IndexHealth, Outcomes, recall_score, recalled_case, words_only
from knowledge.library_catalogue import Catalogue
from knowledge.library_entries import Row, case_metadata, document_metadata
from knowledge.library_ranking import (
    MIN_SIMILARITY,
    Fused,
    Match,
    best_per_entry,
    fuse,
    where_filter,
    why,
)
from knowledge.library_store import COLLECTIONS, LibraryStore
from knowledge.vocabulary import Case, CaseKind, Json, Passage, RecalledCase, Scope, Text, digest_of

if TYPE_CHECKING:
    from knowledge.chroma_index import Vector

MAX_QUERY_CHARACTERS = 4_000
CANDIDATES = 50
RETRY_SECONDS = 60.0
REFRESH_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Library:
    """Sync and thread-safe; async callers use ``asyncio.to_thread``."""

    def __init__(
        self,
        catalogue: Catalogue,
        index: DenseIndex,
        embedder: Embedder,
        validate_script: ScriptCheck,
        redact: Callable[[str], str],
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._embedder = embedder
        self._validate_script = validate_script
        self._redact = redact
        self._opening = threading.Lock()
        self._retry_at = 0.0
        self._refresh_at = 0.0

    @classmethod
    def open(
        cls,
        store: LibraryStore,
        index: str | Path,
        embedder: Embedder,
        *,
        validate_script: ScriptCheck = accept_any_script,
        redact: Callable[[str], str] = str,
        state_folder: Path | None = None,
    ) -> Library:
        """Reads the rows; no index is opened and no model loaded yet. ``index`` is a folder, or the URL of a Chroma server;
        with a server the account of what it holds is kept in ``state_folder``. ``redact`` takes secrets out of documents
        before they are stored."""
        catalogue = Catalogue(store, embedder)
        truth = Truth(catalogue.digests, catalogue.read)
        folder, server = Path(index), ""
        if str(index).startswith(("http://", "https://")):
            if state_folder is None:
                raise MalformedSettings(
                    "a Chroma server needs a folder for the index's journal", next_step="pass state_folder"
                )
            folder, server = state_folder, str(index)
        dense = DenseIndex(folder, catalogue.vectors_by, truth, server)
        return cls(catalogue, dense, embedder, validate_script, redact)

    def close(self) -> None:
        self._index.close()

    # --- finding -----------------------------------------------------------------------------------------------

    def recall(
        self,
        faults: Sequence[str],
        alerts: Sequence[str] = (),
        services: Sequence[str] = (),
        *,
        outcomes: Outcomes | None = None,
        reach: Scope | None = None,
        limit: int = 20,
    ) -> list[RecalledCase]:
        """Cases that name one of the faults or alerts, or, with neither given, one of the services. No index is needed."""
        self._refresh_when_due()
        found = []
        for row in list(self._catalogue.rows.values()):
            if row.key[0] != "cases" or not row.is_within(reach) or not row.is_for(services):
                continue
            score, reasons = recall_score(row, faults, alerts, services)
            if score:
                found.append(recalled_case(row, score, "; ".join(reasons), outcomes or {}))
        return sorted(found, key=lambda case: (-case.score, case.case_id))[:limit]

    def search(
        self,
        text: str,
        kinds: Sequence[CaseKind | str] = (),
        layers: Sequence[str] = (),
        services: Sequence[str] = (),
        language: str | None = None,
        limit: int = 10,
        collections: Sequence[str] = COLLECTIONS,
        *,
        outcomes: Outcomes | None = None,
        reach: Scope | None = None,
    ) -> list[RecalledCase | Passage]:
        """As :meth:`find`, without its notice."""
        found = self.find(
            text,
            kinds=kinds,
            layers=layers,
            services=services,
            language=language,
            limit=limit,
            collections=collections,
            outcomes=outcomes,
            reach=reach,
        )
        return list(found.hits)

    def find(
        self,
        text: str,
        *,
        kinds: Sequence[CaseKind | str] = (),
        layers: Sequence[str] = (),
        services: Sequence[str] = (),
        language: str | None = None,
        limit: int = 10,
        collections: Sequence[str] = COLLECTIONS,
        outcomes: Outcomes | None = None,
        reach: Scope | None = None,
    ) -> Found:
        """Searches by words and by meaning in either language. Filters by kind or layer leave cases only; ``language``
        chooses among documents (cases have both). Held and not held counts order cases that match alike."""
        query = text.strip()[:MAX_QUERY_CHARACTERS]
        if not query or limit < 1:
            return Found(())
        self._refresh_when_due()
        rows = self._catalogue.rows
        wanted_kinds, wanted_layers = {str(kind) for kind in kinds}, {str(layer) for layer in layers}

        def accept(key: Key) -> bool:
            row = rows.get(key)
            return (
                row is not None
                and key[0] in collections
                and (not wanted_kinds or row.kind in wanted_kinds)
                and (not wanted_layers or row.layer in wanted_layers)
                and (language is None or key[0] == "cases" or row.language == language)
                and row.is_for(services)
                and row.is_within(reach)
            )

        candidates = max(CANDIDATES, 2 * limit)
        worded = self._catalogue.by_words(query, candidates, accept)
        notice: Text | None = None
        near: list[Match] = []
        try:
            where = where_filter(sorted(wanted_kinds), sorted(wanted_layers), services)
            near = self._by_meaning(query, candidates, collections, where, accept)
        except (IndexUnavailable, MalformedSettings) as error:
            notice = words_only(error.message)
            if not self._index.is_open:
                self._retry_at = max(self._retry_at, time.monotonic() + RETRY_SECONDS)
        fused = fuse(near, worded, bundled_glossary().translate(query).coverage)
        hits = (self._hit(match, outcomes or {}) for match in fused[: 2 * limit])
        ordered = sorted((hit for hit in hits if hit is not None), key=lambda hit: -hit.score)
        return Found(tuple(ordered[:limit]), notice)

    def nearest_by_vector(self, collection: str, vector: Vector, limit: int) -> list[str]:
        """Ids of the entries nearest to a vector: the index alone, for measuring it. Raises IndexUnavailable."""
        self._open_index()
        near = self._index.nearest(collection, vector, limit)
        return list(dict.fromkeys(str(one.metadata["entry"]) for one in near))

    def case(self, case_id: str) -> Case | None:
        markdown = self.case_markdown(case_id)
        return parse_case(markdown, source=case_id) if markdown is not None else None

    def case_markdown(self, case_id: str) -> str | None:
        return self._catalogue.text(("cases", case_id))

    def document_text(self, document_id: str) -> str | None:
        return self._catalogue.text(("documents", document_id))

    def entries(self, collection: str | None = None) -> list[Row]:
        """Rows of the catalogue, in the order of their keys."""
        self._refresh_when_due()
        return [row for key, row in sorted(self._catalogue.rows.items()) if collection in {None, key[0]}]

    # --- putting in --------------------------------------------------------------------------------------------

    def add_case(self, case: Case, markdown: str, *, source: str = "", embed: bool = True) -> str:
        """Stores a case; ``added``, ``updated`` or ``unchanged``. ``markdown`` is what ``case`` was read from."""
        said = self._put(("cases", case.id), markdown, "", case_metadata(case, source), embed=embed)
        self._index_soon()
        return said

    def add_document(self, document_id: str, title: str, text: str, *, source: str = "", embed: bool = True) -> str:
        """Stores a document; as :meth:`add_case`. The same text under another id is ``unchanged`` too."""
        said = self._put_source(Source(document_id, title, text, source), source, embed=embed)
        self._index_soon()
        return said

    def remove(self, collection: str, entry_id: str) -> bool:
        """False when there is no such entry."""
        key = (collection, entry_id)
        if key not in self._catalogue.rows:
            return False
        self._catalogue.remove(key)
        self._index_soon()
        return True

    def import_path(
        self, path: Path, on_progress: OnFile | None = None, *, embed: bool = True, source: str = ""
    ) -> ImportReport:
        """Takes in a file or a whole folder; a broken file is named in the report and the others go in. ``source`` says
        where it comes from; default: its path."""
        where = source

        def put(source: Source) -> str:
            return self._put_source(source, where or source.path, embed=embed)

        report = import_files(path, put, self._validate_script, on_progress)
        self._index_soon()
        return report

    def load_bundled(self, cases: Path | None = None, documents: Path | None = None) -> ImportReport:
        """Puts in the cases and documents that come with the desk, without embedding them yet; unchanged ones cost little.
        A case of the same id that the site has changed is the site's: it stays."""
        from knowledge.bundled import bundled_sources

        def put(source: Source) -> str:
            if source.case is not None:
                held = self._catalogue.rows.get(("cases", source.case.id))
                if held is not None and not held.source.startswith("bundled:"):
                    return "unchanged"
            return self._put_source(source, f"bundled:{source.id}", embed=False)

        return bundled_sources(put, self._validate_script, cases, documents)

    def _put_source(self, source: Source, where: str, *, embed: bool) -> str:
        if source.case is not None:
            metadata = case_metadata(source.case, where)
            return self._put(("cases", source.id), source.text, "", metadata, embed=embed)
        text = self._redact(source.text)
        metadata = document_metadata(self._redact(source.title), where)
        return self._put(("documents", source.id), text, language_of(text).value, metadata, embed=embed)

    def _put(self, key: Key, text: str, language: str, metadata: Json, *, embed: bool) -> str:
        digest = digest_of(text)
        if self._catalogue.holds(key, digest):
            return "unchanged"
        held = key in self._catalogue.rows
        self._catalogue.put(key, text, language, metadata, digest, embed=embed)
        return "updated" if held else "added"

    # --- the index ---------------------------------------------------------------------------------------------

    def warm(self, on_progress: OnProgress | None = None) -> IndexHealth:
        """Opens the index: checks it, brings it up to date, makes it again when it is torn. The model is loaded only when
        vectors are missing. Searches meanwhile go by words. Raises IndexUnavailable."""
        with self._opening:
            self._index.open(on_progress)
        return self._health("")

    def check(self) -> IndexHealth:
        """Looks at the index on disk in a child process; nothing is changed."""
        return self._health(self._index.check())

    def rebuild(self, on_progress: OnProgress | None = None) -> IndexHealth:
        """Makes a new index from the ledger and switches to it. Raises IndexUnavailable when another process writes it."""
        self._catalogue.refresh()
        self._index.rebuild(on_progress)
        self._retry_at = 0.0
        return self._health("")

    def _health(self, problem: str) -> IndexHealth:
        counts = {name: sum(key[0] == name for key in self._catalogue.rows) for name in COLLECTIONS}
        return IndexHealth(
            problem=problem,
            generation=self._index.generation,
            is_writer=self._index.is_writer,
            cases=counts["cases"],
            documents=counts["documents"],
            embedder=self._embedder.name,
        )

    def _by_meaning(
        self,
        query: str,
        limit: int,
        collections: Sequence[str],
        where: Mapping[str, object] | None,
        accept: Callable[[Key], bool],
    ) -> list[Match]:
        self._open_index()
        vector = self._catalogue.embed([query])[0]
        rows = self._catalogue.rows
        matches: list[Match] = []
        for collection in collections:
            for near in self._index.nearest(collection, vector, limit * 2, where):
                key = (collection, str(near.metadata["entry"]))
                if near.similarity < MIN_SIMILARITY or not accept(key) or rows[key].digest != near.metadata["digest"]:
                    continue
                matches.append(Match(key, int(near.id.rpartition("#")[2]), near.similarity))
        return best_per_entry(sorted(matches, key=lambda match: -match.score))[:limit]

    def _open_index(self) -> None:
        """Opens the index at the first search that wants it. One that failed is not tried again at once, and nobody waits
        for a thread that is opening it."""
        if self._index.is_open:
            return
        if time.monotonic() < self._retry_at:
            raise IndexUnavailable(self._index.last_problem or "the search index is not open")
        if not self._opening.acquire(blocking=False):
            raise IndexUnavailable("the search index is being opened", next_step="search again in a minute")
        try:
            self._index.open()
        except (IndexUnavailable, MalformedSettings) as error:
            self._index.last_problem = error.message
            raise
        finally:
            self._opening.release()

    def _index_soon(self) -> None:
        """After a change: at once when this process has the index open for writing, else whoever has it catches up."""
        if not (self._index.is_open and self._index.is_writer):
            return
        try:
            self._index.catch_up()
        except IndexUnavailable as error:
            _log.warning("stored, but not in the search index yet: %s", error.message)

    def _refresh_when_due(self) -> None:
        """Other processes store entries too. Looking costs at most a hundredth of the time."""
        now = time.monotonic()
        if now < self._refresh_at:
            return
        self._refresh_at = now + REFRESH_SECONDS
        if self._catalogue.refresh():
            self._index_soon()
        self._refresh_at = max(self._refresh_at, now + 100 * (time.monotonic() - now))

    def _hit(self, match: Fused, outcomes: Outcomes) -> RecalledCase | Passage | None:
        row = self._catalogue.rows.get(match.key)
        if row is None:
            return None
        if match.key[0] == "cases":
            return recalled_case(row, match.score, why(match), outcomes)
        text = self._catalogue.chunk_text(match.key, match.chunk_no)
        return Passage(document_id=row.key[1], title=row.title.en, text=text, score=match.score, source=row.source)

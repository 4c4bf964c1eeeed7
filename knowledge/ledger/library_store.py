"""The library's truth: texts, chunks and vectors. The search index is made from it and can be lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from knowledge.errors import BadInput
from knowledge.ledger.rows.lore import LibraryChunkRow, LibraryEntryRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.values import LibraryChunk, LibraryEntry
from knowledge.vocabulary import Json

_BATCH = 200


class LibraryStore:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put_entry(
        self,
        collection: str,
        id: str,
        text: str,
        language: str,
        metadata: Json,
        vectors: Sequence[tuple[int, str, bytes]],
        digest: str,
    ) -> None:
        """Writes or replaces one entry with all its chunks ``(chunk_no, text, float32 vector)``: whole or not at all."""
        if len({number for number, _, _ in vectors}) != len(vectors):
            raise BadInput(f"{id} has two chunks of one number", next_step="number its chunks from 0", source=id)
        chunks = tuple(LibraryChunk(chunk_no=number, text=part, vector=vector) for number, part, vector in vectors)
        self.put_entries(
            [
                LibraryEntry(
                    collection=collection,
                    id=id,
                    text=text,
                    language=language,
                    metadata=metadata,
                    digest=digest,
                    chunks=chunks,
                )
            ]
        )

    def put_entries(self, entries: Sequence[LibraryEntry]) -> None:
        """Many at once in one transaction: what a large import uses."""
        with self._store.write() as writing:
            for entry in entries:
                _forget(writing, entry.collection, entry.id)
                writing.session.add(
                    LibraryEntryRow(
                        collection=entry.collection,
                        id=entry.id,
                        language=entry.language,
                        digest=entry.digest,
                        text=entry.text,
                        details=entry.metadata,
                        stored_at=writing.at,
                    )
                )
                writing.session.flush()
                writing.session.add_all(
                    LibraryChunkRow(
                        collection=entry.collection,
                        entry_id=entry.id,
                        chunk_no=chunk.chunk_no,
                        text=chunk.text,
                        vector=chunk.vector,
                    )
                    for chunk in entry.chunks
                )

    def delete(self, collection: str, id: str) -> bool:
        """False when there was none."""
        with self._store.write() as writing:
            return _forget(writing, collection, id)

    def get(self, collection: str, id: str) -> LibraryEntry | None:
        with self._store.read() as session:
            row = session.get(LibraryEntryRow, (collection, id))
            return None if row is None else _with_chunks(session, [row])[0]

    def iterate(self, collection: str) -> Iterator[LibraryEntry]:
        """Every entry by id, read in batches: each batch is consistent, the whole may see later writes."""
        last = ""
        while True:
            with self._store.read() as session:
                query = select(LibraryEntryRow).where(
                    LibraryEntryRow.collection == collection, LibraryEntryRow.id > last
                )
                rows = session.scalars(query.order_by(LibraryEntryRow.id).limit(_BATCH)).all()
                entries = _with_chunks(session, rows)
            if not entries:
                return
            yield from entries
            last = entries[-1].id

    def digests(self, collection: str) -> dict[str, str]:
        """Per entry id the digest of what was embedded: equal ones need no new import."""
        with self._store.read() as session:
            query = select(LibraryEntryRow.id, LibraryEntryRow.digest).where(LibraryEntryRow.collection == collection)
            return {entry_id: digest for entry_id, digest in session.execute(query)}  # noqa: C416 - rows are not tuples to mypy

    def counts(self) -> dict[str, int]:
        """Entries per collection."""
        with self._store.read() as session:
            query = select(LibraryEntryRow.collection, func.count()).group_by(LibraryEntryRow.collection)
            return {collection: count for collection, count in session.execute(query)}  # noqa: C416


def _forget(writing: Writing, collection: str, id: str) -> bool:
    of_entry = (LibraryChunkRow.collection == collection, LibraryChunkRow.entry_id == id)
    writing.session.execute(delete(LibraryChunkRow).where(*of_entry))
    gone = writing.session.scalars(
        delete(LibraryEntryRow)
        .where(LibraryEntryRow.collection == collection, LibraryEntryRow.id == id)
        .returning(LibraryEntryRow.id)
    ).all()
    return bool(gone)


def _with_chunks(session: Session, rows: Sequence[LibraryEntryRow]) -> list[LibraryEntry]:
    keys = [(row.collection, row.id) for row in rows]
    chunks: dict[tuple[str, str], list[LibraryChunk]] = {key: [] for key in keys}
    query = select(LibraryChunkRow).where(tuple_(LibraryChunkRow.collection, LibraryChunkRow.entry_id).in_(keys))
    for chunk in session.scalars(query.order_by(LibraryChunkRow.chunk_no)) if keys else ():
        part = LibraryChunk(chunk_no=chunk.chunk_no, text=chunk.text, vector=chunk.vector)
        chunks[chunk.collection, chunk.entry_id].append(part)
    return [
        LibraryEntry(
            collection=row.collection,
            id=row.id,
            text=row.text,
            language=row.language,
            metadata=row.details,
            digest=row.digest,
            chunks=tuple(chunks[row.collection, row.id]),
        )
        for row in rows
    ]

"""What the library keeps in the ledger's database: the truth of texts and vectors; every index is made from it.

The ledger implements :class:`LibraryStore`; tests have one in memory. Nothing here knows SQL or Chroma.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

from knowledge.vocabulary import Json

Collection = Literal["cases", "documents"]
COLLECTIONS: tuple[Collection, ...] = ("cases", "documents")


class StoredChunk(Protocol):
    """One piece of an entry. ``vector`` is float32 little-endian, as long as the embedder's dimensions."""

    @property
    def chunk_no(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def vector(self) -> bytes: ...


class StoredEntry(Protocol):
    """One case or document as the database gives it back. No chunks: its vectors have yet to be made."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def metadata(self) -> Json: ...
    @property
    def digest(self) -> str: ...
    @property
    def chunks(self) -> Sequence[StoredChunk]: ...


class LibraryStore(Protocol):
    """Texts and vectors; every method is one transaction, sync and thread-safe."""

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
        """Stores the entry and all its chunks, or nothing; an entry of the same id is replaced whole."""
        ...

    def delete(self, collection: str, id: str) -> object: ...

    def get(self, collection: str, id: str) -> StoredEntry | None: ...

    def iterate(self, collection: str) -> Iterator[StoredEntry]:
        """All entries in the order of their ids, without holding them all in memory."""
        ...

    def digests(self, collection: str) -> Mapping[str, str]:
        """Digest by id."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Entries by collection."""
        ...

"""The only code that speaks to Chroma: embedded in a folder, or a server by URL.

``embedding_function=None`` everywhere (Chroma would download a model of its own), upsert and never add (``add`` of an id
that exists silently keeps the old one), and vectors stay in Chroma's own write-ahead log (``sync_threshold``), because
its graph files are what a kill tears.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from knowledge.errors import IndexUnavailable, MalformedSettings

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[tuple[int], np.dtype[np.float32]]

HNSW = {"space": "cosine", "sync_threshold": 1_000_000, "ef_search": 100}
BATCH = 2_000
SERVER_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Chunk(NamedTuple):
    """One vector of an entry as the index keeps it."""

    id: str
    vector: Sequence[float] | Any
    metadata: Mapping[str, Any]


class Neighbour(NamedTuple):
    """A chunk near the query; ``similarity`` is the cosine."""

    id: str
    metadata: Mapping[str, Any]
    similarity: float


class ChromaIndex:
    """One generation of the index: a few collections of chunks. Thread-safe; every failure is IndexUnavailable."""

    def __init__(self, client: Any, names: Mapping[str, str]) -> None:
        """``names`` maps the library's collections to Chroma's."""
        self._client = client
        self._lock = threading.Lock()
        with _translated():
            self._collections = {
                ours: client.get_or_create_collection(
                    theirs, configuration={"hnsw": dict(HNSW)}, embedding_function=None
                )
                for ours, theirs in names.items()
            }
        self._names = dict(names)

    def upsert(self, collection: str, chunks: Sequence[Chunk]) -> None:
        for start in range(0, len(chunks), BATCH):
            batch = chunks[start : start + BATCH]
            with self._lock, _translated():
                self._collections[collection].upsert(
                    ids=[chunk.id for chunk in batch],
                    embeddings=[chunk.vector for chunk in batch],
                    metadatas=[dict(chunk.metadata) for chunk in batch],
                )

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        if ids:
            with self._lock, _translated():
                self._collections[collection].delete(ids=list(ids))

    def nearest(self, collection: str, vector: Vector, limit: int, where: Mapping[str, Any] | None) -> list[Neighbour]:
        with self._lock, _translated():
            answer = self._collections[collection].query(
                query_embeddings=[vector],
                n_results=limit,
                where=dict(where) if where else None,
                include=["metadatas", "distances"],
            )
        rows = zip(answer["ids"][0], answer["metadatas"][0], answer["distances"][0], strict=True)
        return [Neighbour(chunk_id, metadata, 1.0 - float(distance)) for chunk_id, metadata, distance in rows]

    def count(self, collection: str) -> int:
        with self._lock, _translated():
            return int(self._collections[collection].count())

    def drop(self) -> None:
        """Removes the collections (server mode: an older generation)."""
        with self._lock, _translated():
            for name in self._names.values():
                self._client.delete_collection(name)

    def close(self) -> None:
        with self._lock, _translated():
            sessions = _http_sessions(self._client)
            self._client.close()
            for session in sessions:
                session.close()  # Chroma's client leaves its sockets to the garbage collector


def open_embedded(folder: Path, collections: Sequence[str]) -> ChromaIndex:
    """Opens or creates the index of one generation in ``folder``; the caller has had it checked."""
    with _translated():
        import chromadb
        from chromadb.config import Settings

        client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return ChromaIndex(client, {name: name for name in collections})


def open_server(url: str, generation: str, collections: Sequence[str]) -> ChromaIndex:
    """Opens or creates the collections of one generation on a Chroma server at ``http(s)://host:port``."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MalformedSettings(f"not the URL of a Chroma server: {url!r}", next_step="write http://host:port")
    with _translated():
        import chromadb
        from chromadb.config import Settings

        port = parts.port or (443 if parts.scheme == "https" else 8000)
        # Chroma's client waits without end: first see that somebody is there, then give it a limit.
        socket.create_connection((parts.hostname, port), timeout=SERVER_SECONDS).close()
        client = chromadb.HttpClient(
            host=parts.hostname,
            port=port,
            ssl=parts.scheme == "https",
            settings=Settings(anonymized_telemetry=False),
        )
        for session in _http_sessions(client):
            session.timeout = SERVER_SECONDS
    return ChromaIndex(client, {name: f"opsdesk-{generation}-{name}" for name in collections})


def _http_sessions(client: Any) -> list[Any]:
    """The HTTP clients inside Chroma's (its own and its administrator's); none when embedded."""
    owners = (client, getattr(client, "_admin_client", None))
    sessions = (getattr(getattr(owner, "_server", None), "_session", None) for owner in owners)
    return [session for session in sessions if session is not None]


@contextmanager
def _translated() -> Iterator[None]:
    """Chroma raises its own errors, bare ones of its Rust core, and those of its HTTP client: all of them mean that the
    index cannot be used now, and the library goes on without it."""
    try:
        yield
    except IndexUnavailable:
        raise
    except Exception as error:
        _log.warning("search index: %s: %s", type(error).__name__, error)
        raise IndexUnavailable(
            f"the search index cannot be used: {type(error).__name__}: {str(error)[:300]}",
            next_step="run `opsdesk kb check`, then `opsdesk kb rebuild`; nothing of the library is lost",
        ) from error

"""Alert sources: who may post alerts, and how each proves it.

A bearer token is kept as its digest. HMAC needs the secret itself: with the desk's key file it is sealed (Fernet), so that a
copy of the ledger alone cannot forge a webhook; without one it is kept as it is, and the backup must be guarded like it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

from sqlalchemy import select

from knowledge.errors import BadInput, MalformedSettings, NotFound, WrongState
from knowledge.ledger.rows.desk import SourceRow
from knowledge.ledger.store import Store
from knowledge.ledger.values import Source, SourceAuth, SourceKind

_SHORTEST_SECRET = 16


class Sources:
    def __init__(self, store: Store, key_file: Path | None) -> None:
        self._store = store
        self._key_file = key_file

    def add(self, id: str, kind: SourceKind, auth: SourceAuth, secret: str, *, actor: str = "desk") -> Source:
        """A new source. BadInput for a secret under 16 characters, WrongState when the id is taken."""
        if len(secret) < _SHORTEST_SECRET:
            raise BadInput(
                f"the secret of source {id!r} is too short", next_step="openssl rand -hex 32 makes a good one"
            )
        is_sealed = auth != "bearer" and self._key_file is not None
        if auth == "bearer":
            stored = hashlib.sha256(secret.encode()).hexdigest()
        else:
            stored = seal(self._key_file, secret) if self._key_file is not None else secret
        with self._store.write() as writing:
            if writing.session.get(SourceRow, id):
                raise WrongState(f"there is a source {id!r} already", next_step="remove it first, or choose another id")
            row = SourceRow(id=id, kind=kind, auth=auth, secret=stored, is_sealed=is_sealed, created_at=writing.at)
            writing.session.add(row)
            writing.audit(actor, "source.add", id, kind=kind, auth=auth)
            return self._source(row)

    def get(self, id: str) -> Source:
        with self._store.read() as session:
            row = session.get(SourceRow, id)
        if row is None:
            raise NotFound(f"there is no alert source {id!r}", next_step="opsdesk source list shows the known ones")
        return self._source(row)

    def list(self) -> list[Source]:
        with self._store.read() as session:
            rows = session.scalars(select(SourceRow).order_by(SourceRow.id)).all()
        return [self._source(row) for row in rows]

    def remove(self, id: str, *, actor: str = "desk") -> None:
        with self._store.write() as writing:
            row = writing.session.get(SourceRow, id)
            if row is None:
                raise NotFound(f"there is no alert source {id!r}", next_step="opsdesk source list shows the known ones")
            writing.session.delete(row)
            writing.audit(actor, "source.remove", id)

    def _source(self, row: SourceRow) -> Source:
        secret = row.secret
        if row.is_sealed:
            if self._key_file is None:
                raise MalformedSettings(
                    f"source {row.id!r} is sealed and no key file is set", next_step="set the key file"
                )
            secret = unseal(self._key_file, row.secret)
        return Source(id=row.id, kind=cast("SourceKind", row.kind), auth=cast("SourceAuth", row.auth), secret=secret)


def make_key_file(path: Path) -> None:
    """Writes a new key, readable by its owner only; an existing file is never replaced (its seals would be lost)."""
    from cryptography.fernet import Fernet

    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise BadInput(
            f"{path} exists already", next_step="keep it: what it sealed cannot be read without it"
        ) from None
    path.write_bytes(Fernet.generate_key() + b"\n")


def seal(key_file: Path, secret: str) -> str:
    from cryptography.fernet import Fernet

    return Fernet(_key(key_file)).encrypt(secret.encode()).decode()


def unseal(key_file: Path, sealed: str) -> str:
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return Fernet(_key(key_file)).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise MalformedSettings(
            f"{key_file} is not the key that sealed this ledger's secrets", next_step="set the right key file"
        ) from None


def _key(key_file: Path) -> bytes:
    from cryptography.fernet import Fernet

    try:
        key = key_file.read_bytes().strip()
        Fernet(key)
    except OSError as error:
        raise MalformedSettings(
            f"the key file {key_file} cannot be read: {error.strerror}",
            next_step="restore it from where it is kept: what it sealed cannot be read without it",
        ) from error
    except ValueError:
        raise MalformedSettings(
            f"{key_file} is not a key file",
            next_step="restore it from where it is kept: what it sealed cannot be read without it",
        ) from None
    return key

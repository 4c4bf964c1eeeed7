"""Principals and their personal tokens. A token is shown once; the ledger keeps its digest."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from knowledge.errors import BadInput, NotFound, WrongState
from knowledge.ledger.look_alikes import skeleton
from knowledge.ledger.rows.desk import PrincipalRow, TokenRow
from knowledge.ledger.session_ends import end_sessions
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.values import Token
from knowledge.vocabulary import Principal, Role, Scope

_NAME = re.compile(r"[\w.@+-]{1,64}")


def folded(name: str) -> str:
    """The one spelling of a principal's name: what ids, requesters and voters are compared by."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


class Principals:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        name: str,
        roles: Iterable[Role],
        scope: Scope,
        kind: Literal["person", "machine"] = "person",
        person: str = "",
        *,
        actor: str = "desk",
    ) -> Principal:
        """A new principal; its id is its folded name. BadInput for a name that cannot be typed, WrongState if it is taken, or
        if it reads like one that is taken."""
        with self._store.write() as writing:
            return add_principal(writing, name, roles, scope, kind, person, actor=actor)

    def by_id(self, id: str) -> Principal:
        with self._store.read() as session:
            row = session.get(PrincipalRow, id)
            if row is None:
                raise _unknown(id)
            return _principal(session, row)

    def is_disabled(self, id: str) -> bool:
        """False for one that was never there."""
        with self._store.read() as session:
            row = session.get(PrincipalRow, folded(id))
            return row is not None and row.is_disabled

    def person_behind(self, id: str) -> str:
        """The human behind an identity, disabled or not: two identities of one human are one when it comes to agreeing."""
        with self._store.read() as session:
            return person_behind(session, id)

    def by_name(self, name: str) -> Principal:
        return self.by_id(folded(name))

    def by_token(self, token: str) -> Principal | None:
        """Whose token this is; None for one that is unknown, revoked, run out, or of a disabled principal."""
        found = self.token_of(token)
        return None if found is None else found[0]

    def token_of(self, token: str) -> tuple[Principal, Token] | None:
        """As :meth:`by_token`, with what the token is."""
        with self._store.read() as session:
            found = session.get(TokenRow, token_digest(token))
            if found is None or (found.expires_at is not None and found.expires_at <= self._store.now()):
                return None
            principal = known_principal(session, found.principal_id)
            return None if principal is None else (principal, _token(found))

    def issue_token(
        self, principal_id: str, label: str, expires_at: datetime | None = None, *, actor: str = "desk"
    ) -> str:
        """A new token, ``ops_`` and 43 characters (256 bits). Nobody can show it a second time."""
        token = "ops_" + secrets.token_urlsafe(32)
        with self._store.write() as writing:
            row = _row(writing, principal_id)
            taken = select(TokenRow.label).where(TokenRow.principal_id == row.id, TokenRow.label == label)
            if writing.session.scalar(taken) is not None:
                raise WrongState(
                    f"{row.id} has a token {label!r} already", next_step="revoke it or choose another label"
                )
            writing.session.add(
                TokenRow(
                    digest=token_digest(token),
                    principal_id=row.id,
                    label=label,
                    created_at=writing.at,
                    expires_at=expires_at,
                )
            )
            writing.audit(actor, "token.issue", row.id, label=label, expires_at=expires_at)
        return token

    def revoke_token(self, principal_id: str, label: str, *, actor: str = "desk") -> None:
        """The token and the browser sessions that it opened end."""
        with self._store.write() as writing:
            gone = writing.session.scalars(
                delete(TokenRow)
                .where(TokenRow.principal_id == principal_id, TokenRow.label == label)
                .returning(TokenRow.digest)
            ).all()
            if not gone:
                raise NotFound(
                    f"{principal_id} has no token {label!r}", next_step="opsdesk user tokens NAME lists the labels"
                )
            writing.audit(actor, "token.revoke", principal_id, label=label)
            for digest in gone:
                end_sessions(writing, principal_id, actor, "token revoked", token_digest=digest)

    def tokens(self, principal_id: str) -> list[Token]:
        with self._store.read() as session:
            rows = session.scalars(
                select(TokenRow).where(TokenRow.principal_id == principal_id).order_by(TokenRow.created_at)
            )
            return [_token(row) for row in rows]

    def list(self, *, with_disabled: bool = False) -> list[Principal]:
        with self._store.read() as session:
            query = select(PrincipalRow).order_by(PrincipalRow.id)
            if not with_disabled:
                query = query.where(PrincipalRow.is_disabled.is_(False))
            return [_principal(session, row) for row in session.scalars(query).all()]

    def set_roles(
        self, principal_id: str, roles: Iterable[Role], scope: Scope | None = None, *, actor: str = "desk"
    ) -> Principal:
        """Who loses a role is signed out of every browser."""
        roles = frozenset(roles)
        with self._store.write() as writing:
            row = _row(writing, principal_id)
            lost = set(row.roles) - set(roles)
            row.roles = sorted(roles)
            if scope is not None:
                row.scope = scope.model_dump(mode="json")
            writing.audit(actor, "principal.set_roles", row.id, roles=row.roles, scope=row.scope)
            if lost:
                end_sessions(writing, row.id, actor, f"lost {', '.join(sorted(lost))}")
            return _principal(writing.session, row)

    def disable(self, principal_id: str, *, actor: str = "desk") -> None:
        """From now on none of its tokens works, none of its sessions stands and none of its votes counts. Its past stays."""
        with self._store.write() as writing:
            _row(writing, principal_id).is_disabled = True
            writing.audit(actor, "principal.disable", principal_id)
            end_sessions(writing, principal_id, actor, "disabled")


def add_principal(
    writing: Writing,
    name: str,
    roles: Iterable[Role],
    scope: Scope,
    kind: Literal["person", "machine"] = "person",
    person: str = "",
    *,
    actor: str,
) -> Principal:
    """As :meth:`Principals.add`, within a transaction that goes on."""
    if not _NAME.fullmatch(unicodedata.normalize("NFKC", name).strip()):
        raise BadInput(f"{name!r} cannot be a principal's name", next_step="letters, digits and . _ @ + - (at most 64)")
    if writing.session.get(PrincipalRow, folded(name)):
        raise WrongState(f"there is a principal {folded(name)} already", next_step="choose another name")
    _check_look_alikes(writing.session, folded(name))
    row = PrincipalRow(
        id=folded(name),
        name=name.strip(),
        kind=kind,
        person=folded(person),
        roles=sorted(roles),
        scope=scope.model_dump(mode="json"),
        is_disabled=False,
        created_at=writing.at,
    )
    writing.session.add(row)
    writing.audit(actor, "principal.add", row.id, roles=row.roles, scope=row.scope, kind=kind, person=row.person)
    return _principal(writing.session, row)


def known_principal(session: Session, id: str) -> Principal | None:
    """The principal as the ledger knows it at this moment; None when there is none or it is disabled."""
    row = session.get(PrincipalRow, folded(id))
    return None if row is None or row.is_disabled else _principal(session, row)


def person_behind(session: Session, id: str) -> str:
    """The human behind a principal's id, disabled or not: links are followed to their end, so that an account that is linked
    to an account counts as the one person it is. Of a circle of links it is the first by name."""
    path = [folded(id)]
    while (row := session.get(PrincipalRow, path[-1])) is not None and row.person:
        if row.person in path:
            return min(path[path.index(row.person) :])
        path.append(row.person)
    return path[-1]


def _check_look_alikes(session: Session, id: str) -> None:
    """A name in letters of several scripts may read like another's: who reads an approval has to know whose it is."""
    mine = skeleton(id)
    for known in session.scalars(select(PrincipalRow.id)):
        if skeleton(known) == mine:
            raise WrongState(
                f"{id!a} reads like the principal {known!a}, spelled with letters of another script",
                next_step="choose a name that cannot be mistaken",
            )


def _row(writing: Writing, principal_id: str) -> PrincipalRow:
    row = writing.session.get(PrincipalRow, principal_id, with_for_update=True)
    if row is None:
        raise _unknown(principal_id)
    return row


def _unknown(id: str) -> NotFound:
    return NotFound(f"there is no principal {id!r}", next_step="opsdesk user list shows who is known")


def _token(row: TokenRow) -> Token:
    return Token(principal_id=row.principal_id, label=row.label, created_at=row.created_at, expires_at=row.expires_at)


def token_digest(token: str) -> str:
    """What the ledger knows a token by: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _principal(session: Session, row: PrincipalRow) -> Principal:
    return Principal(
        id=row.id,
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles),
        scope=Scope.model_validate(row.scope),
        kind="machine" if row.kind == "machine" else "person",
        person=person_behind(session, row.id) if row.person else "",
    )

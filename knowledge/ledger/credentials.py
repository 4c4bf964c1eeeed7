"""Passwords, as the hashes that somebody else computed, and one-time links that set them.

A link's secret is shown once; the ledger keeps its digest, and using it takes it away.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from knowledge.errors import NotFound, WrongState
from knowledge.ledger.principals import add_principal, folded, known_principal
from knowledge.ledger.rows.desk import TokenRow
from knowledge.ledger.rows.identity import OneTimeLinkRow, PasswordRow
from knowledge.ledger.rows.messengers import LinkedIdentityRow
from knowledge.ledger.session_ends import end_sessions
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Noun, Principal, Role, Scope

WELCOME = "welcome"
INVITATION = "invitation"
_ENDED = "this link is not known, was used, or has run out"
_ANOTHER = "an admin makes another: opsdesk user invite NAME"


class OneTimeLink(Noun):
    """What a link's secret is good for. ``principal_id`` is empty for the link that makes the first admin."""

    purpose: str
    principal_id: str
    ends_at: datetime


class Credentials:
    def __init__(self, store: Store) -> None:
        self._store = store

    def password_hash(self, name: str) -> tuple[Principal, str] | None:
        """The principal of that name and its hash; None for one that is unknown, disabled, without role or password."""
        with self._store.read() as session:
            principal = known_principal(session, folded(name))
            if principal is None or not principal.roles:
                return None
            row = session.get(PasswordRow, principal.id)
            return None if row is None else (principal, row.hash)

    def has_password(self, principal_id: str) -> bool:
        with self._store.read() as session:
            return session.get(PasswordRow, folded(principal_id)) is not None

    def set_password(self, principal_id: str, hash: str, *, actor: str, but: str = "") -> None:
        """Ends every session of the principal (``but`` for the one that asks) and every link that would set another."""
        with self._store.write() as writing:
            principal = known_principal(writing.session, principal_id)
            if principal is None:
                raise NotFound(f"there is no principal {principal_id!r}", next_step="opsdesk user list")
            _set(writing, principal.id, hash, actor, but)

    def rehash(self, principal_id: str, before: str, after: str) -> None:
        """The same password under today's parameters; nothing when it was changed meanwhile."""
        with self._store.write() as writing:
            row = writing.session.get(PasswordRow, principal_id, with_for_update=True)
            if row is not None and row.hash == before:
                row.hash = after
                writing.audit("desk", "password.rehash", principal_id)

    def nobody_may_sign_in(self) -> bool:
        """True until the first password, token or linked identity: only then is there a welcome."""
        with self._store.read() as session:
            return _is_nobodys(session)

    def make_welcome(self, lifetime: timedelta) -> str | None:
        """The secret of the link that makes the first admin, instead of an earlier one; None once somebody may sign in."""
        with self._store.write() as writing:
            writing.hold("welcome")
            if not _is_nobodys(writing.session):
                return None
            writing.session.execute(delete(OneTimeLinkRow).where(OneTimeLinkRow.purpose == WELCOME))
            return _make(writing, WELCOME, "", lifetime, "desk")

    def invite(self, principal_id: str, lifetime: timedelta, *, actor: str) -> str:
        """The secret of a link with which the principal sets its password; it replaces an earlier one."""
        with self._store.write() as writing:
            principal = known_principal(writing.session, principal_id)
            if principal is None:
                raise NotFound(f"there is no principal {principal_id!r}", next_step="opsdesk user list")
            if principal.kind == "machine":
                raise WrongState(
                    f"{principal.id} is a program: it has no password", next_step="opsdesk user token NAME"
                )
            _forget_links(writing, principal.id)
            return _make(writing, INVITATION, principal.id, lifetime, actor)

    def link(self, secret: str) -> OneTimeLink | None:
        """What the link is good for now; looking does not use it up."""
        with self._store.read() as session:
            row = session.get(OneTimeLinkRow, _digest(secret))
            if row is None or row.ends_at <= self._store.now():
                return None
            if row.purpose == INVITATION and known_principal(session, row.principal_id) is None:
                return None
            return OneTimeLink(purpose=row.purpose, principal_id=row.principal_id, ends_at=row.ends_at)

    def use_invitation(self, secret: str, hash: str) -> Principal:
        """Sets the password of whom the link is for. WrongState for a link that is good no more."""
        with self._store.write() as writing:
            principal_id = _use(writing, secret, INVITATION)
            principal = known_principal(writing.session, principal_id)
            if principal is None:
                raise WrongState(_ENDED, next_step=_ANOTHER)
            _set(writing, principal.id, hash, principal.id, "")
            return principal

    def use_welcome(self, secret: str, name: str, roles: Iterable[Role], hash: str) -> Principal:
        """Makes the first admin. WrongState for a link that is good no more, or when somebody else came in meanwhile."""
        with self._store.write() as writing:
            writing.hold("welcome")
            _use(writing, secret, WELCOME)
            if not _is_nobodys(writing.session):
                raise WrongState("opsdesk has its first admin already", next_step=_ANOTHER)
            principal = add_principal(writing, name, roles, Scope(), actor="welcome")
            _set(writing, principal.id, hash, principal.id, "")
            return principal


def _set(writing: Writing, principal_id: str, hash: str, actor: str, but: str) -> None:
    writing.session.merge(PasswordRow(principal_id=principal_id, hash=hash, set_at=writing.at))
    _forget_links(writing, principal_id)
    writing.audit(actor, "password.set", principal_id)
    end_sessions(writing, principal_id, actor, "password changed", but=but)


def _forget_links(writing: Writing, principal_id: str) -> None:
    writing.session.execute(delete(OneTimeLinkRow).where(OneTimeLinkRow.principal_id == principal_id))


def _make(writing: Writing, purpose: str, principal_id: str, lifetime: timedelta, actor: str) -> str:
    secret = secrets.token_urlsafe(32)
    ends_at = writing.at + lifetime
    writing.session.execute(delete(OneTimeLinkRow).where(OneTimeLinkRow.ends_at <= writing.at))
    writing.session.add(
        OneTimeLinkRow(
            digest=_digest(secret), purpose=purpose, principal_id=principal_id, made_at=writing.at, ends_at=ends_at
        )
    )
    writing.audit(actor, "link.make", principal_id or purpose, purpose=purpose, ends_at=ends_at)
    return secret


def _use(writing: Writing, secret: str, purpose: str) -> str:
    """Takes the link away; of two that use it at once the second finds nothing. Whose it was."""
    gone = writing.session.execute(
        delete(OneTimeLinkRow)
        .where(OneTimeLinkRow.digest == _digest(secret), OneTimeLinkRow.purpose == purpose)
        .returning(OneTimeLinkRow.principal_id, OneTimeLinkRow.ends_at)
    ).one_or_none()
    if gone is None or gone.ends_at <= writing.at:
        raise WrongState(_ENDED, next_step=_ANOTHER)
    return str(gone.principal_id)


def _is_nobodys(session: Session) -> bool:
    ways = (PasswordRow.principal_id, TokenRow.digest, LinkedIdentityRow.subject)
    return not any(session.scalar(select(exists().where(column.is_not(None)))) for column in ways)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

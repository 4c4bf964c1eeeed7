"""Accounts elsewhere (a Slack user, a subject of an OpenID provider) that are principals here. An account that is linked to
nobody is nobody: it reads nothing and decides nothing."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from knowledge.errors import BadInput, NotFound, WrongState
from knowledge.ledger.principals import folded, known_principal
from knowledge.ledger.rows.desk import PrincipalRow
from knowledge.ledger.rows.messengers import LinkCodeRow, LinkedIdentityRow
from knowledge.ledger.session_ends import end_sessions
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Noun, Principal

OPENID = "oidc:"
CODE_LIFE = timedelta(minutes=10)
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LETTERS = 12
"""About 59 bits: nobody guesses one of them within its ten minutes."""


class LinkedIdentity(Noun):
    """``provider`` names the place with its tenant: ``slack:T0123``, ``oidc:https://issuer``; ``subject`` the account there."""

    provider: str
    subject: str
    principal_id: str
    linked_at: datetime
    linked_by: str


class LinkedIdentities:
    def __init__(self, store: Store) -> None:
        self._store = store

    def link(self, provider: str, subject: str, principal_id: str, *, actor: str) -> LinkedIdentity:
        """Makes the account the principal's. WrongState when it is another one's already: that one has to be unlinked first."""
        with self._store.write() as writing:
            return _identity(link_account(writing, provider, subject, principal_id, actor))

    def unlink(self, provider: str, subject: str, *, actor: str) -> None:
        """Browser sessions that an account of OpenID Connect opened end with it."""
        with self._store.write() as writing:
            row = writing.session.get(LinkedIdentityRow, (provider, subject), with_for_update=True)
            if row is None:
                raise NotFound(f"{provider}/{subject} is linked to nobody", next_step="opsdesk user links NAME")
            writing.session.delete(row)
            writing.audit(actor, "identity.unlink", row.principal_id, provider=provider, account=subject)
            if provider.startswith(OPENID):
                end_sessions(writing, row.principal_id, actor, "account unlinked", method="oidc")

    def principal_of(self, provider: str, subject: str) -> Principal | None:
        """Who the account is at this moment; None for one that is linked to nobody, or to a disabled principal."""
        with self._store.read() as session:
            row = session.get(LinkedIdentityRow, (provider, subject))
            return None if row is None else known_principal(session, row.principal_id)

    def of(self, principal_id: str) -> list[LinkedIdentity]:
        query = select(LinkedIdentityRow).where(LinkedIdentityRow.principal_id == folded(principal_id))
        with self._store.read() as session:
            rows = session.scalars(query.order_by(LinkedIdentityRow.provider, LinkedIdentityRow.subject))
            return [_identity(row) for row in rows]

    def make_code(self, principal_id: str, *, actor: str) -> str:
        """A code that links one account to the principal, once, within ten minutes. It replaces an earlier one."""
        letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LETTERS))
        with self._store.write() as writing:
            if known_principal(writing.session, principal_id) is None:
                raise NotFound(f"there is no principal {principal_id!r}", next_step="opsdesk user list")
            gone = (LinkCodeRow.principal_id == folded(principal_id)) | (LinkCodeRow.ends_at <= writing.at)
            writing.session.execute(delete(LinkCodeRow).where(gone))
            writing.session.add(
                LinkCodeRow(digest=_digest(letters), principal_id=folded(principal_id), ends_at=writing.at + CODE_LIFE)
            )
            writing.audit(actor, "identity.make_code", folded(principal_id))
        return "-".join(letters[start : start + 4] for start in range(0, _CODE_LETTERS, 4))

    def discard(self, code: str) -> None:
        """The code was said where others read: nobody may use it any more."""
        with self._store.write() as writing:
            row = writing.session.get(LinkCodeRow, _digest(code))
            if row is not None:
                writing.session.delete(row)
                writing.audit(row.principal_id, "identity.discard_code", row.principal_id)

    def redeem(self, code: str, provider: str, subject: str) -> Principal:
        """Links the account to whoever made the code. BadInput for a code that is not known, was used or has run out."""
        with self._store.write() as writing:
            row = writing.session.get(LinkCodeRow, _digest(code), with_for_update=True)
            principal = known_principal(writing.session, row.principal_id) if row is not None else None
            if row is None or principal is None or row.ends_at <= writing.at:
                raise BadInput(
                    "this code is not known, was used, or has run out",
                    next_step="make a new one: opsdesk user link-code",
                )
            writing.session.delete(row)
            link_account(writing, provider, subject, principal.id, principal.id)
            return principal


def link_account(writing: Writing, provider: str, subject: str, principal_id: str, actor: str) -> LinkedIdentityRow:
    """As :meth:`LinkedIdentities.link`, within a transaction that goes on."""
    session = writing.session
    writing.hold(f"identity:{provider}/{subject}")
    owner = session.get(PrincipalRow, folded(principal_id))
    if owner is None:
        raise NotFound(f"there is no principal {principal_id!r}", next_step="opsdesk user list shows who is known")
    row = session.get(LinkedIdentityRow, (provider, subject), with_for_update=True)
    if row is not None:
        if row.principal_id != owner.id:
            raise WrongState(
                f"{provider}/{subject} is linked to another user already",
                next_step=f"an admin unlinks it first: opsdesk user unlink {provider}/{subject}",
            )
        return row
    row = LinkedIdentityRow(
        provider=provider, subject=subject, principal_id=owner.id, linked_at=writing.at, linked_by=actor
    )
    session.add(row)
    writing.audit(actor, "identity.link", owner.id, provider=provider, account=subject)
    return row


def _digest(code: str) -> str:
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(letters.encode("utf-8", "surrogatepass")).hexdigest()


def _identity(row: LinkedIdentityRow) -> LinkedIdentity:
    return LinkedIdentity(
        provider=row.provider,
        subject=row.subject,
        principal_id=row.principal_id,
        linked_at=row.linked_at,
        linked_by=row.linked_by,
    )

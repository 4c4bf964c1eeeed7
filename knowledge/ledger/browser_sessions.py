"""Browser sessions as rows: whoever ends one ends it at once, for every process of the desk.

The browser holds a random secret, the ledger its digest. Whose session it is, and with which roles, is looked up again every
time; losing a role, the password or the whole account takes the rows away in the same transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal, cast

from pydantic import Field
from sqlalchemy import ColumnElement, delete, select, update

from knowledge.errors import LedgerBusy, NotAuthenticated, NotFound
from knowledge.ledger.ids import new_id
from knowledge.ledger.principals import folded, known_principal
from knowledge.ledger.rows.desk import TokenRow
from knowledge.ledger.rows.identity import BrowserSessionRow
from knowledge.ledger.session_ends import end_sessions, end_those
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Noun, Principal

Method = Literal["password", "token", "link", "oidc"]
SEEN_EVERY = timedelta(minutes=1)
"""``seen_at`` is written at most so often: a page that loads twenty parts is one visit, not twenty writes."""
AGENT_CHARACTERS = 300


class SignInProof(Noun):
    """How somebody signed in. ``via`` is the token's label or the provider's name; ``token_digest`` ties the session to the
    token that opened it; ``hint`` is what the provider wants back at sign-out, sealed."""

    method: Method
    via: str = ""
    token_digest: str = Field("", repr=False)
    hint: str = Field("", repr=False)


class BrowserSession(Noun):
    """A session without its secret."""

    id: str
    principal_id: str
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    method: Method
    via: str
    agent: str
    address: str
    hint: str = Field("", repr=False, exclude=True)

    @property
    def nonce(self) -> str:
        """What the session's CSRF tokens are bound to."""
        return self.id


class BrowserSessions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(
        self,
        principal_id: str,
        proof: SignInProof,
        lifetime: timedelta,
        *,
        agent: str = "",
        address: str = "",
        instead_of: str = "",
    ) -> tuple[str, BrowserSession]:
        """A new session and the secret that only the browser keeps. ``instead_of`` is the secret of the session that the
        browser had: it ends, so that nobody goes on with what somebody else put there. NotAuthenticated for a principal
        that is disabled or has no role, and for a token that was revoked meanwhile."""
        secret = secrets.token_urlsafe(32)
        with self._store.write() as writing:
            principal = known_principal(writing.session, principal_id)
            ends_at = _end(writing, proof, writing.at + lifetime)
            if principal is None or not principal.roles or ends_at is None:
                raise NotAuthenticated("this account cannot sign in", next_step="ask an admin of opsdesk")
            if instead_of:
                end_those(writing, BrowserSessionRow.digest == _digest(instead_of))
            writing.session.execute(delete(BrowserSessionRow).where(BrowserSessionRow.ends_at <= writing.at))
            row = BrowserSessionRow(
                id=new_id("ses", writing.at),
                digest=_digest(secret),
                principal_id=principal.id,
                opened_at=writing.at,
                seen_at=writing.at,
                ends_at=ends_at,
                method=proof.method,
                via=proof.via,
                token_digest=proof.token_digest,
                agent=agent[:AGENT_CHARACTERS],
                address=address,
                hint=proof.hint,
            )
            writing.session.add(row)
            told = {"method": proof.method, "via": proof.via, "address": address}
            writing.audit(principal.id, "sign_in", row.id, **told)
            return secret, _session(row)

    def find(self, secret: str, idle: timedelta, *, is_seen: bool = True) -> tuple[BrowserSession, Principal] | None:
        """Whose secret this is; None for one that is unknown or over. With ``is_seen`` the person is taken to be there now."""
        return self._standing(BrowserSessionRow.digest == _digest(secret), idle, is_seen=is_seen)

    def still_stands(self, id: str, idle: timedelta, *, is_seen: bool = False) -> Principal | None:
        """Who the session's principal is at this moment; None when the session is over. One read."""
        found = self._standing(BrowserSessionRow.id == id, idle, is_seen=is_seen)
        return None if found is None else found[1]

    def _standing(
        self, which: ColumnElement[bool], idle: timedelta, *, is_seen: bool
    ) -> tuple[BrowserSession, Principal] | None:
        now = self._store.now()
        with self._store.read() as session:
            row = session.scalar(select(BrowserSessionRow).where(which))
            if row is None or row.ends_at <= now or row.seen_at + idle <= now:
                return None
            principal = known_principal(session, row.principal_id)
            found = _session(row)
        if principal is None or not principal.roles:
            return None
        if is_seen and now - found.seen_at >= SEEN_EVERY:
            with contextlib.suppress(LedgerBusy), self._store.write() as writing:  # a page is not refused for this
                mark = update(BrowserSessionRow).where(BrowserSessionRow.id == found.id)
                writing.session.execute(mark.values(seen_at=writing.at))
        return found, principal

    def of(self, principal_id: str) -> list[BrowserSession]:
        """Those that have not run out, the one last seen first."""
        query = select(BrowserSessionRow).where(
            BrowserSessionRow.principal_id == folded(principal_id), BrowserSessionRow.ends_at > self._store.now()
        )
        with self._store.read() as session:
            return [_session(row) for row in session.scalars(query.order_by(BrowserSessionRow.seen_at.desc()))]

    def end(self, secret: str) -> BrowserSession | None:
        """Signs out; None when there was no such session."""
        with self._store.write() as writing:
            ended = [_session(row) for row in end_those(writing, BrowserSessionRow.digest == _digest(secret))]
            for one in ended:
                writing.audit(one.principal_id, "sign_out", one.id)
            return ended[0] if ended else None

    def end_one(self, principal_id: str, id: str, *, actor: str) -> None:
        with self._store.write() as writing:
            mine = (BrowserSessionRow.id == id) & (BrowserSessionRow.principal_id == folded(principal_id))
            if not end_those(writing, mine):
                raise NotFound("there is no such session", next_step="it has ended already")
            writing.audit(actor, "session.end", folded(principal_id), sessions=[id])

    def end_all(self, principal_id: str, *, actor: str, but: str = "") -> int:
        """Signs the principal out everywhere, but for the session with that id. How many sessions that ended."""
        with self._store.write() as writing:
            return end_sessions(writing, folded(principal_id), actor, "signed out everywhere", but=but)


def _end(writing: Writing, proof: SignInProof, wanted: datetime) -> datetime | None:
    """A session that a token opened ends with it at the latest."""
    if not proof.token_digest:
        return wanted
    token = writing.session.get(TokenRow, proof.token_digest)
    if token is None or (token.expires_at is not None and token.expires_at <= writing.at):
        return None
    return wanted if token.expires_at is None else min(wanted, token.expires_at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _session(row: BrowserSessionRow) -> BrowserSession:
    return BrowserSession(
        id=row.id,
        principal_id=row.principal_id,
        opened_at=row.opened_at,
        seen_at=row.seen_at,
        ends_at=row.ends_at,
        method=cast("Method", row.method),
        via=row.via,
        agent=row.agent,
        address=row.address,
        hint=row.hint,
    )

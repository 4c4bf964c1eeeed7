"""Somebody whom another site vouches for comes in: one transaction finds or makes their principal and renews its roles."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from knowledge.errors import BadInput, WrongState
from knowledge.ledger.linked_identities import link_account
from knowledge.ledger.principals import add_principal, known_principal
from knowledge.ledger.rows.desk import PrincipalRow
from knowledge.ledger.rows.messengers import LinkedIdentityRow
from knowledge.ledger.session_ends import end_sessions
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Noun, Principal, Role, Scope


class Turned(StrEnum):
    """Why somebody was turned away."""

    UNKNOWN = "not linked to a user"
    DISABLED = "user is disabled"
    ROLELESS = "no role"
    NAME = "name is taken or unfit"


class Admission(Noun):
    """``principal`` None: turned away. ``subject`` is the principal's id for the audit, where there is one."""

    principal: Principal | None = None
    turned: Turned | None = None
    subject: str = ""


class Admissions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(
        self, provider: str, account: str, *, roles: Iterable[Role] | None, scope: Scope | None, new_name: str = ""
    ) -> Admission:
        """Who the account is here. ``roles`` None leaves them as they are; otherwise they and ``scope`` are what the account's
        groups give now, and whoever lost one is signed out everywhere. ``new_name`` makes a principal of an unknown account
        that has a role; a name that somebody has is never taken over."""
        with self._store.write() as writing:
            writing.hold(f"identity:{provider}/{account}")
            row = writing.session.get(LinkedIdentityRow, (provider, account))
            if row is None:
                return _made(writing, provider, account, roles, scope, new_name)
            principal = known_principal(writing.session, row.principal_id)
            if principal is None:
                return Admission(turned=Turned.DISABLED, subject=row.principal_id)
            if roles is not None:
                principal = _renewed(writing, principal, frozenset(roles), scope or Scope(), provider)
            if not principal.roles:
                return Admission(turned=Turned.ROLELESS, subject=principal.id)
            return Admission(principal=principal, subject=principal.id)


def _made(
    writing: Writing, provider: str, account: str, roles: Iterable[Role] | None, scope: Scope | None, name: str
) -> Admission:
    wanted = frozenset(roles or ())
    if not name:
        return Admission(turned=Turned.UNKNOWN)
    if not wanted:
        return Admission(turned=Turned.ROLELESS)
    try:
        principal = add_principal(writing, name, wanted, scope or Scope(), actor=provider)
    except (BadInput, WrongState):  # nothing was written yet
        return Admission(turned=Turned.NAME)
    writing.session.flush()
    link_account(writing, provider, account, principal.id, provider)
    return Admission(principal=principal, subject=principal.id)


def _renewed(writing: Writing, before: Principal, roles: frozenset[Role], scope: Scope, provider: str) -> Principal:
    if before.roles == roles and before.scope == scope:
        return before
    row = writing.session.get(PrincipalRow, before.id, with_for_update=True)
    assert row is not None  # it was read within this transaction
    row.roles, row.scope = sorted(roles), scope.model_dump(mode="json")
    writing.audit(provider, "principal.set_roles", row.id, roles=row.roles, scope=row.scope)
    lost = before.roles - roles
    if lost:
        end_sessions(writing, row.id, provider, f"lost {', '.join(sorted(lost))}")
    return before.model_copy(update={"roles": roles, "scope": scope})

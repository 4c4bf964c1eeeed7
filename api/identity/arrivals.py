"""Who comes from a provider: believed, looked up, given what their groups give, and let in or turned away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from api.identity.door import UNKNOWN, Door, Entered
from api.identity.groups import grant_of, groups_of, is_allowed, name_of
from api.identity.id_tokens import UnfitToken
from api.identity.options import OidcSettings
from api.identity.provider import Begun, OidcProvider, Told
from api.identity.visitors import Visitor
from knowledge.ledger.admissions import Admission, Turned
from knowledge.ledger.browser_sessions import SignInProof
from knowledge.ledger.ledger import Ledger

METHOD: Final = "oidc"


class Arrivals:
    """Blocking."""

    def __init__(self, door: Door, ledger: Ledger) -> None:
        self._door, self._ledger = door, ledger

    def enter(
        self,
        provider: OidcProvider,
        answer: Mapping[str, str],
        begun: Begun,
        redirect_uri: str,
        visitor: Visitor,
        *,
        instead_of: str,
        seal: Callable[[str], str],
    ) -> Entered | None:
        """None for who is turned away: the audit says why, the person only that an admin can help. Raises UnfitToken for an
        answer that is not to be believed, WaitFirst when the address has brought too many of them."""
        settings = provider.settings
        with self._door.attempt(visitor, METHOD) as attempt:
            try:
                told = provider.finish(answer, begun, redirect_uri, self._ledger.now())
            except UnfitToken as error:
                attempt.failed(UNKNOWN, because=error.because)
                raise
            admission = self._admission(settings, told)
            if admission.principal is None:
                because = admission.turned.value if admission.turned else "turned away"
                attempt.failed(admission.subject or UNKNOWN, because=because)
                return None
        proof = SignInProof(method=METHOD, via=settings.name, hint=seal(told.id_token))
        return self._door.enter(admission.principal, proof, visitor, instead_of)

    def _admission(self, settings: OidcSettings, told: Told) -> Admission:
        groups = groups_of(told.claims, settings.group_claim)
        grant = grant_of(settings, groups)
        if not is_allowed(settings, groups):
            known = self._ledger.linked_identities.principal_of(settings.provider, told.subject)
            if known is not None and grant is not None:  # whoever left the groups loses what they gave
                self._ledger.admissions.admit(settings.provider, told.subject, roles=(), scope=known.scope)
            return Admission(turned=Turned.ROLELESS, subject=known.id if known else "")
        name = name_of(told.claims, settings.name_claim) if settings.creates_principals else ""
        return self._ledger.admissions.admit(
            settings.provider,
            told.subject,
            roles=None if grant is None else grant.roles,
            scope=None if grant is None else grant.scope,
            new_name=name,
        )

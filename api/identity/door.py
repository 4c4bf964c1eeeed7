"""The door: who comes in with a password or a token, and who waits because it was wrong too often.

An answer says nothing of whether an account exists: unknown names take as long, wait as long and are told the same.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from api.identity.options import OidcSettings, SignInSettings
from api.identity.passwords import Passwords
from api.identity.provider import OidcProvider
from api.identity.visitors import Visitor
from api.web.sessions import Sessions
from knowledge.errors import NotAuthenticated, NotFound, RateLimited
from knowledge.ledger.browser_sessions import BrowserSession, SignInProof
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.principals import folded, token_digest
from knowledge.ledger.sign_in_patience import Counted, Patience
from knowledge.vocabulary import Principal

UNKNOWN = "unknown"
FORGOTTEN_OF_ACCOUNT = timedelta(hours=24)
FORGOTTEN_OF_ADDRESS = timedelta(hours=1)
NAME_CHARACTERS = 128
OWN = "browser:"


class WrongProof(NotAuthenticated):
    """The name, the password or the token; which of them is told to nobody."""

    title = "sign-in failed"


class WaitFirst(RateLimited):
    """Too many wrong attempts; ``retry_after_seconds`` says how long."""

    title = "too many wrong attempts"


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody came in: what their browser is to keep."""

    principal: Principal
    session: BrowserSession
    secret: str
    device: str


@dataclass(slots=True)
class Attempt:
    """One that is under way; see ``Door.attempt``."""

    ledger: Ledger
    method: str
    visitor: Visitor
    counted: Counted
    is_failed: bool = False

    def failed(self, subject: str, *, because: str) -> None:
        self.is_failed = True
        self.ledger.sign_in_patience.failed(subject, self.method, self.visitor.address, self.counted, because=because)


class Door:
    """Blocking."""

    def __init__(
        self, settings: SignInSettings, ledger: Ledger, sessions: Sessions, providers: Iterable[OidcSettings] = ()
    ) -> None:
        self.settings, self._ledger, self._sessions = settings, ledger, sessions
        self.providers = {one.name: OidcProvider(one) for one in providers}
        self.passwords = Passwords(settings)
        wait = {
            "first": timedelta(seconds=settings.first_wait_seconds),
            "longest": timedelta(seconds=settings.longest_wait_seconds),
        }
        self._of_account = Patience(settings.free_failures, forgotten=FORGOTTEN_OF_ACCOUNT, **wait)
        self._of_address = Patience(settings.free_failures_of_address, forgotten=FORGOTTEN_OF_ADDRESS, **wait)

    def with_password(self, name: str, password: str, visitor: Visitor, instead_of: str = "") -> Entered:
        """Raises WrongProof, or WaitFirst before anything was looked at."""
        asked = folded(unicodedata.normalize("NFKC", name)[:NAME_CHARACTERS])
        account = self._account_key(asked, visitor)
        keys = self._keys(account, visitor)
        counted = self._counted(keys)
        known = self._ledger.credentials.password_hash(asked) if self.settings.asks_for_password else None
        is_right = self.passwords.is_right(known[1] if known else None, password)
        if known is None or not is_right:
            raise self._wrong("password", visitor, counted, subject=self._told_of(asked), account=account)
        principal, hashed = known
        self._ledger.sign_in_patience.take_back(keys, forgive=[account])
        if self.passwords.is_outdated(hashed):
            self._ledger.credentials.rehash(principal.id, hashed, self.passwords.hash(password))
        return self.enter(principal, SignInProof(method="password"), visitor, instead_of)

    def with_token(self, token: str, visitor: Visitor, instead_of: str = "") -> Entered:
        """Raises WrongProof, or WaitFirst before anything was looked at."""
        found = self._ledger.principals.token_of(token)
        is_own = found is not None and bool(self._sessions.device_of(found[0].id, visitor.device))
        keys = {} if is_own else {self._address_key(visitor): self._of_address}
        counted = self._counted(keys)
        if found is None or not found[0].roles:
            raise self._wrong("token", visitor, counted, subject=found[0].id if found else UNKNOWN)
        principal, known = found
        self._ledger.sign_in_patience.take_back(keys)
        proof = SignInProof(method="token", via=known.label, token_digest=token_digest(token))
        return self.enter(principal, proof, visitor, instead_of)

    def enter(self, principal: Principal, proof: SignInProof, visitor: Visitor, instead_of: str = "") -> Entered:
        """A session for who has proved who they are. The one that the browser had before ends."""
        secret, session = self._sessions.open(principal.id, proof, visitor, instead_of)
        return Entered(principal, session, secret, self._sessions.device_mark(principal.id, visitor.device))

    def is_own_password(self, principal: Principal, password: str, visitor: Visitor) -> bool:
        """For who is signed in and changes something that the password guards. Counted as a sign-in is: a stolen session
        must not become the place where passwords are guessed. Raises WaitFirst."""
        account = self._account_key(principal.id, visitor)
        keys = self._keys(account, visitor)
        counted = self._counted(keys)
        known = self._ledger.credentials.password_hash(principal.id)
        if self.passwords.is_right(known[1] if known else None, password):
            self._ledger.sign_in_patience.take_back(keys, forgive=[account])
            return True
        self._wrong("password", visitor, counted, subject=principal.id, account=account)
        return False

    @contextmanager
    def attempt(self, visitor: Visitor, method: str) -> Iterator[Attempt]:
        """For proofs that are looked at elsewhere: counted by the address they come from. Raises WaitFirst. What neither
        failed nor succeeded (a provider that did not answer) is not counted."""
        keys = {self._address_key(visitor): self._of_address}
        attempt = Attempt(self._ledger, method, visitor, self._counted(keys))
        try:
            yield attempt
        finally:
            if not attempt.is_failed:
                self._ledger.sign_in_patience.take_back(keys)

    def _counted(self, keys: dict[str, Patience]) -> Counted:
        counted = self._ledger.sign_in_patience.count(keys)
        if counted.is_refused:
            seconds = counted.wait.total_seconds()
            raise WaitFirst(
                f"too many wrong attempts: the next one is looked at in {seconds:.0f} s",
                next_step="wait, or ask an admin for a link: opsdesk user invite NAME",
                retry_after_seconds=seconds,
            )
        return counted

    def _wrong(self, method: str, visitor: Visitor, counted: Counted, *, subject: str, account: str = "") -> WrongProof:
        self._ledger.sign_in_patience.failed(
            subject, method, visitor.address, counted, because=f"wrong {method}", account=account
        )
        return WrongProof("the name or the password is wrong" if method == "password" else "this token is not known")

    def _told_of(self, asked: str) -> str:
        """The principal's id; nothing of a name that nobody has: people type passwords into the wrong field."""
        try:
            return self._ledger.principals.by_id(asked).id
        except NotFound:
            return UNKNOWN

    def _account_key(self, asked: str, visitor: Visitor) -> str:
        """A browser that its owner has used before is counted by itself: strangers' failures do not lock them out there."""
        device = self._sessions.device_of(asked, visitor.device)
        said = hashlib.sha256(f"{asked}\n{device}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return f"{OWN if device else 'account:'}{said}"

    def _keys(self, account: str, visitor: Visitor) -> dict[str, Patience]:
        """The browser alone when it is the owner's: behind a proxy that is not trusted all the world has one address."""
        keys = {account: self._of_account}
        return keys if account.startswith(OWN) else keys | {self._address_key(visitor): self._of_address}

    def _address_key(self, visitor: Visitor) -> str:
        return f"address:{visitor.network}"

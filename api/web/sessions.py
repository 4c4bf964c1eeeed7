"""Browser sessions: a cookie with a random secret, whose row in the ledger says whose it is, and CSRF tokens bound to it.

The cookie says nothing by itself. Its row, the principal and the roles are looked up again on every request, so that
signing out, a revoked token, a changed password or a disabled owner end the session at once, in every process.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from api.identity.visitors import Visitor
from knowledge.errors import MalformedSettings, NotAuthorised
from knowledge.ledger.browser_sessions import BrowserSession, BrowserSessions, SignInProof
from knowledge.vocabulary import Principal

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_BYTES = 32
COOKIE = "opsdesk_session"
FORM_COOKIE = "opsdesk_form"
DEVICE_COOKIE = "opsdesk_device"
FLOW_COOKIE = "opsdesk_flow"
CSRF_FIELD = "csrf"
HOST_PREFIX = "__Host-"
"""Behind TLS: a cookie of that name cannot be put there by a neighbour under the same domain."""

Session = BrowserSession


def cookie_name(name: str, *, secure: bool) -> str:
    return HOST_PREFIX + name if secure else name


class Sessions:
    """Opens and reads sessions, and seals what a browser carries for us with the key in ``key_file``, which is made when it
    is not there. ``idle`` ends a session that nobody uses, ``lifetime`` every one."""

    def __init__(self, key_file: Path, kept: BrowserSessions, lifetime: timedelta, idle: timedelta) -> None:
        self._key = _key(key_file)
        self._kept = kept
        self.lifetime, self._idle = lifetime, idle

    def open(
        self, principal_id: str, proof: SignInProof, visitor: Visitor, instead_of: str = ""
    ) -> tuple[str, BrowserSession]:
        """The cookie's value and the session. Raises NotAuthenticated for who cannot sign in."""
        return self._kept.open(
            principal_id,
            proof,
            self.lifetime,
            agent=visitor.agent,
            address=visitor.address,
            instead_of=instead_of,
        )

    def read(self, secret: str, *, is_seen: bool = True) -> tuple[BrowserSession, Principal] | None:
        """None for a cookie that is not ours, or whose session is over. ``is_seen``: the person is there now."""
        return self._kept.find(secret, self._idle, is_seen=is_seen) if secret else None

    def still_stands(self, session: BrowserSession, *, is_seen: bool = False) -> Principal | None:
        """Who the session's principal is at this moment; None when it is over. One read."""
        return self._kept.still_stands(session.id, self._idle, is_seen=is_seen)

    def close(self, secret: str) -> BrowserSession | None:
        return self._kept.end(secret)

    def csrf_token(self, nonce: str) -> str:
        return self._seal("csrf", nonce)

    def check_csrf(self, nonce: str, presented: str) -> None:
        if not nonce or not _same(presented, self.csrf_token(nonce)):
            raise NotAuthorised("this form is not of your session", next_step="load the page again, then send it")

    def device_mark(self, principal_id: str, before: str) -> str:
        """Left in a browser in which the principal has signed in; the one that is there stays when it is theirs."""
        if self.device_of(principal_id, before):
            return before
        said = f"{self._seal('device-owner', principal_id)}.{secrets.token_urlsafe(12)}"
        return f"{said}.{self._seal('device', said)}"

    def device_of(self, principal_id: str, mark: str) -> str:
        """The browser's own name when it carries the principal's mark, else empty."""
        said, _, seal = mark.rpartition(".")
        owner, _, nonce = said.partition(".")
        is_ours = bool(said) and _same(seal, self._seal("device", said))
        return nonce if is_ours and _same(owner, self._seal("device-owner", principal_id)) else ""

    def wrapped(self, purpose: str, text: str) -> str:
        """``text`` so that only we can read it, and only for that purpose."""
        return self._fernet(purpose).encrypt(text.encode()).decode()

    def unwrapped(self, purpose: str, wrapped: str, seconds: float) -> str | None:
        """None for what is not ours, is of another purpose, or is older than ``seconds``."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet(purpose).decrypt(wrapped.encode("utf-8", "surrogatepass"), ttl=int(seconds)).decode()
        except InvalidToken:
            return None

    def _fernet(self, purpose: str) -> Fernet:
        from cryptography.fernet import Fernet

        key = hmac.new(self._key, f"wrap\n{purpose}".encode(), hashlib.sha256).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def _seal(self, purpose: str, text: str) -> str:
        digest = hmac.new(self._key, f"{purpose}\n{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), expected.encode())


def _key(path: Path) -> bytes:
    """The key of the file; two processes that start at once agree on the one that was there first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            fresh.touch(mode=0o600, exist_ok=False)
            fresh.write_bytes(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            try:
                os.link(fresh, path)  # unlike a rename it never replaces the key of another process
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        if path.stat().st_mode & 0o077:
            raise MalformedSettings(f"{path} can be read by others", next_step=f"chmod 600 {path}")
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except (OSError, binascii.Error) as error:
        raise MalformedSettings(
            f"the session key {path} cannot be used: {error}",
            next_step="remove it: a new one is made, all sign in again",
        ) from error
    if len(key) != KEY_BYTES:
        raise MalformedSettings(f"{path} holds no session key", next_step="remove it: a new one is made")
    return key

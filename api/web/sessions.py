"""Browser sessions: a signed cookie that names a personal token by its digest, and CSRF tokens bound to it.

The cookie holds nothing that signs in elsewhere. The token is looked up again on every request, so that revoking it, its
expiry and disabling its owner end the session at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from knowledge.errors import MalformedSettings, NotAuthorised

KEY_BYTES = 32
COOKIE = "opsdesk_session"
FORM_COOKIE = "opsdesk_form"
CSRF_FIELD = "csrf"


@dataclass(frozen=True, slots=True)
class Session:
    """``nonce`` is the session's own random name: what its CSRF tokens are bound to."""

    token_digest: str
    nonce: str
    ends_at: datetime


class Sessions:
    """Signs and reads session cookies with the key in ``key_file``, which is made when it is not there."""

    def __init__(self, key_file: Path, lifetime: timedelta) -> None:
        self._key = _key(key_file)
        self.lifetime = lifetime

    def open(self, token: str, now: datetime) -> tuple[str, Session]:
        """The cookie's value and what it says."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        session = Session(digest, secrets.token_urlsafe(18), now + self.lifetime)
        said = f"{digest}.{session.nonce}.{int(session.ends_at.timestamp())}"
        return f"{said}.{self._seal('session', said)}", session

    def read(self, cookie: str, now: datetime) -> Session | None:
        """None for a cookie that is not ours, was changed, or has ended."""
        said, _, seal = cookie.rpartition(".")
        if not said or not _same(seal, self._seal("session", said)):
            return None
        digest, nonce, ends = said.split(".")
        ends_at = datetime.fromtimestamp(int(ends), tz=now.tzinfo)
        return Session(digest, nonce, ends_at) if ends_at > now else None

    def csrf_token(self, nonce: str) -> str:
        return self._seal("csrf", nonce)

    def check_csrf(self, nonce: str, presented: str) -> None:
        if not nonce or not _same(presented, self.csrf_token(nonce)):
            raise NotAuthorised("this form is not of your session", next_step="load the page again, then send it")

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

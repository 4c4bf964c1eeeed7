"""Who asks: bearer tokens, given out at start or by TokenRequest; nobody at all is `system:anonymous`."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from evals.practice.clock import Clock, timestamp
from evals.practice.errors import ApiError
from evals.practice.http.call import User
from evals.practice.store import Store

ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
AUDIENCE = "https://kubernetes.default.svc.cluster.local"


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


@dataclass(frozen=True, slots=True)
class _Grant:
    user: User
    expires_at: datetime | None
    account: tuple[str, str, str] | None = None
    """(namespace, name, uid) of the ServiceAccount that must still exist."""


class Tokens:
    """The bearer tokens that this server accepts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._grants: dict[str, _Grant] = {}
        self.admin = secrets.token_urlsafe(24)
        self._grants[self.admin] = _Grant(ADMIN, None)

    def accept(self, token: str, user: User) -> None:
        """Let a fixed token stand for a user (tests, the demo)."""
        self._grants[token] = _Grant(user, None)

    def issue(self, namespace: str, name: str, uid: str, lifetime: timedelta) -> tuple[str, datetime]:
        """A new token for a ServiceAccount and when it expires; shaped like a JWT, with no signature to check."""
        expires_at = self._clock.now() + lifetime
        jti = str(uuid.uuid4())
        subject = f"system:serviceaccount:{namespace}:{name}"
        claims = {"aud": [AUDIENCE], "exp": int(expires_at.timestamp()), "jti": jti, "sub": subject}
        parts = [{"alg": "none"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        token = ".".join([*encoded, secrets.token_urlsafe(32)])
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        self._grants[token] = _Grant(User(subject, groups, uid, jti), expires_at, (namespace, name, uid))
        return token, expires_at

    def user_of(self, headers: dict[str, str]) -> User:
        """The user of a request; `ApiError` 401 for a token that is unknown, expired or orphaned."""
        header = headers.get("authorization", "")
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        grant = self._grants.get(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None or (grant.expires_at is not None and grant.expires_at <= self._clock.now()):
            raise unauthorized()
        if grant.account is not None:
            namespace, name, uid = grant.account
            account = self._store.find("serviceaccounts", namespace, name)
            if account is None or account["metadata"]["uid"] != uid:
                raise unauthorized()
        return grant.user


def expiry(moment: datetime) -> str:
    return timestamp(moment)

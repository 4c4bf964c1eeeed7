"""An ID token, believed only when everything of it is right: who signed it, for whom, for which sign-in, and when.

authlib's claims are the base (OpenID Connect Core 3.1.3.7). What it leaves open is closed here: a list of algorithms that
never has ``none`` or a shared secret in it, a nonce that has to be there, a subject that is a word.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "Ed448", "EdDSA"}
)
"""Signatures with a public key. With a shared secret (HS256) whoever knows the public key could sign."""
MOST_CHARACTERS = 100_000
OLDEST_SECONDS = 15 * 60
"""A token of a sign-in that took place now was made now, whatever its own end says."""


class UnfitToken(Exception):
    """``because`` says what is wrong in a word for the audit; a person is told only that it did not work."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


class UnknownKey(UnfitToken):
    """No key that we know signed it: the provider may have new ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token has to say."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    now: datetime
    skew_seconds: float


def claims_of(token: str, keys: Iterable[Key], expected: Expected) -> Mapping[str, Any]:
    """The claims of a token that is right in everything. Raises UnfitToken, or UnknownKey when other keys may help."""
    header, claims = _opened(token, keys)
    _check_claims(header, claims, expected)
    return claims


def _opened(token: str, keys: Iterable[Key]) -> tuple[dict[str, Any], dict[str, Any]]:
    from joserfc import jws, jwt
    from joserfc.errors import JoseError

    if len(token) > MOST_CHARACTERS:
        raise UnfitToken("token too long")
    try:
        header = dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError) as error:
        raise UnfitToken("not a signed token") from error
    algorithm, wanted = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise UnfitToken("algorithm not accepted")
    for key in keys:
        if wanted is not None and key.kid is not None and key.kid != wanted:
            continue
        try:
            opened = jwt.decode(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):  # another kind of key, or another key of that kind
            continue
        return header, opened.claims
    raise UnknownKey("signed by no key of the provider")


def _check_claims(header: dict[str, Any], claims: dict[str, Any], expected: Expected) -> None:
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import JoseError

    options: Any = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "sub": {"essential": True},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    now, skew = int(expected.now.timestamp()), int(expected.skew_seconds)
    told = CodeIDToken(claims, header, options, params)
    try:
        told.validate(now=now, leeway=skew)
    except (JoseError, ValueError, TypeError) as error:
        raise UnfitToken(_named(error)) from error
    if not isinstance(claims["iat"], int | float) or claims["iat"] < now - OLDEST_SECONDS - skew:
        raise UnfitToken("wrong iat")
    subject, nonce = claims["sub"], claims.get("nonce")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable():
        raise UnfitToken("wrong sub")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise UnfitToken("wrong nonce")


def _named(error: Exception) -> str:
    """``wrong nonce``, ``expired``: never the value that came."""
    from joserfc.errors import ExpiredTokenError

    if isinstance(error, ExpiredTokenError):
        return "expired"
    claim = str(getattr(error, "claim", "")) or "claims"
    return f"wrong {claim}" if claim.isidentifier() else "wrong claims"

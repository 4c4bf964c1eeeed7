"""A provider of OpenID Connect: what it says of itself, sending somebody there, and what they come back with.

Authorization code with PKCE (S256), state and nonce. What the provider says of itself must be what the settings call it, and
every address of it must keep secrets. Blocking; used by several threads at once.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from api.identity.id_tokens import Expected, UnfitToken, UnknownKey, claims_of
from api.identity.options import OidcSettings, is_fit_for_secrets
from knowledge.errors import Permanent, Temporary

if TYPE_CHECKING:
    import ssl

    from joserfc.jwk import Key

DISCOVERY = "/.well-known/openid-configuration"
FRESH_SECONDS = 3600.0
KEYS_EVERY_SECONDS = 10.0
"""A token of an unknown key makes us ask for new keys, at most so often: not everybody's nonsense is a request."""
TROUBLE_SECONDS = 3.0
MOST_BYTES = 1_000_000
MOST_CODE = 4_000


class ProviderUnreachable(Temporary):
    title = "sign-in provider unreachable"


class ProviderUnfit(Permanent):
    title = "sign-in provider not as configured"


@dataclass(frozen=True, slots=True)
class Begun:
    """One sign-in under way; sealed into a cookie while the person is there."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Told:
    """Who the provider says it is. ``claims`` are of the ID token, completed by the userinfo endpoint."""

    subject: str
    claims: Mapping[str, Any]
    id_token: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was fetched, and when."""

    value: Any
    at: float


class OidcProvider:
    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._turn = threading.Lock()
        self._metadata: Kept | None = None
        self._keys: Kept | None = None
        self._trouble: Kept | None = None

    def metadata(self) -> Mapping[str, Any]:
        """What the provider says of itself. Raises ProviderUnreachable, or ProviderUnfit when it is another one."""
        with self._turn:
            kept = self._metadata
            if kept is None or time.monotonic() - kept.at > FRESH_SECONDS:
                kept = self._metadata = Kept(self._discovered(), time.monotonic())
        found: Mapping[str, Any] = kept.value
        return found

    def _discovered(self) -> Mapping[str, Any]:
        """A provider that does not answer is asked again after a moment, not by everybody who waits in the queue."""
        if self._trouble is not None and time.monotonic() - self._trouble.at < TROUBLE_SECONDS:
            raise self._trouble.value
        try:
            found = self._fetched(self.settings.issuer.rstrip("/") + DISCOVERY)
            self._check_metadata(found)
        except (ProviderUnreachable, ProviderUnfit) as error:
            self._trouble = Kept(error, time.monotonic())
            raise
        self._trouble = None
        return found

    def keys(self, *, after: float = 0.0) -> list[Key]:
        """Its public keys; fetched anew when they were fetched before ``after`` (of the monotonic clock)."""
        from joserfc.errors import JoseError
        from joserfc.jwk import import_key

        address = str(self.metadata()["jwks_uri"])
        with self._turn:
            kept = self._keys
            if kept is None or kept.at < after or time.monotonic() - kept.at > FRESH_SECONDS:
                found = []
                for one in self._fetched(address).get("keys") or ():
                    if isinstance(one, dict) and one.get("kty") != "oct" and one.get("use", "sig") == "sig":
                        try:
                            found.append(import_key(one))
                        except (JoseError, ValueError, TypeError):  # of a kind that we do not know
                            continue
                kept = self._keys = Kept(found, time.monotonic())
        keys: list[Key] = kept.value
        return keys

    def begin(self, redirect_uri: str) -> Begun:
        """Where to send the browser, and what must be remembered until it is back."""
        endpoint = str(self.metadata()["authorization_endpoint"])
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        with self._client(redirect_uri) as client:
            address, state = client.create_authorization_url(
                endpoint, state=secrets.token_urlsafe(24), nonce=nonce, code_verifier=verifier
            )
        return Begun(address, state, nonce, verifier)

    def finish(self, answer: Mapping[str, str], begun: Begun, redirect_uri: str, now: datetime) -> Told:
        """Whom the browser came back as. Raises UnfitToken for anything that is not right, ProviderUnreachable."""
        self._check_answer(answer, begun)
        tokens = self._exchanged(answer["code"], begun.verifier, redirect_uri)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str):
            raise UnfitToken("no ID token")
        access_token = access_token if isinstance(access_token, str) else ""
        expected = Expected(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            nonce=begun.nonce,
            access_token=access_token,
            now=now,
            skew_seconds=self.settings.clock_skew_seconds,
        )
        claims = self._believed(id_token, expected)
        return Told(str(claims["sub"]), self._completed(claims, access_token), id_token)

    def sign_out_address(self, id_token: str, after: str) -> str | None:
        """Where the browser signs out there too; None where the provider has no such page, or it is not wanted."""
        endpoint = str(self.metadata().get("end_session_endpoint") or "") if self.settings.signs_out else ""
        if not endpoint:
            return None
        asked = {"client_id": self.settings.client_id, "post_logout_redirect_uri": after}
        if id_token:
            asked["id_token_hint"] = id_token
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    def _check_metadata(self, found: Mapping[str, Any]) -> None:
        if found.get("issuer") != self.settings.issuer:
            raise ProviderUnfit(
                f"{self.settings.name}: the provider calls itself {str(found.get('issuer'))[:200]!r}",
                next_step=f"write issuer exactly so, or correct {self.settings.issuer!r}",
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_fit_for_secrets(str(found.get(name) or "")):
                raise ProviderUnfit(f"{self.settings.name}: the provider has no {name} that keeps a secret")
        for name in ("userinfo_endpoint", "end_session_endpoint"):
            if found.get(name) and not is_fit_for_secrets(str(found[name])):
                raise ProviderUnfit(f"{self.settings.name}: the provider's {name} keeps no secret")
        methods = found.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods:
            raise ProviderUnfit(f"{self.settings.name}: the provider has no PKCE with S256")

    def _check_answer(self, answer: Mapping[str, str], begun: Begun) -> None:
        if not secrets.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise UnfitToken("wrong state")
        issuer = answer.get("iss")  # RFC 9207: an answer of another provider is not taken for this one's
        if issuer is None and self.metadata().get("authorization_response_iss_parameter_supported") is True:
            raise UnfitToken("no issuer in the answer")
        if issuer is not None and issuer != self.settings.issuer:
            raise UnfitToken("answer of another issuer")
        if answer.get("error"):
            raise UnfitToken("refused by the provider")
        if not 0 < len(answer.get("code", "")) <= MOST_CODE:
            raise UnfitToken("no code")

    def _exchanged(self, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        import httpx2
        from authlib.integrations.base_client import OAuthError

        endpoint = str(self.metadata()["token_endpoint"])
        try:
            with self._client(redirect_uri) as client:
                tokens = client.fetch_token(
                    endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
                )
        except OAuthError as error:
            raise UnfitToken("code not accepted") from error
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        except ValueError as error:
            raise UnfitToken("answer cannot be read") from error
        if not isinstance(tokens, Mapping):
            raise UnfitToken("answer cannot be read")
        return tokens

    def _believed(self, id_token: str, expected: Expected) -> Mapping[str, Any]:
        try:
            return claims_of(id_token, self.keys(), expected)
        except UnknownKey:
            newer = self.keys(after=time.monotonic() - KEYS_EVERY_SECONDS)
            return claims_of(id_token, newer, expected)

    def _completed(self, claims: Mapping[str, Any], access_token: str) -> Mapping[str, Any]:
        """With what the userinfo endpoint says, where the ID token lacks a claim that is needed. It is of the same person."""
        needed = {self.settings.name_claim.split(".")[0], self.settings.group_claim.split(".")[0]}
        endpoint = self.metadata().get("userinfo_endpoint")
        if needed <= claims.keys() or not endpoint or not access_token:
            return claims
        more = self._fetched(str(endpoint), bearer=access_token)
        if more.get("sub") != claims["sub"]:
            raise UnfitToken("userinfo of another subject")
        return {**more, **claims}

    def _client(self, redirect_uri: str) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client

        settings = self.settings
        secret = settings.client_secret.get_secret_value() if settings.client_secret else None
        return OAuth2Client(
            client_id=settings.client_id,
            client_secret=secret,
            token_endpoint_auth_method=self._auth_method() if secret else "none",
            scope=" ".join(settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=settings.timeout_seconds,
            verify=self._trust(),
            trust_env=False,
            follow_redirects=False,
        )

    def _auth_method(self) -> str:
        known = self.metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"

    def _fetched(self, address: str, *, bearer: str = "") -> Mapping[str, Any]:
        """A JSON object of the provider. Nothing larger than a megabyte is read."""
        import json

        import httpx2

        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        body = bytearray()
        try:
            with (
                httpx2.Client(verify=self._trust(), timeout=self.settings.timeout_seconds, trust_env=False) as client,
                client.stream("GET", address, headers=headers) as response,
            ):
                for part in response.iter_bytes():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise ProviderUnfit(f"{self.settings.name}: {address} answers with more than a megabyte")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._unreachable(error) from error
        if response.status_code != 200:
            raise ProviderUnreachable(f"{self.settings.name}: {address} answers {response.status_code}")
        try:
            found = json.loads(body)
        except ValueError as error:
            raise ProviderUnfit(f"{self.settings.name}: {address} answers with no JSON") from error
        if not isinstance(found, dict):
            raise ProviderUnfit(f"{self.settings.name}: {address} answers with no JSON object")
        return found

    def _trust(self) -> bool | ssl.SSLContext:
        import ssl

        path = self.settings.ca_file
        if path is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(path.expanduser()))
        except (OSError, ssl.SSLError) as error:
            raise ProviderUnfit(
                f"{self.settings.name}: ca_file {path} cannot be used: {error}", next_step="a PEM file of certificates"
            ) from error

    def _unreachable(self, error: Exception) -> ProviderUnreachable:
        return ProviderUnreachable(
            f"{self.settings.name}: no answer from {self.settings.issuer}: {type(error).__name__}",
            next_step="check the provider, the network and ca_file; passwords and tokens work meanwhile",
        )

"""A provider of OpenID Connect over HTTP that can be hostile: it keeps the rules (it checks the client, the redirect URI, PKCE
and that a code is used once) until a test says what it does wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT, SECRET = "opsdesk", "a-client-secret-of-the-desk"
Claims = dict[str, Any]


@cache
def rsa_key(kid: str, owner: str = "provider") -> RSAKey:
    """Made once a run: a 2048-bit key takes longer than a test. ``owner`` tells apart two keys of one name."""
    assert owner
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@dataclass
class Issued:
    """A code that was given out."""

    sub: str
    nonce: str
    challenge: str
    redirect_uri: str
    is_used: bool = False


@dataclass
class OpenIdProvider:
    """``users`` are the claims by subject. What is wrong with it is set by a test: ``twist`` changes an ID token's claims
    before it is signed, ``token`` replaces the whole token, ``metadata`` is laid over what it says of itself."""

    issuer: str = ""
    users: dict[str, Claims] = field(default_factory=dict)
    keys: list[Any] = field(default_factory=lambda: [rsa_key("k1")])
    algorithm: str = "RS256"
    twist: Callable[[Claims], Claims] = lambda claims: claims
    token: Callable[[Claims], str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: Claims | None = None
    in_token: bool = True
    """Whether the ID token has the user's claims; else the userinfo endpoint alone has them."""
    takes_codes_twice: bool = False
    answer: dict[str, str] = field(default_factory=dict)
    """Laid over the parameters that the browser comes back with."""
    is_down: bool = False
    codes: dict[str, Issued] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    exchanges: list[dict[str, str]] = field(default_factory=list)
    access: dict[str, str] = field(default_factory=dict)

    def rotate(self, kid: str = "k2", *, keep: bool = False) -> None:
        """New signing key; the old one is no longer published, unless kept."""
        self.keys = [rsa_key(kid), *(self.keys if keep else [])]

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        } | self.metadata

    def consent(self, address: str, sub: str) -> str:
        """As the person ``sub`` who agrees on the page at ``address``: where the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = Issued(sub, asked["nonce"], asked["code_challenge"], asked["redirect_uri"])
        back = {"code": code, "state": asked["state"]} | self.answer
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.exchanges.append(form)
        scheme, _, proof = authorization.partition(" ")
        if (scheme.lower(), base64.b64decode(proof or "").decode()) != ("basic", f"{CLIENT}:{SECRET}"):
            return 401, {"error": "invalid_client"}
        issued = self.codes.get(form.get("code", ""))
        if issued is None or (issued.is_used and not self.takes_codes_twice):
            return 400, {"error": "invalid_grant"}
        issued.is_used = True
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != issued.challenge:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        if form.get("redirect_uri") != issued.redirect_uri:
            return 400, {"error": "invalid_grant", "error_description": "redirect_uri"}
        access = secrets.token_urlsafe(16)
        self.access[access] = issued.sub
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self.signed(issued)}

    def signed(self, issued: Issued) -> str:
        now = int(time.time())
        claims: Claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": issued.sub,
            "iat": now,
            "exp": now + 300,
            "nonce": issued.nonce,
            **(self.users.get(issued.sub, {}) if self.in_token else {}),
        }
        claims = {name: value for name, value in self.twist(claims).items() if value is not ...}
        if self.token is not None:
            return self.token(claims)
        key = self.keys[0]
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key, algorithms=[self.algorithm])

    def published(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


def unsigned(claims: Claims) -> str:
    """``alg: none``, which libraries have taken for a signature."""
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(claims)}."


def signed_with_the_public_key(provider: OpenIdProvider) -> Callable[[Claims], str]:
    """HS256 with the published key's text as the secret: done by hand, for libraries refuse to by now."""
    secret = provider.keys[0].as_pem(private=False)

    def sign(claims: Claims) -> str:
        said = f"{_encoded({'alg': 'HS256', 'kid': 'k1'})}.{_encoded(claims)}"
        signature = hmac.new(secret, said.encode(), hashlib.sha256).digest()
        return f"{said}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    return sign


def _encoded(part: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def signed_with_the_client_secret(claims: Claims) -> str:
    key = OctKey.import_key(SECRET * 2)
    return jwt.encode({"alg": "HS256"}, claims, key, algorithms=["HS256"])


def signed_by_another(kid: str = "k1") -> Callable[[Claims], str]:
    key = rsa_key(kid, "another")
    return lambda claims: jwt.encode({"alg": "RS256", "kid": kid}, claims, key, algorithms=["RS256"])


def signed_by_its_own_header(claims: Claims) -> str:
    """The key comes along in the header, as ``jwk``: it proves nothing."""
    key = ECKey.generate_key("P-256", {"kid": "own"})
    header = {"alg": "ES256", "kid": "own", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    """On a free port of this machine."""
    provider = OpenIdProvider()

    class Handling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if provider.is_down:
                self._say(503, {"error": "down"})
            elif path == "/.well-known/openid-configuration":
                self._say(200, provider.discovery())
            elif path == "/jwks":
                self._say(200, provider.published())
            elif path == "/userinfo":
                self._userinfo()
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            text = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            self._say(*provider.exchange(form, unquote(self.headers.get("authorization", ""))))

        def _userinfo(self) -> None:
            sub = provider.access.get(self.headers.get("authorization", "").removeprefix("Bearer "))
            if sub is None:
                self._say(401, {"error": "invalid_token"})
                return
            mine = {name: value for name, value in provider.users.get(sub, {}).items() if value is not ...}
            said = {"sub": sub, **mine}
            self._say(200, said if provider.userinfo is None else provider.userinfo)

        def _say(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: a test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)

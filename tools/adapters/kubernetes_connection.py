"""HTTP to one API server with the official client's credentials, TLS and proxy handling, and nothing of its models.

The client is synchronous; every request runs in a small pool of threads of its own, so that a slow cluster cannot take the
threads that others need. Requests go to the client's connection pool byte for byte: a frozen request must not be rewritten
on its way, and nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from knowledge.errors import AnswerTooLarge, ClusterUnreachable, WriteUnanswered
from tools.adapters.kubernetes_credentials import expired_since, load_client
from tools.adapters.kubernetes_decoding import decoded

THREADS = 8
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64_000_000
USER_AGENT = "opsdesk"


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Status, headers (lower-case names) and undecoded body."""

    status: int
    headers: Mapping[str, str]
    warnings: tuple[str, ...]
    body: bytes
    token_ended_at: str = ""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def decoded(self) -> Any:
        """JSON, or text where it is not JSON."""
        return decoded(self.body)


class KubernetesConnection:
    """Opened at the first request; a broken kubeconfig is read again at the next one, so mending it needs no restart."""

    def __init__(
        self, cluster: str, kubeconfig: Path | None, context: str = "", *, timeout_seconds: float = 30.0
    ) -> None:
        self.cluster = cluster
        self.origin = (
            f"{kubeconfig}{', context ' + context if context else ''}" if kubeconfig else "the pod's service account"
        )
        self._kubeconfig = kubeconfig
        self._context = context
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"kubernetes-{cluster}")
        self._lock = threading.Lock()
        self._client: Any = None

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        user_agent: str = USER_AGENT,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> RawAnswer:
        """One request. ClusterUnreachable when nothing was sent (and for reads that got no answer), WriteUnanswered when a
        write was sent and no whole answer came."""
        # A header is Latin-1 at most and one line: a name in other letters is spelled as a URL would spell it.
        headers = {"Accept": accept, "User-Agent": quote(user_agent, safe=" !#$&'()*+,-./:;=?@[]^_|~")}
        payload: bytes | None = None
        if body is not None:
            headers["Content-Type"] = content_type or "application/json"
            payload = body.encode() if isinstance(body, str) else orjson.dumps(body)
        url = quote(path, safe="/:@!$&'()*+,;=~-._") + ("?" + urlencode(query) if query else "")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads,
            self._send,
            method,
            url,
            headers,
            payload,
            timeout_seconds or self._timeout_seconds,
            max_bytes,
        )

    @property
    def is_pods_own(self) -> bool:
        """Whether the identity is the service account of the pod that we run in."""
        return self._kubeconfig is None

    async def authorization(self) -> str:
        """The present Authorization header, empty without a token (client certificates)."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._authorization)

    def _authorization(self) -> str:
        headers: dict[str, str] = {}
        self._opened().update_params_for_auth(headers, [], ["BearerToken"], "/", "GET", None)
        return headers.get("authorization", "")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.rest_client.pool_manager.clear()

    def _opened(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = load_client(self.cluster, self._kubeconfig, self._context, connections=THREADS)
            return self._client

    def _send(
        self, method: str, url: str, headers: dict[str, str], payload: bytes | None, seconds: float, max_bytes: int
    ) -> RawAnswer:
        import urllib3
        from urllib3.exceptions import HTTPError

        client = self._opened()
        # Puts the present token in; a projected or an exec plug-in's token is renewed here when it is due.
        client.update_params_for_auth(headers, [], ["BearerToken"], url, method, None)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
        host = client.configuration.host.rstrip("/")
        try:
            response = client.rest_client.pool_manager.request(
                method, host + url, body=payload, headers=headers, timeout=timeout, retries=False, redirect=False,
                preload_content=False,
            )  # fmt: skip
            try:
                content = response.read(max_bytes + 1, decode_content=True) if max_bytes else b""
            finally:
                response.release_conn() if response.isclosed() else response.close()
        except (HTTPError, OSError) as error:
            raise self._lost(method, host, error) from error
        if len(content) > max_bytes:
            raise AnswerTooLarge(
                f"cluster {self.cluster}: {method} {url} gave more than {max_bytes} bytes",
                next_step="narrow the namespace or the selector",
            )
        warnings = tuple(value for name, value in response.headers.items() if name.lower() == "warning")
        lowered = {name.lower(): value for name, value in response.headers.items()}
        ended = expired_since(headers.get("authorization", "")) if response.status == 401 else None
        return RawAnswer(response.status, lowered, warnings, content, ended.isoformat() if ended else "")

    def _lost(self, method: str, host: str, error: Exception) -> ClusterUnreachable | WriteUnanswered:
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

        is_unsent = isinstance(error, (ConnectTimeoutError, NewConnectionError, ProxyError)) or _in_handshake(error)
        reason = _reason(error)
        if is_unsent or method == "GET":
            return ClusterUnreachable(
                f"cluster {self.cluster}: no answer from {host}: {reason}",
                next_step=f"check that {host} runs and can be reached from here, and the server address in {self.origin}",
            )
        return WriteUnanswered(
            f"cluster {self.cluster}: {method} was sent to {host} and not answered: {reason}",
            next_step="read the target again before anything else; the change may have been made",
        )


_HANDSHAKE = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "HANDSHAKE_FAILURE", "PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL",
              "UNKNOWN_PROTOCOL", "HTTP_REQUEST")  # fmt: skip


def _in_handshake(error: Exception) -> bool:
    """Whether TLS failed before any request could go out. A connection that breaks later does so as a TLS error too."""
    from urllib3.exceptions import SSLError

    if not isinstance(error, SSLError):
        return False
    cause = error.args[0] if error.args else error
    reason = str(getattr(cause, "reason", "") or cause)
    return isinstance(cause, ssl.CertificateError) or any(sign in reason for sign in _HANDSHAKE)


def _reason(error: Exception) -> str:
    from urllib3.exceptions import ReadTimeoutError, SSLError

    if isinstance(error, SSLError):
        return f"TLS failed ({error}); the certificate authority or a certificate in the kubeconfig does not fit or expired"
    if isinstance(error, ReadTimeoutError):
        return "it took longer than the timeout"
    return f"{type(error).__name__}: {str(error).rsplit('>: ', maxsplit=1)[-1]}"

"""What an API server's refusal of a read means for the desk."""

from __future__ import annotations

from typing import Any

from knowledge.errors import AccessDenied, BadInput, ClusterBusy, ObjectNotFound, OpsdeskError
from tools.adapters.kubernetes_connection import RawAnswer


class ListExpired(Exception):
    """410: the continue token is too old; the list starts again. Never leaves the adapter."""


def status_message(answer: RawAnswer) -> str:
    body: Any = answer.decoded()
    if isinstance(body, dict) and body.get("message"):
        return str(body["message"])[:2_000]
    return (str(body or "") or f"HTTP {answer.status}").strip()[:500]


def retry_after(answer: RawAnswer) -> float | None:
    try:
        return max(0.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return None


def error_of(answer: RawAnswer, *, cluster: str, asked: str, origin: str, expired: str = "") -> OpsdeskError:
    """``asked`` is the verb and the path; ``origin`` says where the identity comes from."""
    message = f"cluster {cluster}: {asked}: {status_message(answer)}"
    match answer.status:
        case 401:
            told = f"; the token ended at {expired}" if expired else ""
            return AccessDenied(
                f"cluster {cluster}: {asked}: the API server does not accept our credentials (401){told}",
                next_step=f"renew the credentials in {origin}",
            )
        case 403:
            return AccessDenied(
                message, next_step=f"give the identity of {origin} this right (a Role or ClusterRole and its binding)"
            )
        case 404 | 410:
            return ObjectNotFound(message)
        case 429 | 503 | 504 | 500 | 502:
            return ClusterBusy(
                f"{message} ({answer.status})", retry_after_seconds=retry_after(answer), next_step="try again later"
            )
        case _:
            return BadInput(f"{message} ({answer.status})")

"""Continue tokens: where the next page begins and of which version of the list."""

from __future__ import annotations

import base64
import binascii
import json

from evals.practice.errors import ApiError, bad_request

_VERSION = "meta.k8s.io/v1"


def token_for(version: int, start: str) -> str:
    """`start` is the key after which the next page begins."""
    written = json.dumps({"v": _VERSION, "rv": version, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def read_token(token: str) -> tuple[int, str]:
    """(version, key after which to go on); version -1 asks for what is there now."""
    why = "invalid continue token: continue key is not valid: "
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise bad_request(why + "illegal base64 data at input byte 0") from None
    try:
        value = json.loads(raw)
    except ValueError:
        letter = raw.decode("latin-1")[:1] or "\0"
        shown = letter if letter.isascii() and letter.isprintable() else f"\\u{ord(letter):04x}"
        raise bad_request(f"{why}invalid character '{shown}' looking for beginning of value") from None
    if not isinstance(value, dict) or value.get("v") != _VERSION:
        named = value.get("v", "") if isinstance(value, dict) else ""
        raise bad_request(f"{why}server does not recognize this encoded version {named}")
    return int(value.get("rv", 0)), str(value.get("start", "")).rstrip("\0")


def token_expired(start: str) -> ApiError:
    """410 with a fresh token that goes on from here, inconsistently."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return ApiError(410, "Expired", message, continue_token=token_for(-1, start))

"""Ids that sort by time and can be read aloud: ``inc-`` and sixteen letters and digits without i, l, o, u."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 35
_turn = threading.Lock()
_last = {"id": 0}


def new_id(prefix: str, at: datetime) -> str:
    """A new id. Within one process later ids are always greater, even when the clock stands still or steps back:
    lists page by id, so two incidents of one millisecond must not swap places."""
    number = (int(at.timestamp() * 1000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    with _turn:
        same_moment = (number >> _RANDOM_BITS) <= (_last["id"] >> _RANDOM_BITS)
        is_step_back = (number >> _RANDOM_BITS) < (_last["id"] >> _RANDOM_BITS) - 60_000
        if same_moment and not is_step_back:
            number = _last["id"] + 1 + secrets.randbits(16)
        _last["id"] = number
    return f"{prefix}-{_spelled(number)}"


def first_id(prefix: str, at: datetime) -> str:
    """What no id of that moment or a later one is smaller than: a page of a table from a time on, found by its key."""
    return f"{prefix}-{_spelled(max(int(at.timestamp() * 1000), 0) << _RANDOM_BITS)}"


def _spelled(number: int) -> str:
    letters = []
    for _ in range(16):
        number, digit = divmod(number, 32)
        letters.append(_ALPHABET[digit])
    return "".join(reversed(letters))

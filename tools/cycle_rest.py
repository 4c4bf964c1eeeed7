"""Keeps the interpreter's cycle collector off large gathered data, which has no cycles: decoding a cluster of 5,000 pods makes a
million dicts, and going over them again and again costs five times what the decoding does."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.RLock()
_kept_apart = 0


@contextmanager
def collector_at_rest(*, is_worth_it: bool = True) -> Iterator[None]:
    """For one call that makes many objects at once, and keeps them. Afterwards they count as old: going over them as young
    ones would cost as much as was saved. The lock keeps two threads from taking each other's rest for the setting."""
    if not is_worth_it:
        yield
        return
    with _LOCK:
        was_on = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            gc.freeze()
            if not _kept_apart:
                gc.unfreeze()
            if was_on:
                gc.enable()


def keep_apart(holder: object) -> None:
    """As long as ``holder`` lives, the collector leaves alone what exists now. What is made later is collected as ever, and
    what is freed by its last reference is freed: only cycles that exist already wait until then."""
    global _kept_apart  # noqa: PLW0603 - the collector is one per process
    with _LOCK:
        _kept_apart += 1
        gc.freeze()
    weakref.finalize(holder, _thaw).atexit = False


def _thaw() -> None:
    global _kept_apart  # noqa: PLW0603
    with _LOCK:
        _kept_apart -= 1
        if not _kept_apart:
            gc.unfreeze()

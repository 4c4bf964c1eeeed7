"""The fuse: counts the moments of a desk's life, and at the one that it was set to the process dies by SIGKILL."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LATER = 15


class Fuse:
    """``at`` 0 never blows. With a ``name`` it is that kind's ``nth`` moment that counts, whatever the order of threads makes of
    the others, and ``at`` only a while later. Each name is appended to ``told`` first, so that the dead can be asked."""

    def __init__(self, at: int, told: Path, name: str = "", nth: int = 0) -> None:
        self._at = at + LATER if at and name else at
        self._name, self._left = name, nth
        self._count = 0
        self._lock = threading.Lock()
        self._file = os.open(told, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def moment(self, name: str) -> None:
        with self._lock:
            self._count += 1
            os.write(self._file, f"{name}\n".encode())
            self._left -= name == self._name
            if self._count == self._at or (name == self._name and self._left == 0):
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call with a moment before and one after it."""

        def called(*given: Any, **more: Any) -> Any:
            self.moment(f"before {name}")
            result = call(*given, **more)
            self.moment(f"after {name}")
            return result

        return called

    def around_async(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def called(*given: Any, **more: Any) -> Any:
            self.moment(f"before {name}")
            result = await call(*given, **more)
            self.moment(f"after {name}")
            return result

        return called


class Fused:
    """A part of the ledger whose named calls have a moment before and one after their transaction."""

    def __init__(self, part: Any, fuse: Fuse, *names: str) -> None:
        self._part = part
        for name in names:
            setattr(self, name, fuse.around(name, getattr(part, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

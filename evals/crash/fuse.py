"""The fuse: counts the moments of a desk's life, and at the one that it was set to the process dies by SIGKILL."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any


class Fuse:
    """``at`` 0 never blows. Each moment's name is appended to ``told`` before anything else, so that the dead can be asked."""

    def __init__(self, at: int, told: Path) -> None:
        self._at = at
        self._count = 0
        self._lock = threading.Lock()
        self._file = os.open(told, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def moment(self, name: str) -> None:
        with self._lock:
            self._count += 1
            os.write(self._file, f"{name}\n".encode())
            if self._count == self._at:
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

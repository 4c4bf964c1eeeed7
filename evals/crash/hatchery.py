"""A warm process that forks lives: one order a line on standard input, one ending a line back. It has no threads itself."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import traceback
from pathlib import Path

from evals.crash.life import Order, live
from evals.crash.warm import empty_ledger, warm_up


def main() -> None:
    warm_up()
    gc.freeze()
    gc.disable()  # a life is short, and a collection would copy all that it shares with its siblings
    for line in sys.stdin:
        told = json.loads(line)
        order = Order(**{**told, "folder": Path(told["folder"])})
        sys.stdout.write(json.dumps(_ended(order)) + "\n")
        sys.stdout.flush()


def _ended(order: Order) -> dict[str, int | str]:
    """How one life ended: by which signal, or with which exit code."""
    if not order.ledger_url and not (order.folder / "ledger.db").exists():
        (order.folder / "ledger.db").write_bytes(empty_ledger())
    child = os.fork()
    if child == 0:
        os._exit(_lived(order))
    _, status = os.waitpid(child, 0)
    signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {"signal": signal, "code": 0 if signal else os.waitstatus_to_exitcode(status)}


def _lived(order: Order) -> int:
    """In the child: nothing of the parent's is run at its end."""
    log = os.open(order.folder / "log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    for stream in (0, 1, 2):
        os.dup2(log, stream)
    try:
        asyncio.run(live(order))
    except BaseException:  # noqa: BLE001 - the parent sees it as a code, and whoever looks into the log as a traceback
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()

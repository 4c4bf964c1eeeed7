"""A process that gives out fresh practice clusters: one order a line on standard input, one address a line back."""

from __future__ import annotations

import asyncio
import json
import sys

from evals.crash.world import fill
from evals.practice.admission.chain import install_admission
from evals.practice.bootstrap_objects import create_bootstrap_objects
from evals.practice.clock import RealClock
from evals.practice.namespaces import NamespaceController
from evals.practice.server import PracticeServer
from evals.practice.store import Contents, Store


def world() -> Contents:
    """Made once; each cluster is filled with the same."""
    clock = RealClock()
    store = Store(clock)
    install_admission(store)
    create_bootstrap_objects(store)
    NamespaceController(store, clock)
    fill(store)
    return store.contents()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    contents = world()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    server: PracticeServer | None = None
    while await reader.readline():
        if server is not None:
            await server.__aexit__()
        server = PracticeServer(with_controllers=False, contents=contents)
        await server.__aenter__()
        sys.stdout.write(json.dumps({"url": server.url, "admin_token": server.admin_token}) + "\n")
        sys.stdout.flush()
    if server is not None:
        await server.__aexit__()


if __name__ == "__main__":
    asyncio.run(serve())

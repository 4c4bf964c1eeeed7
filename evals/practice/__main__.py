"""Run a practice cluster in a process of its own: `python -m evals.practice --port 0 --print-url`."""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import pathlib
import signal

from evals.practice.clock import RealClock
from evals.practice.server import PracticeServer, StartControllers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.practice", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on, 0 for a free one (default 0)")
    parser.add_argument("--print-url", action="store_true", help="print one line of JSON: url, admin_token, pid")
    parser.add_argument("--kubeconfig", type=pathlib.Path, help="write a kubeconfig of the admin to this file")
    parser.add_argument(
        "--no-controllers", action="store_true", help="only the API, without a platform: nothing happens to the objects"
    )
    parser.add_argument(
        "--empty",
        action="store_true",
        help="leave the AI platform out (by default it is in, twelve days old and healthy)",
    )
    parser.add_argument(
        "--rig",
        action="store_true",
        help="with --empty: the two nodes of the recorded cluster, as the contract needs them",
    )
    parser.add_argument("--pods", type=int, default=0, help="grow the platform's cluster to so many pods")
    parser.add_argument(
        "--profile", choices=("faithful", "fast"), default="fast", help="how long things take (default fast)"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="how much faster than real the waits are (default 1)")
    return parser.parse_args()


def _controllers(arguments: argparse.Namespace) -> StartControllers | None:
    """What the flags ask to be started; None leaves it to the server."""
    if arguments.no_controllers:
        return None
    from evals.practice.controllers import PROFILES, start
    from evals.practice.platform.ready_made import with_platform, with_rig

    timing = PROFILES[arguments.profile]
    if not arguments.empty:
        return with_platform(timing=timing, pods=arguments.pods)
    return with_rig(timing=timing) if arguments.rig else functools.partial(start, timing=timing)


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = PracticeServer(
        port=arguments.port,
        host=arguments.host,
        with_controllers=not arguments.no_controllers,
        clock=RealClock(arguments.rate),
        start_controllers=_controllers(arguments),
    )
    async with server:
        if arguments.kubeconfig:
            _write_private(arguments.kubeconfig, server.kubeconfig())
        if arguments.print_url:
            told = {"url": server.url, "admin_token": server.admin_token, "pid": os.getpid()}
            print(json.dumps(told), flush=True)
        else:
            print(f"practice cluster at {server.url}, admin token {server.admin_token}", flush=True)
        await stop.wait()


def _write_private(file: pathlib.Path, text: str) -> None:
    """The token is a secret even in practice: nobody else may read the file."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))

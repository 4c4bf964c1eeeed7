"""`opsdesk serve` as a process: a taken port is told, and Ctrl-C ends everything that it started, soon and cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SOON_SECONDS = 12.0
"""On an idle machine it is about one second; the executor's patience, ten, is the bound."""

COMMAND = [sys.executable, "-m", "api.cli", "serve", "--port", "0"]


@contextmanager
def serving(home: Path, *, executes: bool) -> Iterator[subprocess.Popen[str]]:
    home.mkdir(mode=0o700)
    if executes:
        clusters = "clusters:\n  - {name: lab, kubeconfig: %s, executor_kubeconfig: %s, mode: execute}\n"
        path = home / "kubeconfig"
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n"
        )
        (home / "opsdesk.yaml").write_text(clusters % (path, path))
    process = subprocess.Popen(
        COMMAND,
        env={**os.environ, "OPSDESK_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if word in line:
            return told
    raise AssertionError(f"it ended before it said {word!r}: {told}")


def test_a_taken_port_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run("serve", "--port", str(taken.getsockname()[1])).told(1, "cannot listen", "--port")


@pytest.mark.parametrize("host", ["203.0.113.7", "not a host"])
def test_an_address_that_is_not_ours_is_told(run: Run, host: str) -> None:
    run("serve", "--host", host, "--port", "0").told(1, "cannot listen", "--host")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("executes", [False, True], ids=["alone", "with-executor"])
def test_a_signal_ends_the_desk_and_its_executor_soon(home: Path, number: signal.Signals, executes: bool) -> None:
    with serving(home, executes=executes) as process:
        read_until(process, "executor_ready" if executes else "opsdesk is at")
        began = time.monotonic()
        os.killpg(process.pid, number)  # as a terminal does it: to the whole group
        rest, _ = process.communicate(timeout=60)  # the pipe ends only when the executor has ended too
    assert process.returncode == 0, rest
    assert time.monotonic() - began < SOON_SECONDS
    assert "Traceback" not in rest


def test_an_executor_whose_desk_was_killed_stops_by_itself(home: Path) -> None:
    with serving(home, executes=True) as process:
        read_until(process, "executor_ready")
        process.kill()
        rest, _ = process.communicate(timeout=60)
    assert "Traceback" not in rest


def test_the_executor_alone_does_what_waits_and_stops(home: Path) -> None:
    with serving(home, executes=True) as process:
        read_until(process, "executor_ready")
        command = [sys.executable, "-m", "api.cli", "executor", "--once"]
        environment = {**os.environ, "OPSDESK_HOME": str(home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr

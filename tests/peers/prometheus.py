"""A real Prometheus of our own: its data in a temporary folder, on a free port of the loopback, gone with the session."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.peers.programs import prometheus_program

_CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {cluster: practice}}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""
_START_SECONDS = 30.0


@contextmanager
def running_prometheus(folder: Path, *, config: str = "") -> Iterator[str]:
    """Its URL. ``config`` replaces the one that scrapes itself; ``%d`` in it becomes its own port."""
    program = prometheus_program()
    assert program is not None, "mark the test with peer('prometheus')"
    port = _free_port()
    written = folder / "prometheus.yml"
    written.write_text((config or _CONFIG) % port if "%d" in (config or _CONFIG) else config)
    process = subprocess.Popen(
        [
            str(program),
            f"--config.file={written}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMAXPROCS": "1"},
    )
    try:
        _await_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def prometheus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        yield url


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"prometheus ended with {process.returncode}"
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"prometheus was not ready within {_START_SECONDS:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""The processes that the demo starts, and ends: the practice cluster, and opsdesk itself as anyone would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from evals.demo.identities import make_identities

START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class PracticeProcess:
    """A practice cluster that we started."""

    url: str
    admin_token: str
    process: subprocess.Popen[str]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        answer = httpx.request(method, self.url + path, headers=headers, json=body, timeout=30.0, trust_env=False)
        answer.raise_for_status()
        return answer.json()


@dataclass(frozen=True)
class DeskProcess:
    """`opsdesk serve` with a home of its own."""

    url: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[str]

    def run(self, *arguments: str) -> str:
        """An `opsdesk` command in the same home; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"opsdesk {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


@contextmanager
def practice_cluster(folder: Path, *, rate: float = 1.0) -> Iterator[PracticeProcess]:
    """Starts one in a process of its own and waits until it answers."""
    command = [sys.executable, "-m", "evals.practice", "--port", "0", "--print-url", "--rate", str(rate)]
    with (folder / "practice.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the practice cluster did not start; see {folder / 'practice.log'}")
            told = json.loads(line)
            yield PracticeProcess(told["url"], told["admin_token"], process)
        finally:
            stop(process)


@contextmanager
def desk(folder: Path, cluster: PracticeProcess, *, extra: dict[str, Any] | None = None) -> Iterator[DeskProcess]:
    """Starts opsdesk over that cluster, with separate reader and executor identities, in ``folder``."""
    reader, executor = make_identities(cluster.url, cluster.admin_token, folder)
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    settings: dict[str, Any] = {
        "clusters": [
            {
                "name": "practice",
                "kubeconfig": str(reader),
                "executor_kubeconfig": str(executor),
                "mode": "execute",
            }
        ],
        "desk": {"soak_seconds": 3.0, "recovery_seconds": 60.0, "verify_every_seconds": 0.5},
        "web": {"port": 0},
    }
    for group, values in (extra or {}).items():
        settings[group] = {**settings.get(group, {}), **values} if isinstance(values, dict) else values
    (home / "opsdesk.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPSDESK_")}
    environment = {**kept, "OPSDESK_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    log = folder / "opsdesk.log"
    process = start_desk(environment, log)
    try:
        url = listening_at(process, log)
        yield DeskProcess(url, {**environment, "OPSDESK_URL": url}, log, process)
    finally:
        stop(process)


def start_desk(environment: dict[str, str], log: Path, *arguments: str) -> subprocess.Popen[str]:
    with log.open("a", encoding="utf-8") as opened:
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=opened,
            text=True,
        )


def listening_at(process: subprocess.Popen[str], log: Path) -> str:
    """The address that `opsdesk serve` prints once it listens."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if not line:
            break
        if "http://" in line:
            return line.split()[-1]
    raise RuntimeError(f"opsdesk did not start; see {log}: {log.read_text(encoding='utf-8')[-2_000:]}")


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()

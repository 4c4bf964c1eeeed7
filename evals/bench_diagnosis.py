"""How long an offline diagnosis takes: alert in to diagnosis out, warm, over a practice cluster in a process of its own.

``python -m evals.bench_diagnosis [--pods 1000] [--times 20]`` prints p50 and p95 in seconds, split into gathering, detecting
and concluding, and exits with 1 when the p50 misses the bar of 1 second at 1,000 pods.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from agent.reasoning.diagnosis import conclude
from api.bootstrap import open_clock, open_cluster, open_collectors
from api.settings import ClusterSettings
from evals.demo.stage import stop
from knowledge.vocabulary import Focus
from tools.collectors.gather import GatherLimits, gather
from tools.detectors.library import DetectorLibrary, load_detectors
from tools.ports import Cluster

BAR_SECONDS = 1.0
FAULT = "bad_image_rollout"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=1_000)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, cluster_of(given.pods, Path(folder)) as (kubeconfig, truth):
        one = open_cluster(ClusterSettings(name="practice", kubeconfig=kubeconfig))
        rows = asyncio.run(measure(one, truth, given.times))
    report(given.pods, rows)
    p50 = statistics.median(row["total"] for row in rows)
    if not all(row["is_right"] for row in rows):
        print(f"not every diagnosis named {truth['cause']} on {truth['target']['name']}", file=sys.stderr)
        return 1
    if given.pods <= 1_000 and p50 > BAR_SECONDS:
        print(f"p50 {p50:.2f} s misses the bar of {BAR_SECONDS} s", file=sys.stderr)
        return 1
    return 0


@contextmanager
def cluster_of(pods: int, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A practice cluster of so many pods with one fault switched on; its kubeconfig and the truth."""
    kubeconfig = folder / "kubeconfig"
    command = [
        sys.executable,
        "-m",
        "evals.practice",
        "--print-url",
        "--pods",
        str(pods),
        "--kubeconfig",
        str(kubeconfig),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {told['admin_token']}"}
        time.sleep(5.0)  # the fresh cluster settles before it is broken
        answer = httpx.post(f"{told['url']}/practice/faults/{FAULT}", headers=headers, timeout=60, trust_env=False)
        answer.raise_for_status()
        time.sleep(5.0)
        yield kubeconfig, answer.json()["truth"]
    finally:
        stop(process)


async def measure(cluster: Cluster, truth: dict[str, Any], times: int) -> list[dict[str, float]]:
    """One unmeasured look to warm up (discovery, compiled detectors), then ``times`` measured ones."""
    collectors, detectors, clock = open_collectors(), load_detectors(), open_clock()
    rows = [await _look(cluster, collectors, detectors, clock, truth) for _ in range(times + 1)]
    return rows[1:]


async def _look(
    cluster: Cluster, collectors: Any, detectors: DetectorLibrary, clock: Any, truth: dict[str, Any]
) -> dict[str, float]:
    now = clock.now()
    target = truth["target"]
    focus = Focus(
        cluster=cluster.name,
        namespaces=(target["namespace"],),
        services=(target["name"],),
        since=now - timedelta(hours=1),
        until=now,
    )
    began = time.perf_counter()
    snapshot = await gather(cluster, focus, clock, collectors, GatherLimits())
    gathered = time.perf_counter()
    findings = detectors.detect(snapshot)
    detected = time.perf_counter()
    diagnosis = conclude(findings, snapshot, detectors, focus=focus)
    ended = time.perf_counter()
    chosen = diagnosis.chosen
    is_right = chosen is not None and chosen.fault == truth["cause"] and chosen.object.name == target["name"]
    return {
        "gather": gathered - began,
        "detect": detected - gathered,
        "conclude": ended - detected,
        "total": ended - began,
        "pods": len(snapshot.of_kind("Pod")),
        "is_right": float(is_right),
    }


def report(pods: int, rows: list[dict[str, float]]) -> None:
    print(f"{pods} pods asked for, {rows[-1]['pods']:.0f} gathered, {len(rows)} looks, seconds")
    for name in ("gather", "detect", "conclude", "total"):
        values = sorted(row[name] for row in rows)
        p95 = values[min(len(values) - 1, int(0.95 * len(values)))]
        print(f"{name:<10} p50 {statistics.median(values):.3f}  p95 {p95:.3f}")


if __name__ == "__main__":
    raise SystemExit(main())

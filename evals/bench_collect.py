"""What collecting and detecting cost the desk, beside the bare LIST calls of the same resources decoded with orjson.

    python -m evals.bench_collect [--pods 5000] [--rounds 5] [--looks 3] [--json]

The answers are encoded beforehand in a process of their own, so that the client alone is measured: CPU seconds, user and
system, of the whole client process. A round is three fresh processes in changing order: the bare calls as a plain program
makes them, the same with the interpreter's cycle collector switched off (the fastest that orjson can be), and the desk. Each
warms up once and then reads the cluster ``looks`` times. Shown are medians over all looks, the median of the rounds' ratios, and
the peaks of memory. Ends with 1 when the desk takes more than 1.5 times the plain bare calls; the ratio to the fastest ones is
told beside it. ``--lean``: objects without field managers, as small as they get: the hardest case for the desk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

BAR = 1.5
PAGE = 500
Row = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.bench_collect", description=__doc__)
    parser.add_argument("--pods", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--looks", type=int, default=3)
    parser.add_argument("--lean", action="store_true", help="objects without field managers")
    parser.add_argument("--json", action="store_true", help="print the figures for a machine")
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    parser.add_argument("--kubeconfig", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child](given.kubeconfig, given.looks)))
        return 0
    with prepared(given.pods, is_lean=given.lean) as kubeconfig:
        rounds = [_round(kubeconfig, given.looks, number) for number in range(given.rounds)]
    figures = figures_of(given.pods, rounds)
    print(json.dumps(figures) if given.json else told(figures))
    if figures["ratio_to_plain"] > BAR:
        print(f"{figures['ratio_to_plain']:.2f} times the bare LIST calls misses the bar of {BAR}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def prepared(pods: int, *, is_lean: bool = False) -> Iterator[Path]:
    """The kubeconfig of a prepared cluster that runs while the block does."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        command = [sys.executable, "-m", "evals.prepared", "--pods", str(pods), "--kubeconfig", str(kubeconfig)]
        command += ["--lean"] if is_lean else []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("the prepared cluster did not start")
            yield kubeconfig
        finally:
            process.terminate()
            process.communicate(timeout=10)


def _round(kubeconfig: Path, looks: int, number: int) -> dict[str, Any]:
    order = [*WHO[number % len(WHO) :], *WHO[: number % len(WHO)]]
    return {who: _child(who, kubeconfig, looks) for who in order}


def _child(who: str, kubeconfig: Path, looks: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "evals.bench_collect", "--child", who, "--looks", str(looks), "--kubeconfig"]
    done = subprocess.run([*command, str(kubeconfig)], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures_of(pods: int, rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians over all looks; the ratios are medians over the rounds of the ratio of the round's own medians."""
    figures: dict[str, Any] = {"pods": pods, "rounds": len(rounds)}
    for name, other in (("ratio_to_plain", "bare"), ("ratio_to_fastest", "fastest")):
        ratios = [_median(one["desk"], "cpu") / _median(one[other], "cpu") for one in rounds]
        figures[name] = round(statistics.median(ratios), 3)
        figures[f"{name}_of_rounds"] = [round(ratio, 3) for ratio in ratios]
    for who in WHO:
        for name in ("cpu", "wall", *(("gather_cpu", "detect_cpu", "conclude_cpu") if who == "desk" else ())):
            rows = [row[name] for one in rounds for row in one[who]["rows"]]
            figures[f"{who}_{name}_seconds"] = round(statistics.median(rows), 4)
        for name in ("start", "peak"):
            most = statistics.median(one[who][f"{name}_megabytes"] for one in rounds)
            figures[f"{who}_{name}_megabytes"] = round(most, 1)
    for name in ("objects", "findings", "detectors", "load_seconds"):
        figures[name] = rounds[0]["desk"][name]
    figures["read_megabytes"] = round(rounds[0]["bare"]["read_megabytes"], 1)
    return figures


def _median(child: dict[str, Any], name: str) -> float:
    return float(statistics.median(row[name] for row in child["rows"]))


def told(each: dict[str, Any]) -> str:
    parts = [f"{name} {each[f'desk_{name}_cpu_seconds']:.3f}" for name in ("gather", "detect", "conclude")]
    memory = [f"{who} {each[f'{who}_peak_megabytes']:.0f} from {each[f'{who}_start_megabytes']:.0f}" for who in WHO]
    wall = [f"{who} {each[f'{who}_wall_seconds']:.3f}" for who in WHO]
    lines = [
        f"{each['pods']} pods, {each['objects']} objects, {each['read_megabytes']} MB of answers, {each['detectors']} detectors, ",
        f"{each['findings']} findings, {each['rounds']} rounds; CPU seconds of the client, medians\n",
        f"bare LIST, orjson           {each['bare_cpu_seconds']:.3f}\n",
        f"the same, collector off     {each['fastest_cpu_seconds']:.3f}\n",
        f"collect and detect          {each['desk_cpu_seconds']:.3f}  ({', '.join(parts)}, the last not counted)\n",
        f"ratio to the plain one      {each['ratio_to_plain']:.2f}  {each['ratio_to_plain_of_rounds']}\n",
        f"ratio to the fastest        {each['ratio_to_fastest']:.2f}  {each['ratio_to_fastest_of_rounds']}\n",
        f"wall seconds                {', '.join(wall)}\n",
        f"peak memory, MB             {', '.join(memory)}\n",
        f"loading the detectors       {each['load_seconds']:.3f} s",
    ]
    return "".join(lines)


def _cpu() -> float:
    """User and system time of this process, all threads."""
    return time.process_time()


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bare_child(kubeconfig: Path, looks: int) -> dict[str, Any]:
    """The same lists, page after page, over the same HTTP client, decoded and kept; nothing else."""
    import urllib3
    import yaml

    server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    pool, paths = urllib3.PoolManager(), list_paths()
    start, rows, size = _megabytes(), [], 0
    for _ in range(looks + 1):
        began, wall = _cpu(), time.perf_counter()
        kept, size = _bare_lists(pool, server, paths)
        rows.append({"cpu": _cpu() - began, "wall": time.perf_counter() - wall})
        del kept
    return {"rows": rows[1:], "read_megabytes": size / 1e6, "start_megabytes": start, "peak_megabytes": _megabytes()}


def fastest_child(kubeconfig: Path, looks: int) -> dict[str, Any]:
    import gc

    gc.disable()
    return bare_child(kubeconfig, looks)


def _bare_lists(pool: Any, server: str, paths: Sequence[str]) -> tuple[list[Any], int]:
    import orjson

    kept: list[Any] = []
    size = 0
    for path in paths:
        token = ""
        while True:
            query = f"?limit={PAGE}" + (f"&continue={token}" if token else "")
            answer = pool.request("GET", f"{server}{path}{query}")
            size += len(answer.data)
            page = orjson.loads(answer.data)
            kept += page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue", "")
            if not token:
                break
    return kept, size


def list_paths() -> list[str]:
    """What the desk's collectors list, and the present use that its metrics collector asks."""
    from api.bootstrap import open_collectors
    from tools.collectors.reading import ListingCollector

    listing = [one for one in open_collectors() if isinstance(one, ListingCollector)]
    paths = [read.kind.path("") for one in listing for read in one.reads]
    return [*paths, "/apis/metrics.k8s.io/v1beta1/nodes", "/apis/metrics.k8s.io/v1beta1/pods"]


def desk_child(kubeconfig: Path, looks: int) -> dict[str, Any]:
    from agent.reasoning.diagnosis import conclude
    from api.bootstrap import open_clock, open_cluster, open_collectors
    from api.settings import ClusterSettings
    from knowledge.vocabulary import Focus
    from tools.collectors.gather import GatherLimits, gather
    from tools.detectors.library import load_detectors

    began = time.perf_counter()
    detectors = load_detectors()
    load_seconds = time.perf_counter() - began
    cluster, collectors, clock = (
        open_cluster(ClusterSettings(name="prepared", kubeconfig=kubeconfig)),
        open_collectors(),
        open_clock(),
    )
    start = _megabytes()

    async def look() -> dict[str, Any]:
        now = clock.now()
        focus = Focus(cluster=cluster.name, since=now - timedelta(hours=1), until=now)
        began, wall = _cpu(), time.perf_counter()
        snapshot = await gather(cluster, focus, clock, collectors, GatherLimits())
        gathered = _cpu()
        findings = await asyncio.to_thread(detectors.detect, snapshot)
        detected, detected_wall = _cpu(), time.perf_counter()
        conclude(findings, snapshot, detectors, focus=focus)
        return {
            "cpu": detected - began, "gather_cpu": gathered - began, "detect_cpu": detected - gathered,
            "conclude_cpu": _cpu() - detected, "wall": detected_wall - wall, "findings": len(findings),
            "objects": sum(len(snapshot.of_kind(kind)) for kind in snapshot.kinds()),
        }  # fmt: skip

    async def all_looks() -> list[dict[str, Any]]:
        return [await look() for _ in range(looks + 1)]

    rows = asyncio.run(all_looks())[1:]
    return {"rows": rows, "findings": rows[-1]["findings"], "objects": rows[-1]["objects"], "detectors": len(detectors.by_id),
            "load_seconds": round(load_seconds, 4), "start_megabytes": start, "peak_megabytes": _megabytes()}  # fmt: skip


CHILDREN: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "bare": bare_child,
    "fastest": fastest_child,
    "desk": desk_child,
}
WHO = ("bare", "fastest", "desk")


if __name__ == "__main__":
    raise SystemExit(main())

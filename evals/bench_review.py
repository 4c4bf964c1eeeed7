"""How many scripts a second are judged with no cluster at hand: `opsdesk review --jsonl FILE --json`, one process, one core.

    python -m evals.bench_review --scripts 20000

Measures the command itself as a person runs it, start-up, policy and output included, over a mix of reads, ordinary changes,
forbidden ones, manifests, and lines that are refused. Exits 1 under the bar, and when a line is left without its answer.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

BAR_PER_SECOND = 2_000
_MANIFEST = """kubectl apply -f - <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: 'registry.example.com/shop/web:1.4.2', resources: {limits: {memory: 1Gi}}}
EOF
"""
SCRIPTS = (
    "kubectl get pods -A -o wide", "kubectl describe node gpu-1", "kubectl logs web-1 app --tail=200 -n shop",
    "kubectl rollout restart deployment/web -n shop", "kubectl scale deploy/web --replicas=5 -n shop",
    "kubectl set image deploy/web app=registry.example.com/shop/web:1.4.2", "kubectl set resources deploy/web --limits=memory=2Gi",
    "kubectl patch svc web -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'", "kubectl drain gpu-1 --ignore-daemonsets",
    "kubectl cordon gpu-1\nkubectl delete pod web-1 -n shop\nkubectl rollout status deploy/web -n shop", _MANIFEST,
    "kubectl delete pods -l app=web", "kubectl delete namespace shop", "kubectl get secret db -o yaml", "kubectl exec web-1 -- sh",
    "kubectl get pods | sh", "kubectl scale deploy/web --replicas=three",
)  # fmt: skip


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scripts.jsonl"
        lines = [json.dumps({"script": SCRIPTS[at % len(SCRIPTS)]}) for at in range(options.scripts)]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        runs = [_run(file) for _ in range(options.runs)]
    seconds, processor_seconds, output = min(runs)
    answers = [json.loads(line) for line in output.splitlines()]
    verdicts = Counter(answer["verdict"] for answer in answers)
    rate = len(answers) / seconds
    print(
        f"{len(answers)} scripts in {seconds:.2f} s, start-up included: {rate:,.0f} a second (bar {BAR_PER_SECOND:,})"
    )
    print(f"the best of {len(runs)} runs; {len(answers) / processor_seconds:,.0f} a second of processor time")
    print(", ".join(f"{verdict} {count}" for verdict, count in sorted(verdicts.items())))
    if len(answers) != options.scripts:
        print(f"FAILED: {options.scripts - len(answers)} lines have no answer")
    if rate < BAR_PER_SECOND:
        print("FAILED: under the bar")
    return int(rate < BAR_PER_SECOND or len(answers) != options.scripts)


def _run(file: Path) -> tuple[float, float, bytes]:
    """Seconds by the clock, seconds of processor time, and what was printed."""
    command = [sys.executable, "-m", "api.cli", "review", "--jsonl", str(file), "--json"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.bench_review", description=__doc__)
    parser.add_argument("--scripts", type=int, default=20_000, help="how many lines (default 20,000)")
    parser.add_argument("--runs", type=int, default=3, help="the best of so many counts (default 3)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

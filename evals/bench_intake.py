"""A storm of alerts into a fresh ledger: how long a sender waits for its durable acknowledgement, and is anything lost?

    python -m evals.bench_intake --alerts 10000 --threads 8

Measures ``ledger.alerts.receive`` alone, one alert per delivery (a receiver's HTTP comes on top), with one delivery in ten
sent twice. Exits 1 when p99 is over the bar or when anything is lost or doubled.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Alert, Scope, Severity

BAR_SECONDS = 0.050
SERVICES = 40


@dataclass(frozen=True, slots=True)
class Storm:
    """``waits`` are seconds per delivery; ``seconds`` is the whole storm."""

    waits: Sequence[float]
    seconds: float

    def percentile(self, share: float) -> float:
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main() -> int:
    options = _options()
    with _ledger(options.url) as ledger:
        numbers = [number for each in range(options.alerts) for number in ([each, each] if each % 10 == 0 else [each])]
        storm = _blow(ledger, numbers, options.threads, options.rate)
        losses = _losses(ledger, options.alerts)
    print(
        f"{len(storm.waits)} deliveries of {options.alerts} alerts from {options.threads} threads in {storm.seconds:.1f} s"
    )
    print(f"rate offered {options.rate or 'unbounded'}/s, carried {len(storm.waits) / storm.seconds:.0f}/s")
    print(
        f"p50 {storm.percentile(0.5) * 1000:.1f} ms, p99 {storm.percentile(0.99) * 1000:.1f} ms, max {max(storm.waits) * 1000:.1f} ms"
    )
    for loss in losses:
        print(f"FAILED: {loss}")
    if storm.percentile(0.99) > BAR_SECONDS:
        losses.append("slow")
        print(f"FAILED: p99 is over {BAR_SECONDS * 1000:.0f} ms")
    if not losses:
        print(f"none lost, duplicates joined, p99 under {BAR_SECONDS * 1000:.0f} ms")
    return 1 if losses else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0, help="deliveries per second offered; 0: as fast as it goes")
    parser.add_argument(
        "--url", default="", help="an empty database; a SQLite file in a temporary folder when not given"
    )
    return parser.parse_args()


@contextmanager
def _ledger(url: str) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory(prefix="opsdesk-bench-") as folder:
        url = url or f"sqlite:///{Path(folder) / 'ledger.db'}"
        Ledger.upgrade(url)
        with Ledger.open(url, lambda: datetime.now(UTC)) as ledger:
            yield ledger


def _blow(ledger: Ledger, numbers: Sequence[int], threads: int, rate: float) -> Storm:
    began_at = datetime.now(UTC)
    start = time.perf_counter()

    def send(place: int) -> float:
        if rate:
            time.sleep(max(0.0, start + place / rate - time.perf_counter()))
        sent = time.perf_counter()
        number = numbers[place]
        ledger.alerts.receive(f"delivery-{number}", "bench", f"{number}".encode(), [_alert(number, began_at)])
        return time.perf_counter() - sent

    with ThreadPoolExecutor(threads) as pool:
        waits = list(pool.map(send, range(len(numbers))))
    return Storm(waits=waits, seconds=time.perf_counter() - start)


def _alert(number: int, starts_at: datetime) -> Alert:
    return Alert(
        source="bench",
        fingerprint=f"fingerprint-{number}",
        status="firing",
        name=f"Alert{number % 7}",
        severity=Severity.HIGH,
        cluster="storm",
        namespace="serving",
        service=f"model-{number % SERVICES}",
        labels={"pod": f"model-{number % SERVICES}-{number}", "severity": "high"},
        annotations={"summary": "the model server does not answer its readiness probe"},
        starts_at=starts_at,
    )


def _losses(ledger: Ledger, alerts: int) -> list[str]:
    """What is not as it must be: every alert once, an incident per service, each told of and woken, the chain whole."""
    incidents = ledger.incidents.list(Scope(), limit=SERVICES * 2)
    kept = [alert for incident in incidents for alert in ledger.alerts.for_incident(incident.id, limit=alerts)]
    woken = {wake.incident_id for wake in ledger.wakes.waiting()}
    checks: dict[str, Callable[[], bool]] = {
        f"{alerts} alerts sent, {len(kept)} kept": lambda: len(kept) == alerts,
        "an alert is kept twice": lambda: len({alert.fingerprint for alert in kept}) == len(kept),
        f"{len(incidents)} incidents for {SERVICES} services": lambda: len(incidents) == min(SERVICES, alerts),
        "an incident asks for no worker": lambda: woken == {incident.id for incident in incidents},
        "the audit chain is broken": lambda: ledger.audit.verify() == (alerts, None),
    }
    return [said for said, holds in checks.items() if not holds()]


if __name__ == "__main__":
    sys.exit(main())

"""Several processes on one ledger, and one that is killed: what only the database can guarantee."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalStatus, Decision, Scope
from tests.ledger.makers import add_approver, ask

ROOT = Path(__file__).parents[2]

RACER = """
import sys
from datetime import UTC, datetime
from knowledge.errors import OpsdeskError
from knowledge.ledger.ledger import Ledger
url, approval, review_id = sys.argv[1:]
with Ledger.open(url, lambda: datetime(2026, 3, 1, 12, 1, tzinfo=UTC)) as ledger:
    review = ledger.reviews.get(review_id)
    print("ready", flush=True)
    sys.stdin.readline()
    execution = ledger.executions.request(review.incident_id, review.plan_id, review, approval)
    claim = ledger.executions.claim_next(sys.argv[0] + str(id(ledger)), 30)
    print(execution.id, "claimed" if claim else "nothing", flush=True)
"""

SENDER = """
import sys
from datetime import UTC, datetime
from knowledge.ledger.ledger import Ledger
from tests.ledger.makers import make_alert
with Ledger.open(sys.argv[1], lambda: datetime(2026, 3, 1, 12, 1, tzinfo=UTC)) as ledger:
    for number in range(100_000):
        ledger.alerts.receive(f"k{number}", "am", b"", [make_alert(f"f{number}")])
        print(number, flush=True)
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def finish(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.communicate(timeout=60)


def test_approval_runs_once_when_processes_race_for_it(ledger: Ledger, url: str) -> None:
    review, request = ask(ledger)
    ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.APPROVE, "", request.digest, 900)
    racers = [started(RACER, url, request.id, review.id) for _ in range(3)]
    assert [line(racer) for racer in racers] == ["ready"] * 3
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outcomes = [line(racer).split() for racer in racers]
    finish(racers)
    assert len({execution_id for execution_id, _ in outcomes}) == 1
    assert sorted(claim for _, claim in outcomes) == ["claimed", "nothing", "nothing"]
    assert ledger.approvals.get(request.id).status is ApprovalStatus.USED


def test_every_acknowledged_alert_is_there_when_the_receiver_is_killed(ledger: Ledger, url: str) -> None:
    """kill -9 in the middle: what was acknowledged is kept, whole, and the ledger goes on."""
    sender = started(SENDER, url)
    while int(line(sender)) < 20:
        pass
    sender.kill()
    rest = sender.communicate(timeout=60)[0]
    acknowledged = max([20, *map(int, rest.split())])
    [incident] = ledger.incidents.list(Scope())
    kept = {alert.fingerprint for alert in ledger.alerts.for_incident(incident.id)}
    assert kept >= {f"f{number}" for number in range(acknowledged + 1)}
    assert len(kept) <= acknowledged + 2, "at most the one that was being acknowledged"
    assert ledger.audit.verify() == (len(kept), None)
    assert len(ledger.timeline.for_incident(incident.id)) == len(kept)

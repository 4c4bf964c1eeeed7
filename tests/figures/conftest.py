"""Figures are summed over a real ledger, with a clock that the test moves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knowledge.ledger.ledger import Ledger
from knowledge.ledger.model_calls import ModelCall
from knowledge.vocabulary import (
    Diagnosis,
    Finding,
    Hypothesis,
    IncidentStatus,
    Language,
    Layer,
    ObjectRef,
    Role,
    Scope,
    Severity,
    Text,
    Ticket,
    Verdict,
)

BOTH = Text(en="it is so", zh="如此")


class TestClock:
    __test__ = False

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


class Story:
    """Writes incidents into the ledger as they would have happened."""

    def __init__(self, ledger: Ledger, clock: TestClock) -> None:
        self.ledger, self.clock = ledger, clock
        self._count = 0
        self.people = {
            name: ledger.principals.add(name, [Role.VIEWER, Role.RESPONDER, Role.APPROVER], Scope())
            for name in ("mei", "wei")
        }

    def incident(
        self,
        *,
        service: str = "vllm",
        severity: Severity = Severity.HIGH,
        namespace: str = "serving",
        cluster: str = "prod",
        requester: str = "mei",
    ) -> str:
        self._count += 1
        ticket = Ticket(
            id=f"tkt-{self._count}", requester=requester, text="slow", language=Language.EN, cluster=cluster,
            namespace=namespace, service=service, opened_at=self.clock.at,
        )  # fmt: skip
        return self.ledger.tickets.open(ticket, "slow", severity).id

    def diagnose(
        self,
        incident_id: str,
        fault: str = "kv_cache_full",
        *,
        minutes: float = 1,
        confidence: float = 0.9,
        name: str = "vllm",
        namespace: str = "serving",
    ) -> None:
        self.clock.advance(minutes=minutes)
        about = ObjectRef(cluster="prod", kind="Deployment", namespace=namespace, name=name)
        chosen = Hypothesis(id="h", fault=fault, object=about, title=BOTH, explanation=BOTH, score=1.0)
        verdict = Verdict.FAULT if fault else Verdict.UNKNOWN
        known = Diagnosis(
            verdict=verdict, chosen=chosen if fault else None, confidence=confidence, summary=BOTH, seconds=0.4
        )
        self.ledger.diagnoses.put(incident_id, known)
        if fault:
            finding = Finding(
                id=f"f-{fault}", fault=fault, layer=Layer.VLLM, severity=Severity.HIGH, object=about, title=BOTH,
                explanation=BOTH, evidence_ids=(),
            )  # fmt: skip
            self.ledger.findings.put_many(incident_id, [finding])

    def resolve(self, incident_id: str, *, minutes: float = 10) -> None:
        self.clock.advance(minutes=minutes)
        self.ledger.incidents.set_status(incident_id, IncidentStatus.RESOLVED, "it holds")

    def say(self, incident_id: str, verdict: str, person: str = "mei") -> None:
        self.ledger.feedback.add(incident_id, self.people[person], verdict)  # type: ignore[arg-type]

    def ask_model(self, incident_id: str = "", **more: object) -> None:
        given = {"profile": "qwen", "model": "qwen2-7b", "outcome": "answered", "incident_id": incident_id} | more
        self.ledger.model_calls.add(ModelCall.model_validate(given))


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session")
def ledger_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("figures") / "template.db"
    Ledger.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def ledger(ledger_template: Path, tmp_path: Path, clock: TestClock) -> Iterator[Ledger]:
    shutil.copy(ledger_template, tmp_path / "ledger.db")
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock.now) as opened:
        yield opened


@pytest.fixture
def story(ledger: Ledger, clock: TestClock) -> Story:
    return Story(ledger, clock)

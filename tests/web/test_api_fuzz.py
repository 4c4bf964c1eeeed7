"""Schemathesis reads our own OpenAPI and asks every operation what it can think of, as each role and as nobody.

Held: no answer is a server's error; every status, media type, header and body is one that the description names; what the
description forbids is refused; who proves nothing gets nothing. ``OPSDESK_FUZZ_EXAMPLES=30`` tries harder: thirty calls of each
kind for each operation, and the limits of every field (minutes instead of seconds).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.schemas import OpenApiSchema
from starlette.types import Receive, Send
from starlette.types import Scope as Asked

from knowledge.vocabulary import Role, Scope
from tests.web.showroom import Showroom, showroom

EXAMPLES = int(os.environ.get("OPSDESK_FUZZ_EXAMPLES", "0"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
AnyCase = Case[Any]
OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
ROLES: dict[str, tuple[Role, ...]] = {
    "everything": tuple(Role),
    "admin": (Role.ADMIN,),
    "approver": (Role.VIEWER, Role.APPROVER),
    "responder": (Role.VIEWER, Role.RESPONDER),
    "viewer": (Role.VIEWER,),
    "nobody": (),
}
CALLS = {"everything": {GenerationMode.POSITIVE: 4, GenerationMode.NEGATIVE: 2}}
OTHERS = {GenerationMode.POSITIVE: 1}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    with showroom(tmp_path_factory.mktemp("fuzz")) as opened:
        rig = opened.rig
        rig.app.state.should_stop = lambda: True  # streams of events end after their first look
        for role, held in ROLES.items():
            if held:
                rig.person(f"fuzz-{role}", *held)
        rig.person("narrow", *Role, scope=Scope(clusters=("prod",), namespaces=("elsewhere",)))
        yield opened


@pytest.fixture(scope="module")
def schema(room: Showroom) -> OpenApiSchema:
    async def app(scope: Asked, receive: Receive, send: Send) -> None:
        with suppress(Exception):  # a bug has been answered with a 500 by then, which is what is looked for
            await room.rig.app(scope, receive, send)

    found: OpenApiSchema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    return found


@dataclass
class Names:
    """Ids that are there, taken in turn: a fuzz alone would never get behind a 404."""

    room: Showroom
    turn: int = 0

    def into(self, case: AnyCase) -> None:
        """Puts them into two calls of three."""
        self.turn += 1
        if self.turn % 3 == 0:
            return
        known = self._known()
        for name in case.path_parameters or {}:
            if name in known:
                case.path_parameters[name] = known[name][self.turn % len(known[name])]
        if isinstance(case.body, dict) and self.turn % 2 and not _is_wrong(case):
            for name in ("conversation_id", "incident_id", "cluster", "into", "message_id", "digest"):
                if isinstance(case.body.get(name), str) and name in known:
                    case.body[name] = known[name][0]

    def _known(self) -> dict[str, list[Any]]:
        room = self.room
        return {
            "incident_id": [room.waiting.incident.id, room.ended.incident.id],
            "approval_id": [room.waiting.approval.id, room.ended.approval.id],
            "plan_id": [room.waiting.plan.id, room.ended.plan.id],
            "execution_id": [room.execution.id],
            "evidence_id": [fact.id for fact in room.waiting.evidence],
            "case_id": [room.case],
            "lesson_id": [room.lesson],
            "conversation_id": [room.conversation],
            "user_id": ["mia", "narrow"],
            "source_id": ["alertmanager"],
            "index": [0, 1, 9_999],
            "into": [room.ended.incident.id],
            "digest": [room.waiting.review.digest],
            "cluster": ["prod"],
        }


class Fuzz:
    """One visitor's calls; what was wrong with the answers, by operation."""

    def __init__(self, room: Showroom, role: str) -> None:
        self.headers = {} if role == "nobody" else room.rig.as_(f"fuzz-{role}")
        self.is_nobody = role == "nobody"
        self.names = Names(room)
        self.calls = 0
        self.wrong: dict[str, str] = {}

    def ask(self, case: AnyCase) -> None:
        self.names.into(case)
        answer = case.call(headers=self.headers, timeout=20)
        self.calls += 1
        what = f"{case.operation.label} -> {answer.status_code}"
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.wrong.setdefault(f"{what}: {type(failure).__name__}", str(failure)[:1_500])
        if self.is_nobody and case.operation.path not in OPEN and answer.status_code < 400:
            self.wrong.setdefault(f"{what}: answered to nobody", "")
        if _is_wrong(case) and answer.status_code < 400:
            self.wrong.setdefault(f"{what}: taken though it does not fit", repr(case.body)[:500])


def _is_wrong(case: AnyCase) -> bool:
    """Whether the body breaks the description. A query that does not know a name is no matter."""
    meta = case.meta
    if meta is None:
        return False
    wrong = {place for place, part in meta.components.items() if part.mode is GenerationMode.NEGATIVE}
    return any(place.value == "body" for place in wrong)


def operations(schema: OpenApiSchema) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """All of them; a part of the description that cannot be read fails here."""
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def fuzzed(fuzz: Fuzz, schema: OpenApiSchema, wanted: dict[GenerationMode, int]) -> None:
    for operation in operations(schema):
        for mode, most in wanted.items():

            @settings(
                max_examples=max(most, EXAMPLES),
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def asked(case: AnyCase) -> None:
                fuzz.ask(case)

            try:
                asked()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, (
                    operation.label
                )  # nothing can be wrong with a call that takes nothing
        if EXAMPLES:
            for case in schema.iter_coverage_cases(
                operation, generation_modes=list(GenerationMode), generation_config=schema.config.generation
            ):
                fuzz.ask(case)


@pytest.mark.slow
@pytest.mark.timeout(3_600 if EXAMPLES else 120)
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_one_that_the_description_names(room: Showroom, schema: OpenApiSchema, role: str) -> None:
    fuzz = Fuzz(room, role)
    with structlog.testing.capture_logs() as logs:
        fuzzed(fuzz, schema, CALLS.get(role, OTHERS))
    assert not fuzz.wrong, "\n\n".join(f"{what}\n{why}" for what, why in fuzz.wrong.items())
    assert [entry for entry in logs if entry["event"] in {"web_bug", "chat_bug"}] == []
    assert fuzz.calls > 50


def test_description_names_a_proof_and_its_refusal_for_every_operation_that_is_not_a_probe(
    schema: OpenApiSchema,
) -> None:
    for operation in operations(schema):
        if operation.path in OPEN:
            continue
        told = operation.definition.raw
        assert told["security"], operation.label
        assert {"401", "503"} <= set(told["responses"]), operation.label
        assert "application/problem+json" in told["responses"]["401"]["content"]

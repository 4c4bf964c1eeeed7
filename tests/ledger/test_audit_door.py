"""One door to the audit: every verb goes through it, wherever in its detail a secret stands, and nothing goes in beside it."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.ledger.ledger import Ledger
from tests.ledger.conftest import TestClock
from tools.redaction import redact_text

ROOT = Path(__file__).parent.parent.parent
SECRETS = [
    "ghp_" + "a1B2" * 9,
    "sk-" + "Zx9Q" * 8,
    "AKIAIOSFODNN7EXAMPLE",
    "postgres://app:s3cr3tPassw0rd@db:5432/shop",
]
PLANTED = ["ghp_" + "a1B2" * 9, "sk-" + "Zx9Q" * 8, "AKIAIOSFODNN7EXAMPLE", "s3cr3tPassw0rd", "hunter2-Zq81"]


def sources() -> Iterator[Path]:
    for folder in ("knowledge", "agent", "api", "tools"):
        yield from (ROOT / folder).rglob("*.py")


@cache
def verbs() -> tuple[str, ...]:
    """Every verb that somebody writes, read off the code."""
    found: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "audit":
                words = node.args[1] if len(node.args) > 1 else None
                if isinstance(words, ast.Constant):
                    found.add(str(words.value))
    return tuple(sorted(found))


def test_verbs_are_found_where_they_are_written() -> None:
    assert {"approval.use", "execution.intend", "freeze", "token.issue"} <= set(verbs())
    assert len(verbs()) > 35


def test_nothing_writes_into_the_audit_but_its_own_module() -> None:
    own = ROOT / "knowledge" / "ledger" / "audit.py"
    for path in sources():
        if path == own or "migrations" in path.parts or path.parent.name == "rows":
            continue
        names = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
        assert "AuditRow" not in names, path


@pytest.fixture
def guarded(sqlite_template: Path, tmp_path: Path, clock: TestClock) -> Iterator[Ledger]:
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock, redact=redact_text) as opened:
        yield opened


words = st.one_of(
    st.sampled_from(SECRETS),
    st.builds("{} {}".format, st.text(max_size=10), st.sampled_from(SECRETS)),
    st.just("password=hunter2-Zq81"),
    st.text(max_size=12),
)
details = st.recursive(
    st.one_of(
        words, st.integers(), st.booleans(), st.none(), st.fixed_dictionaries({"password": st.just("hunter2-Zq81")})
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verb=st.deferred(lambda: st.sampled_from(verbs())),
    actor=words,
    subject=words,
    detail=st.dictionaries(words, details, max_size=4),
)
def test_no_secret_passes_the_door_whoever_writes_which_verb_with_whatever_detail(
    guarded: Ledger, verb: str, actor: str, subject: str, detail: dict[str, Any]
) -> None:
    last = guarded.audit.last()
    guarded.audit.append(actor, verb, subject, {f"x {name}": value for name, value in detail.items()})
    (entry,) = guarded.audit.entries(after=last)
    told = entry.model_dump_json()
    assert entry.verb == verb
    assert {secret for secret in PLANTED if secret in told} == set()

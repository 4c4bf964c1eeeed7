"""The command line and the web face mean the same: its commands over a real connection to the application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app as commands
from api.review_view import ReviewView
from knowledge.vocabulary import ApprovalStatus, Ruling
from tests.web.conftest import Rig
from tests.web.serving import served
from tests.web.story import incident_of, whole_story


@pytest.fixture
def address(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    with served(rig.app) as url:
        monkeypatch.setenv("OPSDESK_URL", url)
        monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "cli"))
        yield url


def run(monkeypatch: pytest.MonkeyPatch, token: str, *words: str) -> str:
    monkeypatch.setenv("OPSDESK_TOKEN", token)
    done = CliRunner().invoke(commands, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_commands_open_list_show_and_close_an_incident(rig: Rig, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address
    rui = rig.tokens["rui"]
    opened = json.loads(run(monkeypatch, rui, "ticket", "qwen2-7b is slow", "--json"))
    listed = json.loads(run(monkeypatch, rui, "incidents", "--json"))
    assert [one["id"] for one in listed["items"]] == [opened["id"]]
    assert "qwen2-7b is slow" in run(monkeypatch, rui, "incident", "show", opened["id"])
    run(monkeypatch, rui, "incident", "assign", opened["id"], "rui")
    run(monkeypatch, rui, "incident", "close", opened["id"], "false alarm")
    shown = json.loads(run(monkeypatch, rui, "incident", "show", opened["id"], "--json"))
    assert (shown["incident"]["status"], shown["incident"]["assignee"]) == ("closed", "rui")


def test_commands_show_the_review_and_approve_it(rig: Rig, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address
    story, other = whole_story(rig.ledger), incident_of(rig.ledger, "other", namespace="b", service="b")
    ana = rig.tokens["ana"]
    assert "rollout undo" in run(monkeypatch, ana, "review", story.incident.id)
    assert "approved" in run(monkeypatch, ana, "approve", story.incident.id, "--yes", "--reason", "typo")
    assert rig.ledger.approvals.get(story.approval.id).status is ApprovalStatus.APPROVED
    assert other.id in run(monkeypatch, ana, "incidents", "--json")


def test_commands_show_one_view_and_what_waits(rig: Rig, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address
    story = whole_story(rig.ledger)
    about, ana, vera = story.incident.id, rig.tokens["ana"], rig.tokens["vera"]
    view = ReviewView.model_validate(json.loads(run(monkeypatch, ana, "review", about, "--json")))
    assert (view.digest, view.ruling) == (story.review.digest, Ruling.ONE)
    assert (
        json.loads(run(monkeypatch, ana, "incident", "show", about, "--json"))["review_view"]["digest"] == view.digest
    )
    for words in (("review", about), ("incident", "show", about)):
        screen = run(monkeypatch, ana, *words)
        assert f"digest: {view.digest}" in screen
        assert "you: may vote on it" in screen
        assert " UTC (in 3 h 59 min)" in screen
    listed = run(monkeypatch, ana, "approvals")
    assert about in listed
    assert "1/1" in listed
    assert "no: your roles do not include approver" in run(monkeypatch, vera, "approvals")
    assert json.loads(run(monkeypatch, vera, "approvals", "--json"))["items"][0]["approval"]["id"] == story.approval.id
    bare = incident_of(rig.ledger, "bare", namespace="b", service="b")
    assert "no plan" in run(monkeypatch, ana, "review", bare.id)

"""Users, tokens, sources and switches: a mistake changes nothing and says what would be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

LISTINGS = (
    ("user", "list"),
    ("user", "tokens", "alice"),
    ("source", "list"),
    ("detectors", "list"),
    ("kb", "list"),
    ("kb", "list", "--documents"),
    ("kb", "lessons"),
    ("doctor", "--settings"),
)


@pytest.fixture(autouse=True)
def alice(run: Run) -> None:
    assert run("user", "add", "alice", "--role", "admin").code == 0


@pytest.mark.parametrize("words", LISTINGS, ids=" ".join)
def test_every_listing_is_one_json_list(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words, "--json")
    assert done.code == 0, done.err
    assert isinstance(json.loads(done.out), list)


def test_a_user_added_twice_stays_as_it_was(run: Run) -> None:
    run("user", "add", "alice", "--role", "viewer").told(3, "already")
    (user,) = json.loads(run("user", "list", "--json").out)
    assert user["roles"] == ["admin"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("user", "add", "bob", "--role", "boss"), 1, "no role 'boss'"),
        (("user", "roles", "alice", "--role", "king"), 1, "no role 'king'"),
        (("user", "add", "bot", "--machine", "--role", "approver"), 1, "machine"),
        (("user", "add", "a\nb", "--role", "viewer"), 1, "cannot be a principal's name"),
        (("user", "token", "nobody"), 1, "no principal 'nobody'"),
        (("user", "tokens", "nobody"), 1, "no principal 'nobody'"),
        (("user", "disable", "nobody"), 1, "no principal 'nobody'"),
        (("user", "revoke", "alice", "--label", "lost"), 1, "no token 'lost'"),
        (("source", "add", "am", "--secret", "changeme"), 1, "default one or shorter"),
        (("source", "add", "a b/c"), 1, "cannot be a source's id"),
        (("source", "remove", "am"), 1, "no alert source"),
        (("freeze", "fire", "--cluster", "labb"), 1, "no cluster named 'labb'"),
        (("kb", "accept", "les-1", "--as", "alice"), 1, "no lesson"),
        (("detectors", "show", "no-such"), 1, "no detector"),
        (("executor", "--once"), 1, "mode `execute`"),
    ],
)
def test_a_mistake_is_told_with_its_next_step(run: Run, words: tuple[str, ...], code: int, says: str) -> None:
    run(*words).told(code, says)


@pytest.mark.parametrize(
    "words",
    [("detectors", "list", "--layer", "attic"), ("kb", "lessons", "--status", "odd"), ("kb", "list", "--kind", "odd")],
)
def test_a_choice_that_is_none_names_the_choices(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.code == 2
    assert "is not one of" in done.err


def test_a_token_is_revoked_once_and_can_be_made_again(run: Run) -> None:
    assert run("user", "token", "alice").out.startswith("ops_")
    run("user", "token", "alice").told(3, "already")
    assert run("user", "revoke", "alice").code == 0
    run("user", "revoke", "alice").told(1, "no token 'cli'")
    assert run("user", "token", "alice").code == 0


def test_a_source_is_added_once_removed_and_added_again(run: Run) -> None:
    assert "webhooks/am" in run("source", "add", "am").out
    run("source", "add", "am").told(3, "already")
    assert run("source", "remove", "am").code == 0
    assert run("source", "add", "am").code == 0


def test_a_freeze_that_is_left_is_named_when_another_is_lifted(run: Run, home: Path) -> None:
    (home / "opsdesk.yaml").write_text("clusters:\n  - {name: lab, kubeconfig: /k}\n")
    assert "unfreeze --cluster lab" in run("freeze", "one", "--cluster", "lab").out
    run("freeze", "all")
    assert "still frozen: lab" in run("unfreeze").out
    assert run("unfreeze", "--cluster", "lab").out.splitlines() == ["unfrozen"]

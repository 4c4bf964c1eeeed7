"""`opsdesk user passwd | invite | link | unlink | links | sessions | sign-out`, and what the first start prints."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from api.bootstrap import open_ledger
from api.cli import app
from api.identity.passwords import Passwords
from api.identity.visitors import Visitor
from api.settings import Settings
from api.web.sessions import Sessions
from knowledge.ledger.browser_sessions import SignInProof
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Role

run = CliRunner()
GOOD = "nine tin lanterns"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [one for one in os.environ if one.startswith("OPSDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPSDESK_SIGN_IN__HASH_MEMORY_KIB", "8")
    monkeypatch.setenv("OPSDESK_SIGN_IN__HASH_PASSES", "1")
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    del home
    with open_ledger(Settings.load()) as opened:
        yield opened


def opsdesk(*words: str, typed: str = "") -> str:
    result = run.invoke(app, ["user", *words], input=typed)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*words: str, typed: str = "") -> str:
    result = run.invoke(app, ["user", *words], input=typed)
    assert result.exit_code != 0
    return f"{result.output} {result.exception}"


def test_invitation_of_somebody_new_adds_them_and_prints_the_link_alone(ledger: Ledger) -> None:
    result = run.invoke(app, ["user", "invite", "noor", "--role", "viewer", "-r", "responder"])
    assert re.fullmatch(r"http://127\.0\.0\.1:8700/set-password/[\w-]{43}\n", result.stdout)
    assert ledger.principals.by_id("noor").roles == {Role.VIEWER, Role.RESPONDER}
    link = ledger.credentials.link(result.stdout.strip().rpartition("/")[2])
    assert link is not None
    assert link.principal_id == "noor"


def test_invitation_of_a_stranger_says_how_they_are_added(ledger: Ledger) -> None:
    del ledger
    result = run.invoke(app, ["user", "invite", "noor"])
    assert result.exit_code != 0
    assert "--role" in str(getattr(result.exception, "next_step", "")) + result.output


def test_invitation_gives_no_roles_to_somebody_who_is_there(ledger: Ledger) -> None:
    opsdesk("add", "noor", "--role", "viewer")
    refused("invite", "noor", "--role", "admin")
    assert ledger.principals.by_id("noor").roles == {Role.VIEWER}


def test_password_is_asked_twice_or_read_from_a_pipe_and_judged(ledger: Ledger) -> None:
    opsdesk("add", "noor", "--role", "viewer")
    opsdesk("passwd", "noor", typed=f"{GOOD}\n{GOOD}\n")
    known = ledger.credentials.password_hash("noor")
    assert known is not None
    assert Passwords(Settings.load().sign_in).is_right(known[1], GOOD)
    assert "tried first" in refused("passwd", "noor", "--stdin", typed="password1234\n")
    again = ledger.credentials.password_hash("noor")
    assert again == known


def test_machine_gets_no_invitation(ledger: Ledger) -> None:
    opsdesk("add", "bot", "--role", "viewer", "--machine")
    assert "program" in refused("invite", "bot")
    assert ledger.credentials.link("x") is None


def test_accounts_elsewhere_are_linked_listed_and_unlinked(ledger: Ledger) -> None:
    opsdesk("add", "noor", "--role", "viewer")
    issuer = "oidc:https://corp.test/realms/ops"
    opsdesk("link", "noor", issuer, "auth0|7/x")
    listed = json.loads(opsdesk("links", "noor", "--json"))
    assert [(one["provider"], one["subject"]) for one in listed] == [(issuer, "auth0|7/x")]
    opsdesk("unlink", f"{issuer}/auth0|7/x")
    assert ledger.linked_identities.of("noor") == []
    assert "nobody" in refused("unlink", f"{issuer}/auth0|7/x")


def test_sessions_are_listed_without_secrets_and_ended(ledger: Ledger, home: Path) -> None:
    opsdesk("add", "noor", "--role", "viewer")
    sessions = Sessions(home / "session.key", ledger.browser_sessions, timedelta(hours=1), timedelta(hours=1))
    proof = SignInProof(method="password", hint="sealed-hint")
    secret, one = sessions.open("noor", proof, Visitor("10.1.1.1", "Firefox"))
    sessions.open("noor", proof, Visitor("10.1.1.2", "Chrome"))
    shown = opsdesk("sessions", "noor", "--json")
    assert secret not in shown
    assert "sealed-hint" not in shown
    assert {each["address"] for each in json.loads(shown)} == {"10.1.1.1", "10.1.1.2"}
    opsdesk("sign-out", "noor", "--session", one.id)
    assert sessions.read(secret) is None
    opsdesk("sign-out", "noor")
    assert ledger.browser_sessions.of("noor") == []


@pytest.mark.slow
def test_server_prints_the_welcome_once_and_never_again_when_it_was_used(home: Path, tmp_path: Path) -> None:
    """The whole way of the first five minutes, with the real program."""
    with started(tmp_path / "first.txt") as (address, link):
        assert link
        with httpx.Client(base_url=address, trust_env=False) as browser:
            page = browser.get(link)
            csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
            assert csrf
            form = {"csrf": csrf[1], "name": "ada", "password": GOOD, "again": GOOD}
            assert browser.post(link, data=form).status_code == 303
            assert browser.get("/api/v1/me").json()["principal"]["id"] == "ada"
    with started(tmp_path / "second.txt") as (_, link):
        assert link == ""
    assert not any(b"/welcome/" in one.read_bytes() for one in home.rglob("*") if one.is_file())


@contextmanager
def started(printed: Path) -> Iterator[tuple[str, str]]:
    """Its address, and the path of the welcome; empty when it has printed none until it answers."""
    command = [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--no-worker"]
    with (
        printed.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL) as server,
    ):
        try:
            address = ""
            for _ in range(600):
                found = re.search(r"opsdesk is at (\S+)", printed.read_text())
                address = found[1] if found else ""
                with suppress(httpx.HTTPError):
                    if address and httpx.get(f"{address}/healthz", trust_env=False, timeout=1).is_success:
                        break
                time.sleep(0.1)
            link = re.search(r"/welcome/\S+", printed.read_text())
            yield address, link[0] if link else ""
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)

"""`opsdesk report`, `opsdesk notices` and what the doctor says of them, as a person types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from api.notices.contract import NoticeKind
from knowledge.ledger.happenings import HappeningKind
from knowledge.ledger.outbox_values import NoticeState, Outgoing
from knowledge.vocabulary import Severity
from tests.cli.conftest import Run
from tests.fakes.http_server import Asked, Told, running_http_server
from tests.ledger.makers import make_ticket


def with_ledger(home: Path):  # type: ignore[no-untyped-def]
    from api.bootstrap import open_ledger
    from api.settings import Settings

    return open_ledger(Settings(home=home))


def test_happenings_and_notices_have_the_same_words() -> None:
    assert {one.value for one in HappeningKind} < {one.value for one in NoticeKind}


def test_every_kind_has_its_words() -> None:
    from api.web.words import WORDS

    assert all(f"notices.{kind.value}" in WORDS for kind in NoticeKind)


def test_report_is_a_table_json_or_csv(run: Run, home: Path) -> None:
    with with_ledger(home) as ledger:
        ledger.tickets.open(make_ticket(), "slow", Severity.HIGH)
    told = run("report")
    assert told.code == 0
    assert "Time to diagnose and to resolve" in told.out
    found = json.loads(run("report", "times", "--json", "--since", "7000h").out)
    assert found["overall"]["incidents"] == 1
    rows = list(csv.reader(io.StringIO(run("report", "--csv", "--since", "2w").out)))
    assert rows[0] == ["report", "group", "name", "measure", "value"]


def test_report_refuses_a_time_that_it_cannot_read(run: Run) -> None:
    run("report", "--since", "sometime").told(1, "neither an age nor a time")
    assert run("report", "--json", "--csv").code == 2


def test_notices_are_listed_and_tried_again(run: Run, home: Path) -> None:
    assert "nothing was told yet" in run("notices", "list").out
    with with_ledger(home) as ledger:
        from api.bootstrap import utc_now
        from knowledge.ledger.outbox_values import Pace

        one = Outgoing(
            key="k", route="serving", channel="email", place="named:a@b.example", kind="handed_over", due_at=utc_now(),
            address={}, notice={},
        )  # fmt: skip
        ledger.outbox.put([one])
        (batch,) = ledger.outbox.claim("me", 60, Pace())
        ledger.outbox.give_up(batch.id, "me", "550 no such user \x1b[31m")
    listed = run("notices", "list", "--state", "given_up")
    assert "a@b.example" in listed.out
    assert "\x1b" not in listed.out
    (found,) = json.loads(run("notices", "list", "--json").out)
    assert "1 wait to be sent again" in run("notices", "retry", found["id"]).out
    run("notices", "retry", found["id"]).told(1, "no notice that was given up")
    assert run("notices", "retry").code == 2
    with with_ledger(home) as ledger:
        assert ledger.outbox.counts()[NoticeState.WAITING] == 1


def test_notices_test_sends_to_a_webhook_and_says_when_it_is_refused(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = {"code": 200}

    def respond(asked: Asked) -> Told:
        return Told(status["code"])

    with running_http_server(respond) as server:
        hooks = json.dumps([{"name": "pager", "url": f"{server.url}/SECRETPATH", "secret": "x" * 16}])
        monkeypatch.setenv("OPSDESK_NOTICES__WEBHOOKS", hooks)
        assert run("notices", "test", "webhook", "pager").code == 0
        assert json.loads(server.asked[0].body)["kind"] == "test"
        status["code"] = 404
        refused = run("notices", "test", "webhook", "pager")
        refused.told(1, "answered 404")
        assert "SECRETPATH" not in refused.err
    run("notices", "test", "email", "a@b.example").told(1, "no channel 'email' is set up")
    run("notices", "test", "webhook", "other").told(1, "no webhook named")


async def test_doctor_greets_the_channels_and_tells_what_did_not_get_through(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.notices.doctor import check_notices
    from api.settings import Settings

    assert home
    hooks = [{"name": "pager", "url": "http://127.0.0.1:9/"}]
    route = {"name": "r", "to": [{"channel": "slack", "to": "C0OPS"}]}
    with with_ledger(home) as ledger:
        from api.bootstrap import utc_now
        from knowledge.ledger.outbox_values import Pace

        one = Outgoing(
            key="k", route="r", channel="email", place="p", kind="failed", due_at=utc_now(), address={}, notice={}
        )
        ledger.outbox.put([one])
        (batch,) = ledger.outbox.claim("me", 60, Pace())
        ledger.outbox.give_up(batch.id, "me", "550")
    settings = Settings.model_validate({"home": home, "notices": {"webhooks": hooks, "routes": [route]}})
    found = {(check.name, check.state) for check in await check_notices(settings)}
    assert found == {("notices webhook", "broken"), ("notices slack", "broken"), ("notices", "warning")}
    monkeypatch.setenv("OPSDESK_HOME", str(home / "fresh"))
    alone = await check_notices(Settings.load())
    assert [(check.name, check.state) for check in alone] == [("notices", "off")]

"""From what happened to who was told: routes, people, quiet hours, escalation, storms, outages, and death in between."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.notices.contract import Channel, NoticeKind
from api.notices.dispatching import Dispatcher
from api.notices.options import NoticesSettings
from knowledge.errors import Permanent, Temporary
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.outbox_values import NoticeState
from knowledge.vocabulary import ApprovalRequest, Decision, ExecutionStatus, IncidentStatus, Scope, Severity, Text
from tests.ledger.makers import add_approver, ask, claimed, make_alert, open_incident, requested
from tests.notices.conftest import RecordingChannel, TestClock

ROOT = Path(__file__).parents[2]
OPS = {"channel": "slack", "to": "C0OPS"}


def settings(*routes: dict[str, Any], **more: Any) -> NoticesSettings:
    given = {"email": {"host": "mail.example"}, "routes": [{"name": f"r{n}", **one} for n, one in enumerate(routes)]}
    return NoticesSettings.model_validate(given | {"wait_seconds": 10} | more)


def dispatcher(ledger: Ledger, clock: TestClock, given: NoticesSettings, *channels: Channel) -> Dispatcher:
    return Dispatcher(ledger, given, {one.name: one for one in channels}, clock, "https://desk.example")


async def passed(desk: Dispatcher, clock: TestClock, seconds: float = 11) -> None:
    """A turn now, the time to wait, and a turn then."""
    await desk.turn()
    await desk.settled()
    clock.advance(seconds=seconds)
    await desk.turn()
    await desk.settled()


def kinds(channel: RecordingChannel) -> list[NoticeKind]:
    return [notice.kind for notice, _ in channel.sent]


async def test_what_happens_within_the_wait_is_one_message_that_tells_all(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    every = [one.value for one in NoticeKind]
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "kinds": every}), slack)
    _, request = ask(ledger)
    await passed(desk, clock)
    ((notice, address),) = slack.sent
    assert (notice.kind, notice.count, address.to) == (NoticeKind.WAITING_FOR_APPROVAL, 2, "C0OPS")
    assert "Incident opened" in notice.body.en
    assert "新事件" in notice.body.zh
    assert notice.subject == request.id
    assert notice.link == f"https://desk.example/incidents/{request.incident_id}"
    told = {fact.name.en: fact for fact in notice.facts}
    assert "rollout restart" in told["Script"].value.en
    assert told["Runs out"].at == request.expires_at


async def test_route_is_passed_by_when_service_severity_or_kind_do_not_fit(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    opened = {"kinds": ["incident_opened"]}
    given = settings(
        {"to": [{**OPS, "to": "C0SERVICE"}], "services": ["vl*"], **opened},
        {"to": [{**OPS, "to": "C0OTHER"}], "services": ["bge*"], **opened},
        {"to": [{**OPS, "to": "C0SEVERE"}], "severities": ["critical"], **opened},
        {"to": [{**OPS, "to": "C0ELSEWHERE"}], "clusters": ["lab"], **opened},
        {"to": [{**OPS, "to": "C0KIND"}], "kinds": ["resolved"]},
    )
    desk = dispatcher(ledger, clock, given, slack)
    open_incident(ledger)
    await passed(desk, clock)
    assert [address.to for _, address in slack.sent] == ["C0SERVICE"]


async def test_incident_of_no_service_is_told_on_no_service_s_route(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    given = settings({"to": [OPS], "services": ["vl*"], "kinds": ["incident_opened"]})
    desk = dispatcher(ledger, clock, given, slack)
    open_incident(ledger, service="")
    await passed(desk, clock)
    assert slack.sent == []


async def test_place_is_told_once_when_two_routes_name_it(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    opened = {"kinds": ["incident_opened"]}
    desk = dispatcher(ledger, clock, settings({"to": [OPS], **opened}, {"to": [OPS, OPS], **opened}), slack)
    open_incident(ledger)
    await passed(desk, clock)
    assert len(slack.sent) == 1


async def test_failed_undo_is_a_page_at_once_through_quiet_hours_and_kinds(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    always = {"starts": "00:00", "ends": "00:00", "zone": "UTC", "breaks_through": []}
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "quiet": [always], "kinds": ["resolved"]}), slack)
    execution = requested(ledger)
    _, token = claimed(ledger)
    ledger.executions.finish(execution.id, token, ExecutionStatus.UNDO_FAILED, "the server said no")
    await desk.turn()
    await desk.settled()
    ((notice, _),) = slack.sent
    assert (notice.kind, notice.is_page) == (NoticeKind.FAILED, True)
    assert "the server said no" in notice.body.en


async def test_notice_of_the_night_comes_in_the_morning(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    night = {"starts": "22:00", "ends": "08:00", "zone": "Asia/Shanghai"}
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "quiet": [night], "kinds": ["handed_over"]}), slack)
    clock.at = clock.at.replace(hour=15)  # 23:00 in Shanghai
    incident = open_incident(ledger)
    ledger.incidents.set_status(incident.id, IncidentStatus.HANDED_OVER, Text(en="look", zh="看"))
    await passed(desk, clock)
    assert slack.sent == []
    clock.at = clock.at.replace(day=3, hour=0, minute=0, second=1)  # 08:00
    await desk.turn()
    await desk.settled()
    assert kinds(slack) == [NoticeKind.HANDED_OVER]


async def test_handing_over_is_a_page_when_it_is_critical_or_something_was_changed(
    ledger: Ledger, clock: TestClock
) -> None:
    slack = RecordingChannel("slack")
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "kinds": ["handed_over"]}), slack)
    plain = open_incident(ledger)
    ledger.alerts.receive("k", "am", b"", [make_alert(severity=Severity.CRITICAL)])
    critical = ledger.incidents.list(Scope())[0]
    for one in (plain, critical):
        ledger.incidents.set_status(one.id, IncidentStatus.HANDED_OVER, "look")
    await passed(desk, clock)
    assert {notice.incident: notice.is_page for notice, _ in slack.sent} == {plain.id: False, critical.id: True}


async def test_every_approver_is_told_of_a_broken_glass_and_an_unreachable_one_is_seen(
    ledger: Ledger, clock: TestClock
) -> None:
    slack, mail = RecordingChannel("slack", people=("wei",)), RecordingChannel("email", people=("wei", "li"))
    desk = dispatcher(ledger, clock, settings(), slack, mail)
    request = broken_glass(ledger)
    await passed(desk, clock)
    assert [address.to for _, address in slack.sent] == ["wei"]
    assert [address.to for _, address in mail.sent] == ["li"]
    given_up = ledger.outbox.list(NoticeState.GIVEN_UP)
    assert ["zhang" in one.error for one in given_up] == [True]
    last = ledger.timeline.for_incident(request.incident_id)[-1]
    assert "zhang" in last.summary.en


def broken_glass(ledger: Ledger) -> ApprovalRequest:
    from knowledge.vocabulary import ApiRequest, ReversalKind, Ruling
    from tests.ledger.makers import make_plan, make_review

    plan = make_plan(open_incident(ledger).id)
    ledger.plans.put(plan)
    review = make_review(plan, Ruling.TWO)
    inverse = ApiRequest(cluster="prod", method="PATCH", path="/apis/apps/v1/namespaces/serving/deployments/vllm")
    step = review.steps[0].model_copy(update={"reversal": ReversalKind.RESTORES, "inverse": (inverse,)})
    review = review.model_copy(update={"steps": (step,)})
    request = ledger.approvals.ask(plan.incident_id, plan.id, review, 2, "mei", ["serving"], ["vllm"])
    alone = add_approver(ledger, "chen")
    for name in ("wei", "li", "zhang"):
        add_approver(ledger, name)
    return ledger.approvals.break_glass(request.id, alone, "nobody answers and customers wait", request.digest)


async def test_who_asked_is_told_where_they_asked_when_nobody_decided_in_time(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack", origins=True)
    mail = RecordingChannel("email", people=("mei",))
    desk = dispatcher(ledger, clock, settings(), slack, mail)
    _, request = ask(ledger, requester="mei")
    await passed(desk, clock)
    clock.advance(hours=5)
    ledger.approvals.expire_due()
    await passed(desk, clock)
    ((notice, address),) = slack.sent
    assert (notice.kind, address.kind, address.to) == (NoticeKind.APPROVAL_EXPIRED, "origin", request.incident_id)
    assert [address.to for _, address in mail.sent] == ["mei"]


ESCALATION = [
    {"after_minutes": 30, "to": [{"channel": "email", "to": "first@example.com"}]},
    {"after_minutes": 90, "to": [{"channel": "any", "to": "@approvers"}, OPS]},
]


async def test_escalation_tells_more_people_step_by_step_once_each_and_approves_nothing(
    ledger: Ledger, clock: TestClock
) -> None:
    slack, mail = RecordingChannel("slack", people=("wei",)), RecordingChannel("email")
    given = settings({"kinds": ["resolved"], "escalation": ESCALATION})
    add_approver(ledger, "wei")
    _, request = ask(ledger)
    for minutes in (29, 2, 30, 31):
        clock.advance(minutes=minutes)
        for _ in range(2):  # another process, which remembers nothing
            desk = dispatcher(ledger, clock, given, slack, mail)
            await desk.turn()
            await desk.settled()
    assert [address.to for _, address in mail.sent] == ["first@example.com"]
    assert sorted(address.to for _, address in slack.sent) == ["C0OPS", "wei"]
    assert kinds(slack) == [NoticeKind.APPROVAL_EXPIRING] * 2
    assert "waited for 92 minutes" in slack.sent[0][0].body.en
    assert ledger.approvals.get(request.id).status.value == "waiting"


async def test_escalation_stops_when_it_is_decided_even_for_what_was_on_its_way(
    ledger: Ledger, clock: TestClock
) -> None:
    mail = RecordingChannel("email")
    mail.trouble = Temporary("the mail server is down")
    desk = dispatcher(ledger, clock, settings({"kinds": ["resolved"], "escalation": ESCALATION}), mail)
    _, request = ask(ledger)
    clock.advance(minutes=31)
    await passed(desk, clock)
    assert mail.tries == 1
    ledger.approvals.vote(request.id, add_approver(ledger, "wei"), Decision.REJECT, "no", request.digest)
    mail.trouble = None
    clock.advance(hours=2)
    await passed(desk, clock)
    assert mail.sent == []


async def test_dead_executor_is_paged_once_when_nobody_took_over(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    given = settings({"to": [OPS], "kinds": ["resolved"]})
    execution = requested(ledger)
    claimed(ledger, "executor-7", lease_seconds=20)
    for _ in range(6):
        clock.advance(seconds=20)
        desk = dispatcher(ledger, clock, given, slack)
        await desk.turn()
        await desk.settled()
    ((notice, _),) = slack.sent
    assert notice.is_page
    assert "executor-7" in notice.body.en
    assert execution.id in notice.body.zh


async def test_outage_queues_and_catches_up_with_no_doubles(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    slack.trouble = Temporary("slack is down")
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "kinds": ["incident_opened"]}), slack)
    ids = {open_incident(ledger, f"tkt-{n}", requester=f"r{n}").id for n in range(3)}
    for _ in range(20):
        await passed(desk, clock, 30)
    assert slack.sent == []
    slack.trouble = None
    for _ in range(70):
        await passed(desk, clock, 15)
    assert sorted(notice.incident for notice, _ in slack.sent) == sorted(ids)
    assert slack.tries < 40  # it was asked less and less often


async def test_waiting_is_as_long_as_the_other_side_asks_for(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    slack.trouble = Temporary("busy", retry_after_seconds=600)
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "kinds": ["incident_opened"]}), slack)
    open_incident(ledger)
    await passed(desk, clock)
    await passed(desk, clock, 590)
    assert slack.tries == 1
    await passed(desk, clock, 30)
    assert slack.tries == 2


async def test_given_up_notice_is_seen_when_it_never_got_through(ledger: Ledger, clock: TestClock) -> None:
    slack = RecordingChannel("slack")
    slack.trouble = Temporary("slack is down")
    given = settings({"to": [OPS], "kinds": ["incident_opened"]}, give_up_hours=1)
    desk = dispatcher(ledger, clock, given, slack)
    incident = open_incident(ledger)
    for _ in range(30):
        await passed(desk, clock, 300)
    assert ledger.outbox.counts()[NoticeState.GIVEN_UP] == 1
    assert "slack is down" in ledger.timeline.for_incident(incident.id)[-1].summary.en
    slack.trouble = None
    ledger.outbox.retry(None, "wei")
    await passed(desk, clock)
    assert len(slack.sent) == 1


@pytest.mark.parametrize("trouble", [Permanent("no such channel"), RuntimeError("a bug of the channel")])
async def test_one_place_s_trouble_holds_up_nobody_else(ledger: Ledger, clock: TestClock, trouble: Exception) -> None:
    slack, mail = RecordingChannel("slack"), RecordingChannel("email")
    slack.trouble = trouble
    given = settings({"to": [OPS, {"channel": "email", "to": "a@b.example"}], "kinds": ["incident_opened"]})
    desk = dispatcher(ledger, clock, given, slack, mail)
    open_incident(ledger)
    await passed(desk, clock)
    assert len(mail.sent) == 1
    assert slack.tries == 1


async def test_storm_of_two_hundred_incidents_a_minute_is_a_handful_of_messages(
    ledger: Ledger, clock: TestClock
) -> None:
    slack = RecordingChannel("slack")
    desk = dispatcher(ledger, clock, settings({"to": [OPS], "kinds": ["incident_opened"]}), slack)
    for number in range(200):
        service = f"svc-{number}"
        ledger.alerts.receive(
            f"k{number}", "am", b"", [make_alert(f"f{number}", service=service, name=f"Down{number}")]
        )
        clock.advance(seconds=0.3)
        if number % 10 == 0:
            await desk.turn()
            await desk.settled()
    for _ in range(4):
        await passed(desk, clock, 61)
    assert sum(notice.count for notice, _ in slack.sent) == 200
    assert len(slack.sent) <= 10
    digest = max((notice for notice, _ in slack.sent), key=lambda one: one.count)
    assert digest.kind is NoticeKind.DIGEST
    assert "more incidents" in digest.body.en
    assert digest.link == "https://desk.example/incidents"


async def test_happening_of_an_unknown_incident_or_of_no_route_is_forgotten(ledger: Ledger, clock: TestClock) -> None:
    desk = dispatcher(ledger, clock, settings(), RecordingChannel("slack"))
    open_incident(ledger)
    await passed(desk, clock)
    assert ledger.outbox.happenings() == []
    assert ledger.outbox.list() == []


KILLED = """
import asyncio, os, sys
from datetime import UTC, datetime
from api.notices.dispatching import Dispatcher
from api.notices.options import NoticesSettings
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.outbox import Outbox
from tests.notices.conftest import RecordingChannel, TestClock
url, where, log = sys.argv[1:]

class Telling(RecordingChannel):
    async def send(self, notice, address):
        with open(log, "a") as kept:
            print(notice.id, notice.incident, file=kept)
        if where == "sent":
            os._exit(9)

def dying(name):
    real = getattr(Outbox, name)
    def die(self, *given):
        if where == f"before {name}":
            os._exit(9)
        answer = real(self, *given)
        if where == f"after {name}" and answer:
            os._exit(9)
        return answer
    setattr(Outbox, name, die)

for name in ("take", "claim", "sent"):
    dying(name)
clock = TestClock()
clock.at = datetime.fromisoformat(sys.stdin.readline().strip())
given = NoticesSettings.model_validate({"wait_seconds": 0, "routes": [{"name": "r", "to": [{"channel": "slack", "to": "C0OPS"}], "kinds": ["incident_opened"]}]})
with Ledger.open(url, clock.now) as ledger:
    desk = Dispatcher(ledger, given, {"slack": Telling("slack")}, clock)
    async def run():
        await desk.turn()
        await desk.settled()
    asyncio.run(run())
"""


def run_until_death(url: str, where: str, log: Path, at: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url, where, str(log)], cwd=ROOT, input=f"{at}\n", text=True, capture_output=True, check=False
    )  # fmt: skip
    assert done.returncode in {0, 9}, done.stderr
    return done.returncode


@pytest.mark.parametrize("where", ["before take", "after take", "after claim", "sent", "after sent"])
def test_nothing_is_lost_and_nothing_composed_twice_when_the_process_dies(
    ledger: Ledger, url: str, clock: TestClock, tmp_path: Path, where: str
) -> None:
    incidents = sorted(open_incident(ledger, f"tkt-{n}", requester=f"r{n}").id for n in range(3))
    log = tmp_path / "told"
    assert run_until_death(url, where, log, clock.at.isoformat()) == 9
    clock.advance(seconds=200)
    run_until_death(url, "nowhere", log, clock.at.isoformat())
    told: Sequence[str] = log.read_text().split("\n")[:-1]
    assert sorted({line.split()[1] for line in told}) == incidents  # nobody was forgotten
    assert len(ledger.outbox.list()) == 3  # nothing was composed twice
    assert {one.state for one in ledger.outbox.list()} == {NoticeState.SENT}
    if "sent" not in where:  # between a sending and its keeping a message may come twice, under one id
        assert len(told) == 3
    assert len({line.split()[0] for line in told}) == 3


def test_wait_is_short_at_first_and_bounded() -> None:
    from api.notices.dispatching import LONGEST_RETRY_SECONDS, _patience

    waits = [_patience(attempts, Temporary("no")) for attempts in range(12)]
    assert waits[0] == 15
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY_SECONDS == timedelta(minutes=15).total_seconds()

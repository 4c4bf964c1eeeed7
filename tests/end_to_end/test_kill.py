"""kill -9 at any point: started again, the desk goes on where it was, and nothing is applied twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.demo.story import alert_of
from tests.end_to_end.desks import Office, office

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BEFORE_APPROVAL = ("intake", "collect", "diagnose", "plan", "review")


@pytest.fixture
def place(tmp_path: Path) -> object:
    with office(tmp_path) as opened:
        yield opened


def break_and_alert(place: Office) -> str:
    return place.send_alert(alert_of(place.cluster.call("POST", "/practice/faults/bad_image_rollout")))


def kill_after(place: Office, incident_id: str, stage: str) -> None:
    place.wait(lambda: stage in place.stages(incident_id), 30.0)
    place.kill()
    place.restart()


def test_killed_after_every_stage_the_incident_still_ends_resolved_with_each_write_once(place: Office) -> None:
    incident_id = break_and_alert(place)
    for stage in BEFORE_APPROVAL:
        kill_after(place, incident_id, stage)
    place.wait_for_status(incident_id, "awaiting_approval")
    place.kill()
    place.restart()
    before = len(place.writes())
    assert place.approve(incident_id).status_code == 200
    kill_after(place, incident_id, "execute")
    ended = place.wait_for_status(incident_id, "resolved", "handed_over")
    assert ended["incident"]["status"] == "resolved", place.story(incident_id)
    assert len(place.writes()) - before == 1


def test_killed_while_a_write_hangs_the_write_is_found_done_not_sent_again(place: Office) -> None:
    incident_id = break_and_alert(place)
    place.wait_for_status(incident_id, "awaiting_approval")
    before = len(place.writes())
    drop = {"method": "PATCH", "path": "/deployments/", "effect": "drop_after_write", "spares_dry_runs": True}
    place.cluster.call("POST", "/practice/inject", drop)
    assert place.approve(incident_id).status_code == 200
    place.kill()
    place.restart()
    ended = place.wait_for_status(incident_id, "resolved", "handed_over")
    assert ended["incident"]["status"] == "resolved", place.story(incident_id)
    assert len(place.writes()) - before == 1


def test_an_alert_that_was_acknowledged_survives_the_kill_that_follows(place: Office) -> None:
    incident_id = break_and_alert(place)
    place.kill()
    place.restart()
    found = place.wait_for_status(incident_id, "awaiting_approval")
    assert [alert["fate"] for alert in found["alerts"]] == ["opened"]

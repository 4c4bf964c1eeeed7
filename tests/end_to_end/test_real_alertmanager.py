"""A real Prometheus watches the practice cluster, a real Alertmanager sends the webhook, and the alert resolves by the fix."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.desks import Office, office
from tests.peers.programs import alertmanager_program
from tests.peers.prometheus import _await_ready, _free_port, running_prometheus

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.peer("prometheus"),
    pytest.mark.peer("alertmanager"),
]
RULES = Path(__file__).resolve().parents[2] / "evals" / "practice" / "platform" / "alert_rules.yaml"


@contextmanager
def running_alertmanager(folder: Path, webhook: str, secret: str) -> Iterator[int]:
    """Its port. Groups for half a second, so that the test is about the form, not about waiting."""
    program = alertmanager_program()
    assert program is not None
    port = _free_port()
    config: dict[str, Any] = {
        "route": {
            "receiver": "opsdesk",
            "group_by": ["alertname", "namespace"],
            "group_wait": "500ms",
            "group_interval": "1s",
            "repeat_interval": "1h",
        },
        "receivers": [
            {
                "name": "opsdesk",
                "webhook_configs": [{"url": webhook, "http_config": {"authorization": {"credentials": secret}}}],
            }
        ],
    }
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    process = subprocess.Popen(
        [
            str(program),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMAXPROCS": "1"},
    )
    try:
        _await_ready(f"http://127.0.0.1:{port}", process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def prometheus_config(place: Office, alertmanager: int) -> str:
    return yaml.safe_dump(
        {
            "global": {
                "scrape_interval": "1s",
                "evaluation_interval": "1s",
                "external_labels": {"cluster": "practice"},
            },
            "rule_files": [str(RULES)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
            "scrape_configs": [
                {
                    "job_name": "practice",
                    "metrics_path": "/practice/metrics",
                    "honor_labels": True,
                    "static_configs": [{"targets": [place.cluster.url.removeprefix("http://")]}],
                }
            ],
        }
    )


def test_a_real_webhook_leads_to_a_verified_fix_and_the_alert_resolves(tmp_path: Path) -> None:
    with office(tmp_path) as place:
        webhook = f"{place.desk.url}/api/v1/webhooks/alertmanager"
        with running_alertmanager(tmp_path, webhook, place.source_secret) as alertmanager:
            config = prometheus_config(place, alertmanager)
            (tmp_path / "prom").mkdir()
            with running_prometheus(tmp_path / "prom", config=config + "# port %d\n"):
                place.cluster.call("POST", "/practice/faults/bad_image_rollout")
                listed = place.wait(lambda: place.get("/incidents")["items"], 60.0)
                incident_id = listed[-1]["id"]
                place.wait_for_status(incident_id, "awaiting_approval")
                assert place.approve(incident_id).status_code == 200
                ended = place.wait_for_status(incident_id, "resolved", "handed_over")
                assert ended["incident"]["status"] == "resolved", place.story(incident_id)

                def all_resolved() -> bool:
                    alerts = place.incident(incident_id)["alerts"]
                    return bool(alerts) and all(alert["status"] == "resolved" for alert in alerts)

                place.wait(all_resolved, 60.0, lambda: place.story(incident_id))

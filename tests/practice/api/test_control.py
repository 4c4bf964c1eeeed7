"""The control interface of the practice cluster, and what a cluster holds before anyone has made anything."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from evals.practice.controllers import FAST
from evals.practice.platform.ready_made import with_platform
from evals.practice.server import PracticeServer, running_in_thread


@pytest.fixture(scope="module")
def server() -> Iterator[PracticeServer]:
    with running_in_thread(start_controllers=with_platform(timing=FAST)) as found:
        yield found


@pytest.fixture
def admin(server: PracticeServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def nobody(server: PracticeServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def test_metrics_are_read_without_a_token(nobody: httpx.Client) -> None:
    answer = nobody.get("/practice/metrics")
    assert answer.status_code == 200
    assert "kube_deployment_spec_replicas" in answer.text


def test_faults_are_refused_to_anyone_but_the_admin(nobody: httpx.Client) -> None:
    assert nobody.get("/practice/faults").status_code == 403
    assert nobody.post("/practice/faults/bad_image_rollout").status_code == 403


def test_faults_are_listed_with_an_id_and_a_title_in_both_languages(admin: httpx.Client) -> None:
    rows = admin.get("/practice/faults").json()["faults"]
    assert {"bad_image_rollout", "node_not_ready"} <= {row["id"] for row in rows}
    assert all(row["title"]["en"] and row["title"]["zh"] and not row["active"] for row in rows)


def test_fault_gives_the_alert_that_a_prometheus_would_send_and_is_switched_off_again(admin: httpx.Client) -> None:
    told = admin.post("/practice/faults/missing_configmap").json()
    alert = told["alert"]
    assert set(alert) == {"name", "namespace", "service", "severity", "summary"}
    assert alert["name"] == "KubeContainerConfigError"
    assert "{{" not in alert["summary"]
    assert admin.delete("/practice/faults/missing_configmap").json()["active"] is False


def test_unknown_fault_is_404_and_says_where_the_list_is(admin: httpx.Client) -> None:
    answer = admin.post("/practice/faults/no-such-fault")
    assert answer.status_code == 404
    assert "GET /practice/faults" in answer.json()["message"]


def test_every_namespace_has_its_account_and_root_certificate(admin: httpx.Client) -> None:
    for namespace in admin.get("/api/v1/namespaces").json()["items"]:
        path = f"/api/v1/namespaces/{namespace['metadata']['name']}"
        assert admin.get(f"{path}/serviceaccounts/default").status_code == 200
        assert "ca.crt" in admin.get(f"{path}/configmaps/kube-root-ca.crt").json()["data"]


def test_deleted_namespace_takes_its_content_with_it(admin: httpx.Client) -> None:
    admin.post("/api/v1/namespaces", json={"metadata": {"name": "short-lived"}}).raise_for_status()
    path = "/api/v1/namespaces/short-lived"
    admin.post(f"{path}/configmaps", json={"metadata": {"name": "kept", "finalizers": ["example.com/hold"]}})
    with admin.stream(
        "GET", "/api/v1/namespaces", params={"watch": "true", "fieldSelector": "metadata.name=short-lived"}
    ) as events:
        admin.delete(path).raise_for_status()
        for line in events.iter_lines():
            if '"DELETED"' in line:
                break
            if "SomeFinalizersRemain" in line:
                admin.patch(
                    f"{path}/configmaps/kept",
                    json={"metadata": {"finalizers": None}},
                    headers={"Content-Type": "application/merge-patch+json"},
                ).raise_for_status()
    assert admin.get(path).status_code == 404
    assert admin.get(f"{path}/configmaps").json()["items"] == []

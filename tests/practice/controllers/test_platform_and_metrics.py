"""The platform has a past and any size; what a Prometheus scrapes of it can be read and follows the objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from evals.practice import platform
from evals.practice.admission.chain import install_admission
from evals.practice.clock import ManualClock
from evals.practice.controllers import FAST, start
from evals.practice.platform.install import install_with_past
from evals.practice.platform.scale import scale_to
from evals.practice.store import Store
from tests.practice.faults.world import World, platform_world


@pytest.fixture
def world() -> Iterator[World]:
    with platform_world() as found:
        yield found


def test_platform_with_a_past_is_up_at_once_and_has_no_fresh_events() -> None:
    clock = ManualClock()
    store = Store(clock)
    install_admission(store)
    install_with_past(store, clock.now())
    running = start(store, clock, timing=FAST)
    clock.advance(2)
    running.stop()
    assert all(pod["status"]["phase"] in ("Running", "Succeeded") for pod in store.list("pods"))
    assert [one for one in store.list("events") if one["type"] == "Warning"] == []
    assert {one["metadata"]["creationTimestamp"][:10] for one in store.list("deployments.apps")} == {"2025-12-20"}
    sets = [one for one in store.list("replicasets.apps") if one["metadata"]["name"].startswith("qwen2-7b-")]
    assert len(sets) == 2
    assert len(store.list("jobs.batch", "ai-data")) >= 2


def test_cluster_grows_to_a_thousand_running_pods() -> None:
    store = Store(ManualClock())
    install_admission(store)
    scale_to(store, 1000)
    phases = [pod["status"]["phase"] for pod in store.each("pods")]
    assert len(phases) == 1000
    assert set(phases) == {"Running"}


def _samples(world: World) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(world.running.metrics_text()):
        for one in family.samples:
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


def test_metrics_page_holds_every_family_that_the_alert_rules_ask_for(world: World) -> None:
    import re

    rules = yaml.safe_load((Path(platform.__file__).parent / "alert_rules.yaml").read_text())
    names = {one["alert"] for group in rules["groups"] for one in group["rules"]}
    assert {"KubePodCrashLooping", "KubeDeploymentReplicasMismatch", "VLLMQueueHigh", "ServiceErrorRateHigh"} <= names
    world.inject("bad_config_crashloop")
    world.inject("training_nccl_timeout")
    world.inject("pvc_unknown_storageclass")
    world.wait(8)
    found = set(_samples(world))
    source = Path(platform.__file__).parents[1] / "metrics"
    declared = "".join(file.read_text() for file in source.glob("*.py"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            for metric in re.findall(r"\b((?:kube|vllm|http|gateway|DCGM)[A-Za-z0-9_:]*)(?=[{\[) =]|$)", rule["expr"]):
                assert metric in found or metric.removesuffix("_bucket") in declared, metric


def test_error_rate_rises_at_the_gateway_when_a_service_has_no_endpoints(world: World) -> None:
    def failed() -> dict[str, float]:
        rows = _samples(world)["gateway_upstream_requests_total"]
        return {labels["upstream"]: value for labels, value in rows if labels["code"] == "503"}

    before = failed()
    world.inject("wrong_service_selector")
    world.wait(10)
    grown = {upstream: value - before.get(upstream, 0.0) for upstream, value in failed().items()}
    assert grown.pop("resnet50") > 40
    assert set(grown.values()) <= {0.0}


def test_counters_never_go_back(world: World) -> None:
    before = {str(sorted(labels.items())): value for labels, value in _samples(world)["http_requests_total"]}
    world.wait(5)
    after = {str(sorted(labels.items())): value for labels, value in _samples(world)["http_requests_total"]}
    assert before
    assert all(after[key] >= value for key, value in before.items())


def test_resource_metrics_are_measured_for_running_pods_and_nodes(world: World) -> None:
    metrics = world.running.metrics
    assert metrics is not None
    pod = world.pods("ai-serving", "qwen2-7b")[0]
    row = metrics.pod("ai-serving", pod["metadata"]["name"])
    assert row is not None
    assert row["containers"][0]["usage"]["memory"].endswith("Ki")
    assert {one["metadata"]["name"] for one in metrics.nodes()} >= {"gpu-node-1", "cpu-node-3"}
    assert metrics.pod("ai-serving", "nobody") is None

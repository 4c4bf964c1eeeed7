"""Outputs of a real kubectl against the practice cluster, beside the objects that its API told at the same moment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knowledge.vocabulary import Json
from tools.transcript.reading import PasteReading, read_paste

RECORDED = Path(__file__).parent / "recorded"
UNTOLD = frozenset({"managedFields", "uid", "resourceVersion", "generation", "observedGeneration"})
# The same said in another way, or rounded by describe.
ALIKE = re.compile(
    r"initialDelaySeconds|minReadySeconds|opsdesk/allocated|memory$|\.(?:ready|available|unavailable)Replicas|\.data\.|description$"
    r"|currentMetrics|\.(?:failed|succeeded)$|\.status$|\.spec$|\.egress$|\.subsets$|tolerations"
)


@pytest.fixture(scope="module")
def described() -> PasteReading:
    return read_paste((RECORDED / "describe.txt").read_text())


@pytest.fixture(scope="module")
def live() -> dict[tuple[str, str], Json]:
    items = json.loads((RECORDED / "objects.json").read_text())["items"]
    return {(item["kind"], item["metadata"]["name"]): item for item in items}


def found(reading: PasteReading, kind: str, name: str) -> Json:
    return next(item for item in reading.objects if item["kind"] == kind and item["metadata"]["name"] == name)


def invented(live: Any, read: Any, path: str = "") -> Iterator[str]:
    """What was read and is not so: other values, and keys that the object does not have."""
    if isinstance(live, dict) and isinstance(read, dict):
        for key, value in read.items():
            if key not in live:
                yield f"{path}.{key}"
            elif key not in UNTOLD:
                yield from invented(live[key], value, f"{path}.{key}")
    elif isinstance(live, list) and isinstance(read, list):
        if len(live) != len(read):
            yield path
        for one, other in zip(live, read, strict=False):
            yield from invented(one, other, path)
    elif live != read:
        yield path


def test_every_object_is_read_when_it_was_described(described: PasteReading, live: dict[tuple[str, str], Json]) -> None:
    read = {(item["kind"], item["metadata"]["name"]) for item in described.objects}
    assert set(live) - read == set()


def test_described_objects_say_nothing_that_the_api_does_not(
    described: PasteReading, live: dict[tuple[str, str], Json]
) -> None:
    wrong = {
        f"{kind}{path}"
        for (kind, name), item in live.items()
        for path in invented(item, found(described, kind, name))
        if not ALIKE.search(path)
    }
    assert wrong == set()


def test_pod_keeps_probes_environment_and_volumes_when_it_was_described(
    described: PasteReading, live: dict[tuple[str, str], Json]
) -> None:
    name = next(name for kind, name in live if kind == "Pod" and name.startswith("catalog-api"))
    read, told = (item["spec"]["containers"][0] for item in (found(described, "Pod", name), live["Pod", name]))
    assert read["livenessProbe"]["httpGet"] == told["livenessProbe"]["httpGet"]
    assert read["readinessProbe"]["tcpSocket"] == told["readinessProbe"]["tcpSocket"]
    assert read["startupProbe"]["exec"] == told["startupProbe"]["exec"]
    assert read["env"] == told["env"]
    assert read["envFrom"] == told["envFrom"]
    assert read["resources"] == told["resources"]
    assert read["volumeMounts"] == told["volumeMounts"]
    claims = [
        volume["persistentVolumeClaim"]
        for volume in found(described, "Pod", name)["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    assert claims == [{"claimName": "c1"}]


def test_tables_give_state_and_place_of_pods() -> None:
    reading = read_paste((RECORDED / "get.txt").read_text())
    database = found(reading, "Pod", "db-0")
    assert database["spec"]["nodeName"] == "cpu-node-1"
    assert database["status"]["phase"] == "Pending"
    assert database["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] in {
        "ErrImagePull",
        "ImagePullBackOff",
    }
    assert {item["metadata"]["name"] for item in reading.objects if item["kind"] == "Node"} >= {
        "gpu-node-4",
        "cpu-node-1",
    }
    failed = [event for event in reading.objects if event["kind"] == "Event" and event["reason"] == "FailedScheduling"]
    assert {event["involvedObject"]["kind"] for event in failed} == {"Pod"}
    assert reading.namespace == "reading"


def test_waiting_container_says_why_when_its_events_do() -> None:
    reading = read_paste((RECORDED / "get.txt").read_text())
    waiting = found(reading, "Pod", "db-0")["status"]["containerStatuses"][0]["state"]["waiting"]
    assert "failed to pull and unpack image" in waiting["message"]


def test_live_yaml_wins_over_tables_when_both_tell_of_a_pod(live: dict[tuple[str, str], Json]) -> None:
    text = (
        (RECORDED / "get.txt").read_text()
        + "\n$ kubectl get pod db-0 -n reading -o yaml\n"
        + (RECORDED / "pod.yaml").read_text()
    )
    pod = found(read_paste(text), "Pod", "db-0")
    assert pod["spec"]["containers"] == live["Pod", "db-0"]["spec"]["containers"]
    assert pod["metadata"]["uid"] == live["Pod", "db-0"]["metadata"]["uid"]

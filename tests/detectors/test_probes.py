"""Three causes with one look: a probe that asks the wrong port, in the wrong protocol, or too early."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary
from tools.detectors.specimen import snapshot_of

REFUSED = (
    'Liveness probe failed: Get "http://10.0.0.9:9000/health": dial tcp 10.0.0.9:9000: connect: connection refused'
)
UNANSWERED = (
    'Liveness probe failed: timeout: failed to connect service "10.0.0.9:9000" within 1s: context deadline exceeded'
)
GARBLED = 'Liveness probe failed: Get "http://10.0.0.9:9000/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x00\\x00\\x06"'
STOPPED = {"exitCode": 143, "reason": "Error", "startedAt": "<70s ago>", "finishedAt": "<40s ago>"}
OOM_KILLED = {"exitCode": 137, "reason": "OOMKilled", "startedAt": "<70s ago>", "finishedAt": "<40s ago>"}
CAUSES = {"probe-connection-refused", "probe-wrong-protocol", "probe-timing-too-tight"}


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def causes(library: DetectorLibrary, container: dict[str, Any], message: str, ended: dict[str, Any]) -> set[str]:
    pod = {
        "kind": "Pod",
        "name": "web-1",
        "labels": {"app": "web"},
        "owner": "Deployment/web",
        "spec": {"containers": [{"name": "main", "image": "a", **container}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {
                    "name": "main",
                    "ready": False,
                    "restartCount": 3,
                    "state": {"running": {"startedAt": "<5s ago>"}},
                    "lastState": {"terminated": ended},
                }
            ],
        },
    }
    events = [
        {"about": "Pod/web-1", "reason": "Unhealthy", "container": "main", "message": message},
        {
            "about": "Pod/web-1",
            "reason": "Killing",
            "type": "Normal",
            "message": "Container main failed liveness probe",
        },
    ]
    found = library.detect(snapshot_of({"objects": [pod], "events": events}))
    return {finding.fault for finding in found} & CAUSES


def asks(form: str, port: int, **timing: int) -> dict[str, Any]:
    return {form: {"port": port}, **timing}


@pytest.mark.parametrize(("form", "message"), [("httpGet", REFUSED), ("grpc", UNANSWERED)])
def test_port_is_the_cause_when_another_is_declared(library: DetectorLibrary, form: str, message: str) -> None:
    container = {"ports": [{"containerPort": 8000}], "livenessProbe": asks(form, 9000)}
    assert causes(library, container, message, STOPPED) == {"probe-connection-refused"}


def test_port_is_the_cause_when_the_environment_tells_where_the_program_listens(library: DetectorLibrary) -> None:
    container = {
        "ports": [{"containerPort": 9000}],
        "env": [{"name": "PORT", "value": "8000"}],
        "livenessProbe": asks("httpGet", 9000),
    }
    assert causes(library, container, REFUSED, STOPPED) == {"probe-connection-refused"}


def test_protocol_is_the_cause_when_the_answer_is_garbled(library: DetectorLibrary) -> None:
    container = {"ports": [{"containerPort": 9000}], "livenessProbe": asks("httpGet", 9000, periodSeconds=5)}
    assert causes(library, container, GARBLED, STOPPED) == {"probe-wrong-protocol"}


def test_protocol_is_the_cause_when_a_sister_probe_speaks_another_to_the_port(library: DetectorLibrary) -> None:
    container = {
        "ports": [{"containerPort": 9000}],
        "livenessProbe": asks("grpc", 9000),
        "readinessProbe": asks("tcpSocket", 9000),
    }
    assert "probe-wrong-protocol" in causes(library, container, UNANSWERED, STOPPED)
    assert "probe-timing-too-tight" not in causes(library, container, UNANSWERED, STOPPED)


@pytest.mark.parametrize(("form", "message"), [("httpGet", REFUSED), ("grpc", UNANSWERED)])
def test_timing_is_the_cause_when_port_and_protocol_are_right(
    library: DetectorLibrary, form: str, message: str
) -> None:
    container = {
        "ports": [{"containerPort": 9000}],
        "livenessProbe": asks(form, 9000, periodSeconds=1, failureThreshold=1),
        "readinessProbe": asks(form, 9000, initialDelaySeconds=5),
    }
    assert causes(library, container, message, STOPPED) == {"probe-timing-too-tight"}


def test_no_probe_is_blamed_when_the_container_runs_out_of_memory(library: DetectorLibrary) -> None:
    container = {"ports": [{"containerPort": 8000}], "livenessProbe": asks("httpGet", 9000)}
    assert causes(library, container, REFUSED, OOM_KILLED) == set()

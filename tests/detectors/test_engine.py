"""How signals become findings: joined on one object, gathered at the workload, fresh, cited, and with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.errors import MalformedDetector
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary, load_detectors
from tools.detectors.specimen import snapshot_of

OOM = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "<2m ago>"}},
}


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def oom_pod(name: str, **more: object) -> dict[str, object]:
    return {
        "kind": "Pod",
        "name": name,
        "owner": "Deployment/llm",
        "spec": {"containers": [{"name": "main", "image": "a", "resources": {"limits": {"memory": "4Gi"}}}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "main", "ready": False, "restartCount": 3, **OOM}],
        },
        **more,
    }


def test_ten_pods_of_one_deployment_make_one_finding_there(library: DetectorLibrary) -> None:
    snapshot = snapshot_of({"objects": [oom_pod(f"llm-{number}") for number in range(10)]})
    findings = [one for one in library.detect(snapshot) if one.fault == "container-oomkilled"]
    assert [one.object.key for one in findings] == ["Deployment/default/llm"]
    assert findings[0].facts["pod_count"] == "10"
    assert "llm-7" in findings[0].facts["pods"]
    assert "4Gi" in findings[0].explanation.zh
    assert len(findings[0].evidence_ids) == 8


def test_remedy_is_filled_from_the_finding(library: DetectorLibrary) -> None:
    snapshot = snapshot_of({"objects": [oom_pod("llm-0")]})
    finding = next(one for one in library.detect(snapshot) if one.fault == "container-oomkilled")
    remedy = library.remedy("container-oomkilled", finding)
    assert remedy.script == "kubectl -n default set resources deployment/llm -c main --limits=memory=8Gi"


def test_value_that_is_no_plain_word_never_enters_a_script(library: DetectorLibrary) -> None:
    snapshot = snapshot_of({"objects": [oom_pod("llm-0")]})
    finding = next(one for one in library.detect(snapshot) if one.fault == "container-oomkilled")
    hostile = finding.model_copy(update={"facts": {**finding.facts, "container": "x; kubectl delete ns default"}})
    remedy = library.remedy("container-oomkilled", hostile)
    assert remedy.script == ""
    assert remedy.manual


def test_rollback_is_not_proposed_when_the_template_is_old(library: DetectorLibrary) -> None:
    def replica_set(revision: str, image: str, age: str) -> dict[str, object]:
        return {
            "kind": "ReplicaSet",
            "name": f"web-{revision}",
            "owner": "Deployment/web",
            "metadata": {
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "creationTimestamp": f"<{age} ago>",
            },
            "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
        }

    def script(age: str, image: str = "new") -> str:
        deployment = {"kind": "Deployment", "name": "web", "spec": {"replicas": 1}, "status": {}}
        sets = [replica_set("1", "old", "9d"), replica_set("2", image, age)]
        snapshot = snapshot_of({"pods": {"web-1": "crashing"}, "objects": [deployment, *sets]})
        finding = next(one for one in library.detect(snapshot) if one.fault == "container-exit-code-1")
        return library.remedy(finding.fault, finding).script

    assert script("20m") == "kubectl -n default rollout undo deployment/web"
    assert script("8d") == ""
    assert script("20m", image="old") == "", "a restart changes nothing that an undo could take back"


def test_general_fault_yields_when_a_narrower_one_is_found(library: DetectorLibrary) -> None:
    snapshot = snapshot_of(
        {
            "pods": {"llm-1": "crashing"},
            "logs": [{"pod": "llm-1", "previous": True, "text": "RuntimeError: CUDA error: out of memory"}],
        }
    )
    faults = {one.fault for one in library.detect(snapshot)}
    assert "cuda-out-of-memory" in faults
    assert not faults & {"container-exit-code-1", "python-unhandled-exception"}


def test_secrets_in_a_log_line_do_not_reach_the_facts(library: DetectorLibrary) -> None:
    line = "dial tcp: lookup db.prod on 10.0.0.1:53: no such host password=hunter2secret"
    snapshot = snapshot_of({"pods": {"web-1": "well"}, "logs": [{"pod": "web-1", "text": line}]})
    finding = next(one for one in library.detect(snapshot) if one.fault == "app-dns-failure")
    assert finding.facts["host"] == "db.prod"
    assert "hunter2secret" not in finding.model_dump_json()
    assert "hunter2secret" not in str([one.model_dump_json() for one in snapshot.cited()])


def test_connection_errors_are_over_when_many_lines_follow(library: DetectorLibrary) -> None:
    errors = "dial tcp 10.0.0.1:80: connect: connection refused\n" * 4
    going_on = {"pods": {"web-1": "well"}, "logs": [{"pod": "web-1", "text": errors}]}
    over = {"pods": {"web-1": "well"}, "logs": [{"pod": "web-1", "text": errors + "GET / 200\n" * 30}]}
    assert [one.fault for one in library.detect(snapshot_of(going_on))] == ["app-connection-refused"]
    assert library.detect(snapshot_of(over)) == []


def test_malformed_file_is_named_with_its_line(tmp_path: Path) -> None:
    good = (Path(shared_library().by_id["image-not-found"].path)).read_text()
    (tmp_path / "image").mkdir()
    broken = tmp_path / "image" / "site-fault.yaml"
    broken.write_text(good.replace("id: image-not-found", "id: site-fault").replace("severity: high", "severity: loud"))
    with pytest.raises(MalformedDetector, match=r"site-fault\.yaml:3: severity") as problem:
        load_detectors([tmp_path])
    assert problem.value.line == 3


def test_doubled_id_is_refused_when_a_site_brings_it(tmp_path: Path) -> None:
    path = shared_library().by_id["image-not-found"].path
    (tmp_path / path.name).write_text(path.read_text())
    with pytest.raises(MalformedDetector, match="already taken"):
        load_detectors([tmp_path])


def test_site_folder_adds_its_detectors(tmp_path: Path) -> None:
    path = shared_library().by_id["image-not-found"].path
    text = path.read_text().replace("id: image-not-found", "id: site-image-not-found")
    (tmp_path / "site-image-not-found.yaml").write_text(text)
    assert "site-image-not-found" in load_detectors([tmp_path]).by_id


def test_service_of_a_workload_scaled_to_nothing_is_no_mismatch(library: DetectorLibrary) -> None:
    template = {"template": {"metadata": {"labels": {"app": "batch"}}}}
    service = {"kind": "Service", "name": "batch", "spec": {"selector": {"app": "batch"}}}

    def faults(replicas: int) -> set[str]:
        deployment = {"kind": "Deployment", "name": "batch", "spec": {"replicas": replicas, **template}, "status": {}}
        specimen = {"pods": {"batch2-1": "well"}, "objects": [deployment, service]}
        return {one.fault for one in library.detect(snapshot_of(specimen))}

    assert faults(0) == set()
    assert "service-endpoints-not-ready" in faults(2)


@pytest.mark.parametrize(("state", "is_told"), [("Complete", False), ("Suspended", True)])
def test_failed_attempt_is_no_fault_when_its_job_succeeded_at_last(
    state: str, is_told: bool, library: DetectorLibrary
) -> None:
    attempt = {
        "kind": "Pod",
        "name": "rebuild-1",
        "owner": "Job/rebuild",
        "spec": {"containers": [{"name": "main", "image": "registry.example/app:1"}]},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "main", "ready": False, "state": {"terminated": {"exitCode": 1}}}],
        },
    }
    job = {"kind": "Job", "name": "rebuild", "status": {"conditions": [{"type": state, "status": "True"}]}}
    lines = "ConnectionResetError: [Errno 104] Connection reset by peer\n" * 5
    snapshot = snapshot_of({"objects": [job, attempt], "logs": [{"pod": "rebuild-1", "text": lines, "age": "2m"}]})
    assert ("app-connection-reset" in {one.fault for one in library.detect(snapshot)}) is is_told

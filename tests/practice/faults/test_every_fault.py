"""Each fault breaks what it says, and its cure heals it, through nothing but the objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evals.practice.faults.switch import Faults, catalogue
from evals.practice.store import copy_of
from tests.practice.faults.world import World, platform_world
from tools.script.parser import parse

QWEN = ("ai-serving", "qwen2-7b")


@pytest.fixture
def world() -> Iterator[World]:
    with platform_world() as found:
        yield found


def test_platform_is_whole_when_nothing_is_broken(world: World) -> None:
    for one in world.store.list("deployments.apps"):
        name = (one["metadata"]["namespace"], one["metadata"]["name"])
        assert world.is_settled(*name), name
    assert [flow.route.upstream for flow in world.running.traffic.flows() if flow.error] == []
    assert len(list(world.running.traffic.flows())) == 5


def test_bad_image_stalls_the_rollout_and_rollback_heals_it(world: World) -> None:
    world.inject("bad_image_rollout")
    world.wait(8)
    assert world.waiting(*QWEN) <= {"ImagePullBackOff", "ErrImagePull"}
    assert world.waiting(*QWEN)
    assert world.ready(*QWEN) == 2
    assert any("v0.9.22: not found" in text for text in world.events("ai-serving", "Failed"))
    conditions = world.store.get("deployments.apps", *QWEN)["status"]["conditions"]
    assert "ProgressDeadlineExceeded" in {one["reason"] for one in conditions}
    world.heal("bad_image_rollout")
    world.wait()
    assert world.is_settled(*QWEN)
    assert (
        world.store.get("deployments.apps", *QWEN)["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        == "3"
    )


def test_small_memory_limit_kills_and_a_larger_one_heals(world: World) -> None:
    world.inject("oom_limit_too_small")
    assert world.until(lambda: world.waiting("ai-serving", "bge-m3") == {"CrashLoopBackOff"})
    pod = world.pods("ai-serving", "bge-m3")[0]
    row = pod["status"]["containerStatuses"][0]
    assert row["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert row["lastState"]["terminated"]["exitCode"] == 137
    assert world.error_share("bge-m3") == 1.0
    world.heal("oom_limit_too_small")
    world.wait()
    assert world.is_settled("ai-serving", "bge-m3")
    assert world.error_share("bge-m3") == 0.0


@pytest.mark.parametrize(
    ("fault", "app", "message"),
    [
        ("missing_configmap", "bge-m3", 'Error: configmap "bge-m3-config" not found'),
        (
            "missing_config_key",
            "qwen2-7b",
            "Error: couldn't find key MODEL_PATH in ConfigMap ai-serving/qwen2-7b-config",
        ),
    ],
)
def test_missing_configuration_blocks_the_container_and_its_return_heals(
    world: World, fault: str, app: str, message: str
) -> None:
    world.inject(fault)
    world.wait()
    assert world.waiting("ai-serving", app) == {"CreateContainerConfigError"}
    assert message in world.events("ai-serving", "Failed")
    world.heal(fault)
    world.wait()
    assert world.is_settled("ai-serving", app)


def test_wrong_selector_empties_the_service_and_the_right_one_heals(world: World) -> None:
    world.inject("wrong_service_selector")
    world.wait(2)
    assert "subsets" not in world.store.get("endpoints", "ai-serving", "resnet50")
    assert world.error_share("resnet50") == 1.0
    gateway = world.pods("ai-gateway", "gateway")[0]
    assert "upstream=resnet50 status=503" in world.log(gateway)
    world.heal("wrong_service_selector")
    world.wait(2)
    assert world.error_share("resnet50") == 0.0


def test_wrong_probe_port_keeps_the_pod_unready_and_the_right_one_heals(world: World) -> None:
    world.inject("readiness_wrong_port")
    world.wait()
    assert world.ready("ai-serving", "resnet50") == 0
    assert any("connect: connection refused" in text for text in world.events("ai-serving", "Unhealthy"))
    world.heal("readiness_wrong_port")
    world.wait()
    assert world.is_settled("ai-serving", "resnet50")


def test_cordoned_gpu_nodes_leave_a_pod_pending_and_uncordon_schedules_it(world: World) -> None:
    truth = world.inject("gpu_unschedulable")
    world.wait()
    assert [pod["status"]["phase"] for pod in world.pods(*QWEN)].count("Pending") == 1
    message = world.events("ai-serving", "FailedScheduling")[-1]
    assert message.startswith("0/7 nodes are available: ")
    assert "node(s) were unschedulable" in message
    assert "Insufficient nvidia.com/gpu" in message
    for line in truth.remedy.splitlines():
        node = line.split()[-1]
        changed = dict(world.store.get("nodes", None, node))
        changed["spec"] = {k: v for k, v in changed["spec"].items() if k != "unschedulable"}
        changed["metadata"] = dict(changed["metadata"])
        world.store.update("nodes", changed)
    world.wait()
    assert world.is_settled(*QWEN)


def test_silent_kubelet_makes_the_node_not_ready_and_its_return_heals(world: World) -> None:
    node = world.inject("node_not_ready").target.name
    world.wait(1)
    keys = {(one["key"], one["effect"]) for one in world.store.get("nodes", None, node)["spec"]["taints"]}
    assert {("node.kubernetes.io/unreachable", "NoSchedule"), ("node.kubernetes.io/unreachable", "NoExecute")} <= keys
    assert world.ready(*QWEN) == 2
    world.wait(8)
    assert any(
        "Marking for deletion Pod ai-serving/qwen2-7b" in one
        for one in world.events("ai-serving", "TaintManagerEviction")
    )
    assert world.ready(*QWEN) == 3
    world.heal("node_not_ready")
    world.wait()
    assert all("deletionTimestamp" not in pod["metadata"] for pod in world.store.list("pods", "ai-serving"))
    assert world.is_settled(*QWEN)


def test_unknown_storage_class_keeps_the_claim_pending_and_the_class_heals(world: World) -> None:
    world.inject("pvc_unknown_storageclass")
    world.wait()
    claim = world.store.get("persistentvolumeclaims", "ai-data", "data-semantic-cache-0")
    assert claim["status"]["phase"] == "Pending"
    assert 'storageclass.storage.k8s.io "fast-nvme" not found' in world.events("ai-data", "ProvisioningFailed")
    assert any("unbound immediate PersistentVolumeClaims" in one for one in world.events("ai-data", "FailedScheduling"))
    world.store.create(
        "storageclasses.storage.k8s.io", {"metadata": {"name": "fast-nvme"}, "provisioner": "kubernetes.io/host-path"}
    )
    world.wait()
    assert world.store.get("statefulsets.apps", "ai-data", "semantic-cache")["status"]["readyReplicas"] == 1


def test_bad_configuration_value_crashes_the_server_and_the_good_one_heals(world: World) -> None:
    world.inject("bad_config_crashloop")
    assert world.until(lambda: world.waiting("ai-serving", "sentiment") == {"CrashLoopBackOff"})
    log = world.log(world.pods("ai-serving", "sentiment")[0], previous=True)
    assert 'NumberFormatException: For input string: "unlimited"' in log
    world.heal("bad_config_crashloop")
    world.wait()
    assert world.is_settled("ai-serving", "sentiment")


def test_missing_base_path_keeps_tensorflow_serving_unready_and_the_path_heals(world: World) -> None:
    world.inject("tfs_base_path_missing")
    world.wait()
    assert world.ready("ai-serving", "ranker") == 0
    assert "Could not find base path /models/ranker-v2" in world.log(world.pods("ai-serving", "ranker")[0])
    world.heal("tfs_base_path_missing")
    world.wait()
    assert world.is_settled("ai-serving", "ranker")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("vllm_cuda_oom", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate"),
        ("vllm_max_len_too_large", "To serve at least one request with the model's max seq len (32768)"),
    ],
)
def test_vllm_dies_of_a_bad_argument_and_rollback_heals(world: World, fault: str, text: str) -> None:
    world.inject(fault)
    assert world.until(lambda: world.waiting(*QWEN) == {"CrashLoopBackOff"})
    broken = next(pod for pod in world.pods(*QWEN) if pod["status"]["containerStatuses"][0]["restartCount"])
    log = world.log(broken, previous=True)
    assert text in log
    assert "Engine core initialization failed" in log
    world.heal(fault)
    world.wait()
    assert world.is_settled(*QWEN)


def test_quota_refuses_the_pod_and_a_larger_one_heals(world: World) -> None:
    world.inject("quota_exceeded")
    world.wait(3)
    assert any("exceeded quota: serving" in text for text in world.events("ai-serving", "FailedCreate"))
    conditions = world.store.get("deployments.apps", *QWEN)["status"]["conditions"]
    assert any(one["type"] == "ReplicaFailure" and one["reason"] == "FailedCreate" for one in conditions)
    world.heal("quota_exceeded")
    world.wait()
    assert world.is_settled(*QWEN)
    assert world.ready(*QWEN) == 4


def test_autoscaler_is_blind_without_metrics_server_and_sees_again_with_it(world: World) -> None:
    def active() -> str:
        hpa = world.store.get("horizontalpodautoscalers.autoscaling", "ai-gateway", "gateway")
        return str(next(one for one in hpa["status"]["conditions"] if one["type"] == "ScalingActive")["status"])

    assert active() == "True"
    world.inject("hpa_no_metrics")
    world.wait(3)
    assert active() == "False"
    assert any(
        "failed to get cpu utilization" in text for text in world.events("ai-gateway", "FailedGetResourceMetric")
    )
    world.heal("hpa_no_metrics")
    world.wait(3)
    assert active() == "True"


def test_rush_fills_the_queue_and_the_autoscaler_reaches_its_maximum(world: World) -> None:
    world.inject("traffic_rush")
    world.wait(6)
    hpa = world.store.get("horizontalpodautoscalers.autoscaling", "ai-gateway", "gateway")
    assert hpa["status"]["currentReplicas"] == 4
    limited = next(one for one in hpa["status"]["conditions"] if one["type"] == "ScalingLimited")
    assert (limited["status"], limited["reason"]) == ("True", "TooManyReplicas")
    waiting = [
        line for line in world.running.metrics_text().splitlines() if line.startswith("vllm:num_requests_waiting{")
    ]
    assert waiting
    assert all(float(line.rpartition(" ")[2]) > 10 for line in waiting)
    world.heal("traffic_rush")
    world.wait(3)
    assert world.error_share("qwen2-7b") == 0.0


def test_liveness_probe_kills_the_slow_load_and_a_startup_probe_heals(world: World) -> None:
    world.inject("liveness_kills_slow_load")
    world.wait(8)
    broken = [pod for pod in world.pods(*QWEN) if pod["status"]["containerStatuses"][0]["restartCount"]]
    assert broken
    assert "Container vllm failed liveness probe, will be restarted" in world.events("ai-serving", "Killing")
    assert broken[0]["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137
    world.heal("liveness_kills_slow_load")
    world.wait(8)
    assert world.is_settled(*QWEN)


def test_gateway_fails_one_upstream_whose_name_is_unknown_and_the_right_one_heals(world: World) -> None:
    world.inject("gateway_upstream_wrong")
    world.wait()
    assert world.error_share("qwen2-7b") == 1.0
    assert world.error_share("bge-m3") == 0.0
    assert "no such host" in world.log(world.pods("ai-gateway", "gateway")[0])
    world.heal("gateway_upstream_wrong")
    world.wait()
    assert world.error_share("qwen2-7b") == 0.0


def test_lost_gpu_kills_its_program_and_a_repaired_one_heals(world: World) -> None:
    node = world.inject("gpu_xid_79").target.name
    world.wait()
    events = world.store.list("events", "default")
    assert any("Xid (PCI:0000:3b:00): 79" in one["message"] for one in events if one["involvedObject"]["name"] == node)
    broken = next(pod for pod in world.pods(*QWEN) if pod["spec"]["nodeName"] == node)
    assert broken["status"]["containerStatuses"][0]["restartCount"] > 0
    assert "No CUDA GPUs are available" in world.log(broken, previous=True)
    page = world.running.metrics_text()
    assert any(
        line.startswith("DCGM_FI_DEV_XID_ERRORS{") and node in line and line.endswith(" 79")
        for line in page.splitlines()
    )
    world.heal("gpu_xid_79")
    world.wait()
    assert world.is_settled(*QWEN)


def test_training_job_fails_by_its_watchdog(world: World) -> None:
    world.inject("training_nccl_timeout")
    world.wait(8)
    job = world.store.get("jobs.batch", "ai-training", "sft-qwen2-nightly")
    assert {one["reason"] for one in job["status"]["conditions"]} == {"BackoffLimitExceeded"}
    pod = world.pods("ai-training", "sft-qwen2")[0]
    assert "Watchdog caught collective operation timeout: WorkNCCL" in world.log(pod)
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 134
    world.heal("training_nccl_timeout")
    world.wait()
    assert world.store.list("jobs.batch", "ai-training") == []


@pytest.mark.parametrize("noise", [name for name, fault in catalogue().items() if not fault.is_fault])
def test_noise_hurts_no_service(world: World, noise: str) -> None:
    assert world.inject(noise).cause == "none"
    world.wait()
    assert [flow.route.upstream for flow in world.running.traffic.flows() if flow.error] == []
    world.heal(noise)


def test_recovered_restarts_stay_in_the_status_after_the_kubelet_writes_again(world: World) -> None:
    world.inject("noise_recovered_restart")
    pod = next(one for one in world.store.list("pods", "ai-data") if one["metadata"]["name"].startswith("redis"))
    worker = world.running.kubelets.worker_of(pod)
    assert worker is not None
    worker.publish()
    row = world.store.get("pods", "ai-data", pod["metadata"]["name"])["status"]["containerStatuses"][0]
    assert (row["restartCount"], row["lastState"]["terminated"]["exitCode"]) == (2, 1)


def test_switch_tells_the_truth_while_a_fault_is_on(world: World) -> None:
    faults = Faults(world.store, world.clock)
    answer = faults.switch_on("wrong_service_selector")
    assert answer["truth"]["cause"] == "service-selector-mismatch"
    assert faults.active() == ["wrong_service_selector"]
    assert faults.describe("wrong_service_selector")["title_zh"]
    faults.switch_off("wrong_service_selector")
    assert faults.active() == []
    with pytest.raises(KeyError):
        faults.truth("wrong_service_selector")


@pytest.mark.parametrize("fault", [name for name, one in catalogue().items() if one.is_fault])
def test_remedy_is_a_script_of_the_grammar_or_work_for_a_person(world: World, fault: str) -> None:
    truth = world.inject(fault)
    assert truth.cause
    assert truth.remedy or truth.manual
    if truth.remedy:
        assert parse(truth.remedy).commands


def test_more_replicas_empty_the_queue_of_a_rush(world: World) -> None:
    world.inject("traffic_rush")
    world.wait(4)
    changed = copy_of(world.store.get("deployments.apps", *QWEN))
    changed["spec"]["replicas"] = 5
    world.store.update("deployments.apps", changed)
    world.wait(4)
    page = world.running.metrics_text().splitlines()
    waiting = [float(line.rpartition(" ")[2]) for line in page if line.startswith("vllm:num_requests_waiting{")]
    assert len(waiting) == 5
    assert max(waiting) <= 10


def test_catalogue_holds_twenty_faults_with_titles_in_both_languages() -> None:
    found = [fault for fault in catalogue().values() if fault.is_fault]
    assert len(found) >= 20
    assert all(fault.title_en and fault.title_zh for fault in found)

"""Nodes as kubelets register them."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from evals.practice.clock import timestamp
from evals.practice.store import Store

Object = dict[str, Any]
GPU_NODES = tuple(f"gpu-node-{number}" for number in range(1, 5))
CPU_NODES = tuple(f"cpu-node-{number}" for number in range(1, 4))
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)  # fmt: skip
XID_CONDITION = ("GpuXidError", "False", "NoGpuXidError", "no critical Xid in the kernel log")


def add_node(store: Store, name: str, address: str, *, cpu: str, memory: str, pods: int = 110, gpus: int = 0,
             labels: dict[str, str] | None = None) -> Object:  # fmt: skip
    """One ready node; GPU nodes carry the taint and labels that a GPU operator gives them."""
    found = {
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {}),
    }  # fmt: skip
    spec: Object = {}
    if gpus:
        found |= {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": "NVIDIA-A10",
            "nvidia.com/gpu.count": str(gpus),
        }
        spec["taints"] = [dict(GPU_TAINT)]
    notes = {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    made = store.create("nodes", {"metadata": {"name": name, "labels": found, "annotations": notes}, "spec": spec})
    return store.set_status("nodes", made, _status(store, name, address, cpu, memory, pods, gpus))


def _status(store: Store, name: str, address: str, cpu: str, memory: str, pods: int, gpus: int) -> Object:
    now = timestamp(store.clock.now())
    capacity = {"cpu": cpu, "ephemeral-storage": "203056560Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
                "memory": memory, "pods": str(pods)}  # fmt: skip
    if gpus:
        capacity["nvidia.com/gpu"] = str(gpus)
    rows = (*_CONDITIONS[:3], XID_CONDITION, _CONDITIONS[3]) if gpus else _CONDITIONS
    machine = hashlib.sha256(name.encode()).hexdigest()[:32]
    identity = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    return {
        "capacity": capacity, "allocatable": dict(capacity),
        "conditions": [{"type": kind, "status": status, "lastHeartbeatTime": now, "lastTransitionTime": now,
                        "reason": reason, "message": message} for kind, status, reason, message in rows],
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": machine, "systemUUID": identity, "bootID": identity, "kernelVersion": "6.1.0-28-amd64",
            "osImage": "Debian GNU/Linux 12 (bookworm)", "containerRuntimeVersion": "containerd://1.7.24",
            "kubeletVersion": "v1.32.13", "kubeProxyVersion": "v1.32.13", "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }  # fmt: skip


def add_platform_nodes(store: Store) -> None:
    """Four nodes with two A10 each, three without."""
    for number, name in enumerate(GPU_NODES, start=1):
        labels = {"pool": "gpu", "topology.kubernetes.io/zone": f"zone-{'ab'[number % 2]}"}
        add_node(store, name, f"10.0.1.{10 + number}", cpu="32", memory="131072000Ki", gpus=2, labels=labels)
    for number, name in enumerate(CPU_NODES, start=1):
        labels = {"pool": "cpu", "topology.kubernetes.io/zone": f"zone-{'ab'[number % 2]}"}
        add_node(store, name, f"10.0.2.{10 + number}", cpu="16", memory="65536000Ki", labels=labels)

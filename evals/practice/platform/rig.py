"""The recorded cluster in small: two nodes of two cores, one StorageClass, images that lie on every node.

The contract suite replays its requests against this, so that what depends on the machines (node conditions, scheduling
messages, events of the kubelets) can be compared.
"""

from __future__ import annotations

from typing import Any

from evals.practice.controllers.recorder import Recorder
from evals.practice.platform.install import create
from evals.practice.platform.nodes import add_node
from evals.practice.store import Store, copy_of

Object = dict[str, Any]
NODES = ("rig-node-1", "rig-node-2")
_IMAGES = (
    (("rig.local/metrics-server:1",), 65_342_305),
    (("rig.local/coredns:1",), 46_941_018),
    (("rig.local/busybox:1", "rig.local/busybox:2", "rig.local/web:1"), 3_185_491),
    (("rig.local/pause:1",), 21_344),
)
_APPLIED = (
    '{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"annotations":'
    '{"storageclass.kubernetes.io/is-default-class":"true"},"name":"standard"},"provisioner":"kubernetes.io/host-path",'
    '"reclaimPolicy":"Delete"}\n'
)
_STATES = ("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID")


def install_rig(store: Store) -> None:
    """Nodes with the events of two starts of their kubelets, and the default StorageClass. What exists is kept."""
    for name in ("default", "kube-system", "kube-node-lease", "kube-public"):
        create(store, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for number, name in enumerate(NODES, start=1):
        if store.find("nodes", None, name) is None:
            _add(store, name, number)
    notes = {
        "kubectl.kubernetes.io/last-applied-configuration": _APPLIED,
        "storageclass.kubernetes.io/is-default-class": "true",
    }
    create(
        store,
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": notes},
            "provisioner": "kubernetes.io/host-path",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        },
    )


def _add(store: Store, name: str, number: int) -> None:
    labels = {"rig/node": str(number)}
    made = copy_of(add_node(store, name, f"10.0.0.{number + 10}", cpu="2", memory="8140300Ki", pods=60, labels=labels))
    made["status"]["images"] = [{"names": list(names), "sizeBytes": size} for names, size in _IMAGES]
    made["status"]["nodeInfo"]["containerRuntimeVersion"] = "containerd://1.6.20"
    node = store.set_status("nodes", made, made["status"])
    _first_start(store, node, name)
    for _ in range(2):
        text = f"Node {name} event: Registered Node {name} in Controller"
        Recorder(store, store.clock, "node-controller").normal(node, "RegisteredNode", text)
    _start(Recorder(store, store.clock, "kubelet", name), node, name)


def _first_start(store: Store, node: Object, name: str) -> None:
    recorder = Recorder(store, store.clock, "kubelet", name)
    _start(recorder, node, name)
    for state in _STATES:
        recorder.normal(node, state, f"Node {name} status is now: {state}")
    recorder.normal(node, "NodeReady", f"Node {name} status is now: NodeReady")


def _start(recorder: Recorder, node: Object, name: str) -> None:
    recorder.normal(node, "Starting", "Starting kubelet.")
    recorder.warning(node, "CgroupV1", "cgroup v1 support is in maintenance mode, please migrate to cgroup v2")
    for state in _STATES:
        recorder.normal(node, state, f"Node {name} status is now: {state}")
    recorder.normal(node, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")

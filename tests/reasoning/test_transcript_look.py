"""From a paste to the ranked answer: one row for each cause, and the workload that a cause belongs to."""

from __future__ import annotations

from agent.reasoning.topology import Topology
from agent.transcript_look import diagnose_paste, whose
from knowledge.vocabulary import ObjectRef, Verdict
from tests.shared_library import shared_library
from tools.transcript.reading import read_paste

CORDONED = """$ kubectl get nodes
NAME     STATUS                     ROLES    AGE   VERSION
node-a   Ready,SchedulingDisabled   worker   90d   v1.32.1
node-b   Ready,SchedulingDisabled   worker   90d   v1.32.1
node-c   Ready,SchedulingDisabled   worker   90d   v1.32.1

$ kubectl get deployments -n tickets
NAME      READY   UP-TO-DATE   AVAILABLE   AGE
printer   0/1     1            0           4m

$ kubectl get pods -n tickets -o wide
NAME                       READY   STATUS    RESTARTS   AGE   IP       NODE     NOMINATED NODE   READINESS GATES
printer-6c9f7d5b8-x2x9k    0/1     Pending   0          4m    <none>   <none>   <none>           <none>

$ kubectl get events -n tickets
LAST SEEN   TYPE      REASON             OBJECT                        MESSAGE
4m          Warning   FailedScheduling   pod/printer-6c9f7d5b8-x2x9k   0/3 nodes are available: 3 node(s) were unschedulable.
"""


def test_fault_that_several_nodes_share_is_one_row_of_the_answer() -> None:
    found = diagnose_paste(read_paste(CORDONED), detectors=shared_library(), namespace="tickets")
    assert found.diagnosis.verdict is Verdict.FAULT
    causes = [row.hypothesis.fault for row in found.ranked]
    assert len(causes) == len(set(causes)), causes
    assert any(row.object.name.startswith("printer") for row in found.ranked[:3])
    assert [row.rank for row in found.ranked] == list(range(1, len(found.ranked) + 1))


def claim(topology: Topology, *users: str) -> ObjectRef:
    target = ObjectRef(cluster="c", kind="PersistentVolumeClaim", namespace="shop", name="data")
    for user in users:
        topology.connect(user, "mounts", target.key)
    return whose(target, topology)


def test_claim_that_one_workload_mounts_is_told_as_that_workload_s() -> None:
    assert claim(Topology(), "StatefulSet/shop/cart").key == "StatefulSet/shop/cart"


def test_claim_that_nobody_or_several_mount_stays_the_object() -> None:
    assert claim(Topology()).kind == "PersistentVolumeClaim"
    assert claim(Topology(), "Deployment/shop/a", "Deployment/shop/b").kind == "PersistentVolumeClaim"

"""Acts that reach further than their actor: stopping is anybody's who may act there, starting again and taking back are not."""

from __future__ import annotations

from knowledge.vocabulary import Decision, ExecutionStatus, ObjectRef, Role, Scope
from tests.ledger.makers import make_plan, make_review
from tests.web.conftest import Rig
from tests.web.story import incident_of

API = "/api/v1"
SERVING = Scope(namespaces=("serving",))


async def test_admin_of_a_part_stops_everything_and_does_not_let_it_run_again(rig: Rig) -> None:
    rig.person("pat", Role.ADMIN, scope=SERVING)
    rig.person("sol", Role.ADMIN, scope=Scope(services=("qwen*",)))
    async with rig.client("pat") as pat, rig.client("sol") as sol, rig.client("ada") as ada:
        assert (await pat.post(f"{API}/freeze", json={"cluster": "prod", "reason": "stop"})).status_code == 200
        for limited in (pat, sol):
            assert (await limited.delete(f"{API}/freeze", params={"cluster": "prod"})).status_code == 403
        assert rig.ledger.switches.is_frozen("prod") == "stop"
        assert (await ada.delete(f"{API}/freeze", params={"cluster": "prod"})).status_code == 200


async def test_change_of_a_node_is_not_taken_back_by_who_has_some_namespaces_only(rig: Rig) -> None:
    incident = incident_of(rig.ledger)
    plan = make_plan(incident.id)
    rig.ledger.plans.put(plan)
    review = make_review(plan)
    node = ObjectRef(cluster="prod", kind="Node", namespace="", name="gpu-1")
    review = review.model_copy(update={"steps": (review.steps[0].model_copy(update={"target": node}),)})
    asked = rig.ledger.approvals.ask(incident.id, plan.id, review, 1, "")
    rig.ledger.approvals.vote(asked.id, rig.ledger.principals.by_id("ana"), Decision.APPROVE, "", asked.digest)
    execution = rig.ledger.executions.request(incident.id, plan.id, review, asked.id)
    claimed = rig.ledger.executions.claim_next("e", 30)
    assert claimed is not None
    rig.ledger.executions.finish(execution.id, claimed[1], ExecutionStatus.DONE, "")
    rig.person("sam", Role.VIEWER, Role.RESPONDER, scope=SERVING)
    async with rig.client("sam") as sam, rig.client("rui") as rui:
        assert (await sam.get(f"{API}/incidents/{incident.id}")).status_code == 200
        assert (await sam.post(f"{API}/executions/{execution.id}/undo")).status_code == 403
        assert (await rui.post(f"{API}/executions/{execution.id}/undo")).status_code == 200

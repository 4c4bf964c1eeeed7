"""A live cluster with the printed objects in force, and the two identities as it knows them. Everything it makes has a name
of its own and is taken away again."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from knowledge.vocabulary import ApiRequest, ExecutionStatus, Json, Review, StepResult
from tests.fakes.memory_cluster import StillClock
from tools.adapters.kubernetes_cluster import KubernetesReader, KubernetesWriter
from tools.execution.mark import BY, STEP
from tools.execution.runner import Ending, StepRunner
from tools.ports import ApiAnswer
from tools.rbac.manifests import Privileges
from tools.rbac.roles import Accounts
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy
from tools.safety.policy import Policy

PATHS = {
    "Namespace": "/api/v1/namespaces", "ServiceAccount": "/api/v1/namespaces/{ns}/serviceaccounts",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments", "ConfigMap": "/api/v1/namespaces/{ns}/configmaps",
    "Service": "/api/v1/namespaces/{ns}/services", "Pod": "/api/v1/namespaces/{ns}/pods", "Node": "/api/v1/nodes",
    "CronJob": "/apis/batch/v1/namespaces/{ns}/cronjobs",
}  # fmt: skip
WRITER = {"fieldManager": "opsdesk"}


@dataclass
class MemoryLog:
    results: dict[str, StepResult] = field(default_factory=dict)

    async def stop_reason(self) -> str:
        return ""

    async def intend(self, step: int, step_key: str, request_digest: str) -> None: ...

    async def record(self, result: StepResult) -> None:
        self.results[result.step_key] = result


@dataclass
class Bound:
    """A cluster where the executor is bound. ``namespace`` is where it may act, ``guarded``
    is protected: there only the Deployment ``dns`` may be restarted."""

    admin: KubernetesWriter
    reader: KubernetesReader
    writer: KubernetesWriter
    namespace: str
    guarded: str
    policy: Policy
    made: list[str]

    async def create(self, item: Json) -> Json:
        """As the administrator."""
        path = path_of(item, self.namespace)
        answer = await self.admin.send(request("POST", path, item))
        assert answer.is_ok, answer.body
        if "/namespaces/" not in path:
            self.made.append(f"{path}/{item['metadata']['name']}")
        made: Json = answer.body
        return made

    async def review(self, script: str) -> Review:
        now = StillClock().now()
        plan = make_plan(script, incident_id="i", cluster="live", written_by="desk", now=now)
        return await review_plan(plan, reader=self.reader, writer=self.writer, policy=self.policy, clock=StillClock())

    async def run(self, script: str, *, undo: bool = False) -> Ending:
        """Review and execution as the desk does them, with the executor's identity."""
        review = await self.review(script)
        assert review.approvers_needed >= 0, [v.message.en for v in review.verdicts]
        assert all(run.outcome == "ok" for run in review.dry_runs), review.dry_runs
        runner = StepRunner(
            execution_id=f"exec-{uuid.uuid4().hex[:8]}", review=review, reader=self.reader, writer=self.writer,
            log=MemoryLog(), clock=StillClock(), redact=lambda text: text, user_agent="opsdesk-executor (approved by ann)",
        )  # fmt: skip
        ending = await runner.run()
        if undo:
            assert ending.status is ExecutionStatus.DONE, ending
            return await runner.undo()
        return ending

    async def patch(
        self, kind: str, name: str, body: Any, *, mark: bool = True, namespace: str = "", **query: str
    ) -> ApiAnswer:
        """A merge patch (a JSON patch for a list), by the executor past the desk's own review."""
        is_list = isinstance(body, list)
        if mark and not is_list:
            body = {**body, "metadata": {**body.get("metadata", {}), "annotations": {
                **body.get("metadata", {}).get("annotations", {}), STEP: f"exec-{uuid.uuid4().hex[:6]}/0/0", BY: "ann"}}}  # fmt: skip
        path = f"{PATHS[kind].format(ns=namespace or self.namespace)}/{name}"
        sort = "json-patch" if is_list else "strategic-merge-patch"
        sent = request("PATCH", path, body, query or WRITER, f"application/{sort}+json")
        return await self.writer.send(sent)


def path_of(item: Json, namespace: str) -> str:
    return PATHS[item["kind"]].format(ns=item["metadata"].get("namespace", namespace))


def request(
    method: str, path: str, body: Any = None, query: dict[str, str] | None = None, sort: str = "application/json"
) -> ApiRequest:
    return ApiRequest(
        cluster="live", method=cast("Any", method), path=path, query=query or {}, content_type=sort, body=body
    )


async def bind(kubeconfig: Path, folder: Path) -> Bound:
    """Applies what is printed and waits until the policy holds: the server loads it a moment later."""
    mark = uuid.uuid4().hex[:8]
    desk, namespace, guarded = f"desk-{mark}", f"bound-{mark}", f"guarded-{mark}"
    site = load_policy()
    protected = (*site.protected_namespaces, guarded)
    policy = site.model_copy(
        update={"protected_namespaces": protected, "restartable": (f"{guarded}/Deployment/dns",), "examples": ()}
    )
    admin = KubernetesWriter.connect("live", kubeconfig)
    made: list[str] = []
    for name in (desk, namespace, guarded):
        await _create(admin, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "", made)
    privileges = Privileges(policy, accounts=Accounts(desk, prefix=f"desk-{mark}"))
    for item in privileges.objects():
        await _create(admin, item, desk, made)
    reader = KubernetesReader.connect(
        "live", await _kubeconfig(admin, kubeconfig, folder, desk, privileges.accounts.reader)
    )
    writer = KubernetesWriter.connect(
        "live", await _kubeconfig(admin, kubeconfig, folder, desk, privileges.accounts.executor)
    )
    bound = Bound(admin, reader, writer, namespace, guarded, policy, made)
    await _in_force(bound)
    return bound


async def _create(admin: KubernetesWriter, item: Json, namespace: str, made: list[str]) -> None:
    path = path_of(item, namespace)
    answer = await admin.send(request("POST", path, item))
    assert answer.is_ok, (item["kind"], item["metadata"]["name"], answer.body)
    made.append(f"{path}/{item['metadata']['name']}")


async def _kubeconfig(admin: KubernetesWriter, kubeconfig: Path, folder: Path, namespace: str, account: str) -> Path:
    """A kubeconfig with a projected token of a service account."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 1200}}
    answer = await admin.send(request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", body))
    assert answer.is_ok, answer.body
    content = yaml.safe_load(await asyncio.to_thread(kubeconfig.read_text, "utf-8"))
    content["users"] = [{"name": "identity", "user": {"token": answer.body["status"]["token"]}}]
    for context in content["contexts"]:
        context["context"]["user"] = "identity"
    path = folder / f"{account}.kubeconfig"
    await asyncio.to_thread(path.write_text, yaml.safe_dump(content), "utf-8")
    return path


async def _in_force(bound: Bound) -> None:
    ends = time.monotonic() + 30
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unmarked"}}
    path = PATHS["ConfigMap"].format(ns=bound.namespace)
    while (await bound.writer.send(request("POST", path, body, {**WRITER, "dryRun": "All"}))).is_ok is False:
        assert time.monotonic() < ends, "the role is not in force"
        await asyncio.sleep(0.2)
    while (await bound.writer.send(request("POST", path, body, {"fieldManager": "other", "dryRun": "All"}))).is_ok:
        assert time.monotonic() < ends, "the policy is not in force"
        await asyncio.sleep(0.2)


async def unbind(bound: Bound) -> None:
    for path in reversed(bound.made):
        await bound.admin.send(request("DELETE", path))
    for side in (bound.admin, bound.reader, bound.writer):
        side.close()

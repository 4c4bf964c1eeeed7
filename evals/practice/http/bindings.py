"""POST pods/binding: how a scheduler puts a pod on a node; and PUT namespaces/finalize."""

from __future__ import annotations

from evals.practice.clock import timestamp
from evals.practice.errors import bad_request, conflict
from evals.practice.http.body import read_as
from evals.practice.http.call import Answer, Call, success
from evals.practice.http.render import single
from evals.practice.store import copy_of, name_of


def bind_pod(call: Call) -> Answer:
    """The pod gets its node and the condition PodScheduled; 409 when it has one."""
    place, store = call.place, call.cluster.store
    binding = read_as(call, "", "v1", "Binding")
    node = (binding.get("target") or {}).get("name", "")
    if not node:
        raise bad_request("target.name: Required value")
    name = place.name or (binding.get("metadata") or {}).get("name", "")
    pod = copy_of(store.get("pods", place.namespace, name))
    if pod["spec"].get("nodeName"):
        why = f'pod {name_of(pod)} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise conflict("pods/binding", "", name, why)
    pod["spec"]["nodeName"] = node
    bound = store.update("pods", pod)
    status = copy_of(bound).get("status", {})
    conditions = [one for one in status.get("conditions") or [] if one["type"] != "PodScheduled"]
    at = timestamp(call.cluster.clock.now())
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": at}
    status["conditions"] = [*conditions, scheduled]
    store.set_status("pods", bound, status)
    body = success()
    body["code"] = 201
    return Answer(body, status=201)


def finalize_namespace(call: Call) -> Answer:
    """PUT namespaces/finalize: the finalizers of the spec; the last one gone, the namespace goes."""
    store, name = call.cluster.store, call.place.name
    wanted = read_as(call, "", "v1", "Namespace")
    fresh = copy_of(store.get("namespaces", None, name))
    finalizers = (wanted.get("spec") or {}).get("finalizers") or []
    fresh["spec"] = {"finalizers": finalizers} if finalizers else {}
    stored = store.update("namespaces", fresh, subresource="finalize")
    return single(call, stored)

"""ControllerRevisions: the remembered templates of StatefulSets and DaemonSets."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers.parts import Parts, owner_reference
from evals.practice.controllers.rollout import template_hash
from evals.practice.controllers.selectors import labels_of
from evals.practice.store import copy_of, name_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "controllerrevisions.apps"


def current(parts: Parts, workload: Object) -> Object:
    """The revision of the workload's template, made or renewed if it is not the newest."""
    uid = workload["metadata"]["uid"]
    owned = [one for one in parts.store.each(_RESOURCE, namespace_of(workload))
             if any(row["uid"] == uid for row in one["metadata"].get("ownerReferences") or ())]  # fmt: skip
    newest = max((int(one.get("revision", 0)) for one in owned), default=0)
    digest = template_hash(workload["spec"]["template"])
    name = f"{name_of(workload)}-{digest}"
    for one in owned:
        if name_of(one) == name:
            if int(one.get("revision", 0)) == newest:
                return one
            renewed = copy_of(one)
            renewed["revision"] = newest + 1
            return parts.store.update(_RESOURCE, renewed)
    labels = {**labels_of({"metadata": workload["spec"]["template"].get("metadata") or {}})}
    labels["controller.kubernetes.io/hash" if workload["kind"] == "StatefulSet" else "controller-revision-hash"] = (
        digest
    )
    template = copy_of(workload["spec"]["template"]) | {"$patch": "replace"}
    made = {
        "metadata": {"name": name, "namespace": namespace_of(workload), "labels": labels,
                     "ownerReferences": [owner_reference(workload)]},
        "data": {"spec": {"template": template}},
        "revision": newest + 1,
    }  # fmt: skip
    return parts.store.create(_RESOURCE, made)

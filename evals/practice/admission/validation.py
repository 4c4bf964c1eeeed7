"""Is an object as it must be? One refusal that names every field that is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evals.practice.admission.kind_rules import KIND_RULES
from evals.practice.admission.names import metadata_causes
from evals.practice.admission.pod_rules import pod_spec_causes, pod_update_causes
from evals.practice.admission.workload_rules import cronjob_causes, job_causes, workload_causes
from evals.practice.errors import Cause, invalid
from evals.practice.kinds import BY_RESOURCE

Object = dict[str, Any]
_WORKLOADS = frozenset({"deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps"})


def validate(resource: str, new: Object, old: Object | None, subresource: str) -> None:
    """422 with one cause for each field that is wrong. An unchanged spec was right when it was written."""
    causes = list(_causes(resource, new, old, subresource))
    if causes:
        row = BY_RESOURCE[resource]
        raise invalid(row.kind, row.group, str(new["metadata"].get("name") or ""), causes)


def _causes(resource: str, new: Object, old: Object | None, subresource: str) -> Iterator[Cause]:
    yield from metadata_causes(resource, new, old)
    if subresource == "status":
        return
    if resource == "pods":
        if old is None:
            yield from pod_spec_causes(new["spec"], "spec")
        else:
            yield from pod_update_causes(new, old, subresource)
    elif old is not None and "spec" in new and new["spec"] == old.get("spec"):
        return
    elif resource in _WORKLOADS:
        yield from workload_causes(resource, new, old)
    elif resource == "jobs.batch":
        yield from job_causes(new, old)
    elif resource == "cronjobs.batch":
        yield from cronjob_causes(new)
    elif resource in KIND_RULES:
        yield from KIND_RULES[resource](new, old)

"""What no change of the executor may bring in, whichever fields its actions may write: the API server's copy of the rules
that forbid. A thing that the object already holds may stay as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tools.actions.grant import WORKLOADS
from tools.rbac.cel import matching, raw, text
from tools.safety.policy import Policy
from tools.script.kinds import known_kinds

TEMPLATES = {
    "deployments.apps": "/spec/template", "statefulsets.apps": "/spec/template", "daemonsets.apps": "/spec/template",
    "jobs.batch": "/spec/template", "cronjobs.batch": "/spec/jobTemplate/spec/template",
}  # fmt: skip
"""Where each kind keeps its pod template."""


@dataclass(frozen=True, slots=True)
class Check:
    """One validation: an expression that must hold, and what is said when it does not."""

    expression: str
    message: str


def template_checks(policy: Policy) -> list[Check]:
    """Over the variables ``newPod`` and ``oldPod``: the pod specs of the templates, ``{}`` where there is none."""
    return [
        Check(
            "newPod.?serviceAccountName.orValue('default') == oldPod.?serviceAccountName.orValue('default') &&\n"
            "newPod.?serviceAccount.orValue('default') == oldPod.?serviceAccount.orValue('default')",
            "the service account of a workload is not changed",
        ),
        Check(
            "['hostNetwork', 'hostPID', 'hostIPC'].all(f, !newPod[?f].orValue(false) || oldPod[?f].orValue(false))",
            "a workload is not given the host's network, processes or memory",
        ),
        Check(
            "newPod.?volumes.orValue([]).all(v, v in oldPod.?volumes.orValue([]) ||\n(!has(v.hostPath) &&\n"
            "!v.?projected.?sources.orValue([]).exists(s, has(s.serviceAccountToken))))",
            "a workload is not given a path of the host or a token",
        ),
        Check(
            "newContainers.all(c, oldContainers.exists(o, o.name == c.name &&\n"
            "o.?securityContext == c.?securityContext) || (\n"
            "!c.?securityContext.?privileged.orValue(false) &&\n"
            "!c.?securityContext.?allowPrivilegeEscalation.orValue(false) &&\n"
            "c.?securityContext.?capabilities.?add.orValue([]) == [] &&\n"
            "c.?securityContext.?procMount.orValue('Default') == 'Default'))",
            "a container is not given privileges or capabilities",
        ),
        Check(
            "newPod.?securityContext == oldPod.?securityContext || (\n"
            "newPod.?securityContext.?sysctls.orValue([]) == [] &&\n"
            "!newPod.?securityContext.?windowsOptions.?hostProcess.orValue(false) &&\n"
            "newPod.?securityContext.?seccompProfile.?type.orValue('') != 'Unconfined')",
            "a pod is not given kernel settings or the host's process space",
        ),
        Check(
            "newContainers.all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0 ||\n"
            "oldContainers.exists(o, p in o.?ports.orValue([]))))",
            "a container is not given a port of the host",
        ),
        Check(
            f"newContainers.all(c, c.?env.orValue([]).all(e, !e.name.matches({matching(policy.forbidden_environment)}) ||\n"
            "oldContainers.exists(o, o.name == c.name && e in o.?env.orValue([]))))",
            "a variable that decides which code runs or where traffic goes is not set",
        ),
        Check(
            f"newContainers.all(c, c.?image.orValue('').matches({_images(policy)}) ||\n"
            "oldContainers.exists(o, o.?image == c.?image))",
            "an image comes from a registry that the policy approves",
        ),
    ]


def service_checks() -> list[Check]:
    """A Service does not become a way out of the cluster."""
    return [
        Check(
            "dyn(object).?spec.?type.orValue('') != 'ExternalName' ||\n"
            "(request.operation == 'UPDATE' && dyn(oldObject).?spec == dyn(object).?spec)",
            "a Service does not point outside the cluster",
        ),
        Check(
            "dyn(object).?spec.?externalIPs.orValue([]).all(ip, request.operation == 'UPDATE' &&\n"
            "ip in dyn(oldObject).?spec.?externalIPs.orValue([]))",
            "a Service is not given external addresses",
        ),
    ]


def label_check(policy: Policy, places: Iterable[str] = ("",)) -> Check:
    """Words that take an object out of a policy's sight, or give it a cloud identity, stay as they are."""
    words = matching((*policy.exempting_labels, *policy.identity_annotations))
    kept = "{side}.all(w, !w.matches({words}) || (w in {other} && {other}[w] == {side}[w]))"
    maps = [f"{place}{what}" for place in places for what in ("Labels", "Notes")]
    pairs = [pair for one in maps for pair in ((f"new{one}", f"old{one}"), (f"old{one}", f"new{one}"))]
    same = " &&\n".join(kept.format(side=side, other=other, words=words) for side, other in pairs)
    return Check(same, "labels and annotations that exempt from a policy or give an identity are not changed")


def _images(policy: Policy) -> str:
    return raw(f"^({'|'.join(_registry(one) for one in policy.approved_registries) or '$.'})")


def _registry(registry: str) -> str:
    """One approved registry: a host or a host with a path, in the spellings that Docker's own names have."""
    host, _, path = registry.partition("/")
    escaped = re.escape(registry)
    if host != "docker.io":
        return f"{escaped}/.+"
    if path in {"", "library"}:
        return "(docker\\.io/)?(library/)?[^/]+$" if path else "(docker\\.io/.+|[^/]+|[^/.:]+/.+)$"
    return f"(docker\\.io/)?{re.escape(path)}/.+"


def restartable(policy: Policy) -> str:
    """``NAMESPACE/plural/NAME`` of the workloads that may be restarted in a protected namespace, as a CEL regular expression."""
    kinds = [known_kinds().find(resource) for resource in WORKLOADS]
    found = []
    for entry in policy.restartable:
        namespace, pattern, name = (*entry.split("/", 2), "", "")[:3]
        found += [f"{namespace}/{kind.resource}/{name}" for kind in kinds if kind and fnmatchcase(kind.kind, pattern)]
    return matching(found)


def evictable(policy: Policy) -> str:
    """``NAMESPACE/POD`` of the pods that may leave a drained node though their namespace is protected: those whose names begin
    with that of a workload which may be restarted there. The desk's own review knows their owners; the server sees the name."""
    found = []
    for entry in policy.restartable:
        namespace, _, name = (*entry.split("/", 2), "", "")[:3]
        found.append(f"{namespace}/{name}-*")
    return matching(found)


def marked(step: str, by: str) -> Check:
    """Our mark, fresh: which step wrote it and who approved. A rehearsal (dry run) has no approver yet."""
    return Check(
        "request.?dryRun.orValue(false) || (\n"
        f"newNotes[?{text(by)}].orValue('') != '' &&\n"
        f"newNotes[?{text(step)}].orValue('').matches(r'^[^/]+/[0-9]+/[0-9]+(/undo)?$') &&\n"
        f"newNotes[?{text(step)}] != oldNotes[?{text(step)}])",
        "each write names its step and who approved it in annotations",
    )

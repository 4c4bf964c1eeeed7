"""What an action needs and writes whatever its target: the executor's role, and the admission policy that binds it, are
generated from these, so that a site which does not enable an action does not give its rights either."""

from __future__ import annotations

from dataclasses import dataclass

WORKLOADS = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
TEMPLATED = (*WORKLOADS, "cronjobs.batch")
EDITABLE = (
    *TEMPLATED, "jobs.batch", "configmaps", "services", "persistentvolumeclaims", "resourcequotas", "limitranges",
    "horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy", "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
)  # fmt: skip
"""Kinds whose spec a script may change by hand. Never here: identities and their rights, Secrets, namespaces, volumes,
admission, definitions. Custom resources are named by the site (``opsdesk rbac print --custom``)."""

LABELS = ("/metadata/labels",)
ANNOTATIONS = ("/metadata/annotations",)
CONTENT = ("/spec", "/data", "/binaryData", "/immutable", *LABELS, *ANNOTATIONS)
RESTART = "{template}/metadata/annotations/kubectl.kubernetes.io~1restartedAt"
CONTAINERS = ("{template}/spec/containers/*", "{template}/spec/initContainers/*")


@dataclass(frozen=True, slots=True)
class Grant:
    """One verb on resources (``deployments.apps``), and for ``patch`` the fields that may differ afterwards: JSON pointers,
    where ``{template}`` is the kind's pod template and ``*`` each entry of a list of named things. Whatever is not named
    stays as it is. ``is_general``: it is given for the custom kinds that the site names too."""

    verb: str
    resources: tuple[str, ...]
    subresource: str = ""
    fields: tuple[str, ...] = ()
    is_general: bool = False


def patching(resources: tuple[str, ...], *fields: str, is_general: bool = False) -> Grant:
    return Grant("patch", resources, fields=fields, is_general=is_general)


def in_containers(field: str) -> tuple[str, ...]:
    """One field of every container and init container of a pod template."""
    return tuple(f"{place}/{field}" for place in CONTAINERS)

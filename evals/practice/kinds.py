"""The table of resources that the practice cluster serves, in the order of a real server's discovery.

A resource is named `pods` (core group) or `deployments.apps`. Two views of one resource share a store: `events.events.k8s.io`
is stored as `events`, and `autoscaling/v1` horizontalpodautoscalers as `autoscaling/v2`.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """One subresource; `group` and `version` are set where its kind is of another group (Scale, Eviction)."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table: a resource in one version."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    stored_as: str = ""
    """The resource under which the store keeps it, when that is another view of the same objects."""
    has_generation: bool = False
    """Whether `metadata.generation` counts the changes of the spec."""
    virtual: bool = False
    """Answered by code (reviews, metrics, bindings), never stored."""
    by_name: dict[str, Subresource] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.by_name.update({sub.name: sub for sub in self.subresources})

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def store_key(self) -> str:
        return self.stored_as or self.resource

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage_version_hash(self) -> str:
        """What discovery shows for stored kinds: eight bytes of the digest of the stored group, version and kind."""
        stored = BY_RESOURCE[self.store_key]
        digest = hashlib.sha256(f"{stored.group}/{stored.version}/{stored.kind}".encode()).digest()
        return base64.b64encode(digest[:8]).decode()


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, STATUS_VERBS)


_SCALE = Subresource("scale", "Scale", STATUS_VERBS, "autoscaling", "v1")
_CONNECT = ("create", "get")
_PROXY = ("create", "delete", "get", "patch", "update")
_ALL = ("all",)
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_AUTHORIZATION = "authorization.k8s.io"

_CORE = (
    Kind("", "v1", "bindings", "binding", "Binding", verbs=("create",), virtual=True),
    Kind(
        "", "v1", "componentstatuses", "componentstatus", "ComponentStatus", namespaced=False, verbs=("get", "list"),
        short_names=("cs",), virtual=True,
    ),
    Kind("", "v1", "configmaps", "configmap", "ConfigMap", short_names=("cm",)),
    Kind("", "v1", "endpoints", "endpoints", "Endpoints", short_names=("ep",)),
    Kind("", "v1", "events", "event", "Event", short_names=("ev",)),
    Kind("", "v1", "limitranges", "limitrange", "LimitRange", short_names=("limits",)),
    Kind(
        "", "v1", "namespaces", "namespace", "Namespace", namespaced=False, short_names=("ns",),
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        subresources=(Subresource("finalize", "Namespace", ("update",)), _status("Namespace")),
    ),
    Kind(
        "", "v1", "nodes", "node", "Node", namespaced=False, short_names=("no",),
        subresources=(Subresource("proxy", "NodeProxyOptions", _PROXY), _status("Node")),
    ),
    Kind(
        "", "v1", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", short_names=("pvc",),
        subresources=(_status("PersistentVolumeClaim"),),
    ),
    Kind(
        "", "v1", "persistentvolumes", "persistentvolume", "PersistentVolume", namespaced=False, short_names=("pv",),
        subresources=(_status("PersistentVolume"),),
    ),
    Kind(
        "", "v1", "pods", "pod", "Pod", short_names=("po",), categories=_ALL,
        subresources=(
            Subresource("attach", "PodAttachOptions", _CONNECT),
            Subresource("binding", "Binding", ("create",)),
            Subresource("ephemeralcontainers", "Pod", STATUS_VERBS),
            Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
            Subresource("exec", "PodExecOptions", _CONNECT),
            Subresource("log", "Pod", ("get",)),
            Subresource("portforward", "PodPortForwardOptions", _CONNECT),
            Subresource("proxy", "PodProxyOptions", _PROXY),
            _status("Pod"),
        ),
    ),
    Kind("", "v1", "podtemplates", "podtemplate", "PodTemplate"),
    Kind(
        "", "v1", "replicationcontrollers", "replicationcontroller", "ReplicationController", short_names=("rc",),
        categories=_ALL, subresources=(_SCALE, _status("ReplicationController")), has_generation=True,
    ),
    Kind(
        "", "v1", "resourcequotas", "resourcequota", "ResourceQuota", short_names=("quota",),
        subresources=(_status("ResourceQuota"),),
    ),
    Kind("", "v1", "secrets", "secret", "Secret"),
    Kind(
        "", "v1", "serviceaccounts", "serviceaccount", "ServiceAccount", short_names=("sa",),
        subresources=(Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),),
    ),
    Kind(
        "", "v1", "services", "service", "Service", short_names=("svc",), categories=_ALL,
        subresources=(Subresource("proxy", "ServiceProxyOptions", _PROXY), _status("Service")),
    ),
)  # fmt: skip


def _workload(group: str, plural: str, kind: str, *short: str, scale: bool) -> Kind:
    subresources = ((_SCALE,) if scale else ()) + (_status(kind),)
    return Kind(
        group, "v1", plural, kind.lower(), kind, short_names=short, categories=_ALL, subresources=subresources,
        has_generation=True,
    )  # fmt: skip


def _hpa(version: str, stored_as: str = "") -> Kind:
    kind = "HorizontalPodAutoscaler"
    return Kind(
        "autoscaling", version, "horizontalpodautoscalers", kind.lower(), kind, short_names=("hpa",), categories=_ALL,
        subresources=(_status(kind),), stored_as=stored_as,
    )  # fmt: skip


def _review(group: str, plural: str, kind: str, *, namespaced: bool = False) -> Kind:
    return Kind(group, "v1", plural, kind.lower(), kind, namespaced=namespaced, verbs=("create",), virtual=True)


_GROUPED = (
    Kind(
        "apiregistration.k8s.io", "v1", "apiservices", "apiservice", "APIService", namespaced=False,
        categories=("api-extensions",), subresources=(_status("APIService"),), has_generation=True,
    ),
    Kind("apps", "v1", "controllerrevisions", "controllerrevision", "ControllerRevision"),
    _workload("apps", "daemonsets", "DaemonSet", "ds", scale=False),
    _workload("apps", "deployments", "Deployment", "deploy", scale=True),
    _workload("apps", "replicasets", "ReplicaSet", "rs", scale=True),
    _workload("apps", "statefulsets", "StatefulSet", "sts", scale=True),
    Kind("events.k8s.io", "v1", "events", "event", "Event", short_names=("ev",), stored_as="events"),
    _review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    _review("authentication.k8s.io", "tokenreviews", "TokenReview"),
    _review(_AUTHORIZATION, "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    _review(_AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review(_AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    _review(_AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview"),
    _hpa("v2"),
    _hpa("v1", "horizontalpodautoscalers.autoscaling"),
    _workload("batch", "cronjobs", "CronJob", "cj", scale=False),
    _workload("batch", "jobs", "Job", scale=False),
    Kind(
        "certificates.k8s.io", "v1", "certificatesigningrequests", "certificatesigningrequest",
        "CertificateSigningRequest", namespaced=False, short_names=("csr",),
        subresources=(
            Subresource("approval", "CertificateSigningRequest", STATUS_VERBS), _status("CertificateSigningRequest"),
        ),
    ),
    Kind("networking.k8s.io", "v1", "ingressclasses", "ingressclass", "IngressClass", namespaced=False,
         has_generation=True),
    Kind("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress", short_names=("ing",),
         subresources=(_status("Ingress"),), has_generation=True),
    Kind("networking.k8s.io", "v1", "networkpolicies", "networkpolicy", "NetworkPolicy", short_names=("netpol",),
         has_generation=True),
    Kind("policy", "v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", short_names=("pdb",),
         subresources=(_status("PodDisruptionBudget"),), has_generation=True),
    Kind(_RBAC, "v1", "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", namespaced=False),
    Kind(_RBAC, "v1", "clusterroles", "clusterrole", "ClusterRole", namespaced=False),
    Kind(_RBAC, "v1", "rolebindings", "rolebinding", "RoleBinding"),
    Kind(_RBAC, "v1", "roles", "role", "Role"),
    Kind("storage.k8s.io", "v1", "csidrivers", "csidriver", "CSIDriver", namespaced=False),
    Kind("storage.k8s.io", "v1", "csinodes", "csinode", "CSINode", namespaced=False),
    Kind("storage.k8s.io", "v1", "csistoragecapacities", "csistoragecapacity", "CSIStorageCapacity"),
    Kind("storage.k8s.io", "v1", "storageclasses", "storageclass", "StorageClass", namespaced=False,
         short_names=("sc",)),
    Kind("storage.k8s.io", "v1", "volumeattachments", "volumeattachment", "VolumeAttachment", namespaced=False,
         subresources=(_status("VolumeAttachment"),)),
    Kind(_ADMISSION, "v1", "mutatingwebhookconfigurations", "mutatingwebhookconfiguration",
         "MutatingWebhookConfiguration", namespaced=False, categories=("api-extensions",), has_generation=True),
    Kind(_ADMISSION, "v1", "validatingadmissionpolicies", "validatingadmissionpolicy", "ValidatingAdmissionPolicy",
         namespaced=False, categories=("api-extensions",), subresources=(_status("ValidatingAdmissionPolicy"),),
         has_generation=True),
    Kind(_ADMISSION, "v1", "validatingadmissionpolicybindings", "validatingadmissionpolicybinding",
         "ValidatingAdmissionPolicyBinding", namespaced=False, categories=("api-extensions",), has_generation=True),
    Kind(_ADMISSION, "v1", "validatingwebhookconfigurations", "validatingwebhookconfiguration",
         "ValidatingWebhookConfiguration", namespaced=False, categories=("api-extensions",), has_generation=True),
    Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "customresourcedefinition",
         "CustomResourceDefinition", namespaced=False, short_names=("crd", "crds"), categories=("api-extensions",),
         subresources=(_status("CustomResourceDefinition"),), has_generation=True),
    Kind("scheduling.k8s.io", "v1", "priorityclasses", "priorityclass", "PriorityClass", namespaced=False,
         short_names=("pc",), has_generation=True),
    Kind("coordination.k8s.io", "v1", "leases", "lease", "Lease"),
    Kind("node.k8s.io", "v1", "runtimeclasses", "runtimeclass", "RuntimeClass", namespaced=False),
    Kind("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", has_generation=True),
    Kind("flowcontrol.apiserver.k8s.io", "v1", "flowschemas", "flowschema", "FlowSchema", namespaced=False,
         subresources=(_status("FlowSchema"),), has_generation=True),
    Kind("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations", "prioritylevelconfiguration",
         "PriorityLevelConfiguration", namespaced=False, subresources=(_status("PriorityLevelConfiguration"),),
         has_generation=True),
    Kind("metrics.k8s.io", "v1beta1", "nodes", "", "NodeMetrics", namespaced=False, verbs=("get", "list"),
         virtual=True),
    Kind("metrics.k8s.io", "v1beta1", "pods", "", "PodMetrics", verbs=("get", "list"), virtual=True),
)  # fmt: skip

KINDS: tuple[Kind, ...] = _CORE + _GROUPED


def _custom(group: str, version: str, *rows: str) -> tuple[Kind, ...]:
    """`plural/Kind`, with a trailing `*` for a cluster-scoped one."""
    found = []
    for row in rows:
        plural, _, kind = row.rstrip("*").partition("/")
        found.append(
            Kind(group, version, plural, kind.lower(), kind, namespaced=not row.endswith("*"), has_generation=True,
                 subresources=(_status(kind),))
        )  # fmt: skip
    return tuple(found)


CUSTOM_KINDS: tuple[Kind, ...] = (
    *_custom("serving.kserve.io", "v1beta1", "inferenceservices/InferenceService"),
    *_custom("serving.kserve.io", "v1alpha1", "servingruntimes/ServingRuntime",
             "clusterservingruntimes/ClusterServingRuntime*"),
    *_custom("serving.knative.dev", "v1", "services/Service", "revisions/Revision", "configurations/Configuration",
             "routes/Route"),
    *_custom("ray.io", "v1", "rayclusters/RayCluster", "rayservices/RayService", "rayjobs/RayJob"),
    *_custom("kubeflow.org", "v1", "pytorchjobs/PyTorchJob"),
    *_custom("scheduling.volcano.sh", "v1beta1", "podgroups/PodGroup"),
    *_custom("kueue.x-k8s.io", "v1beta1", "workloads/Workload", "localqueues/LocalQueue", "clusterqueues/ClusterQueue*"),
    *_custom("cert-manager.io", "v1", "certificates/Certificate"),
    *_custom("gateway.networking.k8s.io", "v1", "gateways/Gateway", "httproutes/HTTPRoute"),
    *_custom("nvidia.com", "v1", "clusterpolicies/ClusterPolicy*"),
)  # fmt: skip
"""Kinds of operators that are served once their CustomResourceDefinition (`<plural>.<group>`) is in the cluster."""

BY_PATH: dict[tuple[str, str, str], Kind] = {(k.group, k.version, k.plural): k for k in (*KINDS, *CUSTOM_KINDS)}
"""(group, version, plural) of a request's path -> row."""

BY_RESOURCE: dict[str, Kind] = {}
"""`pods`, `deployments.apps` -> the row of the stored version (the first of its resource)."""
for _kind in (*KINDS, *CUSTOM_KINDS):
    BY_RESOURCE.setdefault(_kind.resource, _kind)

BY_KIND: dict[tuple[str, str], Kind] = {(k.api_version, k.kind): k for k in (*KINDS, *CUSTOM_KINDS)}
"""(apiVersion, kind), as in an ownerReference or a manifest -> row."""


def resource_of(api_version: str, kind: str) -> str | None:
    """The store's resource for an ownerReference or a manifest, or None for a kind that is not served."""
    row = BY_KIND.get((api_version, kind))
    return None if row is None else row.store_key

"""How people and kubectl spell the kinds of Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """``plural`` is also the word of gaps (``list pods``)."""

    kind: str
    api_version: str
    plural: str
    short_names: tuple[str, ...] = ()
    is_namespaced: bool = True


_ROWS = """
Pod v1 pods po
Service v1 services svc
Deployment apps/v1 deployments deploy
ReplicaSet apps/v1 replicasets rs
StatefulSet apps/v1 statefulsets sts
DaemonSet apps/v1 daemonsets ds
ReplicationController v1 replicationcontrollers rc
ControllerRevision apps/v1 controllerrevisions
Job batch/v1 jobs
CronJob batch/v1 cronjobs cj
ConfigMap v1 configmaps cm
Secret v1 secrets
ServiceAccount v1 serviceaccounts sa
PersistentVolumeClaim v1 persistentvolumeclaims pvc
PersistentVolume v1 persistentvolumes pv cluster
Endpoints v1 endpoints ep
EndpointSlice discovery.k8s.io/v1 endpointslices
Ingress networking.k8s.io/v1 ingresses ing
IngressClass networking.k8s.io/v1 ingressclasses cluster
NetworkPolicy networking.k8s.io/v1 networkpolicies netpol
Node v1 nodes no cluster
Namespace v1 namespaces ns project projects cluster
ResourceQuota v1 resourcequotas quota
LimitRange v1 limitranges limits
Event v1 events ev
HorizontalPodAutoscaler autoscaling/v2 horizontalpodautoscalers hpa
PodDisruptionBudget policy/v1 poddisruptionbudgets pdb
StorageClass storage.k8s.io/v1 storageclasses sc cluster
VolumeAttachment storage.k8s.io/v1 volumeattachments cluster
CSIDriver storage.k8s.io/v1 csidrivers cluster
CSINode storage.k8s.io/v1 csinodes cluster
Role rbac.authorization.k8s.io/v1 roles
RoleBinding rbac.authorization.k8s.io/v1 rolebindings
ClusterRole rbac.authorization.k8s.io/v1 clusterroles cluster
ClusterRoleBinding rbac.authorization.k8s.io/v1 clusterrolebindings cluster
PriorityClass scheduling.k8s.io/v1 priorityclasses pc cluster
RuntimeClass node.k8s.io/v1 runtimeclasses cluster
Lease coordination.k8s.io/v1 leases
CustomResourceDefinition apiextensions.k8s.io/v1 customresourcedefinitions crd crds cluster
APIService apiregistration.k8s.io/v1 apiservices cluster
MutatingWebhookConfiguration admissionregistration.k8s.io/v1 mutatingwebhookconfigurations cluster
ValidatingWebhookConfiguration admissionregistration.k8s.io/v1 validatingwebhookconfigurations cluster
CertificateSigningRequest certificates.k8s.io/v1 certificatesigningrequests csr cluster
InferenceService serving.kserve.io/v1beta1 inferenceservices isvc
ServingRuntime serving.kserve.io/v1alpha1 servingruntimes
ClusterServingRuntime serving.kserve.io/v1alpha1 clusterservingruntimes cluster
RayCluster ray.io/v1 rayclusters
RayService ray.io/v1 rayservices
RayJob ray.io/v1 rayjobs
PyTorchJob kubeflow.org/v1 pytorchjobs
TFJob kubeflow.org/v1 tfjobs
MPIJob kubeflow.org/v2beta1 mpijobs
VirtualService networking.istio.io/v1 virtualservices vs
DestinationRule networking.istio.io/v1 destinationrules dr
Gateway networking.istio.io/v1 gateways gw
Rollout argoproj.io/v1alpha1 rollouts ro
Certificate cert-manager.io/v1 certificates cert certs
"""


def _rows() -> list[Kind]:
    found = []
    for row in _ROWS.strip().splitlines():
        kind, version, plural, *rest = row.split()
        shorts = tuple(word for word in rest if word != "cluster")
        found.append(Kind(kind, version, plural, shorts, is_namespaced="cluster" not in rest))
    return found


KINDS: dict[str, Kind] = {row.kind: row for row in _rows()}
_BY_WORD: dict[str, Kind] = {
    word.lower(): row for row in KINDS.values() for word in (row.kind, row.plural, *row.short_names)
}


def kind_of(word: str) -> Kind | None:
    """``deploy``, ``deployments.apps``, ``deployment.v1.apps``, ``Deployment``: the kind; None when nobody says it so."""
    lowered = word.strip().lower()
    return _BY_WORD.get(lowered) or _BY_WORD.get(lowered.split(".", 1)[0])


def kind_named(kind: str, api_version: str = "") -> Kind:
    """The row of a kind, or one made up for a custom resource."""
    known = KINDS.get(kind) or _BY_WORD.get(kind.lower())
    if known is not None:
        return known
    lowered = kind.lower()
    plural = lowered[:-1] + "ies" if lowered.endswith("y") else lowered + ("es" if lowered.endswith("s") else "s")
    return Kind(kind, api_version, plural)

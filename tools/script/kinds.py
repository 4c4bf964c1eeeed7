"""Resource kinds and every way people spell them. A fixed table of what a cluster and an AI-serving platform commonly
hold; with a cluster at hand its own discovery is laid over it, so that its custom resources are known too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from tools.ports import ResourceKind

ALL = ResourceKind("", "", "all", "All", is_namespaced=True)
"""The category ``all``: readable, never changeable."""

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_NAMESPACED = """
v1 configmaps ConfigMap cm | v1 endpoints Endpoints ep | v1 events Event ev | v1 limitranges LimitRange limits
v1 persistentvolumeclaims PersistentVolumeClaim pvc | v1 pods Pod po | v1 podtemplates PodTemplate
v1 replicationcontrollers ReplicationController rc | v1 resourcequotas ResourceQuota quota | v1 secrets Secret
v1 serviceaccounts ServiceAccount sa | v1 services Service svc
apps/v1 controllerrevisions ControllerRevision | apps/v1 daemonsets DaemonSet ds | apps/v1 deployments Deployment deploy
apps/v1 replicasets ReplicaSet rs | apps/v1 statefulsets StatefulSet sts
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler hpa
batch/v1 cronjobs CronJob cj | batch/v1 jobs Job
networking.k8s.io/v1 ingresses Ingress ing | networking.k8s.io/v1 networkpolicies NetworkPolicy netpol
policy/v1 poddisruptionbudgets PodDisruptionBudget pdb
rbac.authorization.k8s.io/v1 roles Role | rbac.authorization.k8s.io/v1 rolebindings RoleBinding
storage.k8s.io/v1 csistoragecapacities CSIStorageCapacity | coordination.k8s.io/v1 leases Lease
discovery.k8s.io/v1 endpointslices EndpointSlice | events.k8s.io/v1 events Event
serving.kserve.io/v1beta1 inferenceservices InferenceService isvc | serving.kserve.io/v1alpha1 servingruntimes ServingRuntime
serving.kserve.io/v1alpha1 inferencegraphs InferenceGraph ig | serving.kserve.io/v1alpha1 trainedmodels TrainedModel tm
serving.knative.dev/v1 services Service ksvc,kservice | serving.knative.dev/v1 revisions Revision rev
serving.knative.dev/v1 routes Route rt | serving.knative.dev/v1 configurations Configuration
autoscaling.internal.knative.dev/v1alpha1 podautoscalers PodAutoscaler kpa,pa
ray.io/v1 rayservices RayService | ray.io/v1 rayjobs RayJob | ray.io/v1 rayclusters RayCluster
kubeflow.org/v1 pytorchjobs PyTorchJob | kubeflow.org/v1 tfjobs TFJob | kubeflow.org/v2beta1 mpijobs MPIJob
batch.volcano.sh/v1alpha1 jobs Job vcjob,vj | kueue.x-k8s.io/v1beta1 workloads Workload wl
kueue.x-k8s.io/v1beta1 localqueues LocalQueue lq | scheduling.volcano.sh/v1beta1 podgroups PodGroup pg
keda.sh/v1alpha1 scaledobjects ScaledObject so | keda.sh/v1alpha1 scaledjobs ScaledJob sj
monitoring.coreos.com/v1 servicemonitors ServiceMonitor smon | monitoring.coreos.com/v1 podmonitors PodMonitor pmon
monitoring.coreos.com/v1 prometheusrules PrometheusRule promrule | monitoring.coreos.com/v1 prometheuses Prometheus prom
monitoring.coreos.com/v1 alertmanagers Alertmanager am
argoproj.io/v1alpha1 applications Application app,apps | argoproj.io/v1alpha1 rollouts Rollout ro
kustomize.toolkit.fluxcd.io/v1 kustomizations Kustomization ks | helm.toolkit.fluxcd.io/v2 helmreleases HelmRelease hr
cert-manager.io/v1 certificates Certificate cert,certs | cert-manager.io/v1 issuers Issuer
gateway.networking.k8s.io/v1 gateways Gateway gtw | gateway.networking.k8s.io/v1 httproutes HTTPRoute
inference.networking.k8s.io/v1 inferencepools InferencePool infpool | external-secrets.io/v1 externalsecrets ExternalSecret es
kyverno.io/v1 policies Policy pol | resource.k8s.io/v1beta1 resourceclaims ResourceClaim
autoscaling.k8s.io/v1 verticalpodautoscalers VerticalPodAutoscaler vpa | metrics.k8s.io/v1beta1 pods PodMetrics
snapshot.storage.k8s.io/v1 volumesnapshots VolumeSnapshot vs | networking.istio.io/v1 virtualservices VirtualService
networking.istio.io/v1 destinationrules DestinationRule dr
"""
_CLUSTER = """
v1 namespaces Namespace ns | v1 nodes Node no | v1 persistentvolumes PersistentVolume pv
v1 componentstatuses ComponentStatus cs | apiregistration.k8s.io/v1 apiservices APIService
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition crd,crds
certificates.k8s.io/v1 certificatesigningrequests CertificateSigningRequest csr
networking.k8s.io/v1 ingressclasses IngressClass | node.k8s.io/v1 runtimeclasses RuntimeClass
rbac.authorization.k8s.io/v1 clusterroles ClusterRole | rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding
storage.k8s.io/v1 csidrivers CSIDriver | storage.k8s.io/v1 csinodes CSINode | storage.k8s.io/v1 storageclasses StorageClass sc
storage.k8s.io/v1 volumeattachments VolumeAttachment | scheduling.k8s.io/v1 priorityclasses PriorityClass pc
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1 validatingadmissionpolicies ValidatingAdmissionPolicy
admissionregistration.k8s.io/v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding
flowcontrol.apiserver.k8s.io/v1 flowschemas FlowSchema
flowcontrol.apiserver.k8s.io/v1 prioritylevelconfigurations PriorityLevelConfiguration
nvidia.com/v1 clusterpolicies ClusterPolicy | kyverno.io/v1 clusterpolicies ClusterPolicy cpol
serving.kserve.io/v1alpha1 clusterservingruntimes ClusterServingRuntime
serving.kserve.io/v1alpha1 clusterstoragecontainers ClusterStorageContainer
serving.kserve.io/v1alpha1 localmodelcaches LocalModelCache | kueue.x-k8s.io/v1beta1 clusterqueues ClusterQueue cq
kueue.x-k8s.io/v1beta1 resourceflavors ResourceFlavor flavor,flavors,rf | scheduling.volcano.sh/v1beta1 queues Queue q
cert-manager.io/v1 clusterissuers ClusterIssuer | gateway.networking.k8s.io/v1 gatewayclasses GatewayClass gc
resource.k8s.io/v1beta1 deviceclasses DeviceClass | resource.k8s.io/v1beta1 resourceslices ResourceSlice
karpenter.sh/v1 nodepools NodePool | karpenter.sh/v1 nodeclaims NodeClaim | metrics.k8s.io/v1beta1 nodes NodeMetrics
templates.gatekeeper.sh/v1 constrainttemplates ConstraintTemplate
"""
_SCALABLE = frozenset({"deployments.apps", "replicasets.apps", "statefulsets.apps", "replicationcontrollers"})


def _read(table: str, is_namespaced: bool) -> Iterable[ResourceKind]:
    for row in (part.strip() for line in table.strip().splitlines() for part in line.split("|")):
        fields = row.split()
        group, _, version = fields[0].rpartition("/")
        short = tuple(fields[3].split(",")) if len(fields) > 3 else ()
        resource = f"{fields[1]}.{group}" if group else fields[1]
        yield ResourceKind(
            group, version, fields[1], fields[2], is_namespaced, fields[2].lower(), short,
            subresources=("scale",) if resource in _SCALABLE else (),
        )  # fmt: skip


class KindTable:
    """Looks kinds up by any spelling. Of two kinds that share a spelling the core one wins, then the earlier row: the
    order in which kubectl's own discovery prefers them."""

    def __init__(self, rows: Sequence[ResourceKind]) -> None:
        self.rows = tuple(rows)
        self._by_spelling: dict[str, ResourceKind] = {"all": ALL}
        self._by_manifest: dict[tuple[str, str], ResourceKind] = {}
        for row in self.rows:
            self._by_manifest.setdefault((row.api_version, row.kind), row)
            singular = row.singular or row.kind.lower()
            for name in (row.plural, singular, row.kind.lower(), *row.short_names):
                self._by_spelling.setdefault(name, row)
                if row.group:
                    self._by_spelling.setdefault(f"{name}.{row.group}", row)
                    self._by_spelling.setdefault(f"{name}.{row.version}.{row.group}", row)

    def find(self, spelling: str) -> ResourceKind | None:
        """``po``, ``Pods``, ``deployment.apps``, ``deployments.v1.apps``: kubectl reads kinds in any case."""
        return self._by_spelling.get(spelling.lower())

    def of_manifest(self, api_version: str, kind: str) -> ResourceKind | None:
        return self._by_manifest.get((api_version, kind))

    def of_kind(self, kind: str, group: str | None = None) -> ResourceKind | None:
        """The first row with this CamelCase kind (and group)."""
        return next((row for row in self.rows if row.kind == kind and group in {None, row.group}), None)

    def over(self, kinds: Sequence[ResourceKind]) -> KindTable:
        """This table with a cluster's own discovery laid over it."""
        known = {(row.group, row.plural) for row in kinds}
        core_first = sorted(kinds, key=lambda row: (row.group != "", row.group == "events.k8s.io"))
        return KindTable([*core_first, *(row for row in self.rows if (row.group, row.plural) not in known)])


@cache
def known_kinds() -> KindTable:
    """The fixed table."""
    core_and_rest = [*_read(_NAMESPACED, True), *_read(_CLUSTER, False)]
    return KindTable(
        sorted(core_and_rest, key=lambda row: (row.group != "", "k8s.io" not in row.group and "." in row.group))
    )


@cache
def same_in_cluster(kinds: tuple[ResourceKind, ...]) -> KindTable:
    return known_kinds().over(kinds)


def table_for(kinds: Sequence[ResourceKind] | None) -> KindTable:
    """The fixed table, or the fixed table with a cluster's discovery over it."""
    return known_kinds() if kinds is None else same_in_cluster(tuple(kinds))

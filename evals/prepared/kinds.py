"""Everything of the prepared cluster but its pods."""

from __future__ import annotations

from collections.abc import Iterator

from evals.prepared.objects import PAST_REVISIONS, PODS_PER_DEPLOYMENT, PreparedCluster, Workload
from evals.prepared.pods import WAITING, pod_spec
from knowledge.vocabulary import Json

OLD = 800_000.0
IMAGES_PER_NODE = 40


def objects_of(cluster: PreparedCluster) -> dict[str, list[Json]]:
    """By the path below the API's root: ``api/v1/pods``, ``apis/apps/v1/deployments`` ..."""
    pods = list(cluster.pods())
    return {
        "api/v1/pods": pods,
        "api/v1/nodes": [_node(cluster, name) for name in cluster.nodes],
        "api/v1/namespaces": [
            {"metadata": cluster.metadata("Namespace", "", name), "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
            for name in (*cluster.namespaces, "kube-system", "default")
        ],
        "api/v1/events": list(_events(cluster)),
        "api/v1/services": [_service(cluster, one) for one in cluster.deployments],
        "api/v1/endpoints": [_endpoints(cluster, one) for one in cluster.deployments],
        "apis/discovery.k8s.io/v1/endpointslices": [_slice(cluster, one) for one in cluster.deployments],
        "api/v1/configmaps": list(_config_maps(cluster)),
        "api/v1/serviceaccounts": [
            {"metadata": cluster.metadata("ServiceAccount", name, "default")} for name in (*cluster.namespaces, "kube-system")
        ],
        "apis/apps/v1/deployments": [_deployment(cluster, one) for one in cluster.deployments],
        "apis/apps/v1/replicasets": [
            _replica_set(cluster, one, revision) for one in cluster.deployments for revision in range(1, one.revision + 1)
        ],
        "apis/apps/v1/daemonsets": [_daemon_set(cluster, one) for one in cluster.daemons],
        "apis/autoscaling/v2/horizontalpodautoscalers": [_autoscaler(cluster, one) for one in cluster.deployments[::3]],
        "apis/policy/v1/poddisruptionbudgets": [_budget(cluster, one) for one in cluster.deployments[::2]],
        "api/v1/resourcequotas": [_quota(cluster, name) for name in cluster.namespaces],
        "apis/metrics.k8s.io/v1beta1/pods": [_pod_use(pod) for pod in pods],
        "apis/metrics.k8s.io/v1beta1/nodes": [
            {"metadata": {"name": name}, "timestamp": cluster.ago(20), "window": "20s", "usage": {"cpu": "2300m", "memory": "61Gi"}}
            for name in cluster.nodes
        ],
        **{path: [] for path in EMPTY},
    }  # fmt: skip


EMPTY = (
    "apis/apps/v1/statefulsets", "apis/apps/v1/controllerrevisions", "apis/batch/v1/jobs", "apis/batch/v1/cronjobs",
    "apis/networking.k8s.io/v1/ingresses", "apis/networking.k8s.io/v1/networkpolicies", "apis/networking.k8s.io/v1/ingressclasses",
    "apis/scheduling.k8s.io/v1/priorityclasses", "api/v1/limitranges", "api/v1/persistentvolumeclaims", "api/v1/persistentvolumes",
    "apis/storage.k8s.io/v1/storageclasses", "apis/storage.k8s.io/v1/volumeattachments",
    "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", "apis/apiregistration.k8s.io/v1/apiservices",
)  # fmt: skip


def _writer(cluster: PreparedCluster, age: float, *fields: str) -> list[Json]:
    owned: Json = {
        f"f:{name}": {".": {}, **{f"f:{part}": {} for part in ("a", "b", "c", "d", "e", "f")}} for name in fields
    }
    return [
        {"manager": "helm", "operation": "Update", "apiVersion": "apps/v1", "time": cluster.ago(age), "fieldsType": "FieldsV1",
         "fieldsV1": {"f:metadata": owned, "f:spec": owned}},
        {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "time": cluster.ago(600),
         "fieldsType": "FieldsV1", "fieldsV1": {"f:status": owned}, "subresource": "status"},
    ]  # fmt: skip


def _template(workload: Workload, revision: int) -> Json:
    past = Workload(workload.kind, workload.namespace, workload.name, revision)
    labels = {**workload.labels, "pod-template-hash": past.hash}
    return {"metadata": {"labels": labels}, "spec": pod_spec(past, "")}


def _deployment(cluster: PreparedCluster, one: Workload) -> Json:
    ready = 0 if one.trouble else PODS_PER_DEPLOYMENT
    age = 1_800.0 if one.trouble else OLD
    status: Json = {
        "observedGeneration": one.revision, "replicas": PODS_PER_DEPLOYMENT, "updatedReplicas": PODS_PER_DEPLOYMENT,
        "conditions": [
            {"type": "Available", "status": "False" if one.trouble else "True", "lastUpdateTime": cluster.ago(900),
             "lastTransitionTime": cluster.ago(900), "reason": "MinimumReplicasUnavailable", "message": "Deployment's availability."},
            {"type": "Progressing", "status": "True", "lastUpdateTime": cluster.ago(age), "lastTransitionTime": cluster.ago(OLD),
             "reason": "NewReplicaSetAvailable", "message": f'ReplicaSet "{one.name}-{one.hash}" has successfully progressed.'},
        ],
    }  # fmt: skip
    status |= (
        {"readyReplicas": ready, "availableReplicas": ready} if ready else {"unavailableReplicas": PODS_PER_DEPLOYMENT}
    )
    return {
        "metadata": cluster.metadata(
            "Deployment", one.namespace, one.name, generation=one.revision, labels=one.labels,
            annotations={"deployment.kubernetes.io/revision": str(one.revision), "meta.helm.sh/release-name": one.name},
            managedFields=_writer(cluster, age, "annotations", "labels", "replicas", "selector", "strategy", "template"),
        ),
        "spec": {
            "replicas": PODS_PER_DEPLOYMENT, "selector": {"matchLabels": {"app": one.name}}, "template": _template(one, one.revision),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        },
        "status": status,
    }  # fmt: skip


def _replica_set(cluster: PreparedCluster, one: Workload, revision: int) -> Json:
    past = Workload(one.kind, one.namespace, one.name, revision)
    is_now = revision == PAST_REVISIONS + 1
    replicas = PODS_PER_DEPLOYMENT if is_now else 0
    age = 1_800.0 if is_now and one.trouble else OLD
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": one.name, "controller": True, "blockOwnerDeletion": True,
             "uid": cluster.metadata("Deployment", one.namespace, one.name)["uid"]}  # fmt: skip
    return {
        "metadata": cluster.metadata(
            "ReplicaSet", one.namespace, f"{one.name}-{past.hash}", age, generation=2, ownerReferences=[owner],
            labels={**one.labels, "pod-template-hash": past.hash},
            annotations={"deployment.kubernetes.io/revision": str(revision), "deployment.kubernetes.io/desired-replicas": "20"},
            managedFields=_writer(cluster, age, "annotations", "labels", "ownerReferences", "replicas", "template"),
        ),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": one.name, "pod-template-hash": past.hash}},
                 "template": _template(one, revision)},
        "status": {"replicas": replicas, "fullyLabeledReplicas": replicas, "observedGeneration": 2,
                   **({"readyReplicas": replicas, "availableReplicas": replicas} if replicas and not one.trouble else {})},
    }  # fmt: skip


def _daemon_set(cluster: PreparedCluster, one: Workload) -> Json:
    count = len(cluster.nodes)
    return {
        "metadata": cluster.metadata("DaemonSet", one.namespace, one.name, labels=one.labels),
        "spec": {"selector": {"matchLabels": {"app": one.name}}, "template": _template(one, 1)},
        "status": {"currentNumberScheduled": count, "desiredNumberScheduled": count, "numberReady": count, "numberAvailable": count,
                   "updatedNumberScheduled": count, "numberMisscheduled": 0, "observedGeneration": 1},
    }  # fmt: skip


def _service(cluster: PreparedCluster, one: Workload) -> Json:
    return {
        "metadata": cluster.metadata("Service", one.namespace, one.name, labels=one.labels,
                                     managedFields=_writer(cluster, OLD, "ports", "selector", "type")),
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.10.20", "clusterIPs": ["10.96.10.20"], "selector": {"app": one.name},
                 "ports": [{"name": "http", "port": 8000, "targetPort": "http", "protocol": "TCP"}], "sessionAffinity": "None",
                 "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
        "status": {"loadBalancer": {}},
    }  # fmt: skip


def _target(cluster: PreparedCluster, one: Workload, index: int) -> Json:
    name = cluster.pod_name(one, index)
    return {
        "kind": "Pod",
        "namespace": one.namespace,
        "name": name,
        "uid": cluster.metadata("Pod", one.namespace, name)["uid"],
    }


def _endpoints(cluster: PreparedCluster, one: Workload) -> Json:
    addresses = [
        {"ip": cluster.pod_ip(one, index), "nodeName": cluster.nodes[index % len(cluster.nodes)], "targetRef": _target(cluster, one, index)}
        for index in range(PODS_PER_DEPLOYMENT)
    ]  # fmt: skip
    which = "notReadyAddresses" if one.trouble else "addresses"
    return {"metadata": cluster.metadata("Endpoints", one.namespace, one.name, labels=one.labels),
            "subsets": [{which: addresses, "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}]}]}  # fmt: skip


def _slice(cluster: PreparedCluster, one: Workload) -> Json:
    is_ready = not one.trouble
    endpoints = [
        {"addresses": [cluster.pod_ip(one, index)], "conditions": {"ready": is_ready, "serving": is_ready, "terminating": False},
         "nodeName": cluster.nodes[index % len(cluster.nodes)], "targetRef": _target(cluster, one, index)}
        for index in range(PODS_PER_DEPLOYMENT)
    ]  # fmt: skip
    owner = {"apiVersion": "v1", "kind": "Service", "name": one.name, "controller": True}
    labels = {
        **one.labels,
        "kubernetes.io/service-name": one.name,
        "endpointslice.kubernetes.io/managed-by": "controller",
    }
    return {"metadata": cluster.metadata("EndpointSlice", one.namespace, f"{one.name}-x7k2p", labels=labels, ownerReferences=[owner]),
            "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8000, "protocol": "TCP"}]}  # fmt: skip


def _config_maps(cluster: PreparedCluster) -> Iterator[Json]:
    for one in cluster.deployments:
        settings = "\n".join(f"setting.{number}: value-{number}" for number in range(60))
        yield {"metadata": cluster.metadata("ConfigMap", one.namespace, f"{one.name}-config", labels=one.labels,
                                            managedFields=_writer(cluster, OLD, "data")),
               "data": {"settings.yaml": settings, "MODEL_NAME": one.name}}  # fmt: skip
    for name in (*cluster.namespaces, "kube-system"):
        yield {
            "metadata": cluster.metadata("ConfigMap", name, "kube-root-ca.crt"),
            "data": {"ca.crt": "certificate " * 90},
        }


def _autoscaler(cluster: PreparedCluster, one: Workload) -> Json:
    conditions = [
        {"type": kind, "status": status, "reason": reason, "lastTransitionTime": cluster.ago(OLD), "message": "as recommended"}
        for kind, status, reason in (("AbleToScale", "True", "ReadyForNewScale"), ("ScalingActive", "True", "ValidMetricFound"),
                                     ("ScalingLimited", "False", "DesiredWithinRange"))
    ]  # fmt: skip
    return {
        "metadata": cluster.metadata("HorizontalPodAutoscaler", one.namespace, one.name, labels=one.labels),
        "spec": {"minReplicas": 2, "maxReplicas": 40, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": one.name},
                 "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]},
        "status": {"currentReplicas": PODS_PER_DEPLOYMENT, "desiredReplicas": PODS_PER_DEPLOYMENT, "conditions": conditions},
    }  # fmt: skip


def _budget(cluster: PreparedCluster, one: Workload) -> Json:
    return {"metadata": cluster.metadata("PodDisruptionBudget", one.namespace, one.name, labels=one.labels),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": one.name}}},
            "status": {"currentHealthy": 20, "desiredHealthy": 19, "disruptionsAllowed": 1, "expectedPods": 20}}  # fmt: skip


def _quota(cluster: PreparedCluster, namespace: str) -> Json:
    return {"metadata": cluster.metadata("ResourceQuota", namespace, "compute"), "spec": {"hard": {"pods": "900", "requests.cpu": "2k"}},
            "status": {"hard": {"pods": "900", "requests.cpu": "2k"}, "used": {"pods": "240", "requests.cpu": "480"}}}  # fmt: skip


def _pod_use(pod: Json) -> Json:
    metadata = pod["metadata"]
    kept = {"name": metadata["name"], "namespace": metadata["namespace"], "labels": metadata["labels"]}
    containers = [{"name": name, "usage": {"cpu": "412m", "memory": "6231Mi"}} for name in ("main", "exporter")]
    return {"metadata": kept, "timestamp": metadata["creationTimestamp"], "window": "18s", "containers": containers}


def _node(cluster: PreparedCluster, name: str) -> Json:
    conditions = [
        {"type": kind, "status": "True" if kind == "Ready" else "False", "lastHeartbeatTime": cluster.ago(30),
         "lastTransitionTime": cluster.ago(OLD), "reason": f"Kubelet{kind}", "message": f"kubelet speaks of {kind}"}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]  # fmt: skip
    room = {
        "cpu": "64",
        "memory": "527943616Ki",
        "pods": "110",
        "ephemeral-storage": "1844284980Ki",
        "nvidia.com/gpu": "8",
    }
    images = [
        {"names": [f"registry.example/models/image-{number}@sha256:{'ef' * 32}", f"registry.example/models/image-{number}:v1"],
         "sizeBytes": 4_000_000_000 + number}
        for number in range(IMAGES_PER_NODE)
    ]  # fmt: skip
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "zone-a"}
    return {
        "metadata": cluster.metadata("Node", "", name, labels=labels, managedFields=_writer(cluster, OLD, "labels", "annotations")),
        "spec": {"podCIDR": "10.2.0.0/24", "providerID": f"practice://{name}"},
        "status": {"capacity": room, "allocatable": room, "conditions": conditions, "images": images,
                   "addresses": [{"type": "InternalIP", "address": "10.1.0.7"}, {"type": "Hostname", "address": name}],
                   "nodeInfo": {"kubeletVersion": "v1.34.2", "containerRuntimeVersion": "containerd://2.1.4", "osImage": "Linux"}},
    }  # fmt: skip


REASONS = {
    "crashing": ("BackOff", "Back-off restarting failed container main in pod {pod}_{namespace}"),
    "oom": ("BackOff", "Back-off restarting failed container main in pod {pod}_{namespace}"),
    "image": ("Failed", 'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to resolve reference: not found'),
    "pending": ("FailedScheduling", "0/100 nodes are available: 100 Insufficient nvidia.com/gpu."),
    "unready": ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    "": ("Unhealthy", "Readiness probe failed: Get http://10.0.0.1:8000/health: dial tcp 10.0.0.1:8000: connect: connection refused"),
}  # fmt: skip


def _events(cluster: PreparedCluster) -> Iterator[Json]:
    """Warnings of the troubled pods and, as in any large cluster, of pods that came up long ago; and plain news."""
    for number, one in enumerate(cluster.deployments):
        for index in range(PODS_PER_DEPLOYMENT):
            pod = cluster.pod_name(one, index)
            if one.trouble or (number + index) % 7 == 0:
                reason, message = REASONS[one.trouble]
                yield _event(cluster, one, pod, reason, message, "Warning", 120 if one.trouble else 2_400)
            if one.trouble in WAITING or (number + index) % 4 == 0:
                yield _event(
                    cluster, one, pod, "Pulled", 'Container image "{image}" already present on machine', "Normal", 1_500
                )


def _event(cluster: PreparedCluster, one: Workload, pod: str, reason: str, message: str, type: str, age: float) -> Json:
    target = {"kind": "Pod", "namespace": one.namespace, "name": pod, "uid": cluster.metadata("Pod", one.namespace, pod)["uid"],
              "apiVersion": "v1", "resourceVersion": "81231", "fieldPath": "spec.containers{main}"}  # fmt: skip
    image = f"registry.example/models/{one.name}:v1.{one.revision}.0"
    return {
        "metadata": cluster.metadata("Event", one.namespace, f"{pod}.{reason.lower()}17f2a9c4d5e6", age,
                                     managedFields=_writer(cluster, age, "count", "firstTimestamp", "message")),
        "involvedObject": target, "reason": reason, "type": type, "count": 14,
        "message": message.format(pod=pod, namespace=one.namespace, image=image),
        "source": {"component": "kubelet", "host": "node-001"}, "reportingComponent": "kubelet", "reportingInstance": "node-001",
        "firstTimestamp": cluster.ago(age + 600), "lastTimestamp": cluster.ago(age), "eventTime": None,
    }  # fmt: skip

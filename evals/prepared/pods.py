"""Pods as large as real ones are: field managers, an injected token volume, probes, environment, five conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.vocabulary import Json

if TYPE_CHECKING:
    from evals.prepared.objects import PreparedCluster, Workload

OLD = 800_000.0
NOT_FOUND = (
    'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image '
    '"{image}": failed to resolve reference: {image}: not found'
)
BACK_OFF = "back-off 5m0s restarting failed container=main pod={pod}_{namespace}"
WAITING = {
    "crashing": ("CrashLoopBackOff", BACK_OFF),
    "oom": ("CrashLoopBackOff", BACK_OFF),
    "image": ("ImagePullBackOff", NOT_FOUND),
}
UNSCHEDULABLE = (
    "0/{nodes} nodes are available: 12 node(s) had untolerated taint {{dedicated: system}}, {rest} Insufficient nvidia.com/gpu. "
    "preemption: 0/{nodes} nodes are available: {rest} No preemption victims found for incoming pods."
)


def pod_of(cluster: PreparedCluster, workload: Workload, index: int, node: str) -> Json:
    name = cluster.pod_name(workload, index)
    age = 1_800.0 if workload.trouble else OLD
    owner_kind, owner = ("ReplicaSet", f"{workload.name}-{workload.hash}")
    if workload.kind != "Deployment":
        owner_kind, owner = workload.kind, workload.name
    spec = pod_spec(workload, f"kube-api-access-{name[-5:]}")
    if workload.trouble != "pending":
        spec["nodeName"] = node
    return {
        "metadata": cluster.metadata(
            "Pod", workload.namespace, name, age,
            generateName=f"{owner}-",
            labels={**workload.labels, "pod-template-hash": workload.hash},
            annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "8000",
                         "kubectl.kubernetes.io/restartedAt": cluster.ago(age)},
            ownerReferences=[{"apiVersion": "apps/v1", "kind": owner_kind, "name": owner, "controller": True,
                              "uid": cluster.metadata(owner_kind, workload.namespace, owner)["uid"], "blockOwnerDeletion": True}],
            managedFields=_managers(cluster, age),
        ),
        "spec": spec,
        "status": _status(cluster, workload, index, name, age),
    }  # fmt: skip


def pod_spec(workload: Workload, token_volume: str) -> Json:
    return {
        "volumes": [
            {"name": "config", "configMap": {"name": f"{workload.name}-config", "defaultMode": 420}},
            {"name": "cache", "emptyDir": {"sizeLimit": "8Gi"}},
            *([_token(token_volume)] if token_volume else []),
        ],
        "containers": [_main(workload, token_volume), _exporter(workload, token_volume)],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for name in ("not-ready", "unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _main(workload: Workload, token_volume: str) -> Json:
    health = {
        "httpGet": {"path": "/health", "port": "http", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
    }
    return {
        "name": "main",
        "image": f"registry.example/models/{workload.name}:v1.{workload.revision}.0",
        "args": ["--model", f"/models/{workload.name}", "--max-model-len", "8192", "--port", "8000"],
        "ports": [{"name": "http", "containerPort": 8000, "protocol": "TCP"}],
        "envFrom": [{"configMapRef": {"name": f"{workload.name}-config"}}],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "HF_HOME", "value": "/cache"},
            {"name": "UPSTREAM_URL", "value": f"http://{workload.name}.{workload.namespace}.svc:8000"},
            {"name": "LOG_LEVEL", "value": "info"},
        ],
        "resources": {"limits": {"cpu": "4", "memory": "16Gi"}, "requests": {"cpu": "2", "memory": "8Gi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/model"}, {"name": "cache", "mountPath": "/cache"}, *_mount(token_volume)],
        "livenessProbe": {**health, "successThreshold": 1, "failureThreshold": 3, "initialDelaySeconds": 60},
        "readinessProbe": {**health, "successThreshold": 1, "failureThreshold": 3},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }  # fmt: skip


def _exporter(workload: Workload, token_volume: str) -> Json:
    return {
        "name": "exporter",
        "image": "registry.example/tools/exporter:2.4.1",
        "args": ["--target", "127.0.0.1:8000", f"--name={workload.name}"],
        "ports": [{"name": "metrics", "containerPort": 9400, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "100m", "memory": "128Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}},
        "volumeMounts": _mount(token_volume),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def _mount(volume: str) -> list[Json]:
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    return [{"name": volume, "readOnly": True, "mountPath": path}] if volume else []


def _token(volume: str) -> Json:
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]  # fmt: skip
    return {"name": volume, "projected": {"sources": sources, "defaultMode": 420}}


def _status(cluster: PreparedCluster, workload: Workload, index: int, name: str, age: float) -> Json:
    trouble = workload.trouble
    if trouble == "pending":
        return {"phase": "Pending", "qosClass": "Burstable", "conditions": [_unscheduled(cluster, age)]}
    is_ready = not trouble
    address = cluster.pod_ip(workload, index)
    return {
        "phase": "Pending" if trouble == "image" else "Running",
        "conditions": [
            _condition(cluster, "PodReadyToStartContainers", True, age),
            _condition(cluster, "Initialized", True, age),
            _condition(cluster, "Ready", is_ready, age if is_ready else 900),
            _condition(cluster, "ContainersReady", is_ready, age if is_ready else 900),
            _condition(cluster, "PodScheduled", True, age),
        ],
        "hostIP": "10.1.0.7",
        "hostIPs": [{"ip": "10.1.0.7"}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": cluster.ago(age),
        "containerStatuses": [_container(cluster, workload, name, age), _exporter_state(cluster, workload, age)],
        "qosClass": "Burstable",
    }


def _condition(cluster: PreparedCluster, kind: str, is_true: bool, age: float) -> Json:
    found: Json = {"type": kind, "status": "True" if is_true else "False", "lastProbeTime": None,
                   "lastTransitionTime": cluster.ago(age)}  # fmt: skip
    if not is_true:
        found |= {"reason": "ContainersNotReady", "message": "containers with unready status: [main]"}
    return found


def _unscheduled(cluster: PreparedCluster, age: float) -> Json:
    nodes = len(cluster.nodes)
    message = UNSCHEDULABLE.format(nodes=nodes, rest=max(1, nodes - 12))
    found = _condition(cluster, "PodScheduled", False, age)
    return {**found, "reason": "Unschedulable", "message": message}


def _container(cluster: PreparedCluster, workload: Workload, name: str, age: float) -> Json:
    image = f"registry.example/models/{workload.name}:v1.{workload.revision}.0"
    found: Json = {
        "name": "main", "ready": not workload.trouble, "started": not workload.trouble, "restartCount": 0, "image": image,
        "imageID": f"registry.example/models/{workload.name}@sha256:" + workload.hash * 6,
        "containerID": "containerd://" + name.encode().hex()[:64].ljust(64, "0"),
        "state": {"running": {"startedAt": cluster.ago(age)}}, "lastState": {},
    }  # fmt: skip
    if workload.trouble in WAITING:
        reason, message = WAITING[workload.trouble]
        told = message.format(pod=name, namespace=workload.namespace, image=image)
        found["state"] = {"waiting": {"reason": reason, "message": told}}
    if workload.trouble in ("crashing", "oom"):
        is_oom = workload.trouble == "oom"
        found["restartCount"] = 7
        found["lastState"] = {"terminated": {
            "exitCode": 137 if is_oom else 1, "reason": "OOMKilled" if is_oom else "Error",
            "startedAt": cluster.ago(200), "finishedAt": cluster.ago(120), "containerID": found["containerID"],
        }}  # fmt: skip
    return found


def _exporter_state(cluster: PreparedCluster, workload: Workload, age: float) -> Json:
    is_running = workload.trouble != "image"
    state: Json = (
        {"running": {"startedAt": cluster.ago(age)}} if is_running else {"waiting": {"reason": "ContainerCreating"}}
    )
    return {
        "name": "exporter", "ready": is_running, "started": is_running, "restartCount": 0,
        "image": "registry.example/tools/exporter:2.4.1",
        "imageID": "registry.example/tools/exporter@sha256:" + "ab" * 32,
        "containerID": "containerd://" + "cd" * 32, "state": state, "lastState": {},
    }  # fmt: skip


def _managers(cluster: PreparedCluster, age: float) -> list[Json]:
    """As the API server keeps them: who set which field. A third of a real pod."""
    container: Json = {f"f:{name}": {} for name in ("args", "image", "imagePullPolicy", "name", "terminationMessagePath",
                 "terminationMessagePolicy", "envFrom")}  # fmt: skip
    container["f:resources"] = {
        ".": {},
        "f:limits": {".": {}, "f:cpu": {}, "f:memory": {}},
        "f:requests": {".": {}, "f:cpu": {}},
    }
    container["f:env"] = {".": {}, **{f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}, "f:value": {}}
                          for name in ("POD_NAME", "HF_HOME", "UPSTREAM_URL", "LOG_LEVEL")}}  # fmt: skip
    container["f:ports"] = {
        ".": {},
        'k:{"containerPort":8000,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:name": {}},
    }
    for probe in ("f:livenessProbe", "f:readinessProbe"):
        container[probe] = {".": {}, "f:failureThreshold": {}, "f:httpGet": {".": {}, "f:path": {}, "f:port": {}, "f:scheme": {}},
                            "f:periodSeconds": {}, "f:successThreshold": {}, "f:timeoutSeconds": {}}  # fmt: skip
    spec = {
        "f:metadata": {"f:annotations": {".": {}, "f:prometheus.io/port": {}, "f:prometheus.io/scrape": {}}, "f:generateName": {},
                       "f:labels": {".": {}, "f:app": {}, "f:app.kubernetes.io/name": {}, "f:pod-template-hash": {}},
                       "f:ownerReferences": {".": {}, f'k:{{"uid":"{uid_text()}"}}': {}}},
        "f:spec": {"f:containers": {'k:{"name":"main"}': {".": {}, **container}, 'k:{"name":"exporter"}': {".": {}, "f:image": {}}},
                   "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
                   "f:securityContext": {}, "f:terminationGracePeriodSeconds": {}, "f:volumes": {".": {}}},
    }  # fmt: skip
    conditions: Json = {f'k:{{"type":"{name}"}}': {".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}
                  for name in ("ContainersReady", "Initialized", "PodReadyToStartContainers", "Ready")}  # fmt: skip
    status = {"f:status": {"f:conditions": conditions, "f:containerStatuses": {}, "f:hostIP": {}, "f:phase": {}, "f:podIP": {},
                           "f:podIPs": {".": {}}, "f:startTime": {}}}  # fmt: skip
    return [
        {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": cluster.ago(age),
         "fieldsType": "FieldsV1", "fieldsV1": spec},
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": cluster.ago(age - 60),
         "fieldsType": "FieldsV1", "fieldsV1": status, "subresource": "status"},
    ]  # fmt: skip


def uid_text() -> str:
    return "2f4b8a10-6d3e-4c51-9b7a-5e0c1d2f3a4b"

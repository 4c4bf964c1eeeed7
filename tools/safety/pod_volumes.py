"""Protects what a pod can reach through a volume or a mount: the node's files, sockets and devices, other people's storage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_NEVER = {
    "hostPath": ("reaches into the node's files", "可访问节点文件系统"),
    "gitRepo": ("runs git as root on the node", "以 root 身份在节点上运行 git"),
    "volumeDevices": ("hands a raw device to a container", "将裸设备交给容器"),
    "flexVolume": ("runs a program on the node", "在节点上运行程序"),
}
_TWO = frozenset({
    "nfs", "iscsi", "csi", "rbd", "cephfs", "fc", "glusterfs", "cinder", "quobyte", "scaleIO", "storageos", "photonPersistentDisk",
    "portworxVolume", "vsphereVolume", "azureFile", "azureDisk", "awsElasticBlockStore", "gcePersistentDisk", "flocker",
})  # fmt: skip
_SOCKETS = (
    "docker.sock",
    "containerd.sock",
    "crio.sock",
    "/var/run/secrets",
    "/var/lib/kubelet",
    "/etc/kubernetes",
    "/proc",
    "/sys/fs",
)


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    for writes in subject.writes:
        for path, value in writes.walk():
            field = path[-1]
            if field in _NEVER and value is not None:
                en, zh = _NEVER[field]
                yield said(Ruling.FORBIDDEN, f"{'.'.join(path)} {en}", f"{'.'.join(path)} {zh}")
            elif field in _TWO and "volumes" in path and value is not None:
                yield said(
                    Ruling.TWO, f"{'.'.join(path)} mounts storage from elsewhere", f"{'.'.join(path)} 挂载外部存储"
                )
            elif field == "volumeMounts":
                for mount in value if isinstance(value, list) else [value]:
                    yield from _mount(mount)
            elif path[-2:] == ("volumes", "image"):
                yield said(Ruling.TWO, "mounts an image as files", "将镜像作为文件挂载")
        if writes.kind.kind == "PersistentVolume" and writes.at("spec", "local"):
            yield said(Ruling.FORBIDDEN, "a volume that is a folder of a node", "以节点目录作为存储卷")
        if any("volumes" in path or "volumeMounts" in path for path in writes.removed):
            yield said(Ruling.TWO, "takes a volume away from a pod", "从 Pod 移除存储卷")


def _mount(mount: Any) -> Iterable[Said]:
    if not isinstance(mount, dict):
        return
    if mount.get("mountPropagation") not in (None, "None", "HostToContainer"):
        yield said(Ruling.FORBIDDEN, "mounts of the container reach the node", "容器内的挂载会传播到节点")
    if any(".." in str(mount.get(field, "")).split("/") for field in ("subPath", "subPathExpr", "mountPath")):
        yield said(Ruling.FORBIDDEN, "a path that climbs out of its volume", "路径越出所属存储卷")
    if any(mark in str(mount.get("mountPath", "")) for mark in _SOCKETS):
        yield said(
            Ruling.FORBIDDEN, "mounts over what the node and the runtime rest on", "挂载到节点与运行时所依赖的路径"
        )


_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {%s containers: [{name: a, image: 'registry.k8s.io/a:1'%s}]}\n"


def _apply(spec: str = "", container: str = "") -> str:
    return f"kubectl apply -f - <<'EOF'\n{_POD % (spec, container)}EOF\n"


_DS = "/spec/template/spec/volumes/-"
RULE = SafetyRule(
    "pod_volumes", Text(en="what a pod reaches through volumes", zh="Pod 经由存储卷可及之处"), _judge,
    (_apply("volumes: [{name: a, emptyDir: {}}, {name: b, configMap: {name: c}}],", ", volumeMounts: [{name: a, mountPath: /tmp}, {name: b, mountPath: /etc/app, subPath: app}]"),
     _apply("volumes: [{name: m, persistentVolumeClaim: {claimName: models}}],")),
    (
        (_apply("volumes: [{name: h, hostPath: {path: /}}],"), Ruling.FORBIDDEN),
        (_apply("volumes: [{name: h, gitRepo: {repository: 'https://a.example'}}],"), Ruling.FORBIDDEN),
        (_apply("volumes: [{name: h, nfs: {server: a, path: /}}],"), Ruling.TWO),
        (_apply("volumes: [{name: h, image: {reference: 'registry.k8s.io/a:1'}}],"), Ruling.TWO),
        (_apply("", ", volumeMounts: [{name: a, mountPath: /x, subPath: ../../etc}]"), Ruling.FORBIDDEN),
        (_apply("", ", volumeMounts: [{name: a, mountPath: /x, mountPropagation: Bidirectional}]"), Ruling.FORBIDDEN),
        (_apply("", ", volumeMounts: [{name: a, mountPath: /var/run/docker.sock}]"), Ruling.FORBIDDEN),
        (_apply("", ", volumeDevices: [{name: a, devicePath: /dev/xvda}]"), Ruling.FORBIDDEN),
        (f"kubectl patch ds a --type=json -p '[{{\"op\":\"add\",\"path\":\"{_DS}\",\"value\":{{\"name\":\"h\",\"hostPath\":{{\"path\":\"/\"}}}}}}]'", Ruling.FORBIDDEN),
        ("kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a}\nspec: {local: {path: /data}}\nEOF", Ruling.FORBIDDEN),
    ),
)  # fmt: skip

"""PersistentVolumeClaims: bound through their StorageClass, or pending with the reason as an event."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers.parts import Name, Parts, WorkQueue, key_of
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_CLAIMS = "persistentvolumeclaims"
_CLASSES = "storageclasses.storage.k8s.io"
_PROTECTION = "kubernetes.io/pvc-protection"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_NONE = "no persistent volumes available for this claim and no storage class is set"


class Volumes:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("persistentvolume-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._subscription = parts.store.subscribe(self._follow, _CLAIMS, "pods", _CLASSES)
        for one in parts.store.each(_CLAIMS):
            self.queue.add(key_of(one))

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        if change.resource == _CLAIMS:
            if change.type == "DELETED":
                self._release(change.object)
            else:
                self.queue.add_after(key_of(change.object), self.parts.timing.provision / 10)
        elif change.resource == _CLASSES:
            for claim in self.parts.store.each(_CLAIMS):
                self.queue.add(key_of(claim))
        elif change.type != "MODIFIED" or change.previous is None or not change.previous["spec"].get("nodeName"):
            for name in _claims_of(change.object):
                self.queue.add_after((namespace_of(change.object), name), self.parts.timing.provision / 10)

    def reconcile(self, key: Name) -> None:
        claim = self.parts.store.find(_CLAIMS, *key)
        if claim is None:
            return
        if "deletionTimestamp" in claim["metadata"]:
            self._unprotect(claim)
        elif not claim["spec"].get("volumeName"):
            self._provision(claim)

    def _users(self, claim: Object) -> list[Object]:
        return [
            pod for pod in self.parts.pods_by_namespace.of(namespace_of(claim)) if name_of(claim) in _claims_of(pod)
        ]

    def _unprotect(self, claim: Object) -> None:
        if _PROTECTION not in (claim["metadata"].get("finalizers") or ()) or self._users(claim):
            return
        free = copy_of(claim)
        rows = [one for one in free["metadata"]["finalizers"] if one != _PROTECTION]
        free["metadata"].pop("finalizers")
        if rows:
            free["metadata"]["finalizers"] = rows
        self.parts.store.update(_CLAIMS, free)

    def _provision(self, claim: Object) -> None:
        name = claim["spec"].get("storageClassName")
        if name is None:
            name = self._default_class()
        if not name:
            self.recorder.normal(claim, "FailedBinding", _NONE)
            return
        found = self.parts.store.find(_CLASSES, None, name)
        if found is None:
            self.recorder.warning(claim, "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found')
            self.queue.add_after(key_of(claim), self.parts.timing.provision_retry)
            return
        is_used = any(pod["spec"].get("nodeName") for pod in self._users(claim))
        if found.get("volumeBindingMode") == "WaitForFirstConsumer" and not is_used:
            text = "waiting for first consumer to be created before binding"
            self.recorder.normal(claim, "WaitForFirstConsumer", text)
            return
        if (found.get("parameters") or {}).get("practice/unavailable"):
            why = found["parameters"]["practice/unavailable"]
            text = f'failed to provision volume with StorageClass "{name}": {why}'
            self.recorder.warning(claim, "ProvisioningFailed", text)
            self.queue.add_after(key_of(claim), self.parts.timing.provision_retry)
            return
        self._bind(claim, found)

    def _default_class(self) -> str:
        for one in self.parts.store.list(_CLASSES):
            if (one["metadata"].get("annotations") or {}).get(_DEFAULT) == "true":
                return name_of(one)
        return ""

    def _bind(self, claim: Object, storage: Object) -> None:
        volume = f"pvc-{claim['metadata']['uid']}"
        size = claim["spec"]["resources"]["requests"]["storage"]
        modes = claim["spec"].get("accessModes") or ["ReadWriteOnce"]
        reference = {"kind": "PersistentVolumeClaim", "namespace": namespace_of(claim), "name": name_of(claim),
                     "uid": claim["metadata"]["uid"], "apiVersion": "v1"}  # fmt: skip
        spec = {
            "capacity": {"storage": size}, "accessModes": modes, "claimRef": reference,
            "hostPath": {"path": f"/var/lib/volumes/{volume}", "type": ""},
            "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
            "storageClassName": name_of(storage), "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
        }  # fmt: skip
        if self.parts.store.find("persistentvolumes", None, volume) is None:
            notes = {"pv.kubernetes.io/provisioned-by": storage["provisioner"]}
            meta = {"name": volume, "annotations": notes, "finalizers": ["kubernetes.io/pv-protection"]}
            made = self.parts.store.create("persistentvolumes", {"metadata": meta, "spec": spec})
            self.parts.store.set_status("persistentvolumes", made, {"phase": "Bound"})
            text = f"Successfully provisioned volume {volume} using {storage['provisioner']}"
            self.recorder.normal(claim, "ProvisioningSucceeded", text)
        bound = copy_of(claim)
        bound["metadata"].setdefault("annotations", {}).update({
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
            "volume.beta.kubernetes.io/storage-provisioner": storage["provisioner"],
            "volume.kubernetes.io/storage-provisioner": storage["provisioner"],
        })  # fmt: skip
        bound["spec"]["volumeName"] = volume
        bound["spec"].setdefault("storageClassName", name_of(storage))
        bound = self.parts.store.update(_CLAIMS, bound)
        status = {"phase": "Bound", "accessModes": modes, "capacity": {"storage": size}}
        self.parts.store.set_status(_CLAIMS, bound, status)

    def _release(self, claim: Object) -> None:
        volume = self.parts.store.find("persistentvolumes", None, str(claim["spec"].get("volumeName") or ""))
        if volume is None:
            return
        if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            free = copy_of(volume)
            free["metadata"].pop("finalizers", None)
            self.parts.store.update("persistentvolumes", free)
            self.parts.store.mark_deleted("persistentvolumes", None, name_of(volume))
        else:
            self.parts.store.set_status("persistentvolumes", volume, {"phase": "Released"})


def _claims_of(pod: Object) -> list[str]:
    rows = pod["spec"].get("volumes") or ()
    return [row["persistentVolumeClaim"]["claimName"] for row in rows if "persistentVolumeClaim" in row]

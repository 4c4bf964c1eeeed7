"""The steps that every write passes, in the server's order: the namespace, defaults, what the cluster adds, what it forbids."""

from __future__ import annotations

from typing import Any

from evals.practice.admission.defaults import fill_defaults, first_status
from evals.practice.admission.limit_ranges import apply_limit_defaults, check_limits
from evals.practice.admission.pod_identity import give_account, give_priority, give_tolerations
from evals.practice.admission.quotas import check_quotas
from evals.practice.admission.services import ServiceAddresses
from evals.practice.admission.validation import validate
from evals.practice.errors import ApiError, forbidden
from evals.practice.hooks import Operation
from evals.practice.kinds import BY_RESOURCE
from evals.practice.store import Store, name_of

Object = dict[str, Any]
PROTECTED_NAMESPACES = frozenset({"default", "kube-system", "kube-public"})
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def install_admission(store: Store) -> None:
    """Let every write to the store pass the admission steps, clients' and controllers' alike."""
    admission = AdmissionChain(store)
    store.admission[:] = [admission.admit]


class AdmissionChain:
    """All steps over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._addresses = ServiceAddresses(store)

    def admit(
        self, operation: Operation, resource: str, new: Object | None, old: Object | None, subresource: str
    ) -> None:
        """Change `new` in place, or refuse the write with an `ApiError`."""
        if operation == "DELETE":
            if old is not None:
                _check_delete(resource, old)
            return
        if new is None:
            return
        if operation == "CREATE":
            self._check_namespace(resource, new)
        if subresource == "status":
            validate(resource, new, old, subresource)
            return
        fill_defaults(resource, new)
        if resource == "services":
            self._addresses.fill(new, old)
        elif resource == "daemonsets.apps" and old is not None:
            _count_template(new, old)
        if operation == "CREATE":
            self._add_to_new(resource, new)
        validate(resource, new, old, subresource)
        if operation == "CREATE":
            check_limits(self._store, resource, new)
            check_quotas(self._store, resource, new)

    def _check_namespace(self, resource: str, new: Object) -> None:
        row = BY_RESOURCE[resource]
        if not row.namespaced:
            return
        name = new["metadata"].get("namespace") or ""
        namespace = self._store.get("namespaces", None, name)
        if namespace["metadata"].get("deletionTimestamp"):
            raise _terminating(row.plural, row.group, name_of(new), name)

    def _add_to_new(self, resource: str, new: Object) -> None:
        meta = new["metadata"]
        if resource == "pods":
            give_account(self._store, new)
            give_priority(self._store, new)
            give_tolerations(new)
            apply_limit_defaults(self._store, new)
        elif resource == "namespaces":
            new["spec"] = {"finalizers": ["kubernetes"]}
        elif resource == "persistentvolumeclaims":
            self._choose_class(new)
            meta["finalizers"] = sorted({*(meta.get("finalizers") or []), "kubernetes.io/pvc-protection"})
        elif resource == "persistentvolumes":
            meta["finalizers"] = sorted({*(meta.get("finalizers") or []), "kubernetes.io/pv-protection"})
        status = first_status(resource, new)
        if status is not None:
            new["status"] = status

    def _choose_class(self, claim: Object) -> None:
        if "storageClassName" in claim["spec"]:
            return
        for one in self._store.each("storageclasses.storage.k8s.io"):
            if (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
                claim["spec"]["storageClassName"] = name_of(one)


def _count_template(new: Object, old: Object) -> None:
    """A DaemonSet still counts the changes of its template in a note."""
    key = "deprecated.daemonset.template.generation"
    number = int((old["metadata"].get("annotations") or {}).get(key) or 1)
    if new["spec"].get("template") != old["spec"].get("template"):
        number += 1
    new["metadata"].setdefault("annotations", {})[key] = str(number)


def _check_delete(resource: str, old: Object) -> None:
    if resource == "namespaces" and name_of(old) in PROTECTED_NAMESPACES:
        raise forbidden("namespaces", "", name_of(old), "this namespace may not be deleted")


def _terminating(plural: str, group: str, name: str, namespace: str) -> ApiError:
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    error = forbidden(plural, group, name, why)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error

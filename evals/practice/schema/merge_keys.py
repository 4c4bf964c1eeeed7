"""How lists and structs merge: by key, as a set, or replaced whole. Facts of the Kubernetes API's own types."""

from __future__ import annotations

from evals.practice.schema.fields import fields_of

_CONTAINER = {
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
}
_KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "V1PodSpec": {
        "containers": ("name",),
        "initContainers": ("name",),
        "ephemeralContainers": ("name",),
        "volumes": ("name",),
        "imagePullSecrets": ("name",),
        "hostAliases": ("ip",),
        "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
        "resourceClaims": ("name",),
        "schedulingGates": ("name",),
    },
    "V1Container": _CONTAINER,
    "V1EphemeralContainer": _CONTAINER,
    "V1ServiceSpec": {"ports": ("port", "protocol")},
    "V1ObjectMeta": {"ownerReferences": ("uid",)},
    "V1ServiceAccount": {"secrets": ("name",), "imagePullSecrets": ("name",)},
    "V1NodeStatus": {"addresses": ("type",)},
    "V1PodStatus": {"podIPs": ("ip",), "hostIPs": ("ip",)},
}
_SETS = {("V1ObjectMeta", "finalizers"), ("V1NodeSpec", "podCIDRs")}
_ATOMIC_TYPES = frozenset(
    [
        "V1LabelSelector",
        "V1ObjectReference",
        "V1LocalObjectReference",
        "V1SecretKeySelector",
        "V1ConfigMapKeySelector",
        "V1NodeSelectorTerm",
        "V1ObjectFieldSelector",
        "V1ResourceFieldSelector",
        "V1NodeSelector",
        "V1TypedLocalObjectReference",
        "V1SecretReference",
        "V1RoleRef",
        "V1OwnerReference",
        "V1EndpointSlice",
    ]
)
_ATOMIC_FIELDS = {
    ("V1PodSpec", "nodeSelector"),
    ("V1ServiceSpec", "selector"),
    ("V1ReplicationControllerSpec", "selector"),
}
# default values of merge keys, so that an entry without one has an identity
KEY_DEFAULTS = {"protocol": "TCP"}


def list_keys(type_name: str, field: str) -> tuple[str, ...] | None:
    """The keys that identify the entries of a list of structs, None for a list that is replaced whole."""
    keys = _KEYS.get(type_name, {}).get(field)
    if keys is None and field == "conditions" and type_name.endswith("Status"):
        return ("type",)
    return keys


def patch_key(type_name: str, field: str) -> str | None:
    """The merge key of a strategic merge patch: one field only."""
    keys = list_keys(type_name, field)
    return None if keys is None else keys[0]


def is_set(type_name: str, field: str) -> bool:
    """A list of plain values in which each occurs once."""
    return (type_name, field) in _SETS


def is_atomic(type_name: str, field: str) -> bool:
    """A struct or map that has one owner as a whole."""
    if (type_name, field) in _ATOMIC_FIELDS:
        return True
    kind = fields_of(type_name).get(field, ("any", False))[0]
    return kind == "any" or (kind.startswith("@") and kind[1:] in _ATOMIC_TYPES)

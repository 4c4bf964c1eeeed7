"""What a pod's spec refers to: the objects without which its containers do not start, or start wrong."""

from __future__ import annotations

from knowledge.vocabulary import Json

VOLUME_SOURCES = (
    ("ConfigMap", "configMap", "name"),
    ("Secret", "secret", "secretName"),
    ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
)


def mounted_keys(namespace: str, spec: Json) -> set[str]:
    """What a pod's spec refers to: ConfigMaps, Secrets (by name only), claims, its ServiceAccount."""
    found: set[str] = set()
    for volume in spec.get("volumes") or ():
        for kind, source, name in VOLUME_SOURCES:
            if source in volume:
                found.add(f"{kind}/{namespace}/{(volume[source] or {}).get(name)}")
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for source in container.get("envFrom") or ():
            for kind, reference in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if reference in source:
                    found.add(f"{kind}/{namespace}/{source[reference].get('name')}")
        for variable in container.get("env") or ():
            value_from = variable.get("valueFrom") or {}
            for kind, reference in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if reference in value_from:
                    found.add(f"{kind}/{namespace}/{value_from[reference].get('name')}")
    if spec.get("serviceAccountName"):
        found.add(f"ServiceAccount/{namespace}/{spec['serviceAccountName']}")
    return found

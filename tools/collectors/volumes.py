"""Claims, volumes and storage classes."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(
    id="volumes",
    reads=(
        Reads(kind_of("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")),
        Reads(kind_of("", "v1", "persistentvolumes", "PersistentVolume", is_namespaced=False)),
        Reads(kind_of("storage.k8s.io", "v1", "storageclasses", "StorageClass", is_namespaced=False), is_optional=True),
        Reads(
            kind_of("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", is_namespaced=False),
            is_optional=True,
        ),
    ),
)

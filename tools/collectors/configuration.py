"""Which configuration exists: ConfigMaps by name and keys (no value is kept), service accounts. Never Secrets: a missing one
shows in the events of the pod that wants it."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.collectors.reading import ListingCollector, Reads, kind_of


def without_values(item: Json) -> Json:
    """A ConfigMap with the length of each value in its place."""
    if item.get("kind") != "ConfigMap":
        return item
    kept = {key: value for key, value in item.items() if key not in {"data", "binaryData"}}
    kept["data"] = {key: f"[{len(str(value))} characters]" for key, value in (item.get("data") or {}).items()}
    kept["binaryData"] = dict.fromkeys(item.get("binaryData") or {}, "[binary]")
    metadata = dict(item.get("metadata") or {})
    metadata["annotations"] = {
        name: value
        for name, value in (metadata.get("annotations") or {}).items()
        if not name.endswith("last-applied-configuration")
    }
    kept["metadata"] = metadata
    return kept


COLLECTOR = ListingCollector(
    id="configuration",
    reads=(
        Reads(kind_of("", "v1", "configmaps", "ConfigMap")),
        Reads(kind_of("", "v1", "serviceaccounts", "ServiceAccount")),
    ),
    keep=without_values,
)

"""Nodes with their conditions, taints and resources; the namespaces, whose end may hang."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(
    id="nodes",
    reads=(
        Reads(kind_of("", "v1", "nodes", "Node", is_namespaced=False)),
        Reads(kind_of("", "v1", "namespaces", "Namespace", is_namespaced=False)),
        Reads(
            kind_of("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", is_namespaced=False),
            is_optional=True,
        ),
    ),
)

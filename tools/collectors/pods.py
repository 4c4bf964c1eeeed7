"""Pods: where nearly every fault shows."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(id="pods", reads=(Reads(kind_of("", "v1", "pods", "Pod")),))

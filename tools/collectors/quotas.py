"""Quotas and limit ranges: what a namespace may use."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(
    id="quotas",
    reads=(
        Reads(kind_of("", "v1", "resourcequotas", "ResourceQuota")),
        Reads(kind_of("", "v1", "limitranges", "LimitRange")),
    ),
)

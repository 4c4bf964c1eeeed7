"""Who else changes replicas, and what limits disruption."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(
    id="autoscalers",
    reads=(
        Reads(kind_of("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"), is_optional=True),
        Reads(kind_of("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"), is_optional=True),
    ),
)

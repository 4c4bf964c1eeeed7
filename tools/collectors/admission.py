"""What stands in the way of every request: admission webhooks, whose outage stops deployments everywhere, and aggregated
APIs, whose outage blinds autoscalers and holds namespaces up."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

_GROUP = "admissionregistration.k8s.io"

COLLECTOR = ListingCollector(
    id="admission",
    reads=(
        Reads(
            kind_of(
                _GROUP, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", is_namespaced=False
            ),
            is_optional=True,
        ),
        Reads(
            kind_of(_GROUP, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", is_namespaced=False),
            is_optional=True,
        ),
        Reads(
            kind_of("apiregistration.k8s.io", "v1", "apiservices", "APIService", is_namespaced=False), is_optional=True
        ),
    ),
)

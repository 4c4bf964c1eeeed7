"""How traffic reaches pods: services, their endpoints, ingresses and network policies."""

from __future__ import annotations

from tools.collectors.reading import ListingCollector, Reads, kind_of

COLLECTOR = ListingCollector(
    id="services",
    reads=(
        Reads(kind_of("", "v1", "services", "Service")),
        Reads(kind_of("", "v1", "endpoints", "Endpoints"), is_optional=True, is_focused=True),
        Reads(kind_of("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")),
        Reads(kind_of("networking.k8s.io", "v1", "ingresses", "Ingress"), is_optional=True),
        Reads(kind_of("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"), is_optional=True),
        Reads(
            kind_of("networking.k8s.io", "v1", "ingressclasses", "IngressClass", is_namespaced=False), is_optional=True
        ),
    ),
)

"""Protects who can reach what: nothing is opened to the outside, nothing is sent elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, Writes, said
from tools.safety.policy import Policy, matches

_ROUTES = frozenset(
    {"Ingress", "Gateway", "HTTPRoute", "VirtualService", "DestinationRule", "Endpoints", "EndpointSlice"}
)

_BALANCERS = ("service.beta.kubernetes.io/*", "service.kubernetes.io/*", "cloud.google.com/*", "networking.gke.io/*",
              "service.alpha.kubernetes.io/*", "metallb.*")  # fmt: skip


_GATEWAY = ("*/auth-*", "*/mirror-*", "*/whitelist-source-range", "*/allowlist-source-range", "*/denylist-source-range",
            "*/backend-protocol", "*/upstream-vhost", "*/canary*", "*/permanent-redirect*", "*/temporal-redirect*",
            "*/default-backend", "*/rewrite-target", "traefik.*", "haproxy.*")  # fmt: skip


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    if subject.command.is_read:
        return
    if any(kind.kind in {"Endpoints", "EndpointSlice"} for kind in subject.kinds):
        yield said(Ruling.FORBIDDEN, "endpoints are written by their controller", "端点由控制器维护")
    if any(kind.kind == "NetworkPolicy" for kind in subject.kinds):
        yield said(Ruling.TWO, "changes who may reach whom", "修改网络访问策略")
    for writes in subject.writes:
        words = set(writes.words_of("annotations")) | writes.removed_words("annotations")
        if any(matches(word.lower(), ("*-snippet", "*/server-snippets", "*-snippets")) for word in words):
            yield said(Ruling.FORBIDDEN, "puts configuration of its own into the gateway", "向网关注入自定义配置")
        if any(matches(word.lower(), _BALANCERS) for word in words):
            yield said(Ruling.TWO, "changes how a load balancer opens a Service", "修改负载均衡对服务的暴露方式")
        if any(matches(word.lower(), _GATEWAY) for word in words):
            yield said(Ruling.TWO, "changes whom a gateway lets in or where it sends", "修改网关的放行或转发")
        if writes.kind.kind == "Service" and not writes.kind.group:
            yield from _service(writes)
        if writes.kind.kind in _ROUTES and (writes.at("spec") or writes.at("subsets") or writes.at("endpoints")):
            yield said(
                Ruling.TWO, f"changes where traffic goes ({writes.kind.kind})", f"修改流量去向（{writes.kind.kind}）"
            )


def _service(writes: Writes) -> Iterable[Said]:
    spec = writes.at("spec")
    spec = spec if isinstance(spec, dict) else {}
    if spec.get("externalIPs") or spec.get("externalName") or spec.get("type") == "ExternalName":
        yield said(Ruling.FORBIDDEN, "sends a Service's traffic outside", "将服务流量引向外部")
    if (
        spec.get("type") in {"LoadBalancer", "NodePort"}
        or spec.get("loadBalancerSourceRanges")
        or spec.get("loadBalancerIP")
    ):
        yield said(Ruling.TWO, "opens a Service to the outside", "将服务暴露到外部")
    if any(path[:2] == ("spec", "loadBalancerSourceRanges") for path in writes.removed):
        yield said(Ruling.TWO, "opens a Service to every address", "服务对所有地址开放")


RULE = SafetyRule(
    "network_exposure", Text(en="who can reach what", zh="网络可达性"), _judge,
    ("kubectl patch svc web -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'", "kubectl get netpol -A"),
    (
        ("kubectl patch svc web -p '{\"spec\":{\"externalIPs\":[\"1.2.3.4\"]}}'", Ruling.FORBIDDEN),
        ("kubectl patch service web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/externalIPs\",\"value\":[\"1.2.3.4\"]}]'", Ruling.FORBIDDEN),
        ("kubectl patch svc web -p '{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"evil.org\"}}'", Ruling.FORBIDDEN),
        ("kubectl patch svc web -p '{\"spec\":{\"type\":\"LoadBalancer\"}}'", Ruling.TWO),
        ("kubectl annotate ingress web nginx.ingress.kubernetes.io/configuration-snippet=x", Ruling.FORBIDDEN),
        ("kubectl annotate ingress web nginx.ingress.kubernetes.io/auth-url=http://a.example", Ruling.TWO),
        ("kubectl annotate ingress web nginx.ingress.kubernetes.io/whitelist-source-range-", Ruling.TWO),
        ("kubectl annotate svc web service.beta.kubernetes.io/aws-load-balancer-internal-", Ruling.TWO),
        ("kubectl patch ep web --type=merge -p '{\"subsets\":[]}'", Ruling.FORBIDDEN),
        ("kubectl delete netpol deny-all", Ruling.TWO),
        ("kubectl patch networkpolicies.networking.k8s.io a --type=merge -p '{\"spec\":{\"ingress\":[{}]}}'", Ruling.TWO),
    ),
)  # fmt: skip

"""Services: what the server fills in, and the addresses and ports that it gives out."""

from __future__ import annotations

from typing import Any

from evals.practice.store import Store

Object = dict[str, Any]
_NET = "10.96"
_FIRST_ADDRESS, _LAST_ADDRESS = 10, 65_000
_FIRST_PORT, _LAST_PORT = 30_000, 32_767
KUBERNETES_ADDRESS = "10.96.0.1"


class ServiceAddresses:
    """Fills services; the next free address and node port are searched from where the last one was found."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next_address = _FIRST_ADDRESS
        self._next_port = _FIRST_PORT + 80

    def fill(self, new: Object, old: Object | None) -> None:
        """Defaults, then addresses: an update keeps what the service had where it says nothing."""
        spec = new.setdefault("spec", {})
        fill_plain(spec)
        before = (old or {}).get("spec") or {}
        if spec["type"] == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy",
                        "externalTrafficPolicy", "allocateLoadBalancerNodePorts"):  # fmt: skip
                spec.pop(key, None)
            return
        if not spec.get("clusterIP"):
            kept = before.get("clusterIP")
            spec["clusterIP"] = kept or self._free_address()
        spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec.setdefault("internalTrafficPolicy", "Cluster")
        self._fill_by_type(spec, before)

    def _fill_by_type(self, spec: Object, before: Object) -> None:
        if spec["type"] not in ("NodePort", "LoadBalancer"):
            for key in ("externalTrafficPolicy", "allocateLoadBalancerNodePorts"):
                spec.pop(key, None)
            if before.get("type") in ("NodePort", "LoadBalancer"):
                _forget_node_ports(spec, before)
            return
        spec.setdefault("externalTrafficPolicy", "Cluster")
        if spec["type"] == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        else:
            spec.pop("allocateLoadBalancerNodePorts", None)
        had = {(port.get("protocol"), port.get("port")): port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = had.get((port.get("protocol"), port.get("port"))) or self._free_port()

    def _free_address(self) -> str:
        taken = {service["spec"].get("clusterIP") for service in self._store.each("services")}
        while True:
            number = self._next_address
            self._next_address = number + 1 if number < _LAST_ADDRESS else _FIRST_ADDRESS
            address = f"{_NET}.{number >> 8}.{number & 255}"
            if number & 255 not in (0, 255) and address not in taken:
                return address

    def _free_port(self) -> int:
        taken = {
            port.get("nodePort") for one in self._store.each("services") for port in one["spec"].get("ports") or ()
        }
        while True:
            number = self._next_port
            self._next_port = number + 1 if number < _LAST_PORT else _FIRST_PORT
            if number not in taken:
                return number


def fill_plain(spec: Object) -> None:
    """Defaults that need nothing of the cluster."""
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", 10800)
    elif spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if port.get("targetPort") in (None, "", 0):
            port["targetPort"] = port.get("port")


def _forget_node_ports(spec: Object, before: Object) -> None:
    had = {port.get("nodePort") for port in before.get("ports") or ()}
    for port in spec.get("ports") or ():
        if port.get("nodePort") in had:
            port.pop("nodePort", None)

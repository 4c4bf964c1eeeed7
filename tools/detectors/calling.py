# ruff: noqa: ARG001, ARG005 - every compiled condition has the same signature
"""Who calls which Service by what address, and whether that address can be right: variables against Services, attempts to
connect against each other, slow services against whatever they call."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, one_path, two_paths
from tools.detectors.scene import WORKLOADS, Scene, name_of, namespace_of

ADDRESS = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^@/\s]*@)?"
    r"(?P<host>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)(?::(?P<port>\d{1,5}))?(?:[/?].*)?$"
)
ADDRESS_NAME = re.compile(r"(?i)(HOST|HOSTNAME|URL|URI|ADDR|ADDRESS|ENDPOINT|UPSTREAM|BACKEND)$")
NUMERIC = re.compile(r"^[\d.]+$")
ALIKE = 0.72


@dataclass(frozen=True, slots=True)
class Address:
    """A Service that a variable names: its namespace and name, and the port when it is told."""

    namespace: str
    service: str
    port: int | None


def services_by_name(scene: Scene) -> Mapping[tuple[str, str], Json]:
    known: dict[tuple[str, str], Json] | None = scene.memo.get("services by name")
    if known is None:
        known = {(namespace_of(item), name_of(item)): item for item in scene.snapshot.of_kind("Service")}
        scene.memo["services by name"] = known
    return known


def address_in(scene: Scene, namespace: str, variable: Any) -> Address | None:
    """The Service inside the cluster that a variable seems to name; None for other values, and where Services are unknown."""
    value = variable.get("value") if isinstance(variable, dict) else None
    if not isinstance(value, str) or not 3 <= len(value) <= 300:
        return None
    key = ("address", namespace, variable.get("name"), value)
    if key not in scene.memo:
        scene.memo[key] = _address(scene, namespace, str(variable.get("name", "")), value)
    known: Address | None = scene.memo[key]
    return known


def _address(scene: Scene, namespace: str, name: str, value: str) -> Address | None:
    found = ADDRESS.match(value)
    host = found.group("host") if found else ""
    if not found or NUMERIC.match(host) or host in ("localhost", "true", "false"):
        return None
    port = int(found.group("port")) if found.group("port") else None
    if port is None and "://" not in value and not ADDRESS_NAME.search(name):
        return None
    labels = host.split(".")
    namespaces = _namespaces(scene)
    if len(labels) == 1 and namespace in namespaces:
        return Address(namespace, host, port)
    is_whole = len(labels) == 2 or labels[2] == "svc" if len(labels) > 1 else False
    if is_whole and labels[1] in namespaces and (namespace, labels[1]) not in services_by_name(scene):
        return Address(labels[1], labels[0], port)
    return None


def _namespaces(scene: Scene) -> frozenset[str]:
    known: frozenset[str] | None = scene.memo.get("namespaces with services")
    if known is None:
        known = frozenset() if scene.names_unknown("Service") else frozenset(key[0] for key in services_by_name(scene))
        scene.memo["namespaces with services"] = known
    return known


def nearest_service(scene: Scene, address: Address) -> str:
    """The Service of the namespace whose name resembles the one that is not there; empty when none does."""
    best, likeness = "", ALIKE
    for namespace, name in services_by_name(scene):
        if namespace == address.namespace:
            ratio = SequenceMatcher(None, address.service, name).ratio()
            if min(len(name), len(address.service)) >= 4 and (name in address.service or address.service in name):
                ratio = max(ratio, ALIKE + 0.01)
            if ratio > likeness:
                best, likeness = name, ratio
    return best


def _offers(service: Json, port: int) -> bool:
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return True
    ports = [one.get("port") for one in spec.get("ports") or ()]
    return not ports or port in ports


def host_unknown(arguments: Sequence[Argument]) -> Check:
    """``host_unknown($, @)``: the variable ``@`` names a Service that is not there, and that is telling: a Service with nearly
    that name is there, or the pod is unwell, or its log speaks of the name."""
    two_paths(arguments, "host_unknown($, @)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        address = address_in(scene, namespace_of(root), element)
        if address is None or (address.namespace, address.service) in services_by_name(scene):
            return False
        if nearest_service(scene, address):
            return True
        return address.port is not None and (_is_missed(scene, address) or _logs_name(scene, root, address.service))

    return holds


def _is_missed(scene: Scene, address: Address) -> bool:
    return any(
        (attempt.get("spec") or {}).get("service") == address.service
        and (attempt.get("status") or {}).get("result") != "open"
        for attempt in scene.snapshot.of_kind("Reachability")
    )


def _logs_name(scene: Scene, root: Json, name: str) -> bool:
    """A line of the pod's log that speaks of the name and of failure."""
    trouble = re.compile(
        rf"(?i)(?:{re.escape(name)}\b.{{0,200}}(?:no such host|not known|resol|unknown host|refused|timed? ?out|fail|error))|"
        rf"(?:(?:no such host|not known|resol|unknown host|refused|timed? ?out|fail|error).{{0,200}}\b{re.escape(name)}\b)"
    )
    return any(
        log.object.kind == "Pod"
        and log.object.name == name_of(root)
        and name in log.text
        and trouble.search(log.text[-64_000:]) is not None
        for log in scene.snapshot.logs
    )


def port_unknown(arguments: Sequence[Argument]) -> Check:
    """``port_unknown($, @)``: the Service that the variable names is there and has not that port, while other callers (or the
    pods behind it) show that the Service is right."""
    two_paths(arguments, "port_unknown($, @)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        address = address_in(scene, namespace_of(root), _with_its_host(_env_of(root), element))
        service = services_by_name(scene).get((address.namespace, address.service)) if address else None
        if address is None or service is None or address.port is None or _offers(service, address.port):
            return False
        return not _service_is_wrong(scene, service)

    return holds


def port_not_offered(arguments: Sequence[Argument]) -> Check:
    """``port_not_offered($)``: callers name a port that the Service has not; none names one that it has, and its containers
    serve the port that the callers name: the Service is wrong, not they."""
    one_path(arguments, "port_not_offered($)")
    return lambda scene, root, element: _service_is_wrong(scene, root)


def _service_is_wrong(scene: Scene, service: Json) -> bool:
    called = called_ports(scene).get((namespace_of(service), name_of(service)), frozenset())
    wrong = {port for port in called if not _offers(service, port)}
    if not wrong or wrong != called:
        return False
    pods = scene.selected_pods(namespace_of(service), (service.get("spec") or {}).get("selector") or {})
    return bool(wrong & {port for pod in pods for port in _container_ports(pod)})


def _container_ports(pod: Json) -> Iterator[int]:
    for container in (pod.get("spec") or {}).get("containers") or ():
        yield from (port["containerPort"] for port in container.get("ports") or () if port.get("containerPort"))


def called_ports(scene: Scene) -> Mapping[tuple[str, str], frozenset[int]]:
    """The ports by which variables of pods and templates name each Service."""
    known: dict[tuple[str, str], frozenset[int]] | None = scene.memo.get("called ports")
    if known is None:
        found: dict[tuple[str, str], set[int]] = defaultdict(set)
        for namespace, variable in _variables(scene):
            address = address_in(scene, namespace, variable)
            if address is not None and address.port is not None:
                found[address.namespace, address.service].add(address.port)
        known = {key: frozenset(ports) for key, ports in found.items()}
        scene.memo["called ports"] = known
    return known


def _variables(scene: Scene) -> Iterator[tuple[str, Json]]:
    """Each template once: of the workloads, and of pods that have none."""
    for kind in (*WORKLOADS, "Pod"):
        for item in scene.snapshot.of_kind(kind):
            if kind == "Pod" and scene.workload_of(item).kind in WORKLOADS and scene.find(scene.workload_of(item)):
                continue
            spec = item.get("spec") or {}
            spec = spec if kind == "Pod" else (spec.get("template") or {}).get("spec") or {}
            for container in spec.get("containers") or ():
                env = container.get("env") or ()
                for variable in env:
                    yield namespace_of(item), _with_its_host(env, variable)


PORT_NAME = re.compile(r"(?i)^(?P<stem>.*_)PORT$")


def _with_its_host(env: Sequence[Json], variable: Any) -> Any:
    """A variable that holds only a port (``DB_PORT``), read together with the one that holds its host (``DB_HOST``)."""
    named = PORT_NAME.match(str(variable.get("name", ""))) if isinstance(variable, dict) else None
    value = variable.get("value") if named else None
    if not named or not isinstance(value, str) or not value.isdigit():
        return variable
    hosts = {
        str(other.get("value"))
        for other in env
        if isinstance(other, dict)
        and str(other.get("name", "")).upper()
        in {f"{named['stem']}{word}".upper() for word in ("HOST", "HOSTNAME", "ADDR")}
        and isinstance(other.get("value"), str)
    }
    if len(hosts) != 1 or ":" in (host := hosts.pop()):
        return variable
    return {"name": f"{named['stem']}HOST", "value": f"{host}:{value}"}


def _env_of(root: Json) -> Sequence[Json]:
    spec = root.get("spec") or {}
    spec = (spec.get("template") or {}).get("spec") or spec
    return [variable for container in spec.get("containers") or () for variable in container.get("env") or ()]


def services_missing(scene: Scene, namespace: str) -> list[str]:
    """Services of a namespace that variables name with a port and that are not there."""
    return sorted(
        service
        for (where, service) in called_ports(scene)
        if where == namespace and (where, service) not in services_by_name(scene)
    )


def address_fact(arguments: Sequence[Argument]) -> FactOf:
    """``address_fact("service")``: service, port, nearest (Service of a similar name), offered (ports that the Service has)."""
    if len(arguments) != 1 or arguments[0] not in ("service", "port", "nearest", "offered"):
        raise ValueError('expected address_fact("service" | "port" | "nearest" | "offered")')
    name = arguments[0]

    def fact(scene: Scene, root: Json, element: Any) -> str:
        address = address_in(scene, namespace_of(root), _with_its_host(_env_of(root), element))
        if address is None:
            return ""
        service = services_by_name(scene).get((address.namespace, address.service)) or {}
        ports = [str(one.get("port")) for one in (service.get("spec") or {}).get("ports") or ()]
        answers: dict[str, Callable[[], str]] = {
            "service": lambda: address.service,
            "port": lambda: str(address.port or ""),
            "nearest": lambda: nearest_service(scene, address),
            "offered": lambda: ", ".join(ports),
        }
        return answers[str(name)]()

    return fact


def called_port(arguments: Sequence[Argument]) -> FactOf:
    """``called_port($)``: the ports by which callers name the Service."""
    one_path(arguments, "called_port($)")
    return lambda scene, root, element: ", ".join(
        map(str, sorted(called_ports(scene).get((namespace_of(root), name_of(root)), ())))
    )


def reached_elsewhere(arguments: Sequence[Argument]) -> Check:
    """``reached_elsewhere($)``: from another place the same host and port did open."""
    one_path(arguments, "reached_elsewhere($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        spec = root.get("spec") or {}
        return bool(spec.get("from")) and any(
            _target(other) == _target(root)
            and (other.get("spec") or {}).get("from") not in ("", None, spec["from"])
            and (other.get("status") or {}).get("result") == "open"
            for other in scene.snapshot.of_kind("Reachability")
        )

    return holds


def _target(attempt: Json) -> tuple[str, str, str]:
    spec = attempt.get("spec") or {}
    return namespace_of(attempt), str(spec.get("host", "")), str(spec.get("port", ""))


ECHO = 0.4
"""Who talks to a node that loses packets sends again too: what stays below this share of the worst is taken for its echo."""


def leads_its_kind(arguments: Sequence[Argument]) -> Check:
    """``leads_its_kind($)``: of the MetricChanges about the same on the same kind of subject, this one is not a mere echo."""
    one_path(arguments, "leads_its_kind($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        spec = root.get("spec") or {}
        mine = spec.get("after")
        if not isinstance(mine, (int, float)):
            return True
        others = [
            other["after"]
            for change in scene.snapshot.of_kind("MetricChange")
            if (other := change.get("spec") or {}).get("about") == spec.get("about")
            and (other.get("subject") or {}).get("kind") == (spec.get("subject") or {}).get("kind")
            and other.get("unit") == spec.get("unit")
            and isinstance(other.get("after"), (int, float))
        ]
        return bool(mine >= ECHO * max(others, default=mine))

    return holds


def slow_on_its_own(arguments: Sequence[Argument]) -> Check:
    """``slow_on_its_own($)``: a MetricChange of latency whose subject calls nobody that is slow too, while no processor,
    memory, disk or node's network is told to be in trouble."""
    one_path(arguments, "slow_on_its_own($)")

    def holds(scene: Scene, root: Json, element: Any) -> bool:
        changes = [change.get("spec") or {} for change in scene.snapshot.of_kind("MetricChange")]
        if any(change.get("about") not in ("latency", "traffic", "errors", "other") for change in changes):
            return False
        subject = ((root.get("spec") or {}).get("subject") or {}).get("name", "")
        slow = {(change.get("subject") or {}).get("name", "") for change in changes if change.get("about") == "latency"}
        called = {
            call.get("to")
            for item in scene.snapshot.of_kind("ServiceMap")
            for call in (item.get("spec") or {}).get("calls") or ()
            if call.get("from") == subject
        }
        return bool(scene.snapshot.of_kind("ServiceMap")) and not called & (slow - {subject})

    return holds


CALLING_CHECKS: dict[str, Callable[[Sequence[Argument]], Check]] = {
    "host_unknown": host_unknown,
    "port_unknown": port_unknown,
    "port_not_offered": port_not_offered,
    "reached_elsewhere": reached_elsewhere,
    "leads_its_kind": leads_its_kind,
    "slow_on_its_own": slow_on_its_own,
}
CALLING_FACTS: dict[str, Callable[[Sequence[Argument]], FactOf]] = {
    "address_fact": address_fact,
    "called_port": called_port,
}

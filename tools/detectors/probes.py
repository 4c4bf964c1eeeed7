# ruff: noqa: ARG005 - every compiled condition has the same signature
"""Probes held against their container: does it serve the port that is asked, in the protocol that is asked, in the time that
is given? Three causes with one look (a container that is restarted, or never ready), told apart here.

Every function takes the probe and its container: ``probe_asks_elsewhere(@.livenessProbe, @)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from knowledge.vocabulary import Json
from tools.detectors.arguments import Argument, Check, FactOf, one_path, two_paths
from tools.detectors.scene import Scene, read_time

FORMS = {"httpGet": "HTTP", "grpc": "gRPC", "tcpSocket": "TCP"}
LISTEN_VARIABLES = frozenset({"PORT", "HTTP_PORT", "GRPC_PORT", "SERVER_PORT", "LISTEN_PORT", "APP_PORT", "BIND_PORT"})
"""Environment variables by which programs are commonly told where to listen."""

PLAIN_TCP_PORTS = frozenset({2181, 3306, 5432, 5672, 6379, 9042, 9092, 11211, 27017})
"""Well-known ports of stores and brokers that speak neither HTTP nor gRPC."""

PLAIN_TCP_NAMES = ("tcp", "redis", "mysql", "postgres", "mongo", "kafka", "amqp", "memcache")
IMPATIENT_SECONDS = 10.0
"""A probe that gives up within this gives hardly any program the time to start."""

PATIENT_SECONDS = 120.0
"""A probe that waits longer is not the likely culprit, even when the container dies in its first round."""

SLACK_SECONDS = 15.0
SETTLING_SECONDS = 30.0
STOPPED_CODES = (0, 2, 137, 143)
"""How programs end that the kubelet stops: by the signals, or in their own good order."""


def asked(probe: Any) -> tuple[str, Any]:
    """(httpGet | grpc | tcpSocket, port as written), or ("", None)."""
    for form in FORMS:
        if isinstance(probe, dict) and isinstance(probe.get(form), dict):
            return form, probe[form].get("port")
    return "", None


def _number(port: Any, container: Json) -> int | None:
    """A port as a number; a name by the container's declaration of it."""
    if isinstance(port, int) and not isinstance(port, bool):
        return port
    if isinstance(port, str) and port.isdigit():
        return int(port)
    for one in container.get("ports") or ():
        if one.get("name") == port:
            return _number(one.get("containerPort"), {})
    return None


def _declared(container: Json) -> set[int]:
    return {one["containerPort"] for one in container.get("ports") or () if isinstance(one.get("containerPort"), int)}


def _told_by_environment(container: Json) -> set[int]:
    values = [one.get("value") for one in container.get("env") or () if one.get("name") in LISTEN_VARIABLES]
    return {int(value) for value in values if isinstance(value, (str, int)) and str(value).isdigit()}


def _service_ports(scene: Scene, pod: Json, container: Json) -> Iterator[tuple[int | None, Json]]:
    """(target port as a number, the Service's port) of every Service that selects the pod."""
    for service in scene.services_of(pod):
        for port in (service.get("spec") or {}).get("ports") or ():
            yield _number(port.get("targetPort") or port.get("port"), container), port


def _served(scene: Scene, pod: Json, container: Json) -> set[int]:
    """The ports that the container is known to serve: where the program is told to listen, else what it declares, else
    where Services send to."""
    told, declared = _told_by_environment(container), _declared(container)
    if declared or told:
        return declared | told if not (declared and told) or declared & told else told
    return {number for number, _ in _service_ports(scene, pod, container) if number is not None}


def _asks_elsewhere(scene: Scene, pod: Json, probe: Any, container: Json) -> bool:
    form, port = asked(probe)
    number = _number(port, container)
    if not form or number is None:
        return False
    known = _served(scene, pod, container)
    return bool(known) and number not in known


def _protocol_by_name(name: str) -> str:
    word = name.lower()
    if word.startswith("grpc"):
        return "gRPC"
    if word.startswith(("http", "web")):
        return "HTTP"
    return "TCP" if word.startswith(PLAIN_TCP_NAMES) else ""


def _spoken(scene: Scene, pod: Json, probe: Any, container: Json) -> str:
    """What the asked port speaks, as told by others than this probe: the container's other probes of the port, the names of
    ports, well-known numbers. Empty when nobody tells, or when somebody agrees with the probe."""
    form, port = asked(probe)
    number = _number(port, container)
    if number is None:
        return ""
    told = {FORMS[other] for other in _other_forms(container, probe, number)}
    names = [one.get("name", "") for one in container.get("ports") or () if one.get("containerPort") == number]
    for target, one in _service_ports(scene, pod, container):
        if target == number:
            names += [str(one.get("appProtocol") or ""), str(one.get("name") or "")]
    told |= {protocol for name in names if (protocol := _protocol_by_name(str(name or "")))}
    if number in PLAIN_TCP_PORTS:
        told.add("TCP")
    if FORMS[form] in told:
        return ""
    return next((protocol for protocol in ("gRPC", "HTTP", "TCP") if protocol in told), "")


def _other_forms(container: Json, probe: Any, number: int) -> Iterator[str]:
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        other = container.get(name)
        if other is None or other is probe:
            continue
        form, port = asked(other)
        if form and _number(port, container) == number:
            yield form


def _speaks_otherwise(scene: Scene, pod: Json, probe: Any, container: Json) -> bool:
    form, _ = asked(probe)
    return form in ("httpGet", "grpc") and bool(_spoken(scene, pod, probe, container))


def patience(probe: Json) -> float:
    """Seconds from a container's start until the probe gives it up."""
    period = float(probe.get("periodSeconds") or 10)
    return float(probe.get("initialDelaySeconds") or 0) + period * float(probe.get("failureThreshold") or 3)


def _gives_up_early(scene: Scene, pod: Json, probe: Any, container: Json) -> bool:
    """The container dies in the probe's first round, again and again, although the port is known to be served; or the round
    is so short that hardly anything starts in it. A container with a startup probe has its time."""
    _, port = asked(probe)
    if "startupProbe" in container or _number(port, container) not in _served(scene, pod, container):
        return False
    waits = patience(probe)
    status = _status_of(pod, container)
    if waits > PATIENT_SECONDS or not status.get("restartCount"):
        return False
    lived = _last_life(status)
    if lived is None:
        return waits <= IMPATIENT_SECONDS
    if _round(probe) <= HAIR_TRIGGER_SECONDS and lived != float("inf"):
        return True
    grace = probe.get("terminationGracePeriodSeconds", (pod.get("spec") or {}).get("terminationGracePeriodSeconds", 30))
    return lived <= waits + float(grace or 0) + SLACK_SECONDS


HAIR_TRIGGER_SECONDS = 2.0
"""A probe that kills after so short a silence kills a sound program at its first pause, however long it has run."""


def _round(probe: Any) -> float:
    """Seconds of silence after which a started container is given up."""
    return float(probe.get("periodSeconds") or 10) * float(probe.get("failureThreshold") or 3)


def _status_of(pod: Json, container: Json) -> Json:
    for one in (pod.get("status") or {}).get("containerStatuses") or ():
        if one.get("name") == container.get("name"):
            found: Json = one
            return found
    return {}


def _last_life(status: Json) -> float | None:
    """How many seconds the container last ran, when both ends are told and it was ended from outside, not by its memory."""
    ended = _last_end(status)
    began, finished = read_time(ended.get("startedAt")), read_time(ended.get("finishedAt"))
    if began is None or finished is None:
        return None
    return float("inf") if ended.get("reason") == "OOMKilled" else (finished - began).total_seconds()


def _keeps_failing(scene: Scene, pod: Json, probe: Any, container: Json) -> bool:
    """The container is not ready, or is restarted, and neither because it has only just started nor because it ends by
    itself: then the check fails because there is nobody to answer, wherever it asks."""
    status = _status_of(pod, container)
    began = read_time(((status.get("state") or {}).get("running") or {}).get("startedAt"))
    is_new = began is not None and (scene.now - began).total_seconds() < SETTLING_SECONDS
    if not status.get("restartCount"):
        return not status.get("ready") and not is_new
    ended = _last_end(status)
    if ended.get("reason") == "OOMKilled":
        return False
    was_stopped = ended.get("exitCode") in (None, *STOPPED_CODES)
    lived = _last_life(status)
    return was_stopped or (lived is not None and lived + float(probe.get("periodSeconds") or 10) >= patience(probe))


def _last_end(status: Json) -> Json:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    ended: Json = state.get("terminated") or last.get("terminated") or {}
    return ended


def _starts_late(scene: Scene, pod: Json, probe: Any, container: Json) -> bool:
    """A readiness probe whose first question has not been due yet, although the container has run for minutes."""
    running = (_status_of(pod, container).get("state") or {}).get("running") or {}
    began = read_time(running.get("startedAt"))
    if not isinstance(probe, dict) or began is None:
        return False
    age = (scene.now - began).total_seconds()
    first = float(probe.get("initialDelaySeconds") or 0)
    return 120.0 < age < first + float(probe.get("periodSeconds") or 10) * float(probe.get("successThreshold") or 1)


Judge = Callable[[Scene, Json, Any, Json], bool]


def _check(name: str, judge: Judge) -> Callable[[Sequence[Argument]], Check]:
    def compiled(arguments: Sequence[Argument]) -> Check:
        probe, container = two_paths(arguments, f"{name}(@.livenessProbe, @)")

        def holds(scene: Scene, root: Json, element: Any) -> bool:
            found = probe.first(root, element)
            return found is not None and judge(scene, root, found, container.first(root, element) or {})

        return holds

    return compiled


PROBE_CHECKS = {
    name: _check(name, judge)
    for name, judge in (
        ("probe_asks_elsewhere", _asks_elsewhere),
        ("probe_speaks_otherwise", _speaks_otherwise),
        ("probe_gives_up_early", _gives_up_early),
        ("probe_starts_late", _starts_late),
        ("probe_keeps_failing", _keeps_failing),
    )
}


def probe_asks(arguments: Sequence[Argument]) -> FactOf:
    """The port that a probe asks, as it is written."""
    probe = one_path(arguments, "probe_asks(@.livenessProbe)")
    return lambda scene, root, element: str(asked(probe.first(root, element))[1] or "")


def probe_form(arguments: Sequence[Argument]) -> FactOf:
    """``httpGet``, ``grpc`` or ``tcpSocket``: the field in which the port stands."""
    probe = one_path(arguments, "probe_form(@.livenessProbe)")
    return lambda scene, root, element: asked(probe.first(root, element))[0]


def probe_protocol(arguments: Sequence[Argument]) -> FactOf:
    probe = one_path(arguments, "probe_protocol(@.livenessProbe)")
    return lambda scene, root, element: FORMS.get(asked(probe.first(root, element))[0], "")


def port_protocol(arguments: Sequence[Argument]) -> FactOf:
    probe, container = two_paths(arguments, "port_protocol(@.livenessProbe, @)")

    def fact(scene: Scene, root: Json, element: Any) -> str:
        found = probe.first(root, element)
        return _spoken(scene, root, found, container.first(root, element) or {}) if asked(found)[0] else ""

    return fact


def known_ports(arguments: Sequence[Argument]) -> FactOf:
    """The ports that the container is known to serve, in a row."""
    container = one_path(arguments, "known_ports(@)")
    return lambda scene, root, element: ", ".join(
        str(port) for port in sorted(_served(scene, root, container.first(root, element) or {}))
    )


def probe_patience(arguments: Sequence[Argument]) -> FactOf:
    """Seconds until the probe gives up."""
    probe = one_path(arguments, "probe_patience(@.livenessProbe)")
    return lambda scene, root, element: f"{patience(probe.first(root, element) or {}):g}"


def patient_delay(arguments: Sequence[Argument]) -> FactOf:
    """A first delay to propose: at least a minute, else three times what the probe waits now."""
    probe = one_path(arguments, "patient_delay(@.livenessProbe)")
    return lambda scene, root, element: f"{max(60.0, 3 * patience(probe.first(root, element) or {})):.0f}"


PROBE_FACTS: dict[str, Callable[[Sequence[Argument]], FactOf]] = {
    "probe_asks": probe_asks,
    "probe_form": probe_form,
    "probe_protocol": probe_protocol,
    "port_protocol": port_protocol,
    "known_ports": known_ports,
    "probe_patience": probe_patience,
    "patient_delay": patient_delay,
}

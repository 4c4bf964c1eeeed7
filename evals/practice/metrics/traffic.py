"""The requests that flow through the platform, as rates that follow the objects: no endpoints, no answers.

Every change of a Service, its endpoints or a gateway pod is looked at when it happens; counters are integrated over the time
that each state lasted, so that `rate()` in a Prometheus sees what a person would have measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from evals.practice.clock import Timer
from evals.practice.controllers.endpoints import target_port
from evals.practice.controllers.parts import Parts
from evals.practice.controllers.pods import is_leaving, is_ready
from evals.practice.controllers.selectors import labels_of, matches_map
from evals.practice.hooks import LogLine
from evals.practice.metrics.routes import (
    BUCKETS,
    CALLER,
    CALLER_NAMESPACE,
    CALLER_USUAL_PODS,
    GATEWAY_NAMESPACE,
    GATEWAY_SERVICE,
    ROUTES,
    Route,
)  # fmt: skip
from evals.practice.store import Change

Object = dict[str, Any]
Listens = Callable[[Object, int], bool]
_WATCHED = ("services", "endpoints", "pods")
_NAMESPACES = (GATEWAY_NAMESPACE, CALLER_NAMESPACE)
_LOG_EVERY = timedelta(seconds=2)
_LOG_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Flow:
    """One upstream now: requests per second by status code, and how the replicas fare."""

    route: Route
    namespace: str
    service: str
    codes: dict[int, float]
    latency: float
    ready: int
    waiting: float
    """Requests that queue, over all replicas."""
    busy: float
    """Share of capacity in use, at most 1."""
    error: str = ""


@dataclass(slots=True)
class Histogram:
    """Cumulative counts by upper bound, a sum and a count."""

    buckets: dict[float, float] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0.0))
    total: float = 0.0
    count: float = 0.0

    def observe(self, latency: float, times: float) -> None:
        """`times` requests around a latency: most a little below, some well above."""
        self.count += times
        self.total += latency * times
        for bound in self.buckets:
            ratio = bound / latency if latency else 99.0
            share = 0.0 if ratio < 0.4 else min(1.0, (ratio - 0.4) / 1.4) if ratio < 1.8 else 1.0
            self.buckets[bound] += times * share


@dataclass(slots=True)
class Counters:
    """What has been counted since the cluster began."""

    requests: dict[tuple[str, str, int], float] = field(default_factory=dict)
    """(namespace, service, code) -> requests that the service answered, or that the gateway failed for it."""
    upstream: dict[tuple[str, int], float] = field(default_factory=dict)
    """(upstream, code) as the gateway counts."""
    durations: dict[tuple[str, str], Histogram] = field(default_factory=dict)


class Traffic:
    def __init__(self, parts: Parts, listens: Listens | None = None) -> None:
        self.parts = parts
        self.counters = Counters()
        self.load_factor: dict[str, float] = {}
        """Upstream -> factor on its usual requests; what is absent follows the callers (`demand`)."""
        self._listens: Listens = listens or (lambda _pod, _port: True)
        self._flows: dict[str, Flow] = {}
        self._problems: list[list[Any]] = []
        """[upstream, code, error, since, until or None]"""
        self._at = parts.clock.now()
        self._pending: Timer | None = None
        self._subscription = parts.store.subscribe(self._follow, *_WATCHED)

    def stop(self) -> None:
        self._subscription.cancel()
        if self._pending is not None:
            self._pending.cancel()

    def _follow(self, change: Change) -> None:
        if change.resource == "pods" and change.object["metadata"].get("namespace") not in _NAMESPACES:
            return
        if self._pending is None:
            self._pending = self.parts.clock.call_later(0, self._changed)

    def _changed(self) -> None:
        self._pending = None
        self.flows()

    def flows(self) -> list[Flow]:
        """The present state; counts what passed since the last look."""
        now = self.parts.clock.now()
        self._count((now - self._at).total_seconds())
        self._at = now
        gateways = self._gateways()
        self._flows = {}
        for route in ROUTES:
            found = self._flow(route, gateways)
            if found is not None:
                self._flows[route.upstream] = found
                self._note(found, now)
        return list(self._flows.values())

    def _gateways(self) -> list[Object]:
        return [pod for pod in self.parts.pods_by_namespace.of(GATEWAY_NAMESPACE)
                if labels_of(pod).get("app") == GATEWAY_SERVICE and is_ready(pod) and not is_leaving(pod)]  # fmt: skip

    def demand(self) -> float:
        """The callers' pods against their usual number: more chat pods send more requests. 1 without callers."""
        if self.parts.store.find("deployments.apps", CALLER_NAMESPACE, CALLER) is None:
            return 1.0
        ready = sum(1 for pod in self.parts.pods_by_namespace.of(CALLER_NAMESPACE)
                    if labels_of(pod).get("app") == CALLER and is_ready(pod))  # fmt: skip
        return ready / CALLER_USUAL_PODS

    # -- one upstream --------------------------------------------------------------------------------------------------

    def _flow(self, route: Route, gateways: list[Object]) -> Flow | None:
        """The calls of all ready gateways together; None when there is no gateway."""
        if not gateways:
            return None
        offered = route.requests_per_second * self.load_factor.get(route.upstream, self.demand())
        codes: dict[int, float] = {}
        last: Flow | None = None
        for pod in gateways:
            one = self._call(route, _variable(pod, route.variable), offered)
            for code, rate in one.codes.items():
                codes[code] = codes.get(code, 0.0) + rate / len(gateways)
            if last is None or one.error:
                last = one
        if last is None:
            return None
        return Flow(
            route, last.namespace, last.service, codes, last.latency, last.ready, last.waiting, last.busy, last.error
        )

    def _call(self, route: Route, url: str, offered: float) -> Flow:
        host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
        words = host.split(".")
        service_name, namespace = words[0], words[1] if len(words) > 1 else GATEWAY_NAMESPACE
        service = self.parts.store.find("services", namespace, service_name)

        def failed(code: int, error: str, latency: float = 0.003) -> Flow:
            return Flow(route, namespace, service_name, {code: offered}, latency, 0, 0.0, 0.0, error)

        if service is None:
            return failed(502, f"dial tcp: lookup {host} on 10.96.0.10:53: no such host")
        row = next((one for one in service["spec"].get("ports") or () if one["port"] == port), None)
        address = service["spec"].get("clusterIP", "")
        if row is None:
            return failed(504, f"dial tcp {address}:{port}: i/o timeout", 10.0)
        pods = self._ready_pods(service)
        if not pods:
            return failed(503, "no healthy upstream: service has no ready endpoints")
        answering = [pod for pod in pods if self._listens(pod, target_port(row, pod) or 0)]
        if not answering:
            target = target_port(row, pods[0])
            ip = pods[0].get("status", {}).get("podIP", "")
            return failed(502, f"dial tcp {ip}:{target}: connect: connection refused")
        refused = offered * (len(pods) - len(answering)) / len(pods)
        return self._served(route, namespace, service_name, offered - refused, refused, len(answering))

    def _ready_pods(self, service: Object) -> list[Object]:
        selector = service["spec"].get("selector")
        if not selector:
            return []
        return [pod for pod in self.parts.pods_by_namespace.of(service["metadata"]["namespace"])
                if matches_map(selector, labels_of(pod)) and is_ready(pod) and not is_leaving(pod)]  # fmt: skip

    def _served(self, route: Route, namespace: str, service: str, offered: float, refused: float, ready: int) -> Flow:
        capacity = ready * route.replica_capacity
        load = offered / capacity
        codes = {200: offered, 502: refused} if refused else {200: offered}
        if load <= 0.9:
            return Flow(route, namespace, service, codes, route.latency_seconds * (1 + load * 0.3), ready, 0.0, load)
        excess = load - 0.9
        waiting = min(400.0, capacity * excess * 12)
        latency = route.latency_seconds * (1.3 + excess * 9)
        dropped = max(0.0, offered - capacity * 1.15)
        codes[200] -= dropped
        if dropped:
            codes[504] = dropped
        error = "upstream request timeout" if dropped else ""
        return Flow(route, namespace, service, codes, latency, ready, waiting, min(1.0, load), error)

    # -- counting ------------------------------------------------------------------------------------------------------

    def _count(self, seconds: float) -> None:
        if seconds <= 0:
            return
        for flow in self._flows.values():
            for code, rate in flow.codes.items():
                times = rate * seconds
                _add(self.counters.upstream, (flow.route.upstream, code), times)
                _add(self.counters.requests, (GATEWAY_NAMESPACE, GATEWAY_SERVICE, code), times)
                if flow.ready:
                    _add(self.counters.requests, (flow.namespace, flow.service, min(code, 500)), times)
                gateway = self.counters.durations.setdefault((GATEWAY_NAMESPACE, GATEWAY_SERVICE), Histogram())
                gateway.observe(flow.latency + 0.002, times)
                if flow.ready:
                    served = self.counters.durations.setdefault((flow.namespace, flow.service), Histogram())
                    served.observe(flow.latency, times)

    def _note(self, flow: Flow, now: datetime) -> None:
        """Remember since when an upstream fails, for the gateway's log."""
        code = max(flow.codes)
        is_bad = bool(flow.error) and code >= 500
        for row in self._problems:
            if row[0] == flow.route.upstream and row[4] is None:
                if is_bad and row[1:3] == [code, flow.error]:
                    return
                row[4] = now
        if is_bad:
            self._problems.append([flow.route.upstream, code, flow.error, now, None])
            del self._problems[:-40]

    def live_lines(self, pod: Object, _container: str, now: datetime) -> list[LogLine]:
        """What a gateway pod logs about its upstreams; [] for other pods."""
        if pod["metadata"].get("namespace") != GATEWAY_NAMESPACE or labels_of(pod).get("app") != GATEWAY_SERVICE:
            return []
        self.flows()
        lines = self._access_lines(now)
        for upstream, code, error, since, until in self._problems:
            moment = max(since, now - _LOG_WINDOW)
            number = 0
            while moment <= (until or now) and number < 300:
                text = f'level=error msg="upstream request failed" upstream={upstream} status={code} error="{error}"'
                lines.append(LogLine(moment, text))
                moment += _LOG_EVERY
                number += 1
        lines.sort(key=lambda line: line.at)
        return lines

    def _access_lines(self, now: datetime) -> list[LogLine]:
        found = []
        for number, flow in enumerate(self._flows.values()):
            if 200 in flow.codes and not flow.error:
                text = (f'level=info msg="request" upstream={flow.service} status=200 '
                        f"duration_ms={round(flow.latency * 1000)}")  # fmt: skip
                found += [LogLine(now - timedelta(seconds=step * 5 + number), text) for step in range(1, 7)]
        return found


def _add(counts: dict[Any, float], key: Any, value: float) -> None:
    counts[key] = counts.get(key, 0.0) + value


def _variable(pod: Object, name: str) -> str:
    for container in pod["spec"]["containers"]:
        for row in container.get("env") or ():
            if row["name"] == name:
                return str(row.get("value") or "")
    return ""

"""One practice cluster: the store, the clock, who may come in, and the sources that the controllers plug in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from evals.practice.clock import Clock
from evals.practice.hooks import FaultSwitch, LogSource, MetricsSource
from evals.practice.http.authn import Tokens
from evals.practice.http.authz import Authorizer
from evals.practice.store import Store


@dataclass(slots=True)
class Cluster:
    """What the request handlers work on; the server builds it."""

    store: Store
    clock: Clock
    tokens: Tokens
    authorizer: Authorizer
    logs: LogSource | None = None
    metrics: MetricsSource | None = None
    faults: FaultSwitch | None = None
    exposition: Callable[[], str] | None = None
    """The page of `/practice/metrics`, in Prometheus' text format."""
    address: str = "127.0.0.1"
    git_version: str = "v1.32.13"
    extra: dict[str, str] = field(default_factory=dict)


def new_cluster(clock: Clock) -> Cluster:
    """An empty cluster with its tokens and its authorizer."""
    store = Store(clock)
    return Cluster(store, clock, Tokens(store, clock), Authorizer(store))

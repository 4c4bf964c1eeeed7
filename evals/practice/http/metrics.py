"""metrics.k8s.io: what the metrics source measured, in the API's words when it has nothing."""

from __future__ import annotations

from typing import Any

from evals.practice.errors import ApiError, not_found
from evals.practice.hooks import MetricsSource, Object
from evals.practice.http.call import Answer, Call
from evals.practice.http.lists import selection
from evals.practice.http.options import list_options
from evals.practice.http.render import body_in, form_of


def unavailable() -> ApiError:
    return ApiError(503, "ServiceUnavailable", "the server is currently unable to handle the request", details={})


def read_metrics(call: Call) -> Answer:
    """GET of node or pod metrics."""
    source = call.cluster.metrics
    if source is None:
        raise unavailable()
    form = form_of(call)
    kind, place = call.kind, call.place
    if place.name:
        found = _one(source, kind.plural, place.namespace, place.name)
        body, media = body_in(form, {"kind": kind.kind, "apiVersion": kind.api_version, **found})
        return Answer(body, content_type=media)
    predicate = selection(kind, list_options(call))
    rows = source.nodes() if kind.plural == "nodes" else source.pods(place.namespace or None)
    items = [_item(row) for row in rows if predicate is None or predicate(row)]
    listed: dict[str, Any] = {
        "kind": kind.kind + "List",
        "apiVersion": kind.api_version,
        "metadata": {},
        "items": items,
    }
    body, media = body_in(form, listed)
    return Answer(body, content_type=media)


def _item(row: Object) -> Object:
    return {key: value for key, value in row.items() if key not in ("kind", "apiVersion")}


def _one(source: MetricsSource, plural: str, namespace: str, name: str) -> Object:
    if plural == "nodes":
        node = source.node(name)
        if node is None:
            raise not_found("node", "", name)
        return node
    pod = source.pod(namespace, name)
    if pod is None:
        raise not_found("podmetrics", "metrics.k8s.io", f"{namespace}/{name}")
    return pod

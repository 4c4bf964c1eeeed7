"""The control interface under /practice/, for tests and the demo; the admin token only, but for the metrics.

GET  /practice/                      what there is
GET  /practice/requests              ?after=N&writes=true; DELETE forgets
GET  /practice/inject                POST adds an order (see injection.py); DELETE clears
GET  /practice/faults                names, which are on, descriptions
POST /practice/faults/<name>         switch on, body = parameters; DELETE switches off
GET  /practice/metrics               what a Prometheus scrapes, without a token
POST /practice/forget-history        every older resourceVersion becomes 410 Gone
"""

from __future__ import annotations

import json
from typing import Any

from evals.practice.errors import ApiError, bad_request
from evals.practice.http.authz import Asked, denied, is_superuser
from evals.practice.http.call import Answer, Call, method_not_allowed, page_not_found
from evals.practice.http.fault_views import described, switched_on
from evals.practice.http.injection import Injections
from evals.practice.http.request_log import RequestLog

PREFIX = "/practice"


class Control:
    """Answers the control requests of one server."""

    def __init__(self, requests: RequestLog, injections: Injections) -> None:
        self._requests = requests
        self._injections = injections

    def answer(self, call: Call) -> Answer:
        """403 for everyone but the admin."""
        if call.path == f"{PREFIX}/metrics" and call.cluster.exposition is not None:
            text_format = "text/plain; version=0.0.4; charset=utf-8"
            return Answer(call.cluster.exposition(), content_type=text_format)
        if not is_superuser(call.user):
            raise denied(call.user, Asked(call.method.lower(), path=call.path))
        parts = call.path.removeprefix(PREFIX).strip("/").split("/")
        if parts[0] == "":
            return Answer({"paths": [f"{PREFIX}/{one}" for one in ("requests", "inject", "faults", "forget-history")]})
        if parts[0] == "requests":
            return self._answer_requests(call)
        if parts[0] == "inject":
            return self._answer_inject(call)
        if parts[0] == "faults":
            return self._answer_faults(call, parts[1:])
        if parts[0] == "forget-history" and call.method == "POST":
            call.cluster.store.forget_history()
            return Answer({"oldest_version": call.cluster.store.oldest_version})
        return page_not_found()

    def _answer_requests(self, call: Call) -> Answer:
        if call.method == "GET":
            after = int(call.query.get("after", "0") or 0)
            return Answer({"requests": self._requests.list(after=after, writes_only=call.is_true("writes"))})
        if call.method == "DELETE":
            self._requests.clear()
            return Answer({"requests": []})
        raise method_not_allowed()

    def _answer_inject(self, call: Call) -> Answer:
        if call.method == "POST":
            return Answer(self._injections.add(_body(call)).shown(), status=201)
        if call.method == "DELETE":
            self._injections.clear()
        elif call.method != "GET":
            raise method_not_allowed()
        return Answer({"injections": self._injections.list()})

    def _answer_faults(self, call: Call, rest: list[str]) -> Answer:
        faults = call.cluster.faults
        if faults is None:
            raise ApiError(503, "ServiceUnavailable", "this cluster was started without faults", details={})
        if not rest:
            active = faults.active()
            shown = [{**described(faults.describe(name)), "active": name in active} for name in faults.names()]
            return Answer({"faults": shown})
        name = rest[0]
        if name not in faults.names():
            raise ApiError(404, "NotFound", f"no fault is called {name!r}; GET {PREFIX}/faults lists them", details={})
        if call.method == "POST":
            return Answer(switched_on(faults.switch_on(name, **_body(call))))
        if call.method == "DELETE":
            faults.switch_off(name)
            return Answer({"name": name, "active": False})
        if call.method == "GET":
            return Answer({**described(faults.describe(name)), "active": name in faults.active()})
        raise method_not_allowed()


def _body(call: Call) -> dict[str, Any]:
    if not call.body.strip():
        return {}
    try:
        value = json.loads(call.body)
    except ValueError as error:
        raise bad_request(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise bad_request("the body must be a JSON object")
    return value

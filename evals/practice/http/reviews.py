"""Questions about oneself and others: access reviews, rules reviews, SelfSubjectReview, TokenReview, TokenRequest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from evals.practice.errors import ApiError, Cause, bad_request, invalid
from evals.practice.hooks import Object
from evals.practice.http.authn import AUDIENCE, expiry
from evals.practice.http.authz import Asked
from evals.practice.http.body import read_as
from evals.practice.http.call import Answer, Call, User

_GROUP = "authorization.k8s.io"


def review(call: Call) -> Answer:
    """POST of any of the review kinds."""
    kind = call.kind
    body = read_as(call, kind.group, kind.version, kind.kind)
    answer = {
        "SelfSubjectAccessReview": _access,
        "SubjectAccessReview": _access,
        "LocalSubjectAccessReview": _access,
        "SelfSubjectRulesReview": _rules,
        "SelfSubjectReview": _who_am_i,
        "TokenReview": _token_review,
    }[kind.kind](call, body)
    made_at = expiry(call.cluster.clock.now()) if kind.kind == "SelfSubjectReview" else None
    head = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"creationTimestamp": made_at}}
    return Answer({**head, **answer}, status=201)


def _access(call: Call, body: Object) -> Object:
    spec = body.get("spec") or {}
    attributes, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (attributes is None) == (path is None):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = Cause("FieldValueInvalid", "spec.resourceAttributes", f'Invalid value: "null": {why}')
        error = invalid("", _GROUP, "", [cause])
        error.details = {"group": _GROUP, "causes": (error.details or {})["causes"]}
        raise error
    user = call.user
    if call.kind.kind != "SelfSubjectAccessReview":
        groups = tuple(spec.get("groups") or ())
        user = User(spec.get("user", ""), groups)
    allowed, reason = call.cluster.authorizer.decide(user, _asked(attributes, path))
    status: Object = {"allowed": allowed}
    if reason:
        status["reason"] = reason
    return {"spec": spec, "status": status}


def _asked(attributes: Any, path: Any) -> Asked:
    if path is not None:
        return Asked(path.get("verb", ""), path=path.get("path", ""))
    get = attributes.get
    return Asked(get("verb", ""), get("group", ""), get("resource", ""), get("subresource", ""), get("namespace", ""),
                 get("name", ""))  # fmt: skip


def _rules(call: Call, body: Object) -> Object:
    namespace = (body.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise bad_request("no namespace on request")
    resource_rules: list[Object] = []
    path_rules: list[Object] = []
    for _, rules, _ in call.cluster.authorizer.bindings(call.user, namespace):
        for rule in rules:
            if rule.get("nonResourceURLs"):
                path_rules.append({"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]})
            else:
                keys = ("verbs", "apiGroups", "resources", "resourceNames")
                resource_rules.append({key: rule[key] for key in keys if key in rule})
    status = {"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": False}
    return {"spec": {}, "status": status}


def _who_am_i(call: Call, _body: Object) -> Object:
    user = call.user
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    info["groups"] = list(user.groups)
    if user.credential:
        info["extra"] = {"authentication.kubernetes.io/credential-id": [f"JTI={user.credential}"]}
    return {"status": {"userInfo": info}}


def _token_review(call: Call, body: Object) -> Object:
    spec = body.get("spec") or {}
    try:
        user = call.cluster.tokens.user_of({"authorization": f"Bearer {spec.get('token', '')}"})
    except ApiError:
        error = "[invalid bearer token, token lookup failed]"
        return {"spec": spec, "status": {"user": {}, "error": error}}
    status = {
        "authenticated": True,
        "user": {"username": user.name, "groups": list(user.groups)},
        "audiences": [AUDIENCE],
    }
    return {"spec": spec, "status": status}


def request_token(call: Call) -> Answer:
    """POST serviceaccounts/token."""
    place = call.place
    account = call.cluster.store.get("serviceaccounts", place.namespace, place.name)
    body = read_as(call, "authentication.k8s.io", "v1", "TokenRequest")
    spec = body.get("spec") or {}
    seconds = int(spec.get("expirationSeconds") or 3600)
    if seconds < 600:
        cause = Cause.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
        raise invalid("TokenRequest", "authentication.k8s.io", "", [cause])
    uid = account["metadata"]["uid"]
    token, expires_at = call.cluster.tokens.issue(place.namespace, place.name, uid, timedelta(seconds=seconds))
    meta = {"name": place.name, "namespace": place.namespace, "creationTimestamp": expiry(call.cluster.clock.now())}
    answered = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": meta,
        "spec": {
            "audiences": spec.get("audiences") or [AUDIENCE],
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": expiry(expires_at)},
    }
    return Answer(answered, status=201)

"""Asks who the identity that reads is, and what it may do."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest, Json
from tools.actions.contract import Look
from tools.actions.reading import Reading
from tools.script.command import Command

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


async def _auth(command: Command, look: Look) -> list[ApiRequest]:
    if command.verb == "auth whoami":
        return [_post(look, WHO, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})]
    if command.has("list"):
        spec = {"namespace": command.namespace}
        return [
            _post(
                look, RULES, {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": spec}
            )
        ]
    verb, what = command.arguments
    resource, _, name = what.partition("/")
    plural, _, group = resource.partition(".")
    about: Json = {
        "verb": verb, "group": "*" if resource == "*" else group, "resource": plural, "namespace": command.namespace,
        "name": name, "subresource": command.value("subresource"),
    }  # fmt: skip
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": about},
    }
    return [_post(look, REVIEWS, body)]


def _post(look: Look, path: str, body: Json) -> ApiRequest:
    return ApiRequest(cluster=look.cluster, method="POST", path=path, content_type="application/json", body=body)


ACTION = Reading("auth", ("auth can-i", "auth whoami"), _auth)

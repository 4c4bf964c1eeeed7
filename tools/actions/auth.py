"""Asks what the identity that reads may do."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest, Json
from tools.actions.contract import Look
from tools.actions.reading import Reading
from tools.script.command import Command

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


async def _auth(command: Command, look: Look) -> list[ApiRequest]:
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
    return [ApiRequest(cluster=look.cluster, method="POST", path=REVIEWS, content_type="application/json", body=body)]


ACTION = Reading("auth", ("auth can-i",), _auth)

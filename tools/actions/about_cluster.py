"""Reads the cluster's version and what it serves."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import Reading, get_request
from tools.script.command import Command


async def _about(command: Command, look: Look) -> list[ApiRequest]:
    if command.verb == "explain":
        return [get_request(look.cluster, command.targets[0].kind.path().rpartition("/")[0])]
    return [get_request(look.cluster, "/apis" if command.verb.startswith("api-") else "/version")]


ACTION = Reading("about_cluster", ("version", "cluster-info", "api-resources", "api-versions", "explain"), _about)

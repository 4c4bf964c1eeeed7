"""Reads of a script as the executor carries them out: once, or again until what the line waits for holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from knowledge.errors import ObjectNotFound, Temporary
from knowledge.vocabulary import ApiRequest, FrozenStep, Json
from tools.actions.auth import RULES, WHO
from tools.actions.logs import seconds_of
from tools.ports import Clock, ClusterReader, ResourceKind
from tools.script.json_path import read_awaited, text_of, values_at

LONGEST_SECONDS = 600
DEFAULT_SECONDS = {"rollout_status": 120, "wait": 30}
POLL_SECONDS = 2.0


def waits(step: FrozenStep) -> bool:
    """Whether the line is there to wait for something, so that the plan must not go on without it."""
    flags = step.step.parameters.get("flags", {})
    return step.step.action == "wait" or (step.step.action == "rollout_status" and flags.get("watch") != ["false"])


class Stopped(Exception):
    """Cancelled or frozen in the middle of a step that was waiting: what it had not begun is not begun any more."""


async def read_step(
    step: FrozenStep, reader: ClusterReader, clock: Clock, stop_reason: Callable[[], Awaitable[str]]
) -> tuple[str, str]:
    """What was read as text, and why it is a failure (empty when it is none). Raises what the reader raises, and Stopped when
    ``stop_reason`` names one while it waits."""
    flags = step.step.parameters.get("flags", {})
    limit = DEFAULT_SECONDS.get(step.step.action, 0)
    if flags.get("timeout"):
        limit = min(seconds_of(flags["timeout"][0]), LONGEST_SECONDS)
    started = clock.now()
    while True:
        found, pending = await _look(step, reader)
        if not pending:
            return _text(found), ""
        if (clock.now() - started).total_seconds() >= limit:
            return _text(found), f"after {limit} s still waiting: {pending}"
        if reason := await stop_reason():
            raise Stopped(reason)
        await clock.sleep(POLL_SECONDS)


async def _look(step: FrozenStep, reader: ClusterReader) -> tuple[list[Any], str]:
    """What stands there, and what is still waited for. A server that is away for a moment does not end a wait."""
    if not waits(step):
        return [await _read_one(request, reader) for request in step.requests], ""
    try:
        found = [await _read_one(request, reader) for request in step.requests]
    except Temporary as error:
        return [], error.message
    return found, _pending(step, found)


async def _read_one(request: ApiRequest, reader: ClusterReader) -> Any:
    if request.method == "POST":
        return await _asked(request, reader)
    try:
        return await reader.raw(request.path, request.query)
    except ObjectNotFound as error:
        return error


async def _asked(request: ApiRequest, reader: ClusterReader) -> str:
    """``auth``: the one read that is a POST, answered for the identity that reads."""
    if request.path == WHO:
        who = await reader.identity()
        return "\n".join([f"username: {who.user}", *(f"group: {group}" for group in who.groups)])
    if request.path == RULES:
        rules = await reader.rights(request.body["spec"]["namespace"])
        return "\n".join(_right(rule) for rule in rules) or "nothing"
    about = request.body["spec"]["resourceAttributes"]
    kind = ResourceKind(about["group"], "*", about["resource"], about["resource"], bool(about["namespace"]))
    allowed = await reader.may(about["verb"], kind, about["namespace"], about["name"], about["subresource"])
    return "yes" if allowed else "no"


def _right(rule: Mapping[str, Sequence[str]]) -> str:
    """One rule on one line, as far as it is of resources: ``get, list: pods, deployments.apps (only: web)``."""
    groups = rule.get("apiGroups") or [""]
    named = [f"{one}.{group}" if group else one for one in rule.get("resources") or () for group in groups]
    only = f" (only: {', '.join(rule['resourceNames'])})" if rule.get("resourceNames") else ""
    return f"{', '.join(rule.get('verbs') or ())}: {', '.join(named)}{only}"


def _text(found: list[Any]) -> str:
    lines = []
    for one in found:
        if isinstance(one, ObjectNotFound):
            lines.append(one.message)
        else:
            lines.append(one if isinstance(one, str) else orjson.dumps(one, option=orjson.OPT_INDENT_2).decode())
    return "\n".join(lines)


def _pending(step: FrozenStep, found: list[Any]) -> str:
    """What is still waited for, empty when everything holds."""
    wanted = step.step.parameters.get("flags", {}).get("for", [""])[0]
    for one in found:
        if isinstance(one, ObjectNotFound):
            if wanted != "delete":
                return one.message
            continue
        items: list[Json] = one.get("items", [one]) if isinstance(one, dict) else []
        if not items and wanted != "delete":
            return "nothing fits the selector"
        for item in items:
            reason = rollout_pending(item) if step.step.action == "rollout_status" else _unmet(item, wanted)
            if reason:
                return f"{item['metadata']['name']}: {reason}"
    return ""


def _unmet(item: Json, wanted: str) -> str:
    if wanted == "delete":
        return "is still there"
    if wanted.lower().startswith("condition="):
        name, _, value = wanted.partition("=")[2].partition("=")
        return _condition_pending(item, name, value or "true")
    if wanted.startswith("jsonpath="):
        return _path_pending(item, wanted.removeprefix("jsonpath="))
    return ""


def _condition_pending(item: Json, name: str, value: str) -> str:
    """A condition that speaks of an older generation than the object has does not count, as for kubectl."""
    status = item.get("status") or {}
    found = next((c for c in status.get("conditions") or [] if c["type"].lower() == name.lower()), None)
    if found is None:
        return f"condition {name} is absent"
    seen = found.get("observedGeneration", status.get("observedGeneration"))
    if seen is not None and seen < item["metadata"].get("generation", 0):
        return f"condition {name} is of an earlier generation"
    return "" if found["status"].lower() == value.lower() else f"condition {name} is {found['status']}"


def _path_pending(item: Json, wanted: str) -> str:
    awaited = read_awaited(wanted)
    if awaited is None:
        return f"{wanted} is no path"
    found = values_at(item, awaited.path)
    if not found:
        return f"nothing stands at {wanted.partition('=')[0]}"
    if awaited.value is None:
        return ""
    if len(found) > 1 or isinstance(found[0], dict | list):
        return f"{wanted} is more than one value"
    value = text_of(found[0]).strip()
    return "" if value == awaited.value else f"it is {value!r}, not {awaited.value!r}"


def rollout_pending(item: Json) -> str:
    """Why a rollout is not done, as kubectl judges it; empty when it is."""
    spec, status = item.get("spec", {}), item.get("status") or {}
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return "its controller has not seen the change yet"
    if item.get("kind") == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
        ready = status.get("availableReplicas", status.get("readyReplicas", 0))
    if updated < wanted:
        return f"{updated} of {wanted} updated"
    if item.get("kind") == "Deployment" and status.get("replicas", 0) > updated:
        return f"{status['replicas'] - updated} old replicas are still there"
    return "" if ready >= wanted else f"{ready} of {wanted} available"

"""GET pods/log: the parameters are the API's, the lines come from whoever holds them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from evals.practice.errors import Cause, bad_request, invalid
from evals.practice.hooks import LogLine, LogRequest, LogSource, Object
from evals.practice.http.call import Answer, Call
from evals.practice.store import name_of

_FOLLOW_POLL_SECONDS = 0.1


def read_logs(call: Call) -> Answer:
    """The text of a container's log; 204 while the pod is on no node."""
    place = call.place
    pod = call.cluster.store.get("pods", place.namespace, place.name)
    options = _options(call, pod)
    container = _container(call, pod)
    if not pod["spec"].get("nodeName") or call.cluster.logs is None:
        return Answer(None, status=204, content_type="")
    request = LogRequest(pod, container, call.is_true("previous"), call.is_true("follow"))
    lines = _chosen(call, list(call.cluster.logs.lines(request)), options)
    first = b"".join(_written(call, line) for line in lines)
    limit = options.get("limitBytes")
    if limit is not None:
        first = first[:limit]
    if request.follow:
        stream = _follow(call, call.cluster.logs, request, first, len(list(call.cluster.logs.lines(request))))
        return Answer(stream, content_type="text/plain")
    return Answer(first, content_type="text/plain")


def _options(call: Call, pod: Object) -> dict[str, int]:
    """Checked integer options, and `since` as seconds."""
    found: dict[str, int] = {}
    causes: list[Cause] = []
    for name in ("tailLines", "limitBytes", "sinceSeconds"):
        text = call.query.get(name, "")
        if not text:
            continue
        try:
            found[name] = int(text)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if found.get("tailLines", 0) < 0:
        causes.append(Cause.invalid("tailLines", found["tailLines"], "must be greater than or equal to 0"))
    if "limitBytes" in found and found["limitBytes"] < 1:
        causes.append(Cause.invalid("limitBytes", found["limitBytes"], "must be greater than 0"))
    since_time = call.query.get("sinceTime", "")
    if since_time and "sinceSeconds" in found:
        why = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(Cause.forbidden("[]", why))
    elif "sinceSeconds" in found and found["sinceSeconds"] < 1:
        causes.append(Cause.invalid("sinceSeconds", found["sinceSeconds"], "must be greater than 0"))
    elif since_time:
        found["sinceSeconds"] = _seconds_since(call, since_time)
    if call.query.get("stream"):
        causes.append(Cause.forbidden("stream", "may not be specified"))
    if causes:
        raise invalid("PodLogOptions", "", name_of(pod), causes)
    return found


def _seconds_since(call: Call, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return max(int((call.cluster.clock.now() - moment).total_seconds()), 0) + 1
    except (ValueError, TypeError):
        form = "2006-01-02T15:04:05Z07:00"
        raise bad_request(f'parsing time "{text}" as "{form}": cannot parse "{text}" as "2006"') from None


def _container(call: Call, pod: Object) -> str:
    spec = pod["spec"]
    names = [c["name"] for c in spec.get("initContainers") or []] + [c["name"] for c in spec["containers"]]
    names += [c["name"] for c in spec.get("ephemeralContainers") or []]
    asked = call.query.get("container", "")
    if asked:
        if asked not in names:
            raise bad_request(f"container {asked} is not valid for pod {name_of(pod)}")
        return asked
    default = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if len(names) > 1 and default not in names:
        raise bad_request(
            f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(names)}]"
        )
    return str(default) if default in names else str(names[0])


def _chosen(call: Call, lines: list[LogLine], options: dict[str, int]) -> list[LogLine]:
    if "sinceSeconds" in options:
        start = call.cluster.clock.now() - timedelta(seconds=options["sinceSeconds"])
        lines = [line for line in lines if line.at >= start]
    if "tailLines" in options:
        lines = lines[-options["tailLines"] :] if options["tailLines"] else []
    return lines


def _written(call: Call, line: LogLine) -> bytes:
    text = line.text + "\n"
    if call.is_true("timestamps"):
        text = line.at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") + text
    return text.encode()


async def _follow(call: Call, source: LogSource, request: LogRequest, first: bytes, seen: int) -> AsyncIterator[bytes]:
    """What is there, then what comes, until the pod is gone or has ended."""
    if first:
        yield first
    store = call.cluster.store
    while True:
        await asyncio.sleep(_FOLLOW_POLL_SECONDS)
        pod = store.find("pods", call.place.namespace, call.place.name)
        if pod is None:
            return
        lines = list(source.lines(LogRequest(pod, request.container, request.previous, True)))
        new, seen = lines[seen:], max(len(lines), 0)
        if new:
            yield b"".join(_written(call, line) for line in new)
        if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return

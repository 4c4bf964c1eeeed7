"""``python -m evals.prepared --pods 5000 --kubeconfig FILE``: serves the prepared cluster on a free port until it is stopped.

One process, one loop, no framework: each page is encoded the first time it is asked for and is bytes from then on.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import yaml

from evals.prepared.kinds import objects_of
from evals.prepared.objects import PreparedCluster
from knowledge.vocabulary import Json

NAMESPACED = re.compile(r"^(?P<root>api/v1|apis/[^/]+/[^/]+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)$")
LOG = re.compile(r"^api/v1/namespaces/[^/]+/pods/[^/]+/log$")
LOG_LINES = 400


class Answers:
    """``of(target)`` is the whole HTTP answer to a GET of ``target`` (path and query)."""

    def __init__(self, cluster: PreparedCluster, *, is_lean: bool = False) -> None:
        self._objects = objects_of(cluster)
        for item in (item for items in self._objects.values() for item in items):
            if is_lean:
                item["metadata"].pop("managedFields", None)
        self._ready: dict[str, bytes] = {}
        self._log = _answer(200, _log_text(cluster), "text/plain")

    def of(self, target: str) -> bytes:
        found = self._ready.get(target)
        if found is None:
            found = self._ready[target] = self._made(target)
        return found

    def _made(self, target: str) -> bytes:
        parts = urlsplit(target)
        path, query = parts.path.strip("/"), {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "version":
            return _json(200, {"major": "1", "minor": "34", "gitVersion": "v1.34.2"})
        if path in ("api", "apis"):
            return _json(200, {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": []})
        if LOG.match(path):
            return self._log
        found = NAMESPACED.match(path)
        namespace = found["namespace"] if found else ""
        items = self._objects.get(f"{found['root']}/{found['plural']}" if found else path)
        if items is None:
            status = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "not served"}
            return _json(404, status)
        return _page([item for item in items if _is_wanted(item, namespace, query)], query)


def _is_wanted(item: Json, namespace: str, query: dict[str, str]) -> bool:
    where = item["metadata"].get("namespace", "")
    if namespace and where != namespace:
        return False
    return not any(part == f"metadata.namespace!={where}" for part in query.get("fieldSelector", "").split(","))


def _page(items: Sequence[Json], query: dict[str, str]) -> bytes:
    start, limit = int(query.get("continue", "0")), int(query.get("limit", "0")) or len(items) or 1
    metadata: Json = {"resourceVersion": "90000001"}
    if start + limit < len(items):
        metadata |= {"continue": str(start + limit), "remainingItemCount": len(items) - start - limit}
    return _json(200, {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items[start : start + limit]})


def _json(status: int, body: Json) -> bytes:
    return _answer(status, orjson.dumps(body), "application/json")


def _answer(status: int, body: bytes, content_type: str) -> bytes:
    head = f"HTTP/1.1 {status} Told\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _log_text(cluster: PreparedCluster) -> bytes:
    lines = [
        f'{cluster.ago(500 - number)} INFO:     10.0.0.{number % 250}:41234 - "POST /v1/chat/completions HTTP/1.1" 200 OK'
        for number in range(LOG_LINES)
    ]  # fmt: skip
    lines.append(
        f"{cluster.ago(60)} ERROR: ValueError: The model's max seq len (8192) is larger than the KV cache can hold"
    )
    return "\n".join(lines).encode() + b"\n"


class Connection(asyncio.Protocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while b"\r\n\r\n" in self._pending:
            head, _, self._pending = self._pending.partition(b"\r\n\r\n")
            self._transport.write(self._answers.of(head.split(b" ", 2)[1].decode()))


def _config(url: str) -> Json:
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "prepared",
        "clusters": [{"name": "prepared", "cluster": {"server": url}}],
        "users": [{"name": "prepared", "user": {"token": "not-asked-for"}}],
        "contexts": [{"name": "prepared", "context": {"cluster": "prepared", "user": "prepared"}}],
    }  # fmt: skip


async def _serve(answers: Answers, kubeconfig: Path) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(answers), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.to_thread(kubeconfig.write_text, yaml.safe_dump(_config(url)))
    print(url, flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.prepared", description=__doc__)
    parser.add_argument("--pods", type=int, default=5_000)
    parser.add_argument("--lean", action="store_true", help="objects without field managers")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(_serve(Answers(PreparedCluster(given.pods), is_lean=given.lean), given.kubeconfig))


if __name__ == "__main__":
    main()

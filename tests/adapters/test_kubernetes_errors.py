"""The cluster ports when the API server, the network or the kubeconfig is not what it should be."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledge.errors import (
    AccessDenied,
    AnswerTooLarge,
    BadInput,
    ClusterBusy,
    ClusterUnreachable,
    MalformedSettings,
    ObjectNotFound,
    WriteUnanswered,
)
from knowledge.vocabulary import ApiRequest
from tests.fakes.http_server import Asked, HttpServer, Told, running_http_server
from tools.adapters.kubernetes_cluster import KubernetesReader, KubernetesWriter
from tools.adapters.kubernetes_connection import KubernetesConnection
from tools.adapters.kubernetes_discovery import discover
from tools.ports import ResourceKind

RECORDED = Path(__file__).parent.parent / "contracts" / "kubernetes" / "exchanges"
PODS = ResourceKind("", "v1", "pods", "Pod", is_namespaced=True)
PATCH = ApiRequest(
    cluster="east",
    method="PATCH",
    path="/apis/apps/v1/namespaces/shop/deployments/web",
    query={"fieldManager": "opsdesk"},
    content_type="application/json-patch+json",
    body=[{"op": "test", "path": "/metadata/uid", "value": "u"}],
)


def kubeconfig(folder: Path, url: str, *, token: str = "t", context: str = "east") -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": token}}],
                "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
                "current-context": context,
            }
        )
    )
    return path


@contextmanager
def reader_of(
    folder: Path, respond: Callable[[Asked], Told], **options: Any
) -> Iterator[tuple[KubernetesReader, HttpServer]]:
    with running_http_server(respond) as server:
        reader = KubernetesReader.connect("east", kubeconfig(folder, server.url, **options), timeout_seconds=5)
        yield reader, server
        reader.close()


@contextmanager
def writer_of(folder: Path, respond: Callable[[Asked], Told]) -> Iterator[tuple[KubernetesWriter, HttpServer]]:
    with running_http_server(respond) as server:
        writer = KubernetesWriter.connect("east", kubeconfig(folder, server.url))
        yield writer, server
        writer.close()


def status(code: int, message: str = "no", **headers: str) -> Told:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code}
    return Told(code, body, {name.replace("_", "-"): value for name, value in headers.items()})


def pages(asked: Asked) -> Told:
    """1,200 pods, in pages as asked."""
    start, size = int(asked.query.get("continue") or 0), int(asked.query["limit"])
    items = [{"metadata": {"name": f"p{index}"}} for index in range(start, min(1200, start + size))]
    more = {"continue": str(start + size)} if start + size < 1200 else {}
    return Told(200, {"kind": "PodList", "metadata": {"resourceVersion": "7", **more}, "items": items})


async def test_list_reads_all_pages_and_fills_in_kinds_when_there_are_many(tmp_path: Path) -> None:
    with reader_of(tmp_path, pages) as (reader, server):
        listing = await reader.list(PODS, "shop", label_selector="app=web")
        assert len(listing.items) == 1200
        assert not listing.is_cut
        assert listing.items[0]["kind"] == "Pod"
        assert listing.resource_version == "7"
        assert [asked.query["limit"] for asked in server.asked] == ["500", "500", "500"]
        assert {asked.path for asked in server.asked} == {"/api/v1/namespaces/shop/pods"}
        assert server.asked[0].query["labelSelector"] == "app=web"
        assert server.asked[0].headers["authorization"] == "Bearer t"
        cut = await reader.list(PODS, limit=600)
        assert len(cut.items) == 600
        assert cut.is_cut


async def test_list_starts_again_when_its_continue_token_expired(tmp_path: Path) -> None:
    expired = iter([True])

    def respond(asked: Asked) -> Told:
        if asked.query.get("continue") and next(expired, False):
            return status(410, "the provided continue parameter is too old")
        return pages(asked)

    with reader_of(tmp_path, respond) as (reader, _):
        listing = await reader.list(PODS)
        assert len({item["metadata"]["name"] for item in listing.items}) == len(listing.items) == 1200


@pytest.mark.parametrize(
    ("told", "error", "word"),
    [
        (status(401, "Unauthorized"), AccessDenied, "credentials"),
        (status(403, 'pods is forbidden: User "ops" cannot list resource "pods"'), AccessDenied, "cannot list"),
        (status(404), ObjectNotFound, "list pods"),
        (Told(404, b"404 page not found"), ObjectNotFound, "page not found"),
        (status(429, "slow down", Retry_After="60"), ClusterBusy, "slow down"),
        (status(503, "x"), ClusterBusy, "503"),
        (status(400, "bad selector"), BadInput, "bad selector"),
        (Told(hangs_up=True), ClusterUnreachable, "no answer"),
        (Told(200, {"items": []}, cut=True), ClusterUnreachable, "no answer"),
    ],
)
async def test_read_error_is_told_apart_when_the_server_refuses(
    tmp_path: Path, told: Told, error: type[Exception], word: str
) -> None:
    with reader_of(tmp_path, lambda asked: told) as (reader, _), pytest.raises(error, match=word):
        await reader.list(PODS, "shop")


async def test_busy_server_is_asked_once_more_when_the_wait_is_short(tmp_path: Path) -> None:
    answers = iter([status(429, "wait", Retry_After="0"), Told(200, {"gitVersion": "v1.32.13"})])
    with reader_of(tmp_path, lambda asked: next(answers)) as (reader, _):
        assert await reader.version() == "v1.32.13"


async def test_denial_tells_the_tokens_end_when_it_expired(tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_700_000_000}).encode()).decode().rstrip("=")
    opened = reader_of(tmp_path, lambda asked: status(401), token=f"eyJh.{claims}.s")
    with opened as (reader, _), pytest.raises(AccessDenied, match="ended at 2023-11-14") as caught:
        await reader.version()
    assert "kubeconfig" in caught.value.next_step


async def test_answer_is_too_large_when_it_passes_the_bound(tmp_path: Path) -> None:
    with running_http_server(lambda asked: Told(200, b'"' + b"x" * 5000 + b'"')) as server:
        connection = KubernetesConnection("east", kubeconfig(tmp_path, server.url))
        with pytest.raises(AnswerTooLarge):
            await KubernetesReader(connection, max_bytes=1000).raw("/version")
        connection.close()


async def test_cluster_is_unreachable_when_nobody_listens(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:9")
    with pytest.raises(ClusterUnreachable, match="refused"):
        await KubernetesReader.connect("east", path).version()
    with pytest.raises(ClusterUnreachable):
        await KubernetesWriter.connect("east", path).send(PATCH)


async def test_cluster_is_unreachable_in_time_when_it_is_slow(tmp_path: Path) -> None:
    with running_http_server(lambda asked: Told(waits=True)) as server:
        began = time.monotonic()
        with pytest.raises(ClusterUnreachable, match="longer than the timeout"):
            await KubernetesReader.connect("east", kubeconfig(tmp_path, server.url), timeout_seconds=0.3).version()
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("content", "context", "word"),
    [
        (None, "", "cannot be read"),
        ("{{", "", "not YAML"),
        ("just text", "", "no kubeconfig"),
        ("contexts: [{name: a}]\ncurrent-context: b", "", "no context 'b'"),
        ("contexts: [{name: a}]", "", "no current context"),
        ("contexts: [{name: a}]", "z", "it has: a"),
        ("contexts: [{name: a, context: {cluster: x, user: y}}]\ncurrent-context: a", "", "cannot be used"),
    ],
)
async def test_kubeconfig_error_says_what_is_wrong_when_it_is_bad(
    tmp_path: Path, content: str | None, context: str, word: str
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(MalformedSettings, match=word) as caught:
        await KubernetesReader.connect("east", path, context).version()
    assert caught.value.next_step


async def test_error_says_there_is_no_pod_when_no_kubeconfig_is_set() -> None:
    with pytest.raises(MalformedSettings, match="does not run in a cluster"):
        await KubernetesReader.connect("east", None).version()


async def test_reader_works_when_its_kubeconfig_was_mended(tmp_path: Path) -> None:
    with running_http_server(lambda asked: Told(200, {"gitVersion": "v1"})) as server:
        reader = KubernetesReader.connect("east", tmp_path / "kubeconfig")
        with pytest.raises(MalformedSettings):
            await reader.version()
        kubeconfig(tmp_path, server.url)
        assert await reader.version() == "v1"
        reader.close()


async def test_write_goes_out_once_and_byte_for_byte_when_it_is_frozen(tmp_path: Path) -> None:
    told = Told(409, {"kind": "Status", "reason": "Conflict"}, {"Warning": '299 - "old"'})
    with writer_of(tmp_path, lambda asked: told) as (writer, server):
        answer = await writer.send(PATCH, dry_run=True, user_agent="opsdesk/step-1")
        assert (answer.status, answer.is_ok, answer.warnings) == (409, False, ('299 - "old"',))
        (asked,) = server.asked
        assert asked.method == "PATCH"
        assert asked.query == {"fieldManager": "opsdesk", "dryRun": "All"}
        assert asked.headers["content-type"] == "application/json-patch+json"
        assert asked.headers["user-agent"] == "opsdesk/step-1"
        assert json.loads(asked.body) == PATCH.body
        await writer.send(PATCH)
        assert "dryRun" not in server.asked[1].query


@pytest.mark.parametrize("told", [Told(hangs_up=True), Told(200, {"a": 1}, cut=True), Told(waits=True)])
async def test_write_is_unanswered_and_not_resent_when_the_answer_is_lost(tmp_path: Path, told: Told) -> None:
    with writer_of(tmp_path, lambda asked: told) as (writer, server):
        with pytest.raises(WriteUnanswered):
            await writer.send(PATCH, timeout_seconds=0.3)
        assert len(server.asked) == 1


@pytest.mark.parametrize("code", [301, 429, 500, 503])
async def test_write_is_not_repeated_when_the_server_says_later(tmp_path: Path, code: int) -> None:
    with writer_of(tmp_path, lambda asked: status(code, Retry_After="0", Location="/elsewhere")) as (writer, server):
        assert (await writer.send(PATCH)).status == code
        assert len(server.asked) == 1


async def test_discovery_goes_group_by_group_when_it_is_not_aggregated(tmp_path: Path) -> None:
    resource = {
        "name": "deployments",
        "singularName": "deployment",
        "kind": "Deployment",
        "namespaced": True,
        "verbs": ["list"],
    }
    answers = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"resources": [{"name": "nodes", "kind": "Node", "namespaced": False, "shortNames": ["no"]}]},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {"name": "apps", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
                {"name": "metrics.k8s.io", "versions": [{"version": "v1beta1"}]},
            ],
        },
        "/apis/apps/v1": {"resources": [resource, {**resource, "name": "deployments/scale", "kind": "Scale"}]},
    }
    with reader_of(
        tmp_path, lambda asked: Told(200, answers[asked.path]) if asked.path in answers else status(503)
    ) as (
        reader,
        server,
    ):
        node, deployment = await reader.kinds()
        assert (node.resource, node.short_names, node.is_namespaced) == ("nodes", ("no",), False)
        assert (deployment.resource, deployment.subresources) == ("deployments.apps", ("scale",))
        count = len(server.asked)
        await reader.kinds()
        assert len(server.asked) == count


async def test_aggregated_discovery_says_the_same_when_the_recorded_server_gives_both() -> None:
    exchanges = [json.loads(line) for line in (RECORDED / "01-discovery.jsonl").read_text().splitlines()]
    plain: dict[str, Any] = {}
    aggregated: dict[str, Any] = {}
    for exchange in exchanges:
        if exchange["response"]["status"] == 200:
            is_aggregated = "apidiscovery" in str(exchange["request"].get("headers"))
            (aggregated if is_aggregated else plain)[exchange["request"]["path"]] = exchange["response"]["body"]
    empty = {"/apis": {"kind": "APIGroupDiscoveryList", "items": []}}

    async def read_aggregated(path: str, accept: str) -> Any:
        return {**empty, **aggregated}[path]

    async def read_plain(path: str, accept: str) -> Any:
        return {**plain, "/apis": {"groups": []}}[path]

    kinds = await discover(read_aggregated)
    assert len(kinds) > 10
    assert set(kinds) == set(await discover(read_plain))


async def test_requests_run_side_by_side_when_many_are_asked(tmp_path: Path) -> None:
    with reader_of(tmp_path, lambda asked: Told(200, {"gitVersion": "v1"})) as (reader, server):
        assert set(await asyncio.gather(*(reader.version() for _ in range(40)))) == {"v1"}
        assert len(server.asked) == 40

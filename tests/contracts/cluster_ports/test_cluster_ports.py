"""What any cluster behind the two ports does: the practice cluster, and a live one where OPSDESK_TEST_KUBECONFIG names it.

A live cluster is written to: one namespace ``opsdesk-contract-...`` is made and deleted.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowledge.errors import AccessDenied, ObjectNotFound
from knowledge.vocabulary import ApiRequest, Json
from tools.adapters.kubernetes_cluster import KubernetesReader, KubernetesWriter
from tools.ports import ResourceKind

LIVE = os.environ.get("OPSDESK_TEST_KUBECONFIG", "")


@dataclass(frozen=True, slots=True)
class Desk:
    """A cluster as its two identities, and a namespace to write in."""

    kubeconfig: Path
    reader: KubernetesReader
    writer: KubernetesWriter
    namespace: str

    async def kind(self, plural: str, group: str = "") -> ResourceKind:
        return next(kind for kind in await self.reader.kinds() if (kind.plural, kind.group) == (plural, group))

    async def create(self, kind: ResourceKind, body: Json, *, dry_run: bool = False) -> int:
        namespace = self.namespace if kind.is_namespaced else ""
        request = ApiRequest(
            cluster="contract",
            method="POST",
            path=kind.path(namespace),
            query={"fieldManager": "opsdesk"},
            content_type="application/json",
            body={"apiVersion": kind.api_version, "kind": kind.kind, **body},
        )
        return (await self.writer.send(request, dry_run=dry_run)).status


@pytest.fixture(scope="module")
def practice_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from evals.practice.server import running_in_thread

    with running_in_thread() as server:
        path = tmp_path_factory.mktemp("practice") / "kubeconfig"
        path.write_text(server.kubeconfig())
        yield path


@pytest.fixture(params=["practice", pytest.param("live", marks=pytest.mark.cluster)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    if request.param == "live" and not LIVE:
        pytest.skip("no live cluster: set OPSDESK_TEST_KUBECONFIG")
    path = Path(LIVE) if request.param == "live" else request.getfixturevalue("practice_kubeconfig")
    reader, writer = KubernetesReader.connect("contract", path), KubernetesWriter.connect("contract", path)
    made = Desk(path, reader, writer, f"opsdesk-contract-{uuid.uuid4().hex[:8]}")
    namespaces = await made.kind("namespaces")
    assert await made.create(namespaces, {"metadata": {"name": made.namespace}}) == 201
    yield made
    path_of_it = namespaces.path("", made.namespace)
    await writer.send(ApiRequest(cluster="contract", method="DELETE", path=path_of_it))
    reader.close()
    writer.close()


def config(name: str, **labels: str) -> Json:
    return {"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


async def test_version_and_kinds_are_told_when_asked(desk: Desk) -> None:
    assert (await desk.reader.version()).startswith("v1.")
    deployments = await desk.kind("deployments", "apps")
    assert (deployments.kind, deployments.is_namespaced) == ("Deployment", True)
    assert "deploy" in deployments.short_names
    assert "scale" in deployments.subresources
    assert "list" in deployments.verbs
    assert not (await desk.kind("nodes")).is_namespaced


async def test_object_is_read_back_when_created(desk: Desk) -> None:
    configs = await desk.kind("configmaps")
    assert await desk.create(configs, config("one")) == 201
    assert await desk.create(configs, config("one")) == 409
    item = await desk.reader.get(configs, desk.namespace, "one")
    assert (item["kind"], item["apiVersion"], item["data"]) == ("ConfigMap", "v1", {"a": "1"})
    assert item["metadata"]["uid"]


async def test_nothing_is_stored_when_a_write_is_a_dry_run(desk: Desk) -> None:
    configs = await desk.kind("configmaps")
    assert await desk.create(configs, config("ghost"), dry_run=True) == 201
    with pytest.raises(ObjectNotFound):
        await desk.reader.get(configs, desk.namespace, "ghost")


@pytest.mark.parametrize(
    "body", [None, {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}]
)
async def test_nothing_is_deleted_when_a_delete_is_a_dry_run(desk: Desk, body: Json | None) -> None:
    """The server reads no option from the query of a delete that has a body: a dry run said there alone would delete."""
    configs = await desk.kind("configmaps")
    name = f"stays-{uuid.uuid4().hex[:6]}"
    assert await desk.create(configs, config(name)) == 201
    path = configs.path(desk.namespace, name)
    request = ApiRequest(cluster="contract", method="DELETE", path=path, content_type="application/json", body=body)
    assert (await desk.writer.send(request, dry_run=True)).is_ok
    assert (await desk.reader.get(configs, desk.namespace, name))["metadata"]["name"] == name


async def test_list_selects_and_pages_when_asked(desk: Desk) -> None:
    configs = await desk.kind("configmaps")
    codes = await asyncio.gather(*(desk.create(configs, config(f"n{n:02}", part=str(n % 2))) for n in range(12)))
    assert set(codes) == {201}
    odd = await desk.reader.list(configs, desk.namespace, label_selector="part=1")
    assert [item["metadata"]["name"] for item in odd.items] == [f"n{n:02}" for n in range(1, 12, 2)]
    assert odd.items[0]["kind"] == "ConfigMap"
    one = await desk.reader.list(configs, desk.namespace, field_selector="metadata.name=n03")
    assert len(one.items) == 1
    some = await desk.reader.list(configs, desk.namespace, limit=5)
    assert len(some.items) == 5
    assert some.is_cut
    elsewhere = await desk.reader.list(configs, field_selector=f"metadata.namespace!={desk.namespace}")
    assert desk.namespace not in {item["metadata"]["namespace"] for item in elsewhere.items}
    assert (await desk.reader.list(configs, "no-such-namespace")).items == []


async def test_patch_is_refused_when_its_test_does_not_hold(desk: Desk) -> None:
    configs = await desk.kind("configmaps")
    await desk.create(configs, config("two"))
    for expected, code in (("2", 422), ("1", 200)):
        operations = [
            {"op": "test", "path": "/data/a", "value": expected},
            {"op": "replace", "path": "/data/a", "value": "3"},
        ]
        request = ApiRequest(
            cluster="contract",
            method="PATCH",
            path=configs.path(desk.namespace, "two"),
            content_type="application/json-patch+json",
            body=operations,
        )
        assert (await desk.writer.send(request)).status == code
    assert (await desk.reader.get(configs, desk.namespace, "two"))["data"] == {"a": "3"}


async def test_apply_is_refused_when_object_or_version_is_not_the_one_it_names(desk: Desk) -> None:
    configs = await desk.kind("configmaps")
    await desk.create(configs, {"metadata": {"name": "three"}, "data": {"theirs": "1"}})
    metadata = (await desk.reader.get(configs, desk.namespace, "three"))["metadata"]
    right = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}

    async def applied(named: Json) -> int:
        request = ApiRequest(
            cluster="contract",
            method="PATCH",
            path=configs.path(desk.namespace, "three"),
            query={"fieldManager": "opsdesk", "force": "false", "timeout": "15s"},
            content_type="application/apply-patch+yaml",
            body={
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "three", **named},
                "data": {"ours": "1"},
            },
        )
        return (await desk.writer.send(request)).status

    assert await applied(right | {"resourceVersion": "1"}) == 409
    assert await applied(right | {"uid": str(uuid.uuid4())}) in {409, 422}
    assert "ours" not in (await desk.reader.get(configs, desk.namespace, "three"))["data"]
    assert await applied(right) == 200
    found = await desk.reader.get(configs, desk.namespace, "three")
    assert (found["data"], found["metadata"]["uid"]) == ({"theirs": "1", "ours": "1"}, metadata["uid"])


async def test_rights_are_told_when_asked(desk: Desk) -> None:
    pods = await desk.kind("pods")
    assert await desk.reader.may("list", pods, desk.namespace)
    assert await desk.writer.may("create", pods, desk.namespace, subresource="eviction")
    rights = await desk.writer.rights(desk.namespace)
    assert any("*" in rule["verbs"] or "create" in rule["verbs"] for rule in rights)


async def test_missing_things_are_not_found_when_read(desk: Desk) -> None:
    with pytest.raises(ObjectNotFound):
        await desk.reader.get(await desk.kind("pods"), desk.namespace, "none")
    with pytest.raises(ObjectNotFound):
        await desk.reader.logs(desk.namespace, "none", "")
    with pytest.raises(ObjectNotFound):
        await desk.reader.raw("/apis/no.such.group/v1")


async def test_access_is_denied_when_the_token_is_unknown(desk: Desk, tmp_path: Path) -> None:
    import yaml

    content = yaml.safe_load(desk.kubeconfig.read_text())
    content["users"] = [{"name": user["name"], "user": {"token": "unknown"}} for user in content["users"]]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    reader = KubernetesReader.connect("contract", path)
    with pytest.raises(AccessDenied, match="401"):
        await reader.list(await desk.kind("pods"))
    reader.close()

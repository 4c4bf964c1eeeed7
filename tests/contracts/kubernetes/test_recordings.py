"""The practice cluster answers what a real API server was recorded to answer; so does a live cluster, where one is named.

Exchanges that differ stand in `expected_differences.yaml` with the reason. A live cluster is written to: each file makes and
leaves a namespace `rec-...`, which must not be there before.
"""

from __future__ import annotations

import base64
import os
import ssl
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.contracts.kubernetes.recordings import files, load
from tests.contracts.kubernetes.replay import Outcome, Server, bare_practice_server, replay_file

LIVE = os.environ.get("OPSDESK_TEST_KUBECONFIG", "")
_EXPECTED = Path(__file__).with_name("expected_differences.yaml")
_FILES = [pytest.param(file, id=file.stem) for file in files()]


@cache
def expected() -> dict[str, dict[str, str]]:
    """`differs`, `races` and `other_minor`: exchange -> reason."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(_EXPECTED.read_text(encoding="utf-8"))
    return loaded


def _told(rows: Outcome) -> str:
    return "\n".join(f"{name}: {'; '.join(found[:4])[:800]}" for name, found in rows.items())


@pytest.mark.parametrize("file", _FILES)
def test_practice_cluster_answers_as_recorded(file: Path) -> None:
    with bare_practice_server(file) as server:
        outcome = replay_file(server, file)
    differs, races = expected()["differs"], expected()["races"]
    surprising = {
        name: found
        for name, found in outcome.items()
        if found and name not in differs and (name not in races or found[0].startswith("status "))
    }
    assert not surprising, _told(surprising)
    healed = [name for name, found in outcome.items() if not found and name in differs]
    assert not healed, f"equal by now, so take them out of {_EXPECTED.name}: {', '.join(healed)}"


def test_expected_differences_name_recorded_exchanges_and_reasons() -> None:
    known = {exchange.id for file in files() for exchange in load(file)}
    for kind, rows in expected().items():
        assert set(rows) <= known, f"{kind}: {sorted(set(rows) - known)} were never recorded"
        assert all(len(reason) > 20 for reason in rows.values()), f"{kind}: every entry says why"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Server]:
    """The live cluster, without the namespaces of an earlier replay; those of this one are taken away again."""
    server = live_server(Path(LIVE), tmp_path)
    authorization = {"Authorization": f"Bearer {server.admin_token}"} if server.admin_token else {}
    with httpx.Client(
        base_url=server.url, headers=authorization, verify=server.verify, cert=server.certificate, timeout=30
    ) as client:
        _sweep(client)
        yield server
        _sweep(client)


def _sweep(client: httpx.Client) -> None:
    deadline = time.monotonic() + 90
    while names := [one for one in _names(client) if one.startswith("rec-")]:
        for name in names:
            client.delete(f"/api/v1/namespaces/{name}")
        assert time.monotonic() < deadline, f"namespaces of an earlier replay do not go: {names}"
        time.sleep(0.5)


def _names(client: httpx.Client) -> list[str]:
    return [item["metadata"]["name"] for item in client.get("/api/v1/namespaces").json()["items"]]


@pytest.mark.cluster
@pytest.mark.timeout(300)
@pytest.mark.skipif(not LIVE, reason="no live cluster: set OPSDESK_TEST_KUBECONFIG")
@pytest.mark.parametrize("file", _FILES)
def test_live_cluster_answers_as_recorded(file: Path, live: Server) -> None:
    """A cluster of another minor version has other fields; it answers with the same statuses all the same, but for what came
    or went between the two (`other_minor`)."""
    if file.stem == NODES_FILE and not _nodes(live) >= RECORDED_NODES:
        pytest.skip(f"its requests name the nodes {', '.join(sorted(RECORDED_NODES))}")
    outcome = replay_file(live, file)
    if _minor(live) == RECORDED_MINOR:
        surprising = {name: found for name, found in outcome.items() if found}
    else:
        known = {**expected()["races"], **expected()["other_minor"]}
        surprising = {
            name: found
            for name, found in outcome.items()
            if found and found[0].startswith("status ") and name not in known
        }
    assert not surprising, _told(surprising)


RECORDED_MINOR = "32"
NODES_FILE, RECORDED_NODES = "28-nodes", {"rig-node-1", "rig-node-2"}


def _nodes(server: Server) -> set[str]:
    authorization = {"Authorization": f"Bearer {server.admin_token}"} if server.admin_token else {}
    with httpx.Client(
        base_url=server.url, headers=authorization, verify=server.verify, cert=server.certificate
    ) as client:
        return {item["metadata"]["name"] for item in client.get("/api/v1/nodes").json()["items"]}


def _minor(server: Server) -> str:
    with httpx.Client(base_url=server.url, verify=server.verify, cert=server.certificate) as client:
        return str(client.get("/version").json().get("minor", "")).rstrip("+")


def live_server(kubeconfig: Path, folder: Path) -> Server:
    """The current context of a kubeconfig, with a token or a client certificate."""
    config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = _named(config["contexts"], config["current-context"], "context")
    cluster = _named(config["clusters"], context["cluster"], "cluster")
    user = _named(config["users"], context["user"], "user")
    verify = ssl.create_default_context()
    if authority := _file(cluster, "certificate-authority", folder):
        verify = ssl.create_default_context(cafile=authority)
    certificate, key = _file(user, "client-certificate", folder), _file(user, "client-key", folder)
    pair = (certificate, key) if certificate and key else None
    return Server(cluster["server"], user.get("token", ""), verify=verify, certificate=pair)


def _named(rows: list[dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row[kind] for row in rows if row["name"] == name)
    return found


def _file(holder: dict[str, Any], key: str, folder: Path) -> str:
    """A file that the kubeconfig names or holds; "" when it has neither."""
    if holder.get(key):
        return str(holder[key])
    data = holder.get(f"{key}-data")
    if not data:
        return ""
    written = folder / key
    written.touch(mode=0o600)
    written.write_bytes(base64.b64decode(data))
    return str(written)

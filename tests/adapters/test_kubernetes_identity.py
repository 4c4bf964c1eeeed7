"""Whose word goes out with a request: the token of this moment, and the approvers' names in every script."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

import yaml

from knowledge.vocabulary import ApiRequest
from tests.fakes.http_server import Asked, Told, running_http_server
from tools.adapters.kubernetes_cluster import KubernetesWriter

PATCH = ApiRequest(cluster="east", method="PATCH", path="/apis/apps/v1/namespaces/shop/deployments/web", body=[])


def answer(asked: Asked) -> Told:
    del asked
    return Told(body={"kind": "Deployment", "metadata": {"name": "web"}})


def with_token_file(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "east", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "east",
    }
    path.write_text(yaml.safe_dump(content))
    return path


def rotate(file: Path, token: str, second: int) -> None:
    """As the kubelet does: the file is written anew, with a later time."""
    draft = file.with_suffix(".new")
    draft.write_text(token + "\n")
    os.utime(draft, ns=(second * 10**9, second * 10**9))
    draft.replace(file)


async def test_token_file_is_read_again_when_it_was_rotated_and_the_old_token_stays_meanwhile(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with running_http_server(answer) as server:
        rotate(token, "first", 1)
        writer = KubernetesWriter.connect("east", with_token_file(tmp_path, server.url))
        try:
            await writer.send(PATCH)
            rotate(token, "second", 2)
            await writer.send(PATCH)
            token.unlink()
            await writer.send(PATCH)
            rotate(token, "", 3)
            await writer.send(PATCH)
        finally:
            writer.close()
        sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == ["Bearer first", "Bearer second", "Bearer second", "Bearer second"]


async def test_user_agent_carries_names_of_any_script_in_one_header_line(tmp_path: Path) -> None:
    with running_http_server(answer) as server:
        rotate(tmp_path / "token", "t", 1)
        writer = KubernetesWriter.connect("east", with_token_file(tmp_path, server.url))
        try:
            await writer.send(PATCH, user_agent="opsdesk-executor (approved by 张三, ann+1@x.org)")
            await writer.send(PATCH, user_agent="opsdesk-executor (approved by a\r\nX-Admin: 1)")
        finally:
            writer.close()
        first, second = server.asked
    assert unquote(first.headers["user-agent"]) == "opsdesk-executor (approved by 张三, ann+1@x.org)"
    assert "ann+1@x.org" in first.headers["user-agent"]
    assert "x-admin" not in second.headers

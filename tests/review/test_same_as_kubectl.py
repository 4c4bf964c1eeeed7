"""What a frozen step leaves is what the real kubectl of that line leaves on the same object."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from knowledge.vocabulary import Json
from tests.fakes.memory_cluster import MemoryCluster, StillClock, service
from tools.actions.json_patch import apply_patch
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy

POLICY = load_policy()
CONTAINERS: list[Json] = [
    {
        "name": "app", "image": "registry.example.com/a:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {"limits": {"memory": "1Gi", "cpu": "1"}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}], "args": ["--x", "--y"],
    },
    {"name": "side", "image": "registry.example.com/b:1", "resources": {}},
]  # fmt: skip
DEPLOYMENT: Json = {
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": "a"}, "annotations": {"note": "x"}},
    "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": CONTAINERS, "volumes": [{"name": "v", "emptyDir": {}}], "nodeSelector": {"a": "b"},
                     "tolerations": [{"key": "k", "operator": "Exists"}]},
        },
    },
}  # fmt: skip
T = '{"spec":{"template":{"spec":%s}}}'
LINES = [
    ["set", "image", "app=registry.example.com/a:2"],
    ["set", "image", "app=registry.example.com/a:2", "side=registry.example.com/b:2"],
    ["set", "image", "*=registry.example.com/a:2"],
    ["set", "resources", "--limits=memory=2Gi"],
    ["set", "resources", "-c=app", "--limits=memory=2048Mi,cpu=1500m", "--requests=cpu=500m"],
    ["set", "resources", "--containers=side", "--requests=memory=1.5Gi,cpu=0.5"],
    ["set", "env", "C=3"],
    ["set", "env", "A=9", "D=4", "B-"],
    ["set", "env", "-c", "side", "X=y=z"],
    ["set", "env", "A-", "B-"],
    ["label", "tier=b", "--overwrite"],
    ["label", "new=1", "tier-"],
    ["annotate", "note-", "a.b/c=d e"],
    ["annotate", "note=y", "--overwrite"],
    ["patch", "-p", '{"spec":{"replicas":4}}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","image":"registry.example.com/a:3"}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","env":[{"name":"B","value":"9"},{"name":"N","value":"n"}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","env":[{"name":"N","value":"9"}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","env":[{"name":"N","value":"9"},{"name":"B","value":"9"}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","env":[{"name":"B","value":"9"},{"name":"A","value":"9"}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","env":[{"name":"B","value":"9"},{"name":"N","value":"9"},{"name":"A","value":"9"}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","env":[{"name":"M","value":"9"},{"name":"N","value":"9"},{"name":"B","value":"9"}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"new","image":"registry.example.com/n:1"}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","args":["--z"]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","ports":[{"containerPort":81}]}]}'],
    ["patch", "-p", T % '{"containers":[{"name":"app","volumeMounts":[{"name":"v","mountPath":"/w"}]}]}'],
    ["patch", "-p", T % '{"nodeSelector":{"c":"d"},"tolerations":[{"key":"z","operator":"Exists"}]}'],
    ["patch", "-p", T % '{"volumes":[{"name":"w","emptyDir":{}}],"terminationGracePeriodSeconds":5}'],
    ["patch", "-p", T % '{"nodeSelector":null}'],
    ["patch", "--type=merge", "-p", T % '{"containers":[{"name":"app","image":"registry.example.com/a:3"}]}'],
    ["patch", "--type=merge", "-p", '{"metadata":{"labels":{"tier":null,"z":"1"}},"spec":{"minReadySeconds":3}}'],
    ["patch", "--type=json", "-p", '[{"op":"add","path":"/spec/template/spec/containers/0/args/1","value":"--m"}]'],
    ["patch", "--type=json", "-p", '[{"op":"remove","path":"/spec/template/spec/containers/0/env/0"},{"op":"replace","path":"/spec/replicas","value":5}]'],
    ["patch", "--type=json", "-p", '[{"op":"add","path":"/metadata/annotations/a~1b","value":"c"},{"op":"test","path":"/spec/replicas","value":2}]'],
]  # fmt: skip


def _kubectl(words: list[str], folder: Path) -> Json:
    """The object as kubectl leaves it, without a server."""
    file = folder / "object.json"
    file.write_text(json.dumps(DEPLOYMENT))
    verb = words[:2] if words[0] == "set" else words[:1]
    rest = words[len(verb) :]
    command = ["kubectl", *verb, "--local", "-f", str(file), "-o", "json", *rest]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    found: Json = json.loads(done.stdout)
    return found


def _quoted(word: str) -> str:
    return (
        word if word.replace("-", "").replace("=", "").isalnum() else f"'{word}'" if not word.startswith("-") else word
    )


async def _desk(words: list[str]) -> Json:
    cluster = MemoryCluster(DEPLOYMENT, service())
    verb = words[:2] if words[0] == "set" else words[:1]
    line = " ".join(["kubectl", *verb, "deploy/web", *map(_quoted, words[len(verb) :]), "-n", "shop"])
    plan = make_plan(line, incident_id="i", cluster="prod", written_by="t", now=StillClock().now())
    review = await review_plan(plan, reader=cluster, writer=cluster, policy=POLICY, clock=StillClock())
    (step,) = review.steps
    assert step.requests, [verdict.message.en for verdict in review.verdicts]
    found: Json = apply_patch(cluster.at("Deployment", "web"), step.requests[0].body)
    return found


def _plain(tree: Any) -> Any:
    """Without what a client's own printing adds, and what only says nothing."""
    if isinstance(tree, dict):
        kept = {
            key: _plain(value)
            for key, value in tree.items()
            if key not in {"status", "creationTimestamp", "uid", "resourceVersion"}
        }
        return {key: value for key, value in kept.items() if value not in (None, {}, [])}
    return [_plain(item) for item in tree] if isinstance(tree, list) else tree


@pytest.mark.peer("kubectl")
@pytest.mark.parametrize("words", LINES, ids=[" ".join(words)[:70] for words in LINES])
async def test_step_leaves_what_the_real_kubectl_leaves(words: list[str], tmp_path: Path) -> None:
    assert _plain(await _desk(words)) == _plain(_kubectl(words, tmp_path))

"""The same line said to two equal clusters: by the real kubectl to one, by our translation to the other."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.practice.server import PracticeServer, running_in_thread
from knowledge.errors import OpsdeskError, ScriptRefused
from knowledge.vocabulary import Json, Review
from tests.fakes.memory_cluster import StillClock
from tests.spoken.shop import objects, pod_of, revision
from tools.adapters.kubernetes_cluster import KubernetesReader, KubernetesWriter
from tools.ports import ApiAnswer
from tools.review import make_plan, review_plan
from tools.safety.policy import Policy

PLURALS = (
    "api/v1/nodes", "api/v1/namespaces/shop/pods", "api/v1/namespaces/shop/services", "api/v1/namespaces/shop/configmaps",
    "apis/apps/v1/namespaces/shop/deployments", "apis/apps/v1/namespaces/shop/replicasets", "apis/apps/v1/namespaces/shop/statefulsets",
    "apis/apps/v1/namespaces/shop/daemonsets", "apis/batch/v1/namespaces/shop/jobs", "apis/batch/v1/namespaces/shop/cronjobs",
    "api/v1/namespaces/shop/resourcequotas", "apis/policy/v1/namespaces/shop/poddisruptionbudgets", "apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers",
)  # fmt: skip
_OF_THE_SERVER = frozenset({
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "clusterIP", "clusterIPs", "nodePort", "deletionTimestamp",
})  # fmt: skip
_OF_NO_MATTER = frozenset({"kubectl.kubernetes.io/restartedAt", "kubectl.kubernetes.io/last-applied-configuration"})
_EVERYBODY: Json = {
    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "everybody"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}],
}  # fmt: skip
_NAMES_BY_UID = frozenset({"controller-uid", "batch.kubernetes.io/controller-uid"})


@dataclass(slots=True)
class Shop:
    """One practice cluster with the shop in it."""

    server: PracticeServer
    folder: Path
    kubeconfig: Path = field(init=False)

    def __post_init__(self) -> None:
        self.kubeconfig = self.folder / f"kubeconfig-{self.server.port}"
        self.kubeconfig.write_text(self.server.kubeconfig())
        # kubectl gives no token to a server without TLS: there whoever asks may do everything.
        self._send("POST", "apis/rbac.authorization.k8s.io/v1/clusterrolebindings", _EVERYBODY)
        for item in objects():
            self._create(item)
        web = self._get("apis/apps/v1/namespaces/shop/deployments/web")
        for number in (1, 2):
            made = self._create(revision(web, number))
        for name, node in (("web-1", "gpu-1"), ("web-2", "gpu-2")):
            self._create(pod_of(made, name, node))

    def _create(self, item: Json) -> Json:
        group, kind = item["apiVersion"], item["kind"]
        plural = kind.lower() + "s"
        namespace = item["metadata"].get("namespace")
        place = f"namespaces/{namespace}/{plural}" if namespace else plural
        made: Json = self._send("POST", f"{'api' if '/' not in group else 'apis'}/{group}/{place}", item)
        return made

    def _get(self, path: str) -> Json:
        found: Json = self._send("GET", path)
        return found

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.server.admin_token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.server.url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def state(self) -> Json:
        """Every object without what only the server writes, and without what may differ."""
        return {
            f"{path.rpartition('/')[2]}/{item['metadata']['name']}": _plain(item)
            for path in PLURALS
            for item in self._get(path)["items"]
        }


def _plain(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_plain(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    dropped = _OF_THE_SERVER | _OF_NO_MATTER | _NAMES_BY_UID | {"status"}
    kept = {key: _plain(value) for key, value in tree.items() if key not in dropped and not key.startswith("opsdesk")}
    return {key: value for key, value in kept.items() if value not in (None, {}, [])}


def differences(one: Shop, other: Shop, seconds: float = 2.0) -> list[str]:
    """Where two shops differ once what goes on behind the API (garbage collection) has come to rest."""
    until = time.monotonic() + seconds
    while (found := list(_differences(one.state(), other.state(), ""))) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def _differences(one: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences(one.get(key), other.get(key), f"{path}/{key}")
    elif one != other:
        yield f"{path}: {one!r} and {other!r}"


@contextlib.contextmanager
def two_shops() -> Iterator[tuple[Shop, Shop]]:
    with tempfile.TemporaryDirectory() as folder, _running() as one, _running() as other:
        yield Shop(one, Path(folder)), Shop(other, Path(folder))


@contextlib.contextmanager
def _running() -> Iterator[PracticeServer]:
    with running_in_thread(with_controllers=False) as server:
        yield server


def by_kubectl(line: str, shop: Shop, program: str) -> tuple[bool, str]:
    """Whether kubectl did it, and what it said. The line is read as a shell reads it."""
    head, _, rest = line.replace("\\\n", "").partition("\n")
    head, _, _ = head.partition("<<")
    words = shlex.split(head, comments=True)
    body = rest.rpartition("\n")[0].rpartition("\n")[0] + "\n" if rest else ""
    if words[1] == "apply" or (
        body and words[1] != "delete"
    ):  # the practice cluster publishes no schema that kubectl could validate against
        words.append("--validate=false")
    if words[1] in {"create", "autoscale", "expose"} and not body:
        # Said as protobuf, which the practice cluster does not read: once more as JSON.
        done, said = _run(program, [*words[1:], "--dry-run=client", "-o", "json"], "", shop)
        return _run(program, ["create", "--validate=false", "-f", "-"], said, shop) if done else (False, said)
    return _run(program, words[1:], body, shop)


def _run(program: str, words: list[str], body: str, shop: Shop) -> tuple[bool, str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(shop.folder), "KUBECONFIG": str(shop.kubeconfig)}
    done = subprocess.run(
        [program, *words], input=body, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr


async def by_us(line: str, shop: Shop, policy: Policy) -> tuple[bool, str]:
    """Whether our translation did it, and why not. Verdicts of rules play no part: only what cannot be translated stops."""
    reader, writer = (
        KubernetesReader.connect("practice", shop.kubeconfig),
        KubernetesWriter.connect("practice", shop.kubeconfig),
    )
    try:
        plan = make_plan(
            line, incident_id="i", cluster="practice", written_by="t", now=datetime.now(UTC), kinds=await reader.kinds()
        )
        review = await review_plan(plan, reader=reader, writer=None, policy=policy, clock=StillClock())
        refusals = [v.message.en for v in review.verdicts if v.rule in {"translation", "targets", "grammar"}]
        answers = [] if refusals else await _sent(review, writer)
    except ScriptRefused as error:
        return False, f"{error.line}:{error.column} {error.message}"
    except OpsdeskError as error:
        return False, error.message
    finally:
        reader.close()
        writer.close()
    failed = [str(answer.body) for answer in answers if not answer.is_ok]
    return not (refusals or failed), "; ".join([*refusals, *failed])


async def _sent(review: Review, writer: KubernetesWriter) -> Sequence[ApiAnswer]:
    changes = [step for step in review.steps if step.is_change]
    return [await writer.send(request) for step in changes for request in step.requests]

"""`diagnose` and `doctor` over clusters that cannot be used, or only in part: errors and gaps, never tracebacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.fakes.http_server import Asked, Told, running_http_server

RESOURCES = {
    "/api/v1": ("v1", [("pods", "Pod"), ("events", "Event"), ("nodes", "Node"), ("services", "Service")]),
    "/apis/apps/v1": ("apps/v1", [("deployments", "Deployment")]),
}
VERBS = ["get", "list", "watch"]


def discovery(asked: Asked) -> Told | None:
    """The part of an API server that everyone may read."""
    if asked.path == "/version":
        return Told(200, {"major": "1", "minor": "32", "gitVersion": "v1.32.0"})
    if asked.path == "/api":
        return Told(200, {"kind": "APIVersions", "versions": ["v1"]})
    if asked.path == "/apis":
        version = {"groupVersion": "apps/v1", "version": "v1"}
        return Told(200, {"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [version]}]})
    if asked.path in RESOURCES:
        group_version, names = RESOURCES[asked.path]
        listed = [{"name": name, "kind": kind, "namespaced": True, "verbs": VERBS} for name, kind in names]
        return Told(200, {"kind": "APIResourceList", "groupVersion": group_version, "resources": listed})
    return None


def status(code: int, message: str) -> Told:
    return Told(code, {"kind": "Status", "status": "Failure", "message": message, "code": code})


def empty(asked: Asked) -> Told:
    return discovery(asked) or Told(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})


def forbidden(asked: Asked) -> Told:
    if asked.path.endswith("selfsubjectaccessreviews"):
        return Told(201, {"status": {"allowed": False}})
    name = asked.path.rsplit("/", 1)[-1]
    said = f'{name} is forbidden: User "dev" cannot list resource "{name}" at the cluster scope'
    return discovery(asked) or status(403, said)


def unauthorised(asked: Asked) -> Told:
    return status(401, f"Unauthorized: {asked.path}")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Callable[[Asked], Told]], Path]]:
    """A kubeconfig for a small API server that answers as told."""
    with ExitStack() as stack:

        def serve(respond: Callable[[Asked], Told]) -> Path:
            return kubeconfig(tmp_path, stack.enter_context(running_http_server(respond)).url)

        yield serve


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "some.kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b": [garbled", "not YAML"),
        (b"\x00\xff\xfe", "not YAML"),
        (b"", "no contexts"),
        (b"just words", "no contexts"),
    ],
    ids=["missing", "garbled", "binary", "empty", "words"],
)
def test_a_kubeconfig_that_cannot_be_read_is_told(run: Run, tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "k"
    if content is not None:
        path.write_bytes(content)
    run("diagnose", "--kubeconfig", str(path)).told(2, says)


def test_a_kubeconfig_that_is_a_folder_is_told(run: Run, tmp_path: Path) -> None:
    run("diagnose", "--kubeconfig", str(tmp_path)).told(2, "directory")


def test_an_unknown_context_names_the_known_ones(run: Run, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    run("diagnose", "--kubeconfig", str(path), "--context", "there").told(2, "'there'", "here")


def test_an_unknown_cluster_names_the_known_ones(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "opsdesk.yaml").write_text("clusters:\n  - {name: lab, kubeconfig: /k}\n")
    run("diagnose", "--cluster", "labb").told(2, "'labb'", "lab")


def test_no_cluster_at_all_says_how_to_give_one(run: Run) -> None:
    run("diagnose").told(2, "no cluster is configured", "--kubeconfig")


def test_a_cluster_that_is_away_is_temporary(run: Run, tmp_path: Path) -> None:
    run("diagnose", "--kubeconfig", str(kubeconfig(tmp_path, "http://127.0.0.1:1"))).told(75, "no answer")


def test_refused_credentials_are_told(run: Run, served: Any) -> None:
    run("diagnose", "--kubeconfig", str(served(unauthorised))).told(2, "401", "renew")


def test_missing_permissions_are_gaps_and_the_answer_is_unknown(run: Run, served: Any) -> None:
    path = served(forbidden)
    done = run("diagnose", "--kubeconfig", str(path), "--json")
    told = json.loads(done.out)
    assert done.code == 2
    assert told["diagnosis"]["verdict"] == "unknown"
    assert any("list pods" in gap["reason"] for gap in told["diagnosis"]["gaps"])
    shown = run("diagnose", "--kubeconfig", str(path)).out
    assert shown.count("dev may not: ") == 1
    assert "list deployments.apps" in " ".join(shown.split())


def test_an_empty_cluster_is_no_fault(run: Run, served: Any) -> None:
    done = run("diagnose", "--kubeconfig", str(served(empty)), "--json")
    assert json.loads(done.out)["diagnosis"]["verdict"] in {"no_fault", "unknown"}
    assert done.code in {0, 2}
    assert "Traceback" not in done.err


@pytest.mark.parametrize("prometheus", ["dead", "html"])
def test_a_prometheus_that_is_none_is_a_gap_and_the_rest_is_told(run: Run, served: Any, prometheus: str) -> None:
    page = Told(200, b"<html>sign in</html>", {"Content-Type": "text/html"})
    with running_http_server(lambda _: page) as server:
        url = server.url if prometheus == "html" else "http://127.0.0.1:1"
        done = run("diagnose", "--kubeconfig", str(served(empty)), "--prometheus", url, "--json")
    gaps = json.loads(done.out)["diagnosis"]["gaps"]
    (metrics,) = [gap for gap in gaps if gap["source"] == "metrics" and url in gap["reason"]]
    assert "prometheus_url" in metrics["next_step"]


def test_doctor_lists_what_is_missing_of_every_cluster(run: Run, served: Any, home: Path) -> None:
    home.mkdir(mode=0o700)
    clusters = [
        {"name": "shut", "kubeconfig": str(served(forbidden)), "prometheus_url": "http://127.0.0.1:1"},
        {"name": "lost", "kubeconfig": "/nowhere"},
        {"name": "hands", "kubeconfig": "/nowhere", "mode": "execute"},
    ]
    (home / "opsdesk.yaml").write_text(json.dumps({"clusters": clusters}))
    done = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.out)}
    assert done.code == 1
    assert "list pods" in checks["cluster shut reader"]["detail"]
    assert checks["cluster shut metrics"]["state"] == "broken"
    assert checks["cluster lost"]["state"] == "broken"
    assert all(check["next_step"] for check in checks.values() if check["state"] in {"broken", "warning"})


@pytest.mark.parametrize(("language", "word"), [("zh", "诊断"), ("en", "diagnosis")])
def test_the_words_are_in_the_language_that_is_asked_for(run: Run, served: Any, language: str, word: str) -> None:
    shown = run("diagnose", "--kubeconfig", str(served(empty)), "--lang", language).out
    assert shown.startswith(word)

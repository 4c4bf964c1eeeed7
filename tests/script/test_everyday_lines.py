"""Lines that people type every day: they read as kubectl reads them, or are refused with the line that comes nearest."""

from __future__ import annotations

import pytest

from knowledge.errors import ScriptRefused
from knowledge.vocabulary import Ruling
from tools.safety.offline import judge_script, load_policy
from tools.script.parser import parse
from tools.script.render import canonical

POLICY = load_policy()
PAIR = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: shop}\n"

CONTINUED = [
    "kubectl scale deploy/web \\\n  -n prod --replicas=3",
    "kubectl \\\nscale \\\n\tdeploy/web \\\n-n prod \\\n--replicas 3\n",
    "kubectl scale deploy/web -n prod --replicas=3 \\\n\nkubectl get pods",
    "kubectl scale deploy/web -n prod \\\n  --replicas=3 # as agreed \\\nkubectl get pods",
]


@pytest.mark.parametrize("script", CONTINUED, ids=[repr(one) for one in CONTINUED])
def test_line_goes_on_after_a_backslash_as_in_a_shell(script: str) -> None:
    assert canonical(parse(script)).startswith("kubectl scale deployments.apps/web --namespace=prod --replicas=3\n")
    assert parse(canonical(parse(script))) == parse(script)


def test_heredoc_follows_the_last_of_several_lines() -> None:
    text = f"kubectl apply \\\n  -n shop \\\n  -f - <<'EOF'\n{PAIR}EOF\nkubectl get pods"
    assert [manifest.name for manifest in parse(text).commands[0].manifests] == ["a", "b"]
    assert [manifest.line for manifest in parse(text).commands[0].manifests] == [4, 8]


BROKEN = [
    ("kubectl get pods \\", 1, 18, "nothing follows"),
    ("kubectl get pods \\\n", 1, 18, "nothing follows"),
    ("kubectl get pods\\\n -A", 1, 17, "backslash"),
    ("kubectl get po\\\nds", 1, 15, "backslash"),
    ("kubectl get pods \\ \n -A", 1, 18, "backslash"),
    ("kubectl get pods \\\n  -n a \\\n  | sh", 3, 3, "pipes"),
    ("kubectl get pods \\\n ; id", 2, 2, "one command"),
    ("kubectl get pods \\\n  --kubeconfig=/x", 2, 3, "incident's own"),
    ("kubectl get pods '\\\n-A'", 1, 18, "not closed"),
    ('kubectl get pods "\\\n-A"', 1, 18, "not closed"),
    ("kubectl get pods \\\r\n -A", 1, 19, "invisible"),
    ("kubectl delete ns a \\\n # --dry-run=server \\\n --dry-run=server", 3, 2, "unknown command"),
    ("kubectl apply -f - <<'EOF' \\\n", 1, 20, "heredoc"),
]


@pytest.mark.parametrize(("script", "line", "column", "says"), BROKEN, ids=[repr(one[0]) for one in BROKEN])
def test_broken_continuation_is_refused_where_it_stands(script: str, line: int, column: int, says: str) -> None:
    with pytest.raises(ScriptRefused, match=says) as refused:
        parse(script)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert refused.value.expected or refused.value.message


NEAREST = [
    ("kubectl config view", "kubectl auth can-i"),
    ("kubectl config get-contexts", "kubectl cluster-info"),
    ("kubectl config use-context prod", "kubectl cluster-info"),
    ("kubectl options", "kubectl explain"),
    ("kubectl auth whoami --as=root", "nobody is impersonated"),
    ("kubectl auth can-i --list get pods", "--list alone"),
    ("kubectl auth can-i --list -A", "--list -n NAMESPACE"),
    ("kubectl cluster-info dump", "kubectl get all"),
    ("kubectl replace -f - <<'EOF'\nkind: Pod\nEOF", "kubectl apply -f -"),
    ("kubectl replace --force -f a.yaml", "kubectl patch"),
    ("kubectl run a --image=nginx", "kubectl apply -f -"),
    ("kubectl create ingress a --rule=x/y=z:80", "kubectl apply -f -"),
    ("kubectl create service nodeport a --tcp=80", "clusterip"),
    ("kubectl create service", "clusterip"),
    ("kubectl create namespace a", "kubectl apply -f -"),
    ("kubectl edit deploy/a", "kubectl patch"),
    ("kubectl cp a:/b c", "kubectl logs"),
    ("kubectl exec a -- ls", "kubectl logs"),
    ("kubectl port-forward svc/a 80", "endpointslices"),
]


@pytest.mark.parametrize(("script", "accepted"), NEAREST, ids=[one[0][:60] for one in NEAREST])
def test_refusal_names_the_line_that_comes_nearest(script: str, accepted: str) -> None:
    found = judge_script(script, POLICY)
    assert found.verdict is Ruling.REFUSED
    assert accepted in found.message


def test_job_of_a_cron_job_reads_in_every_spelling() -> None:
    wanted = "kubectl create job again --namespace=shop --from=cronjob/sync\n"
    for spelled in ("--from=cronjob/sync", "--from cronjob/sync", "--from='cronjob/sync'"):
        assert canonical(parse(f"kubectl -n shop create job again {spelled}")) == wanted
    found = judge_script(wanted, POLICY)
    assert found.verdict is Ruling.ONE
    assert any("cron job runs" in point.en for point in found.open_points)


@pytest.mark.parametrize(
    "flags", ["", "--image=nginx:1 --from=cronjob/a", "--from=deploy/a", "--from=cronjob/A_b", "--from=cronjob"]
)
def test_job_needs_either_an_image_or_a_cron_job(flags: str) -> None:
    with pytest.raises(ScriptRefused) as refused:
        parse(f"kubectl create job a {flags}")
    assert "cronjob/NAME" in refused.value.expected


def test_cluster_service_reads_and_renders() -> None:
    text = "kubectl create service clusterip web --namespace=shop --tcp=80:8080 --tcp=443\n"
    assert canonical(parse("kubectl create svc clusterip web -n shop --tcp=80:8080 --tcp=443")) == text
    assert canonical(parse("kubectl create -n shop service clusterip --tcp 80:8080 web --tcp 443")) == text
    assert judge_script(text, POLICY).verdict is Ruling.ONE
    assert judge_script("kubectl create service clusterip web --clusterip=None", POLICY).verdict is Ruling.ONE
    for wrong in ("", "--tcp=80:", "--tcp=http", "--clusterip=10.0.0.1"):
        with pytest.raises(ScriptRefused):
            parse(f"kubectl create service clusterip web {wrong}")


def test_delete_of_a_heredoc_is_the_delete_of_what_it_names() -> None:
    script = parse(f"kubectl delete -f - --wait=false <<'EOF'\n{PAIR}EOF")
    assert canonical(script) == "kubectl delete configmaps/a services/b --namespace=shop --wait=false\n"
    assert parse(canonical(script)) == script
    assert judge_script(f"kubectl delete -f - <<'EOF'\n{PAIR}EOF", POLICY) == judge_script(canonical(script), POLICY)
    hidden = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    assert judge_script(f"kubectl delete -f - <<'EOF'\n{PAIR}{hidden}EOF", POLICY).verdict is Ruling.FORBIDDEN


WRONG_DELETES = [
    "kubectl delete -f -", f"kubectl delete pod a <<'EOF'\n{PAIR}EOF", f"kubectl delete pod a -f - <<'EOF'\n{PAIR}EOF",
    f"kubectl delete -f - --all <<'EOF'\n{PAIR}EOF", f"kubectl delete -f - -l a=b <<'EOF'\n{PAIR}EOF",
    f"kubectl delete -f - -n other <<'EOF'\n{PAIR}EOF", "kubectl delete -f a.yaml", "kubectl delete -f http://x/a.yaml",
    f"kubectl delete -f - <<'EOF'\n{PAIR}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: c, namespace: pay}}\nEOF",
    f"kubectl scale -f - --replicas=1 <<'EOF'\n{PAIR}EOF",
]  # fmt: skip


@pytest.mark.parametrize("script", WRONG_DELETES, ids=[repr(one[:50]) for one in WRONG_DELETES])
def test_delete_that_names_objects_in_two_ways_is_refused(script: str) -> None:
    with pytest.raises(ScriptRefused):
        parse(script)


DIRECTIVES = [
    '{"spec":{"template":{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}}}', '{"$patch":"replace","spec":{}}',
    '{"metadata":{"$deleteFromPrimitiveList/finalizers":["x"]}}', '{"spec":{"$setElementOrder/containers":[{"name":"a"}]}}',
    '{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}',
]  # fmt: skip


@pytest.mark.parametrize("patch", DIRECTIVES)
@pytest.mark.parametrize("kind", ["", " --type=strategic", " --type=merge"])
def test_directive_of_a_strategic_patch_is_refused_by_name(patch: str, kind: str) -> None:
    with pytest.raises(ScriptRefused, match=r"\$[a-zA-Z/]+.*: directives of strategic patches") as refused:
        parse(f"kubectl patch deploy web{kind} -p '{patch}'")
    assert "--type=json" in refused.value.expected


def test_directive_in_a_manifest_is_refused_and_a_reference_of_a_schema_is_not() -> None:
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: b, '$patch': delete}]}}}\n"
    with pytest.raises(ScriptRefused, match=r"\$patch"):
        parse(f"kubectl apply -f - <<'EOF'\n{head}EOF")
    plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {schema: '{\"$ref\": 1}'}\n"
    assert parse(f"kubectl apply -f - <<'EOF'\n{plain}EOF").commands


def test_who_reads_and_what_it_may_are_reads() -> None:
    for text, wanted in (
        ("kubectl auth whoami -o yaml", "kubectl auth whoami\n"),
        ("kubectl auth can-i --list", "kubectl auth can-i --namespace=default --list\n"),
        ("kubectl auth can-i -n shop --list --no-headers", "kubectl auth can-i --namespace=shop --list --no-headers\n"),
    ):
        assert canonical(parse(text)) == wanted
        assert parse(wanted) == parse(text)
        assert judge_script(text, POLICY).verdict is Ruling.AUTO

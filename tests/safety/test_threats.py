"""The numbered list of what a script may try, each number in several spellings. F: forbidden, R: refused, 1 and 2: so many
approvers, A: no prompt. The list itself, with every spelling, is `evals/safety/threats.yaml`; `opsdesk eval safety --threats` prints it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from evals.measure.command_line import main
from evals.safety.threats import LISTED, Part, judge_threats, parts, wrong_lines
from knowledge.vocabulary import Ruling
from tools.safety.offline import judge_script, load_policy

POLICY = load_policy()
A, ONE, TWO = Ruling.AUTO, Ruling.ONE, Ruling.TWO
ROOT = Path(__file__).parents[2]


def apply(body: str, flags: str = "") -> str:
    return f"kubectl apply {flags} -f - <<'EOF'\n{body}\nEOF\n"


MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}"
OFFLINE = [(part, line) for part in parts() if not part.objects for line in part.lines]


@pytest.mark.parametrize(("part", "script"), OFFLINE, ids=[f"{p.number}-{p.says}-{s[:60]!r}" for p, s in OFFLINE])
def test_threat_comes_out_as_listed_in_every_spelling(part: Part, script: str) -> None:
    found = judge_script(script, POLICY)
    assert found.verdict.value in part.demands, f"{part.number}: {found.verdict.value}: {found.message}"
    assert found.message


async def test_threat_that_a_cluster_shows_comes_out_as_listed() -> None:
    on_a_cluster = [part for part in parts() if part.objects]
    found = await judge_threats(POLICY, on_a_cluster)
    assert wrong_lines(found) == []
    assert {one.part.number for one in found} == {4, 6, 62, 63}


def test_every_number_of_the_list_is_there_in_several_spellings_or_shown_by_tests() -> None:
    assert {part.number for part in parts()} == set(range(1, LISTED + 2))
    scripts = [part for part in parts() if not part.shown_by]
    assert [f"{part.number} {part.says}" for part in scripts if len(set(part.lines)) < (2 if part.objects else 3)] == []
    assert {part.number for part in parts() if part.shown_by} >= {54, 55, 56, 57, 58, 60, 61}


@pytest.mark.parametrize("test", sorted({test for part in parts() for test in part.shown_by}))
def test_what_is_no_script_is_shown_by_a_test_that_runs(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = [one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name]
    assert found, f"{test} is named in the list of threats, and is no test"
    assert any(isinstance(node, ast.Assert | ast.With) for node in ast.walk(found[0]))


def test_list_is_printed_as_a_table_with_the_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["safety", "--threats"]) == 0
    out = capsys.readouterr().out
    rows = [line.split(" | ") for line in out.splitlines() if line.startswith("| ")]
    assert len(rows) == len(parts()) + 1
    assert rows[1][:4] == ["| 1", "delete ns", "forbidden", "forbidden"]
    assert "0 come out other than demanded" in out


ORDINARY = [
    "kubectl rollout restart deploy/web -n shop", "kubectl rollout undo deployment/web --to-revision=3", "kubectl rollout undo deploy web",
    "kubectl scale deploy/web --replicas=5", "kubectl scale sts/db --replicas=3 -n db", "kubectl rollout pause deploy/web",
    "kubectl set resources deploy/vllm -c server --limits=memory=24Gi,nvidia.com/gpu=1 --requests=memory=24Gi",
    "kubectl set image deploy/vllm server=vllm/vllm-openai:v0.8.5", "kubectl set image deploy/web app=registry.example.com/shop/web:1.4.2",
    "kubectl patch svc web -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'", "kubectl delete pod web-7f-x",
    "kubectl patch svc web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":8080}]'",
    "kubectl create configmap settings --from-literal=LOG_LEVEL=info -n shop", apply(MAP, "-n shop"), "kubectl cordon gpu-1", "kubectl uncordon gpu-1",
    "kubectl label deploy web tier=gpu", "kubectl annotate deploy web note=checked", "kubectl autoscale deploy web --min=2 --max=6 --cpu-percent=70",
    "kubectl patch job train -p '{\"spec\":{\"suspend\":true}}'", "kubectl patch cronjob sync --type=merge -p '{\"spec\":{\"suspend\":false}}'",
    "kubectl set env deploy/vllm VLLM_MAX_MODEL_LEN=8192 MAX_TOKENS=512", "kubectl rollout resume deploy/web",
    "kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"app\",\"readinessProbe\":{\"initialDelaySeconds\":60}}]}}}}'",
    "kubectl patch deploy vllm --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/args/-\",\"value\":\"--max-model-len=8192\"}]'",
    "kubectl patch inferenceservice llm -n ml --type=merge -p '{\"spec\":{\"predictor\":{\"minReplicas\":2}}}'", "kubectl taint node gpu-1 xid=79:NoSchedule",
    "kubectl label node gpu-1 nvidia.com/mig.config=all-balanced --overwrite", "kubectl rollout restart ds/dcgm-exporter -n gpu-operator",
    "kubectl patch resourcequota compute -n ml --type=merge -p '{\"spec\":{\"hard\":{\"requests.nvidia.com/gpu\":\"8\"}}}'",
    apply("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: app, image: 'registry.example.com/shop/web:1.4.2', resources: {limits: {memory: 1Gi}}}"),
]  # fmt: skip


@pytest.mark.parametrize("script", ORDINARY, ids=[repr(s[:60]) for s in ORDINARY])
def test_ordinary_remedy_needs_one_approver(script: str) -> None:
    found = judge_script(script, POLICY)
    assert found.verdict is ONE, f"{found.verdict.value}: {found.message}"


READS = [
    "kubectl explain pods.spec.containers --recursive", "kubectl get pods -A --field-selector=status.phase!=Running", "kubectl get pods -l app!=web",
    "kubectl get pods -A -o wide --field-selector spec.nodeName=gpu-1", "kubectl describe node gpu-1", "kubectl logs web-1 -c app --previous --tail=200",
    "kubectl top pods -A --sort-by=memory", "kubectl top nodes", "kubectl get events -n shop --sort-by=.lastTimestamp", "kubectl events -A --types=Warning",
    "kubectl get nodes -o custom-columns='N:.metadata.name,GPU:.status.allocatable.nvidia\\.com/gpu'", "kubectl rollout history deploy/web --revision=2",
    "kubectl get deploy,rs,po -n shop -l app=web --show-labels", "kubectl get pod web-1 -o jsonpath='{.status.containerStatuses[*].lastState}'",
    "kubectl rollout status deploy/web --timeout=60s", "kubectl wait --for=condition=Ready pod/web-1 --timeout=30s", "kubectl get hpa,pdb -A",
    "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations", "kubectl get isvc -A", "kubectl get rayservice llm -o yaml",
    "kubectl version", "kubectl api-resources", "kubectl cluster-info", "kubectl get --raw=/readyz", "kubectl get ns shop --show-labels", "kubectl get csr",
    "kubectl logs -l app=web --all-containers --since=1h", "kubectl logs deploy/web", "kubectl get cm settings -o yaml", "kubectl get nodes -L topology.kubernetes.io/zone",
]  # fmt: skip


@pytest.mark.parametrize("script", READS)
def test_read_runs_without_a_prompt(script: str) -> None:
    found = judge_script(script, POLICY)
    assert found.verdict is A, found.message


def test_what_only_a_cluster_can_tell_is_open_and_does_not_lower_the_verdict() -> None:
    found = judge_script("kubectl delete pods -l app=web", POLICY)
    assert found.verdict is TWO
    assert any("selector" in point.en for point in found.open_points)

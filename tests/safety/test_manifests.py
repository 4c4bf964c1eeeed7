"""Manifests are judged field by field, wherever a pod hides: in lists, further documents, templates of templates, kinds of
operators; and a document that two readers could read differently is not read at all."""

from __future__ import annotations

import json

import pytest
import yaml

from knowledge.vocabulary import Ruling
from tools.safety.offline import judge_script, load_policy

POLICY = load_policy()
ONE, TWO, F, R = Ruling.ONE, Ruling.TWO, Ruling.FORBIDDEN, Ruling.REFUSED


def apply(body: str) -> str:
    return f"kubectl apply -f - <<'EOF'\n{body}\nEOF\n"


def verdict(body: str) -> Ruling:
    return judge_script(apply(body), POLICY).verdict


def pod(spec: str = "", container: str = "") -> str:
    image = "'registry.k8s.io/a:1'"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{{spec}containers: [{{name: a, image: {image}{container}}}]}}"


CARRIERS = {
    "deployment": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: SPEC}}",
    "cron job": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: SPEC}}}}",
    "job": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: SPEC}}",
    "list": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: SPEC}]",
    "typed list": "apiVersion: v1\nkind: PodList\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: SPEC}]",
    "second document": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: SPEC",
    "pod template": "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: a}\ntemplate: {spec: SPEC}",
    "ray": "apiVersion: ray.io/v1\nkind: RayJob\nmetadata: {name: a}\nspec: {rayClusterSpec: {headGroupSpec: {template: {spec: SPEC}}}}",
    "kserve": "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\nspec: {predictor: SPEC}",
    "runtime": "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {name: a}\nspec: SPEC",
    "training": "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: a}\nspec: {pytorchReplicaSpecs: {Worker: {template: {spec: SPEC}}}}",
    "free key": "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: a}\nspec: {data: {template: {spec: SPEC}}}",
}  # fmt: skip
PERILS = (
    "{hostPID: true}", "{hostNetwork: true}", "{serviceAccountName: admin}", "{volumes: [{name: h, hostPath: {path: /}}]}",
    "{containers: [{name: a, image: 'evil.io/a:1'}]}", "{initContainers: [{name: a, image: 'evil.io/a:1'}]}",
    "{containers: [{name: a, securityContext: {privileged: true}}]}",
    "{containers: [{name: a, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}",
    "{containers: [{name: a, env: [{name: LD_PRELOAD, value: /x}]}]}",
    "{volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}",
)  # fmt: skip


@pytest.mark.parametrize("carrier", sorted(CARRIERS))
def test_pod_is_forbidden_wherever_it_hides(carrier: str) -> None:
    for peril in PERILS:
        found = judge_script(apply(CARRIERS[carrier].replace("SPEC", peril)), POLICY)
        assert found.verdict is F, f"{peril}: {found.verdict.value}: {found.message}"


@pytest.mark.parametrize("carrier", sorted(CARRIERS.keys() - {"free key"}))
def test_ordinary_pod_needs_one_wherever_it_is(carrier: str) -> None:
    body = CARRIERS[carrier].replace(
        "SPEC", "{containers: [{name: a, image: 'registry.k8s.io/a:1', args: [--port=80]}]}"
    )
    found = judge_script(apply(body), POLICY)
    assert found.verdict is ONE, found.message


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (pod("", ", ports: [{containerPort: 80, hostPort: 0}]"), ONE),
        (pod("", ", securityContext: {privileged: false, allowPrivilegeEscalation: false}"), ONE),
        (pod("hostNetwork: false, hostPID: false, "), ONE),
        (pod("", ", securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}"), ONE),
        (pod("automountServiceAccountToken: false, "), ONE),
        (pod("", ", env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: k}}}]"), ONE),
        (pod("", ", env: [{name: A, valueFrom: {secretKeyRef: {name: c, key: k}}}]"), TWO),
        (pod("", ", env: [{name: DB_PASSWORD, value: hunter2}]"), F),
        (pod("volumes: [{name: s, secret: {secretName: db}}], "), TWO),
        (pod("volumes: [{name: s, projected: {sources: [{secret: {name: db}}]}}], "), TWO),
        (pod("volumes: [{name: s, csi: {driver: a}}], "), TWO),
        (pod("", ", securityContext: {runAsUser: 0}"), TWO),
        (
            pod(
                "securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}, {name: kernel.x, value: '1'}]}, "
            ),
            F,
        ),
        (pod("", ", securityContext: {seccompProfile: {type: unconfined}}"), F),
        (pod("tolerations: [{operator: Exists}], "), TWO),
        (pod("", ", command: [python, -m, server]"), ONE),
        (pod("", ", livenessProbe: {httpGet: {host: localhost, port: 80}}"), TWO),
    ],
)
def test_field_comes_out_as_the_pod_security_levels_have_it(body: str, wanted: Ruling) -> None:
    found = judge_script(apply(body), POLICY)
    assert found.verdict is wanted, found.message


@pytest.mark.parametrize(
    "body",
    [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: &x {containers: []}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {a: &x 1, b: *x}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {<<: {hostPID: true}}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: !!map {hostPID: true}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: !!bool 'true'}",
        "%YAML 1.1\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: false}\nspec: {hostPID: true}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\nspec: {}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: yes}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {? [a] : b}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 'shop/../kube-system'}\nspec: {}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: ../a}\nspec: {}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {phase: Running}",
        "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\nspec: {}",
        "apiVersion: v9\nkind: Pod\nmetadata: {name: a}",
        "[]",
        "just text",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {a: [1, 2}",
    ],
)
def test_document_that_could_be_read_two_ways_is_refused(body: str) -> None:
    found = judge_script(apply(body), POLICY)
    assert found.verdict is R, found.message
    assert found.line is not None


def test_deep_document_is_refused_and_not_a_crash() -> None:
    assert verdict("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: " + "{a: " * 3_000 + "1" + "}" * 3_000) is R
    assert verdict("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: " + "[" * 60 + "]" * 60) is R


@pytest.mark.parametrize("peril", PERILS)
def test_patch_is_judged_like_the_manifest_in_every_form(peril: str) -> None:
    spec = yaml.safe_load(peril)
    tree = {"spec": {"template": {"spec": spec}}}
    forms = [
        f"kubectl patch deploy a -p '{json.dumps(tree)}'",
        f"kubectl patch deploy a --type=merge -p '{json.dumps(tree)}'",
        f"kubectl patch deploy a -p 'spec: {{template: {{spec: {json.dumps(spec)}}}}}'",
        *(
            f"kubectl patch deploy a --type=json -p '{json.dumps([{'op': op, 'path': f'/spec/template/spec/{key}', 'value': value}])}'"
            for key, value in spec.items()
            for op in ("add", "replace")
        ),
        f"kubectl patch deploy a --type=json -p '{json.dumps([{'op': 'add', 'path': '/spec/template', 'value': {'spec': spec}}])}'",
    ]
    for form in forms:
        found = judge_script(form, POLICY)
        assert found.verdict is F, f"{form}: {found.message}"

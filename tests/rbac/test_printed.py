"""What is printed: no verb on Secrets, nothing beyond the enabled actions, an object for every right, and a policy that a
server takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from api.cli import app
from knowledge.errors import BadInput
from knowledge.vocabulary import Json, Mode
from tests.rbac.practice import Practice, practice
from tools.actions.contract import Action
from tools.discovery import load_values
from tools.rbac.cel import matching, shortest, tree_of, unchanged
from tools.rbac.excess import FORBIDDEN, excess_of
from tools.rbac.manifests import Privileges, as_json, as_yaml
from tools.rbac.roles import Accounts
from tools.safety.policy import Policy

POLICY = Policy.load()
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def rules_of(objects: list[Json]) -> list[Json]:
    return [rule for one in objects if one["kind"] in {"Role", "ClusterRole"} for rule in one["rules"]]


def rights_of(objects: list[Json]) -> set[tuple[str, str]]:
    return {
        (verb, resource + (f".{rule['apiGroups'][0]}" if rule["apiGroups"][0] else ""))
        for rule in rules_of(objects)
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def test_reader_only_reads_and_never_secrets() -> None:
    rights = rights_of(Privileges(POLICY).objects(("reader",)))
    assert {verb for verb, _ in rights} == {"get", "list"}
    assert not [right for right in rights if "secrets" in right[1]]
    assert ("get", "pods/log") in rights
    assert ("list", "inferenceservices.serving.kserve.io") not in rights  # the whole group, by its name
    assert ("list", "*.serving.kserve.io") in rights


def test_executor_has_no_forbidden_right_when_every_action_is_enabled() -> None:
    allowed = Privileges(POLICY).allowed
    asked = [
        {
            "verbs": [one.verb],
            "apiGroups": [one.group],
            "resources": ["/".join(filter(None, (one.plural, one.subresource)))],
        }
        for one in FORBIDDEN
    ]
    assert len([one for one in asked if excess_of([one], allowed)]) == len(FORBIDDEN)
    assert not [rule for rule in rules_of(Privileges(POLICY).objects(("executor",))) if "*" in str(rule)]


def test_executor_has_only_what_the_enabled_actions_need() -> None:
    rights = rights_of(Privileges(POLICY, actions=("scale", "drain")).objects(("executor",)))
    assert rights == {
        ("patch", "deployments/scale.apps"), ("patch", "statefulsets/scale.apps"), ("patch", "replicasets/scale.apps"),
        ("patch", "nodes"), ("create", "pods/eviction"),
    }  # fmt: skip


def test_every_changing_action_declares_its_rights() -> None:
    actions = load_values("tools.actions", Action).values()
    assert [action.id for action in actions if not action.is_read and not action.grants] == []
    assert [action.id for action in actions if action.is_read and action.grants] == []
    assert not [a.id for a in actions for grant in a.grants if grant.verb == "patch" and not grant.fields]


@pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.PROPOSE])
def test_nothing_is_given_to_an_executor_when_nothing_is_executed(mode: Mode) -> None:
    objects = Privileges(POLICY, mode=mode).objects()
    assert {one["metadata"]["name"] for one in objects} == {"opsdesk-reader"}


def test_roles_are_of_the_namespaces_when_some_are_named() -> None:
    objects = Privileges(POLICY, namespaces=("shop", "research")).objects()
    roles = {(one["kind"], one["metadata"].get("namespace", "")) for one in objects if "Role" in one["kind"]}
    assert {("Role", "shop"), ("Role", "research"), ("ClusterRole", "")} <= roles
    everywhere = [one for one in objects if one["kind"] == "ClusterRole"]
    assert not [rule for rule in rules_of(everywhere) if {"pods", "deployments", "configmaps"} & set(rule["resources"])]
    scope = next(one for one in objects if one["metadata"]["name"] == "opsdesk-executor-scope")
    assert "['', 'shop', 'research']" in str(scope["spec"]["validations"])


def test_custom_kinds_are_changed_only_when_their_group_is_named() -> None:
    plain, named = Privileges(POLICY), Privileges(POLICY, custom=("serving.kserve.io",))
    wanted = ("patch", "inferenceservices.serving.kserve.io")
    assert wanted not in rights_of(plain.objects(("executor",)))
    assert wanted in rights_of(named.objects(("executor",)))
    with pytest.raises(BadInput, match="no custom group"):
        Privileges(POLICY, custom=("rbac.authorization.k8s.io",)).objects()


def test_policy_binds_the_very_user_and_fails_closed() -> None:
    for user, accounts in (
        ("system:serviceaccount:ops:opsdesk-executor", Accounts("ops")),
        ("deploy-bot", Accounts(user="deploy-bot")),
    ):
        objects = Privileges(POLICY, accounts=accounts).objects(("policy",))
        policies = [one for one in objects if one["kind"] == "ValidatingAdmissionPolicy"]
        assert {one["spec"]["matchConditions"][0]["expression"] for one in policies} == {
            f"request.userInfo.username == '{user}'"
        }
        assert {one["spec"]["failurePolicy"] for one in policies} == {"Fail"}
        bound = [one["spec"] for one in objects if one["kind"] == "ValidatingAdmissionPolicyBinding"]
        assert [one["policyName"] for one in bound] == [one["metadata"]["name"] for one in policies]
        assert all(one["validationActions"] == ["Deny", "Audit"] for one in bound)


def test_policy_names_the_fields_of_the_enabled_actions_alone() -> None:
    objects = Privileges(POLICY, actions=("set_image",)).objects(("policy",))
    workloads = next(one for one in objects if one["metadata"]["name"] == "opsdesk-executor-workloads")
    messages = [one["message"] for one in workloads["spec"]["validations"]]
    assert messages[0] == (
        "opsdesk: the enabled actions write only /spec/template/spec/containers/*/image, "
        "/spec/template/spec/initContainers/*/image"
    )
    scope = next(one for one in objects if one["metadata"]["name"] == "opsdesk-executor-scope")
    said = scope["spec"]["validations"][0]["expression"]
    assert "'UPDATE apps/deployments'" in said
    assert "DELETE" not in said


def test_fields_are_closed_when_they_become_an_expression() -> None:
    assert shortest(["/spec", "/spec/replicas", "/specs"]) == {"/spec", "/specs"}
    assert tree_of(["/metadata/annotations/a~1b", "/spec"]) == {"metadata": {"annotations": {"a/b": {}}}, "spec": {}}
    expression = unchanged("n", "o", {"spec": {}})
    assert (
        expression
        == "n.all(k0, k0 in ['spec'] || (k0 in o && o[k0] == n[k0])) &&\no.all(k0, k0 in ['spec'] || k0 in n)"
    )
    assert matching(["kube-*", "a?b"]) == r"r'^(kube\-.*|a.b)$'"
    assert matching([]) == "r'^$.'"


def test_both_formats_say_the_same() -> None:
    objects = Privileges(POLICY).objects()
    assert list(yaml.safe_load_all(as_yaml(objects, "head\nof two lines"))) == objects
    assert json.loads(as_json(objects))["items"] == objects


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with practice(tmp_path_factory.mktemp("printed")) as found:
        yield found


def test_server_takes_every_policy_as_it_is_printed(cluster: Practice) -> None:
    """Unknown and duplicate fields are refused by its schema."""
    with httpx.Client(base_url=cluster.url, headers={"Authorization": f"Bearer {cluster.admin_token}"}) as api:
        for one in Privileges(POLICY).objects(("policy",)):
            plural = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies"}.get(
                one["kind"], "validatingadmissionpolicybindings"
            )
            answer = api.post(f"{ADMISSION}/{plural}", params={"fieldValidation": "Strict"}, json=one)
            assert answer.status_code == 201, answer.text


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["rbac", "print", *arguments])


def test_command_prints_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path))
    printed = run("--executor", "--actions", "scale", "-n", "shop")
    assert printed.exit_code == 0, printed.output
    kinds = [one["kind"] for one in yaml.safe_load_all(printed.output)]
    assert kinds == ["ServiceAccount", "Role", "RoleBinding"]
    assert json.loads(run("--policy", "--format", "json").output)["kind"] == "List"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--actions", "scale,fly"), "there is no action fly"),
        (("--mode", "yolo"), "there is no mode"),
        (("--format", "toml"), "there is no format"),
        (("--namespace", "Shop;rm"), "no name of a namespace"),
        (("--executor", "--mode", "propose"), "there is no executor"),
        (("--cluster", "moon"), "no cluster named"),
    ],
)
def test_command_says_what_is_wrong(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path))
    found = run(*arguments)
    assert found.exit_code != 0
    assert said in str(found.exception)


def test_command_takes_actions_and_mode_from_a_clusters_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opsdesk.yaml").write_text(
        "clusters: [{name: lab, kubeconfig: /k, mode: execute, actions: [cordon]}]\n"
    )
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path))
    printed = run("--cluster", "lab", "--executor")
    assert "# Actions: cordon\n" in printed.output
    assert rights_of(list(yaml.safe_load_all(printed.output))) == {("patch", "nodes")}

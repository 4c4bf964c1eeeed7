"""A site's own policy: hours, closed periods, service profiles, restricted namespaces; and what is wrong in such a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.errors import MalformedPolicy
from knowledge.vocabulary import Ruling
from tools.ports import ResourceKind
from tools.safety.contract import Subject
from tools.safety.custom_kind import RULE as CUSTOM_KIND
from tools.safety.offline import judge_script, load_policy
from tools.safety.policy import Policy
from tools.safety.site import Window
from tools.script.parser import parse

A, ONE, TWO, F = Ruling.AUTO, Ruling.ONE, Ruling.TWO, Ruling.FORBIDDEN
TUESDAY_NOON = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
TUESDAY_NIGHT = datetime(2026, 3, 17, 23, 30, tzinfo=UTC)
RESTART = "kubectl rollout restart deploy/web -n prod-a"


def policy(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


HOURS = "change_windows:\n- namespaces: ['prod-*']\n  windows: [{days: [mon, tue], begins: '09:00', ends: '17:00'}]\n  outside: %s\n"


@pytest.mark.parametrize(
    ("outside", "at", "script", "wanted"),
    [
        ("two", TUESDAY_NOON, RESTART, ONE),
        ("two", TUESDAY_NIGHT, RESTART, TWO),
        ("forbidden", TUESDAY_NIGHT, RESTART, F),
        ("forbidden", TUESDAY_NIGHT, "kubectl get pods -n prod-a", A),
        ("forbidden", TUESDAY_NIGHT, "kubectl rollout restart deploy/web -n test", ONE),
    ],
)
def test_change_is_as_strict_as_its_hour(
    outside: str, at: datetime, script: str, wanted: Ruling, tmp_path: Path
) -> None:
    assert judge_script(script, policy(tmp_path, HOURS % outside), at).verdict is wanted


def test_hour_is_open_when_nobody_says_it(tmp_path: Path) -> None:
    found = judge_script(RESTART, policy(tmp_path, HOURS % "forbidden"))
    assert found.verdict is ONE
    assert any("hour" in point.en for point in found.open_points)


def test_window_goes_on_into_the_next_day_in_its_zone() -> None:
    window = Window(days=("mon",), begins="22:00", ends="06:00", zone="Asia/Shanghai")
    assert window.holds(datetime(2026, 3, 16, 15, 0, tzinfo=UTC))  # Monday 23:00 there
    assert window.holds(datetime(2026, 3, 16, 21, 59, tzinfo=UTC))  # Tuesday 05:59 there
    assert not window.holds(datetime(2026, 3, 16, 22, 0, tzinfo=UTC))
    assert not window.holds(datetime(2026, 3, 17, 15, 0, tzinfo=UTC))  # Tuesday 23:00 there


def test_closed_period_forbids_and_says_why(tmp_path: Path) -> None:
    text = "closed_periods: [{begins: '2026-03-17T00:00:00+08:00', ends: '2026-03-18T00:00:00+08:00', reason: sales days}]\n"
    found = judge_script("kubectl cordon gpu-1", policy(tmp_path, text), TUESDAY_NOON)
    assert found.verdict is F
    assert "sales days" in found.message
    assert judge_script("kubectl cordon gpu-1", policy(tmp_path, text), TUESDAY_NIGHT).verdict is ONE


PROFILE = """
profiles:
- name: chat
  namespaces: [ml]
  names: ["chat-*"]
  allowed_actions: [scale, "rollout *", get]
  approvers: [alice, "oncall-*"]
  at_least: %s
  max_replicas: 8
  changes_per_day: 4
"""


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("kubectl scale deploy/chat-a -n ml --replicas=6", ONE),
        ("kubectl scale deploy/chat-a -n ml --replicas=9", F),
        ("kubectl set image deploy/chat-a a=nginx:1.27.3 -n ml", F),
        ("kubectl rollout undo deploy/chat-a -n ml", ONE),
        ("kubectl set image deploy/other a=nginx:1.27.3 -n ml", ONE),
        ("kubectl set env deploy -l a=b X=y -n ml", F),
        ("kubectl logs deploy/chat-a -n ml", A),
    ],
)
def test_service_takes_only_what_its_profile_allows(script: str, wanted: Ruling, tmp_path: Path) -> None:
    found = judge_script(script, policy(tmp_path, PROFILE % "one"))
    assert found.verdict is wanted, found.message


def test_profile_asks_for_two_and_names_its_approvers_and_budget(tmp_path: Path) -> None:
    site = policy(tmp_path, PROFILE % "two")
    found = judge_script("kubectl rollout restart deploy/chat-a -n ml", site)
    assert found.verdict is TWO
    assert site.approvers_of([("ml", "chat-a"), ("ml", "x")]) == (("alice", "oncall-*"),)
    assert site.approvers_of([("ml", "x")]) == ()
    assert (site.changes_per_day_of("ml", "chat-a"), site.changes_per_day_of("ml", "x")) == (4, 20)


def test_profile_never_makes_a_forbidden_change_allowed(tmp_path: Path) -> None:
    text = "profiles: [{name: all, allowed_actions: ['*']}]\n"
    assert judge_script("kubectl delete ns shop", policy(tmp_path, text)).verdict is F


POD = "kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: bank}}\nspec: {{containers: [{{name: a, image: 'registry.k8s.io/a:1'{0}}}]}}\nEOF\n"
STRICT = ", securityContext: {allowPrivilegeEscalation: false, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, capabilities: {drop: [ALL]}}"


def test_restricted_namespace_takes_only_pods_that_say_what_the_level_demands(tmp_path: Path) -> None:
    site = policy(tmp_path, "restricted_namespaces: [bank]\n")
    assert judge_script(POD.format(STRICT), site).verdict is ONE
    found = judge_script(POD.format(""), site)
    assert found.verdict is F
    assert "runAsNonRoot" in found.message
    assert judge_script(POD.format(STRICT.replace("runAsNonRoot: true", "runAsUser: 0")), site).verdict is F
    assert judge_script(POD.format(""), load_policy()).verdict is ONE


def test_kind_that_only_the_cluster_names_needs_two_unless_the_site_knows_it(tmp_path: Path) -> None:
    widget = ResourceKind("example.com", "v1", "widgets", "Widget", is_namespaced=True, singular="widget")
    script = parse('kubectl patch widget a --type=merge -p \'{"spec":{"x":1}}\'', kinds=[widget])
    subject = Subject(script.commands[0], (), script.commands)
    assert [one.ruling for one in CUSTOM_KIND.judge(subject, load_policy())] == [TWO]
    known = policy(tmp_path, "known_custom_kinds: [widgets.example.com]\n")
    assert list(CUSTOM_KIND.judge(subject, known)) == []
    read = replace(script.commands[0], is_read=True)
    assert list(CUSTOM_KIND.judge(replace(subject, command=read), load_policy())) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("change_windows: [{namespaces: [a], windows: [{begins: '9', ends: x}]}]", "change_windows"),
        ("change_windows: [{namespaces: [a], windows: []}]", "windows"),
        (
            "change_windows: [{namespaces: [a], windows: [{begins: '09:00', ends: '10:00', zone: Mars/Base}]}]",
            "Mars/Base",
        ),
        ("closed_periods: [{begins: '2026-03-18T00:00:00Z', ends: '2026-03-17T00:00:00Z'}]", "ends after"),
        ("closed_periods: [{begins: '2026-03-18T00:00:00', ends: '2026-03-19T00:00:00'}]", "closed_periods"),
        ("profiles: [{name: a}, {name: a}]", "same name"),
        ("profiles: [{name: a, max_replicas: 0}]", "max_replicas"),
        ("profiles: [{name: a, approver: [x]}]", "approver"),
        ("max_replicas: many", "max_replicas"),
        ("protected_namespaces: []", "protected_namespaces"),
        ("protected_namespace: [a]", "protected_namespace"),
        ("a: &x 1", "anchors"),
        ("max_replicas: 5\nmax_replicas: 6", "twice"),
        ("[]", "mapping"),
        ("examples: [{script: 'kubectl get pods', verdict: two}]", "kubectl get pods"),
        ("examples: [{script: 'kubectl get pods', verdict: often}]", "verdict"),
        (
            "examples: [{script: 'kubectl get pods', verdict: auto}, {script: 'kubectl frobnicate', verdict: one}]",
            "example 2",
        ),
        ("examples: [{script: '', verdict: auto}]", "empty"),
        ("floor: []", "not a site's to set"),
        ("protected_namespaces: [bank]", "kube-system"),
        ("protected_namespaces: [kube-system, kube-public]", "opsdesk"),
        ("forbidden_environment: []", "LD_PRELOAD"),
        ("forbidden_environment: ['LD_*']", "HTTPS_PROXY"),
        ("identity_annotations: []", "role-arn"),
        ("exempting_labels: ['x/*']", "pod-security"),
        ("monitoring_names: []\nmonitoring_namespaces: []", "prometheus"),
        ("control_plane_names: []", "control-plane-1"),
        ("approved_registries: [registry.k8s.io.evil.example]", "evil.example"),
    ],
)
def test_policy_that_is_wrong_is_refused_with_its_place(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        policy(tmp_path, text + "\n")
    assert named in str(caught.value)


def test_policy_s_own_examples_may_name_an_hour(tmp_path: Path) -> None:
    example = f"examples: [{{script: '{RESTART}', verdict: forbidden, at: '2026-03-17T23:30:00Z'}}]\n"
    assert policy(tmp_path, HOURS % "forbidden" + example).examples[0].verdict is F


def test_wrong_policy_names_the_line_of_its_setting(tmp_path: Path) -> None:
    for text, line in (
        ("# ours\n\nmax_replicas: 5\nmax_scale_factor: 0.5\n", 4),
        ("# ours\nexamples: [{script: kubectl get pods, verdict: two}]\n", 2),
        ("max_replicas: 5\nfloor: []\n", 2),
        ("max_replicas: 5\n  bad: [\n", 2),
    ):
        with pytest.raises(MalformedPolicy) as caught:
            policy(tmp_path, text)
        assert caught.value.line == line, text
        assert str(tmp_path) in caught.value.source


def test_policy_may_be_stricter_and_wider_where_it_is_the_sites_to_say(tmp_path: Path) -> None:
    text = "max_replicas: 200\nmax_scale_factor: 10\napproved_registries: [registry.bank.example]\nmutable_tags: []\nbreak_glass: never\n"
    site = policy(tmp_path, text)
    assert judge_script("kubectl scale deploy/web --replicas=120", site).verdict is ONE
    assert judge_script("kubectl set image deploy/web a=registry.bank.example/x:latest", site).verdict is ONE
    assert judge_script("kubectl set image deploy/web a=registry.k8s.io/x:1", site).verdict is F

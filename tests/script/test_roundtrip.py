"""Whatever is accepted renders to a text that parses to the same commands, and rendering is stable."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import ScriptRefused
from tests.spoken.lines import CHANGES, READS, any_line
from tests.spoken.spelling import spelled
from tools.review.plan import steps_of
from tools.script.command import ParsedScript
from tools.script.parser import parse
from tools.script.render import canonical, yaml_text

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
NAMESPACES = st.sampled_from(["", " -n prod", " -nprod", " --namespace=prod", " --namespace prod", " -n 'prod'"])
VALUES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x9FFF, exclude_categories=("C", "Z"), exclude_characters="'"),
    max_size=12,
)
WORKLOADS = st.sampled_from(["deploy", "deployments", "sts", "statefulset.apps", "Deployment"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    name, other, kind, ns = draw(NAMES), draw(NAMES), draw(WORKLOADS), draw(NAMESPACES)
    value, number = draw(VALUES), draw(st.integers(0, 99))
    return draw(
        st.sampled_from([
            f"kubectl get {kind} {name}{ns} -o 'jsonpath={{{value}}}'",
            f"kubectl get po,svc{ns} -l app={name}",
            f"kubectl scale{ns} {kind}/{name} --replicas={number}",
            f"kubectl set image {kind} {name}{ns} {other}=registry.k8s.io/{name}:{number}",
            f"kubectl set env {kind}/{name} {ns} 'A={value}' B- -c {other}",
            f"kubectl annotate pod {name}{ns} 'example.com/note={value}' --overwrite",
            f"kubectl label node {name} {other}={name} tier-",
            f"kubectl patch{ns} {kind} {name} --type=merge -p '{{\"metadata\":{{\"annotations\":{{\"a\":\"{value.replace(chr(92), '').replace(chr(34), '')}\"}}}}}}'",
            f"kubectl logs {name}{ns} --tail {number} -pf",
            f"kubectl delete pod {name} {other}x{ns} --grace-period=-1",
            f"kubectl drain {name} --ignore-daemonsets --timeout {number}s",
            f"kubectl taint nodes {name} {other}={name}:NoSchedule",
            f"kubectl rollout undo{ns} {kind}/{name} --to-revision={number}",
            f"kubectl autoscale{ns} {kind} {name} --min 1 --max {number}",
        ])
    )  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=4))
def test_canonical_text_parses_to_the_same_script_when_a_script_is_accepted(script_lines: list[str]) -> None:
    parsed = parse("\n".join(script_lines))
    text = canonical(parsed)
    assert parse(text) == parsed
    assert canonical(parse(text)) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(st.characters(exclude_categories=("C", "Zs", "Zl", "Zp"), max_codepoint=0xFFFF) | st.just(" ") | st.just("\n"), max_size=20)
    | st.sampled_from(["yes", "010", "1:30", "0x1f", "~", "null", "1e3", "2026-01-01", "<<", "- a", "a: b", "#", " x", "x ", "EOF", "EOF\nEOF\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9./_-]{0,8}", fullmatch=True), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.from_regex(r"k[a-z0-9.]{0,8}", fullmatch=True), JSON, max_size=4))
def test_manifest_survives_its_own_rendering_when_it_is_accepted(data: dict[str, object]) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}, "data": data}
    try:
        parsed = parse(f"kubectl apply -f - <<'EOF'\n{yaml_text(body)}EOF\n")
    except ScriptRefused as refused:
        assert "invisible" in refused.message  # noqa: PT017 - the only reason that such a text may be refused for
        return
    assert parsed.commands[0].manifests[0].body == body
    assert parse(canonical(parsed)) == parsed


@settings(max_examples=600, deadline=None)
@given(st.text(st.sampled_from("kubectl getpods-n=/'\"$|;&<>(){}*\\\n\t #.,:A0é\u200b"), max_size=60))
def test_parser_answers_or_refuses_and_never_fails_when_text_is_random(text: str) -> None:
    places: list[tuple[int, int]] = []
    for candidate in (text, f"kubectl get {text}", f"kubectl delete pod {text}"):
        try:
            parsed = parse(candidate)
        except ScriptRefused as refused:
            places.append((refused.line, refused.column))
        else:
            assert parse(canonical(parsed)) == parsed
    assert all(line >= 1 and column >= 1 for line, column in places)


@given(st.randoms(use_true_random=False))
def test_canonical_text_means_the_same_plan_when_any_verb_is_spelled_at_random(chance: Random) -> None:
    line = any_line(chance)
    parsed = parse(line)
    text = canonical(parsed)
    assert parse(text) == parsed, line
    assert [step.text for step in steps_of(parse(text))] == [step.text for step in steps_of(parsed)]
    assert all(canonical(parse(step.text)) == step.text for step in steps_of(parsed))


@given(st.integers(0, 2**32))
def test_two_spellings_of_one_command_are_the_same_command(seed: int) -> None:
    said = Random(seed).choice([*CHANGES, *READS])(Random(seed))
    one, other = (parse(spelled(said, Random(seed + at))) for at in (1, 2))
    assert _unordered(one) == _unordered(other)


def _unordered(script: ParsedScript) -> list[object]:
    """Without the order in which repeatable flags were given: that is the sayer's own."""
    return [
        (replace(c, flags=()), [(name, sorted(values)) for name, values in c.flags]) for c in script.commands
    ]  # fmt: skip

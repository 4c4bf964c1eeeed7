"""`review --jsonl`: one script a line, one answer a line, whatever the line holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

KEYS = {"verdict", "rules", "message", "line", "column"}
LINES: list[tuple[bytes, str, str]] = [
    (b'{"script": "kubectl get pods -A"}', "auto", "reads only"),
    (b'{"script": "kubectl rollout restart deploy/web -n shop", "note": "x"}', "one", "rollout restart"),
    (b'{"script": "kubectl drain gpu-1 --ignore-daemonsets"}', "two", "drain"),
    (b'{"script": "kubectl delete ns shop"}', "forbidden", "deletion"),
    (b'{"script": "kubectl get pods\\nkubectl get po | sh"}', "refused", "pipes"),
    (b'{"script": ""}', "refused", "empty"),
    (b'{"script": "kubectl apply -f - <<\'EOF\'\\na: b\\n"}', "refused", "EOF"),
    (b'{"script": "kubectl delete pods -l app=web"}', "two", "not known yet"),
    (b'{"script": 7}', "refused", "no script"),
    (b'["kubectl get pods"]', "refused", "no script"),
    (b"kubectl get pods", "refused", "no JSON"),
    (b"", "refused", "no JSON"),
    (b'{"script": "kubectl get pods \xff"}', "refused", "no JSON"),
    (b'{"script": "\\ud800"}', "refused", "no JSON"),
    (b'{"script": "' + b"a" * 1_000_001 + b'"}', "refused", "1,000,001 characters"),
    (b'{"script": "' + b"a" * 8_000_001 + b'"}', "refused", "8,000,000 bytes"),
    (b'{"script": "kubectl get pods\\u0000"}', "refused", "control character"),
    (b'{"script": "kubectl get pods\x00"}', "refused", "no JSON"),
    (b'{"script": null}', "refused", "no script"),
    (b'{"Script": "kubectl get pods"}', "refused", "no script"),
    (b'{"script": "kubectl get pods"} {"script": "kubectl get nodes"}', "refused", "no JSON"),
    (b"[" * 100_000, "refused", "no JSON"),
    (b'{"script": "kubectl delete ns a", "script": "kubectl get pods"}', "refused", "twice"),
    (b"\xef\xbb\xbf{}", "refused", "no JSON"),
    (b'{"script": "kubectl get nodes"}', "auto", "reads only"),
]


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_every_line_is_answered_in_order_with_exactly_the_promised_keys(run: Run, tmp_path: Path, way: str) -> None:
    content = b"\n".join(line for line, _, _ in LINES)
    path = tmp_path / "scripts.jsonl"
    path.write_bytes(content)
    done = run("review", "--jsonl", str(path) if way == "file" else "-", "--json", stdin=content)
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    assert [answer["verdict"] for answer in answers] == [verdict for _, verdict, _ in LINES]
    for answer, (_, _, word) in zip(answers, LINES, strict=True):
        assert answer.keys() == KEYS
        assert answer["rules"]
        assert word in answer["message"]
    assert (answers[4]["line"], answers[4]["column"]) == (2, 16)
    assert answers[10]["rules"] == ["input"]


def test_an_empty_file_has_no_answers(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_bytes(b"")
    done = run("review", "--jsonl", str(path), "--json")
    assert (done.code, done.out) == (0, "")


@pytest.mark.parametrize("words", [(), ("a.sh", "--jsonl", "b.jsonl")])
def test_one_thing_is_reviewed_at_a_time(run: Run, words: tuple[str, ...]) -> None:
    run("review", *words).told(1, "one thing")


def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    run("review", "--jsonl", str(tmp_path / "none"), "--json").told(1, "No such file")


HALF = [
    "",
    " \n",
    "a" * 1_000_000,
    "kubectl apply -f - <<'EOF'\nkind: Pod",
    "kubectl frobnicate",
    "kubectl get unicorns",
    "kubectl get pods\x00",
]


def test_one_script_and_one_line_get_the_same_verdict(run: Run) -> None:
    for line, verdict, _ in [*LINES[:5], *((json.dumps({"script": half}).encode(), "refused", "") for half in HALF)]:
        script = json.loads(line)["script"].encode()
        alone = json.loads(run("review", "-", "--json", stdin=script).out)
        (answer,) = map(json.loads, run("review", "--jsonl", "-", "--json", stdin=line).out.splitlines())
        assert alone["verdict"] == answer["verdict"] == verdict
        assert {key: alone[key] for key in ("rules", "line", "column")} == {
            key: answer[key] for key in ("rules", "line", "column")
        }

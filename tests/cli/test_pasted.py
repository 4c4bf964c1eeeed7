"""`opsdesk diagnose --transcript`: what was pasted, in, one verdict with its evidence, out."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

FAULT = """$ kubectl get pods -n billing
NAME                       READY   STATUS             RESTARTS   AGE
invoicer-6c9f7d5b8-x2x9k   0/1     ImagePullBackOff   0          6m
ledger-7d4b9c6f5-k8s2p     1/1     Running            0          3d

$ kubectl get events -n billing
LAST SEEN   TYPE      REASON   OBJECT                         MESSAGE
2m          Warning   Failed   pod/invoicer-6c9f7d5b8-x2x9k   Failed to pull image "registry.example/invoicer:v9": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/invoicer:v9": not found
1m          Warning   Failed   pod/invoicer-6c9f7d5b8-x2x9k   Error: ImagePullBackOff
"""
CANDIDATES = [
    ["Release", "image_tag_does_not_exist"],
    ["Release", "registry_login_missing"],
    ["Storage", "volume_not_bound"],
]
KEYS = {"verdict", "hypotheses", "gaps", "seconds"}


@pytest.fixture
def paste(tmp_path: Path) -> Path:
    path = tmp_path / "paste.txt"
    path.write_text(FAULT, encoding="utf-8")
    return path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "candidates.json"
    path.write_text(json.dumps(CANDIDATES), encoding="utf-8")
    return path


def told(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_fault_is_told_with_object_candidate_and_evidence(run: Run, paste: Path, listed: Path) -> None:
    done = run(
        "diagnose", "--transcript", str(paste), "--candidates", str(listed), "--question", "invoices are down", "--json"
    )
    assert done.code == 1
    found = told(done.out)
    assert found.keys() >= KEYS
    assert found["verdict"] == "fault"
    first = found["hypotheses"][0]
    assert (first["rank"], first["object"]["namespace"], first["candidate"]) == (1, "billing", CANDIDATES[0])
    assert first["object"]["name"].startswith("invoicer")
    assert 0 < first["confidence"] <= 1
    assert first["evidence"]
    assert set(first["evidence"]) <= found["evidence"].keys()
    assert found["seconds"] < 30


def test_person_reads_the_cause_the_candidate_and_what_is_missing(run: Run, paste: Path, listed: Path) -> None:
    done = run("diagnose", "--transcript", str(paste), "--candidates", str(listed))
    assert done.code == 1
    assert "invoicer" in done.out
    assert "image_tag_does_not_exist" in done.out
    assert "kubectl" in done.out, "a gap says what to paste next"


def test_transcript_comes_over_standard_input(run: Run) -> None:
    done = run("diagnose", "--transcript", "-", "--json", stdin=FAULT.encode())
    assert told(done.out)["verdict"] == "fault"


def test_archive_of_outputs_is_one_incident(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / "bundle.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        entry = tarfile.TarInfo("bundle/outputs.txt")
        entry.size = len(FAULT.encode())
        opened.addfile(entry, io.BytesIO(FAULT.encode()))
    assert told(run("diagnose", "--transcript", str(archive), "--json").out)["verdict"] == "fault"


def test_folder_of_transcripts_gives_a_line_each_and_goes_on_after_a_bad_one(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "transcript.txt").write_text(FAULT, encoding="utf-8")
    (folder / "two.txt").write_text(FAULT, encoding="utf-8")
    (folder / "empty").mkdir()
    (folder / "answers.jsonl").write_text("{}", encoding="utf-8")
    done = run("diagnose", "--transcripts", str(folder))
    lines = [told(line) for line in done.out.splitlines()]
    assert [line["name"] for line in lines] == ["empty", "one", "two"]
    assert [line.get("verdict") for line in lines] == [None, "fault", "fault"]
    assert lines[0]["error"]
    assert done.code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--transcript", "no-such-file"), "no-such-file"),
        (("--transcript", "{paste}", "--transcripts", "."), "exclude each other"),
        (("--candidates", "{paste}"), "--transcript"),
        (("--transcript", "{paste}", "--candidates", "{paste}"), "not JSON"),
        (("--transcripts", "{paste}"), "not a folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run: Run, paste: Path, words: tuple[str, ...], said: str) -> None:
    done = run("diagnose", *(word.format(paste=paste) for word in words))
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_text_that_tells_nothing_is_not_enough_evidence(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nothing.txt"
    path.write_text("good morning", encoding="utf-8")
    done = run("diagnose", "--transcript", str(path), "--json")
    assert done.code == 2
    found = told(done.out)
    assert (found["verdict"], found["hypotheses"]) == ("unknown", [])
    assert found["gaps"]

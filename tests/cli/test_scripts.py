"""`review` of what is no script, and `kb import` of what is no document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"kubectl get pods\n\xff\xfe\x00", "byte 17 is not UTF-8"),
        (b"a" * 1_000_001, "1,000,001 characters"),
    ],
    ids=["empty", "blank", "binary", "huge"],
)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_what_is_no_script_is_refused_like_any_other(
    run: Run, tmp_path: Path, content: bytes, says: str, way: str
) -> None:
    path = tmp_path / "s.sh"
    path.write_bytes(content)
    done = run("review", str(path) if way == "file" else "-", stdin=content)
    assert (done.code, done.err) == (3, "")
    assert says in done.out
    answer = json.loads(run("review", str(path) if way == "file" else "-", "--json", stdin=content).out)
    assert (answer["verdict"], answer["rules"]) == ("refused", ["grammar"])
    assert "^" in answer["shown"]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("kubectl apply -f - <<'EOF'\nkind: ConfigMap\n", "EOF"),
        ("kubectl frobnicate pod x\n", "unknown verb"),
        ("a" * 1_000_000, "1,000,000 characters"),
        ("# nothing but a note\n", "command"),
    ],
    ids=["half-heredoc", "unknown-verb", "long-line", "comment"],
)
def test_what_the_grammar_refuses_is_shown_with_its_place(run: Run, script: str, says: str) -> None:
    done = run("review", "-", stdin=script.encode())
    assert done.code == 3
    assert says in " ".join(done.out.split())
    assert len(done.out) < 2_000
    assert json.loads(run("review", "-", "--json", stdin=script.encode()).out)["verdict"] == "refused"


def test_the_caret_stands_under_the_place_behind_chinese_words(run: Run) -> None:
    lines = run("review", "-", stdin="kubectl 重启 pod x\n".encode()).out.splitlines()
    (shown,) = [number for number, line in enumerate(lines) if "重启" in line and "line 1" in line]
    before = lines[shown][: lines[shown].index("重启")]
    assert lines[shown + 1] == " " * len(before) + "^"


@pytest.mark.parametrize(("name", "says"), [("no-such.sh", "No such file"), (".", "directory")])
def test_what_is_no_file_is_told(run: Run, tmp_path: Path, name: str, says: str) -> None:
    run("review", str(tmp_path / name)).told(1, says)


def test_a_forbidden_script_speaks_the_language_that_is_asked_for(run: Run) -> None:
    script = b"kubectl delete pod qwen-0 -n kube-system\n"
    in_english, in_chinese = (run("review", "-", "--lang", lang, stdin=script).out for lang in ("en", "zh"))
    assert "步骤 1" in in_chinese
    assert "step 1" in in_english


def test_broken_files_are_named_and_the_others_go_in(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "good.txt").write_text("The gateway's timeout is shorter than a long generation.")
    (folder / "empty.md").write_text("")
    (folder / "broken.json").write_text('{"a":')
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    (folder / "table.csv").write_text("a,b\n1,2\n")
    done = run("kb", "import", str(folder), "--json")
    told = {Path(file["path"]).name: file for file in json.loads(done.out)}
    assert done.code == 1
    assert told["good.txt"]["outcome"] == "added"
    failed = {name for name, file in told.items() if file["outcome"] == "failed"}
    assert failed == {"empty.md", "broken.json", "broken.pdf", "table.csv"}
    assert all(told[name]["reason"] for name in failed)
    listed = json.loads(run("kb", "list", "--documents", "--json").out)
    sources = [Path(one["source"]).name for one in listed if not one["source"].startswith("bundled:")]
    assert sources == ["good.txt"]


def test_an_import_of_nothing_is_told(run: Run, tmp_path: Path) -> None:
    run("kb", "import", str(tmp_path / "none")).told(1, "no file or folder")

"""`opsdesk kb` as people and scripts use it: tables or JSON, and an exit code that tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.commands.kb import app
from knowledge.library import Library
from tests.library.stand_ins import MemoryStore, WordEmbedder, case_markdown

runner = CliRunner()


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    empty = tmp_path / "bundle"
    empty.mkdir()
    monkeypatch.setattr("knowledge.bundled.bundled_cases_path", lambda: empty)
    monkeypatch.setattr("knowledge.bundled.bundled_documents_path", lambda: empty)
    monkeypatch.setattr("api.bootstrap.open_library", lambda: Library.open(store, tmp_path / "index", WordEmbedder()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "kb"
    made.mkdir()
    (made / "gpu.md").write_text(
        case_markdown("gpu-lost", "GPU fell off the bus", "GPU 掉卡", layer="gpu"), encoding="utf-8"
    )
    (made / "guide.txt").write_text("Reseat the GPU when the bus is lost.")
    return made


def kb(*arguments: str) -> Result:
    return runner.invoke(app, list(arguments), env={"COLUMNS": "200"})


def test_import_ends_with_zero_and_counts_when_all_is_well(folder: Path) -> None:
    result = kb("import", str(folder))

    assert result.exit_code == 0, result.output
    assert "2 added, 0 updated, 0 unchanged" in result.output
    assert "2 unchanged" in kb("import", str(folder)).output


def test_import_ends_with_one_and_names_the_line_when_a_file_is_broken(folder: Path) -> None:
    (folder / "bad.md").write_text("---\nid: bad-case\nkind: odd\n---\n")

    result = kb("import", str(folder), "--json")

    assert result.exit_code == 1
    told = {Path(file["path"]).name: file for file in json.loads(result.stdout)}
    assert told["bad.md"]["outcome"] == "failed"
    assert told["bad.md"]["line"] == 2
    assert told["gpu.md"]["outcome"] == "added"


def test_search_prints_hits_as_json_when_asked_to(folder: Path) -> None:
    kb("add", str(folder / "gpu.md"))

    found = json.loads(kb("search", "GPU bus", "--layer", "gpu", "--json").stdout)

    assert [hit["case_id"] for hit in found["hits"]] == ["gpu-lost"]
    assert found["notice"] is None


def test_search_shows_a_table_when_a_person_asks(folder: Path) -> None:
    kb("import", str(folder))
    output = kb("search", "掉卡").output

    assert "gpu-lost" in output
    assert "GPU fell off the bus" in output


def test_search_says_the_notice_when_the_index_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    kb("import", str(folder))
    (tmp_path / "index").write_text("in the way")

    found = json.loads(kb("search", "GPU bus", "--json").stdout)

    assert found["hits"][0]["case_id"] == "gpu-lost"
    assert "words only" in found["notice"]["en"]


@pytest.mark.parametrize(
    "arguments", [["--layer", "sky"], ["--kind", "mishap"], ["--language", "fr"], ["--limit", "0"]]
)
def test_search_ends_with_two_when_a_filter_is_unknown(arguments: list[str]) -> None:
    assert kb("search", "x", *arguments).exit_code == 2


def test_list_shows_cases_or_documents_when_asked(folder: Path) -> None:
    assert "Nothing here yet" in kb("list").output
    kb("import", str(folder))

    assert [row["id"] for row in json.loads(kb("list", "--json").stdout)] == ["gpu-lost"]
    assert json.loads(kb("list", "--layer", "vllm", "--json").stdout) == []
    assert json.loads(kb("list", "--documents", "--json").stdout)[0]["title"]["en"] == "guide"


def test_check_ends_with_one_until_the_index_is_made(folder: Path) -> None:
    kb("import", str(folder))

    before = kb("check")
    assert before.exit_code == 1
    assert "there is no index yet" in before.output
    assert kb("rebuild").exit_code == 0
    after = kb("check", "--json")
    assert after.exit_code == 0
    assert json.loads(after.stdout)["sound"] is True

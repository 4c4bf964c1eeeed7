"""Taking in files: every file gets an answer, a broken one names its line, and nothing half-read stays."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from knowledge.case_file import parse_case
from knowledge.errors import NotFound
from knowledge.ingest import FileOutcome
from knowledge.library import Library
from knowledge.vocabulary import Text
from tests.library.conftest import OpenLibrary
from tests.library.stand_ins import case_markdown

RECORD = {
    "id": "disk-full",
    "title": {"en": "Disk full", "zh": "磁盘写满"},
    "symptoms": "Pods are evicted",
    "cause": "Old images",
    "remedy": {"manual": ["Remove old images"]},
    "verification": "No disk pressure",
}


@pytest.fixture
def empty(open_library: OpenLibrary) -> Library:
    return open_library()


def take_in(library: Library, path: Path) -> FileOutcome:
    report = library.import_path(path)
    assert len(report.files) == 1
    return report.files[0]


def texts(library: Library) -> list[str]:
    return [library._catalogue.text(row.key) or "" for row in library.entries("documents")]


def test_import_takes_a_whole_folder_and_names_the_broken_when_some_are(empty: Library, tmp_path: Path) -> None:
    folder = tmp_path / "kb"
    (folder / "deep").mkdir(parents=True)
    (folder / "good.md").write_text(case_markdown("good-case", "Good", "好"), encoding="utf-8")
    (folder / "bad.md").write_text(case_markdown("bad-case", "Bad", "坏").replace("kind: fault", "kind: odd"))
    (folder / "deep" / "guide.txt").write_text("How to drain a node.")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / ".hidden.md").write_text("secret notes")
    seen: list[tuple[int, int, str]] = []

    report = empty.import_path(folder, lambda done, total, last: seen.append((done, total, last.outcome)))

    by_name = {Path(file.path).name: file for file in report.files}
    assert set(by_name) == {"good.md", "bad.md", "guide.txt", "picture.png"}
    assert by_name["good.md"].outcome == by_name["guide.txt"].outcome == "added"
    assert by_name["bad.md"].outcome == "failed"
    assert by_name["bad.md"].line == 3
    assert "'kind' is 'odd'" in by_name["bad.md"].reason
    assert by_name["picture.png"].outcome == "skipped"
    assert [done for done, _, _ in seen] == [1, 2, 3, 4]
    assert {total for _, total, _ in seen} == {4}
    assert [row.key[1] for row in empty.entries("cases")] == ["good-case"]


def test_import_says_unchanged_then_updated_when_a_file_comes_again(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "guide.md"
    file.write_text("# Guide\n\nFirst words.")

    assert take_in(empty, file).outcome == "added"
    assert take_in(empty, file).outcome == "unchanged"
    file.write_text("# Guide\n\nOther words.")
    assert take_in(empty, file).outcome == "updated"
    assert len(empty.entries("documents")) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_import_reads_chinese_when_the_file_has_another_encoding(empty: Library, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "手册.txt"
    file.write_bytes("显存不足时，降低并发。\r\n再观察。".encode(encoding))

    assert take_in(empty, file).outcome == "added"
    assert texts(empty) == ["显存不足时，降低并发。\n再观察。"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.md", b"", "empty"),
        ("blank.txt", b" \n\n ", "no text"),
        ("binary.txt", bytes(range(256)) * 20, "binary|neither"),
        ("zeros.log", b"\x00" * 500, "binary"),
        ("tool.exe", b"MZ", "are not read"),
        ("broken.pdf", b"%PDF-1.7 and then nothing", "not a readable PDF"),
        ("broken.json", b'{"id": ', "not JSON"),
        ("deep.json", b"[" * 100_000, "nested too deeply|not JSON"),
        ("number.json", b"12", "must be a JSON object"),
        ("list.jsonl", b"[1]\n", "must be a JSON object"),
        ("none.csv", b"id,title\n", "no case"),
        ("ragged.csv", b"id,title\na,b,c\n", "more fields"),
        ("lonely.jsonl", json.dumps({"id": "abc"}).encode(), "'title' is missing"),
        ("odd.jsonl", json.dumps({**RECORD, "colour": "red"}).encode(), "unknown field 'colour'"),
        ("layer.jsonl", json.dumps({**RECORD, "layer": "sky"}).encode(), "layer"),
        ("id.jsonl", json.dumps({**RECORD, "id": "Not An Id"}).encode(), "'id' is 3 to 100"),
        ("noremedy.json", json.dumps({**RECORD, "remedy": {}}).encode(), "remedy is missing"),
        ("types.json", json.dumps({**RECORD, "cause": 7}).encode(), "must be text"),
    ],
)
def test_import_says_why_when_a_file_cannot_be_read(
    empty: Library, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    outcome = take_in(empty, file)

    assert outcome.outcome == "failed"
    assert any(part in outcome.reason for part in says.split("|")), outcome.reason
    assert empty.entries() == []


def test_import_says_too_large_when_a_file_is_huge(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "huge.log"
    with file.open("wb") as opened:
        opened.truncate(30_000_000)

    assert "30 MB" in take_in(empty, file).reason


def test_import_ends_when_links_loop_or_files_are_no_files(empty: Library, tmp_path: Path) -> None:
    folder = tmp_path / "kb"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "self.md").symlink_to(folder / "self.md")
    (tmp_path / "outside.md").write_text("# Outside\n\nnot asked for")
    (folder / "out.md").symlink_to(tmp_path / "outside.md")
    os.mkfifo(folder / "pipe.md")
    (folder / "good.md").write_text("# Good\n\nwords")

    report = empty.import_path(folder)

    said = {Path(file.path).name: (file.outcome, file.reason) for file in report.files}
    assert said["good.md"][0] == "added"
    assert said["loop"] == ("skipped", "a link to a folder is not followed")
    assert said["self.md"][0] == "failed"
    assert "points nowhere or to itself" in said["self.md"][1]
    assert said["out.md"] == ("skipped", "a link to a file outside the folder is not followed")
    assert said["pipe.md"] == ("failed", "not a regular file")


def test_import_refuses_when_there_is_nothing_at_the_path(empty: Library, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        empty.import_path(tmp_path / "nowhere")


def test_import_stores_no_case_of_a_file_when_one_of_its_lines_is_broken(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(RECORD) + "\n\n" + '{"id": "second", \n')

    outcome = take_in(empty, file)

    assert outcome.outcome == "failed"
    assert outcome.line == 3
    assert empty.entries() == []


def test_import_refuses_the_file_when_two_of_its_cases_have_one_id(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [RECORD, RECORD]}))

    assert "stands twice" in take_in(empty, file).reason


def test_import_reads_cases_when_they_come_as_json(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([RECORD, {**RECORD, "id": "second", "alerts": "A;B"}]))

    assert take_in(empty, file).entries == 2
    case = empty.case("disk-full")
    assert case is not None
    assert case.title == Text(en="Disk full", zh="磁盘写满")
    assert case.symptoms == Text(en="Pods are evicted", zh="Pods are evicted")
    assert case.remedy.manual == (Text(en="Remove old images", zh="Remove old images"),)
    assert case.sources == ("cases.json",)
    assert [hit.case_id for hit in empty.recall([], ["B"])] == ["second"]


def test_import_reads_a_dumped_case_back_when_it_is_the_desks_own_json(empty: Library, tmp_path: Path) -> None:
    case = parse_case(case_markdown("round-trip", "Round", "往返"))
    file = tmp_path / "dump.json"
    file.write_text(case.model_dump_json())

    assert take_in(empty, file).outcome == "added"
    assert empty.case("round-trip") == case


def test_import_reads_cases_when_they_come_as_csv(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_bytes(
        "id,layer,title_en,title_zh,symptoms,cause,remedy_manual_en,remedy_manual_zh,remedy_script,verification\r\n"
        'net-down,network,Net down,网络不通,"no, route",cable,"look\r\nfix","看\r\n修",,ping\r\n'
        "gpu-hot,gpu,GPU hot,显卡过热,hot,fan,,,kubectl cordon <node>,cool\r\n".encode("gb18030")
    )

    assert take_in(empty, file).entries == 2
    net, gpu = empty.case("net-down"), empty.case("gpu-hot")
    assert net is not None
    assert net.symptoms.en == "no, route"
    assert net.remedy.manual == (Text(en="look", zh="看"), Text(en="fix", zh="修"))
    assert gpu is not None
    assert gpu.title.zh == "显卡过热"
    assert gpu.remedy.script == "kubectl cordon <node>"


def test_import_names_the_line_when_a_csv_row_is_broken(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(
        'id,title,symptoms,cause,remedy_manual,verification\none-case,A,"two\nlines",c,step,v\ntwo-case,B,,c,step,v\n'
    )

    outcome = take_in(empty, file)

    assert outcome.line == 4
    assert "'symptoms' is missing" in outcome.reason


def test_import_keeps_what_a_reader_sees_when_the_file_is_html(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(
        '<html><head><meta charset="gbk"><title>证书</title><style>p{}</style></head><body><nav>menu</nav>'
        "<h2>续期</h2><p>先备份。</p><script>alert(1)</script><table><tr><td>a</td><td>b</td></tr></table>".encode(
            "gbk"
        )
    )

    assert take_in(empty, file).outcome == "added"
    text = texts(empty)[0]
    assert "## 续期" in text
    assert "先备份。" in text
    assert not {"menu", "alert", "p{}"} & set(text.split())
    assert empty.entries("documents")[0].title.en == "证书"


def pdf_of(lines: list[str]) -> bytes:
    """A small PDF of one page, written by hand."""
    drawn = "BT /F1 12 Tf 72 720 Td " + " ".join(f"({line}) Tj 0 -14 Td" for line in lines) + " ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn.encode()),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        body
        + b"xref\n0 6\n0000000000 65535 f \n"
        + table
        + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)
    )


def test_import_reads_the_text_when_the_file_is_pdf(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "guide.pdf"
    file.write_bytes(pdf_of(["Reset the NVLink fabric", "then drain the node"]))

    assert take_in(empty, file).outcome == "added"
    assert "Reset the NVLink fabric" in texts(empty)[0]


def test_import_says_pictures_only_when_a_pdf_has_no_text(empty: Library, tmp_path: Path) -> None:
    file = tmp_path / "scan.pdf"
    file.write_bytes(pdf_of([]))

    assert "only pictures" in take_in(empty, file).reason


def test_a_long_document_is_found_by_its_passage_when_the_words_stand_at_its_end(
    empty: Library, tmp_path: Path
) -> None:
    file = tmp_path / "long.md"
    padding = "\n\n".join(f"Paragraph {number} speaks of ordinary matters." * 10 for number in range(40))
    file.write_text(
        f"# Long guide\n\n{padding}\n\n## Fabric manager\n\nRestart nv-fabricmanager after a driver upgrade."
    )

    take_in(empty, file)
    hits = empty.search("nv-fabricmanager driver upgrade")

    assert hits[0].model_dump()["text"].startswith("## Fabric manager")
    assert len(hits[0].model_dump()["text"]) < 1_200


def test_markdown_with_broken_front_matter_is_named_with_its_line_when_it_could_pass_for_a_document(
    empty: Library, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.md"
    broken.write_text("---\nid: some-case\nfaults: [a\n---\n\n# Title\n\nText\n", encoding="utf-8")
    outcome = take_in(empty, broken)
    assert outcome.outcome == "failed"
    assert outcome.line is not None
    assert 2 <= outcome.line <= 5
    assert texts(empty) == []


def test_a_rule_at_the_top_of_a_document_is_no_front_matter(empty: Library, tmp_path: Path) -> None:
    plain = tmp_path / "plain.md"
    plain.write_text("---\n\n# Title\n\nText: with a colon, and no second rule\n", encoding="utf-8")
    assert take_in(empty, plain).outcome == "added"

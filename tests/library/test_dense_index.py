"""The index of meanings can be lost, torn, locked or killed: the library says so, goes on, and makes it again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge import index_check
from knowledge.case_file import parse_case
from knowledge.errors import IndexUnavailable
from knowledge.index_check import Canary, check_in_child
from knowledge.index_journal import Indexed, Journal
from knowledge.ledger.ledger import Ledger
from knowledge.library import Library
from knowledge.vocabulary import Passage, RecalledCase
from tests.library.conftest import OpenLibrary
from tests.library.killed_writer import fill_text, ledger_clock
from tests.library.stand_ins import MemoryStore, WordEmbedder, case_markdown


def first_why(library: Library, query: str) -> str:
    hit = library.search(query)[0]
    assert isinstance(hit, RecalledCase)
    return hit.why


def generation_folder(tmp_path: Path) -> Path:
    index = tmp_path / "index"
    return index / (index / "current").read_text().strip()


def test_index_is_used_again_when_the_library_is_opened_again(library: Library, open_library: OpenLibrary) -> None:
    library.search("gpu")
    generation = library.check().generation
    library.close()
    again = open_library()

    assert "meaning" in first_why(again, "GPU fell off the bus")
    assert again.check().generation == generation
    assert again.check().is_sound


@pytest.mark.parametrize("loss", ["chroma", "journal.jsonl"])
def test_index_is_made_again_when_a_part_of_it_is_lost(
    library: Library, open_library: OpenLibrary, tmp_path: Path, loss: str
) -> None:
    library.search("gpu")
    generation = library.check().generation
    library.close()
    lost = generation_folder(tmp_path) / loss
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    again = open_library()

    assert not again.check().is_sound
    assert "meaning" in first_why(again, "GPU fell off the bus")
    health = again.check()
    assert health.is_sound
    assert health.generation != generation


def test_index_is_made_again_when_rows_went_missing_in_it(
    library: Library, open_library: OpenLibrary, tmp_path: Path
) -> None:
    library.search("gpu")
    library.close()
    database = generation_folder(tmp_path) / "chroma" / "chroma.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.execute("delete from embeddings_queue")
        connection.execute("delete from embeddings")
    again = open_library()

    assert "chunks in the index" in again.check().problem or "not find" in again.check().problem
    assert "meaning" in first_why(again, "GPU fell off the bus")
    assert again.check().is_sound


def test_index_is_made_again_when_the_embedding_model_changed(library: Library, open_library: OpenLibrary) -> None:
    library.search("gpu")
    library.close()
    again = open_library(WordEmbedder("other-model", 32))

    assert "meaning" in first_why(again, "GPU fell off the bus")
    assert again.check().is_sound
    assert again.check().embedder == "other-model"


def test_search_goes_on_by_words_when_the_index_cannot_be_made(
    open_library: OpenLibrary, store: MemoryStore, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    library = open_library(index=blocked / "index")
    text = case_markdown("gpu-lost", "GPU fell off the bus", "GPU 掉卡")
    library.add_case(parse_case(text), text)

    found = library.find("GPU fell off the bus")

    assert [hit.case_id for hit in found.hits if isinstance(hit, RecalledCase)] == ["gpu-lost"]
    assert found.notice is not None
    assert "words only" in found.notice.en
    assert "关键词" in found.notice.zh


def test_second_process_reads_and_the_first_catches_up_when_both_use_one_folder(
    library: Library, open_library: OpenLibrary, tmp_path: Path
) -> None:
    library.search("gpu")
    second = open_library()

    assert "meaning" in first_why(second, "GPU fell off the bus")
    assert not second.check().is_writer
    with pytest.raises(IndexUnavailable, match="another process writes"):
        second.rebuild()
    text = case_markdown("from-second", "Added by the second", "第二个进程添加")
    second.add_case(parse_case(text), text)
    library._refresh_at = 0.0
    assert "meaning" in first_why(library, "Added by the second")


def test_rebuild_leaves_one_generation_when_it_is_done(library: Library, tmp_path: Path) -> None:
    library.search("gpu")
    seen: list[tuple[int, int]] = []
    library.rebuild(lambda done, total: seen.append((done, total)))

    assert seen[-1] == (6, 6)
    assert len(list((tmp_path / "index").glob("gen-*"))) == 1
    assert "meaning" in first_why(library, "GPU fell off the bus")


def test_rebuild_keeps_the_old_index_when_the_new_one_fails(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library.search("gpu")
    before = generation_folder(tmp_path)
    monkeypatch.setattr("knowledge.dense_index.DenseIndex._compare", staticmethod(lambda journal, answer: "made up"))

    with pytest.raises(IndexUnavailable, match="made up"):
        library.rebuild()
    monkeypatch.undo()

    assert generation_folder(tmp_path) == before
    assert library.check().is_sound
    assert "meaning" in first_why(library, "GPU fell off the bus")


def test_check_survives_when_a_torn_index_kills_whoever_opens_it(tmp_path: Path) -> None:
    """Random bytes where Chroma keeps its vectors: opening that is a segmentation fault."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(str(tmp_path), settings=Settings(anonymized_telemetry=False))
    vectors = np.random.default_rng(1).standard_normal((1_500, 64)).astype(np.float32)
    for name in ("cases", "documents"):
        collection = client.create_collection(
            name, configuration={"hnsw": {"sync_threshold": 100, "batch_size": 50}}, embedding_function=None
        )
        collection.upsert(ids=[f"{name}/{number}#0" for number in range(1_500)], embeddings=vectors)
    client.close()
    canary = Canary("cases", "cases/7#0", tuple(float(value) for value in vectors[7]))
    assert check_in_child(tmp_path, ("cases", "documents"), [canary], 60).problem == ""
    for file in tmp_path.rglob("data_level0.bin"):
        file.write_bytes(random.Random(1).randbytes(file.stat().st_size))

    assert check_in_child(tmp_path, ("cases", "documents"), [canary], 60).problem


def test_check_stops_the_file_when_a_torn_index_grows_it(tmp_path: Path) -> None:
    """A stand-in for Chroma that does what a torn index made the real one do: it writes far beyond the end of a file."""
    stub, big = tmp_path / "chromadb", tmp_path / "link_lists.bin"
    stub.mkdir()
    grow = f"def PersistentClient(*_, **__):\n    with open({str(big)!r}, 'wb') as f:\n        f.seek(10**9); f.write(b'x')\n"
    (stub / "__init__.py").write_text(grow)
    (stub / "config.py").write_text("class Settings:\n    def __init__(self, **_): pass\n")
    request = {"path": str(tmp_path), "names": [], "canaries": [], "max_file_bytes": 1_000_000}

    done = subprocess.run(
        [sys.executable, index_check.__file__],
        input=json.dumps(request).encode(),
        capture_output=True,
        env={"PYTHONPATH": str(tmp_path)},
        check=False,
    )

    assert "File too large" in json.loads(done.stdout)["problem"]
    assert big.stat().st_size <= 1_000_000


def test_check_says_so_when_the_index_does_not_open_in_time(tmp_path: Path) -> None:
    assert "did not open within" in check_in_child(tmp_path, ("cases",), [], 0.01).problem


def test_search_and_add_go_together_when_many_threads_use_one_library(library: Library) -> None:
    def add(number: int) -> str:
        text = case_markdown(f"thread-{number}", f"Thread case number{number}", f"线程案例 {number}")
        return library.add_case(parse_case(text), text)

    def look(number: int) -> bool:
        return bool(library.search(f"GPU fell off the bus number{number}")) and bool(library.recall(["xid-79"]))

    library.search("gpu")
    with ThreadPoolExecutor(8) as pool:
        added = [pool.submit(add, number) for number in range(24)]
        looked = [pool.submit(look, number) for number in range(48)]
        assert {future.result() for future in added} == {"added"}
        assert all(future.result() for future in looked)

    assert library.check().is_sound
    for number in (0, 11, 23):
        hit = library.search(f"Thread case number{number}", limit=1)[0]
        assert isinstance(hit, RecalledCase)
        assert hit.case_id == f"thread-{number}"


def test_journal_forgets_a_torn_last_line_when_it_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal.create(path, "model")
    journal.intend([(("cases", "a"), 2), (("cases", "b"), 1)])
    journal.done([(("cases", "a"), Indexed("sha256:1", 2))])
    with path.open("ab") as file:
        file.write(b'["+", "cases", "b", "sha2')

    again = Journal.load(path)

    assert again.entries == {("cases", "a"): Indexed("sha256:1", 2)}
    assert again.pending == {("cases", "b"): 1}
    assert again.chunk_bounds("cases") == (2, 3)
    again.removed([("cases", "a")])
    assert Journal.load(path).entries == {}


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[]\n", b'["embedder", "m"]\n["+"]\n', b"\xff\xfe\n"])
def test_journal_is_refused_when_it_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        Journal.load(path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_library_is_whole_when_its_writer_was_killed_again_and_again(tmp_path: Path) -> None:
    """A child adds entries and rebuilds without end; it is killed at random moments. What it said was stored is there, the
    index is sound or made again, and searches find what they should."""
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    Ledger.upgrade(url)
    acknowledged: set[int] = set()
    script = Path(__file__).with_name("killed_writer.py")
    chance = random.Random(20)
    for round_number in range(6):
        said = tmp_path / f"said-{round_number}"
        with said.open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, str(script), url, str(tmp_path / "index"), str(round_number * 1_000)],
                stdout=out,
                cwd=Path(__file__).parents[2],
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
            while b"\n" not in said.read_bytes():
                assert child.poll() is None
                time.sleep(0.02)
            time.sleep(chance.uniform(0.1, 3.0))
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        acknowledged |= {
            json.loads(line) for line in said.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")
        }
    ledger = Ledger.open(url, ledger_clock)
    library = Library.open(ledger.library_store, tmp_path / "index", WordEmbedder())
    try:
        held = {row.key[1] for row in library.entries("documents")}
        assert {f"doc-{number}" for number in acknowledged} <= held
        for number in chance.sample(sorted(acknowledged), 20):
            found = library.find(fill_text(number), limit=5)
            assert found.notice is None
            assert f"doc-{number}" in [hit.document_id for hit in found.hits if isinstance(hit, Passage)]
        health = library.check()
        assert health.is_sound, health.problem
        assert len(list((tmp_path / "index").glob("gen-*"))) == 1
    finally:
        library.close()
        ledger.close()
